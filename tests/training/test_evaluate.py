"""Evaluation from the audio file to the report, with a model whose answers are known.

Its instrument number i is a tone of 100 * (i + 1) Hz, so that a clip's labels can be played.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import torch
from onnx import TensorProto, helper, numpy_helper

from realtime.errors import TuttiError
from realtime.spec import ModelSpec
from realtime.tagger import Tagger
from realtime.taxonomy import FAMILIES, FAMILY_OF, INSTRUMENTS
from training.checkpoint import network_settings, save
from training.datasets import DATASETS
from training.datasets.truth import truth_of
from training.evaluate import Items, embed, hear, hear_mixtures
from training.mixing.labels import Targets
from training.mixtures import truths_of
from training.models.tagger import InstrumentTagger
from training.pictures import embeddings
from training.report import aim_line, aims_of, plain
from training.scores import score, score_heard, score_mixtures

RATE_HZ = 16_000


def tones(names: list[str], seconds: float = 3.0, amplitude: float = 0.1) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    hz = [100 * (INSTRUMENTS.index(name) + 1) for name in names]
    return amplitude * sum((np.sin(2 * np.pi * f * time_s) for f in hz), np.zeros_like(time_s))


def write_model(path: Path, instruments: tuple[str, ...] = INSTRUMENTS) -> Path:
    """A graph that measures the tones' amplitudes."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * time_s[:, None] * 100 * (np.arange(len(instruments)) + 1)
    family = [[FAMILY_OF[name] == one for one in FAMILIES] for name in INSTRUMENTS]
    constants = {
        "cos": np.cos(phase) * 2 / RATE_HZ,
        "sin": np.sin(phase) * 2 / RATE_HZ,
        "threshold": np.array(-0.05),
        "slope": np.array(200.0),
        "member": np.array(family),
        "half": np.array(-0.5),
        "sharp": np.array(-8.0),
        "counts": np.arange(7),
    }
    node = helper.make_node
    nodes = [
        node("MatMul", ["audio", "cos"], ["c"]),
        node("MatMul", ["audio", "sin"], ["s"]),
        node("Mul", ["c", "c"], ["c2"]),
        node("Mul", ["s", "s"], ["s2"]),
        node("Add", ["c2", "s2"], ["power"]),
        node("Sqrt", ["power"], ["amplitude"]),
        node("Add", ["amplitude", "threshold"], ["above"]),
        node("Mul", ["above", "slope"], ["logits"]),
        node("Sigmoid", ["logits"], ["instruments"]),
        node("MatMul", ["instruments", "member"], ["in_family"]),
        node("Add", ["in_family", "half"], ["family_above"]),
        node("Mul", ["family_above", "slope"], ["family_logits"]),
        node("Sigmoid", ["family_logits"], ["families"]),
        node("ReduceSum", ["instruments", "axis"], ["count"], keepdims=1),
        node("Sub", ["count", "counts"], ["distance"]),
        node("Mul", ["distance", "distance"], ["distance2"]),
        node("Mul", ["distance2", "sharp"], ["count_logits"]),
        node("Softmax", ["count_logits"], ["polyphony"], axis=1),
    ]
    values = [
        numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()
    ]
    values.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))

    def info(name: str, width: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])

    outputs = (("instruments", len(instruments)), ("families", len(FAMILIES)), ("polyphony", 7))
    graph = helper.make_graph(
        nodes, "tones", [info("audio", RATE_HZ)], [info(*one) for one in outputs], values
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    spec = ModelSpec(
        name="tones",
        version="1",
        instruments=instruments,
        families=FAMILIES,
        thresholds=dict.fromkeys(instruments, 0.5),
        family_thresholds=dict.fromkeys(FAMILIES, 0.5),
    )
    helper.set_model_props(model, spec.to_metadata())
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tones.onnx")


@pytest.fixture(scope="module")
def tagger(model_path: Path) -> Tagger:
    return Tagger(model_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two solos, a solo of two in turn, a mix with entries, a mix with little known."""
    sounds = {
        "violin": tones(["violin"]),
        "oboe": tones(["oboe"]),
        "turns": np.concatenate([tones(["flute"]), tones(["harp"])]),
        "band": np.concatenate(
            [tones([], 1), tones(["bass", "electric_guitar"], 1), tones(["bass"], 2)]
        ),
        "some": tones(["piano", "drums"]),
    }
    for name, sound in sounds.items():
        soundfile.write(tmp_path / f"{name}.flac", sound, RATE_HZ)
    (tmp_path / "recordings.csv").write_text(
        "path,split,instruments,complete,group\n"
        "violin.flac,solo,violin,1,one\n"
        "oboe.flac,solo,oboe,1,two\n"
        "turns.flac,solo,flute;harp,1,three\n"
        "band.flac,stems,bass;acoustic_guitar|electric_guitar,1,four\n"
        "some.flac,weak,piano,0,five\n"
    )
    (tmp_path / "turns.csv").write_text("start,end,instrument\n0,3,flute\n3,6,harp\n")
    (tmp_path / "band.activity.csv").write_text(
        "second,instruments\n0,\n1,bass;acoustic_guitar|electric_guitar\n2,bass\n3,bass\n"
    )
    return tmp_path


def test_a_model_that_is_right_scores_one(tagger: Tagger, folder: Path) -> None:
    scores = score_heard(hear(tagger, DATASETS["recordings"](folder)), np.random.default_rng(0))
    assert scores["solos"]["solos"] == 2
    assert scores["solos"]["top1"] == 1.0
    assert scores["solo_segments"]["right"] == scores["solo_segments"]["solos"] == 2
    assert scores["clips"]["lrap"] == 1.0
    assert scores["clips"]["family_micro_f1"] == pytest.approx(1.0, abs=0.25)
    assert scores["clips"]["micro_precision"] == 1.0
    assert scores["polyphony_solo_windows"]["accuracy"] == 1.0
    assert scores["mix_clips"]["labels"] == 3


def test_a_wrong_label_costs_what_it_should(tagger: Tagger, folder: Path) -> None:
    table = folder / "recordings.csv"
    table.write_text(table.read_text().replace("oboe.flac,solo,oboe", "oboe.flac,solo,clarinet"))
    scores = score_heard(hear(tagger, DATASETS["recordings"](folder)), np.random.default_rng(0))
    assert scores["solos"]["top1"] == 0.5
    confusion = np.array(scores["solos"]["confusion"])
    assert confusion[INSTRUMENTS.index("clarinet"), INSTRUMENTS.index("oboe")] == 1
    assert scores["clips"]["per_label"]["oboe"]["predicted"] == 1
    assert scores["clips"]["per_label"]["clarinet"]["f1"] == 0.0


def test_clips_are_judged_as_tutti_tag_summarises_them(tagger: Tagger, folder: Path) -> None:
    clips = DATASETS["recordings"](folder)
    heard = hear(tagger, clips)
    for row, clip in enumerate(clips):
        summary = tagger.tag(clip.path).summary()
        for label, name in enumerate(INSTRUMENTS):
            assert heard.clips.probability[row, label] == pytest.approx(
                summary[name].probability, abs=1e-6
            )
            assert (heard.clips.margin[row, label] >= 0) == summary[name].present


def test_windows_of_a_mix_are_scored_second_by_second(tagger: Tagger, folder: Path) -> None:
    clips = [clip for clip in DATASETS["recordings"](folder) if clip.path.stem == "band"]
    heard = hear(tagger, clips)
    counts = [truth.count for truth in heard.windows.truths]
    # Windows every half second; those over a change of count say nothing of it.
    assert counts == [0, None, 2, None, 1, 1, 1]
    assert heard.windows.truths[3].unknown == {"acoustic_guitar", "electric_guitar"}


def test_silence_in_a_solo_is_no_miss(tagger: Tagger, folder: Path) -> None:
    sound = np.concatenate([tones(["violin"], 2), np.zeros(2 * RATE_HZ)])
    soundfile.write(folder / "violin.flac", sound, RATE_HZ)
    clips = [clip for clip in DATASETS["recordings"](folder) if clip.path.stem == "violin"]
    assert len(hear(tagger, clips).windows) < len(tagger.tag(clips[0].path))


def test_mixtures_are_scored_by_how_many_sound(tagger: Tagger) -> None:
    names = [[], ["piano"], ["piano", "bass"], ["voice", "drums", "bass", "piano", "flute"]]
    audio = np.stack([tones(one, 2.0, 0.05 * 2) for one in names]).astype(np.float32)
    truths = [truth_of(one, complete=True) for one in names]
    items = hear_mixtures(tagger, audio, RATE_HZ, truths)
    scores = score_mixtures(items, np.random.default_rng(0))
    assert scores["few"]["items"] == 3
    assert scores["many"]["items"] == 1
    assert scores["few"]["macro_f1"] == scores["many"]["macro_f1"] == 1.0
    assert scores["polyphony_few"]["accuracy"] == 1.0
    assert scores["macro_f1_per_count"]["5"] == 1.0


def test_a_model_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    other = Tagger(write_model(tmp_path / "m.onnx", tuple(reversed(INSTRUMENTS))))
    with pytest.raises(TuttiError, match="names other instruments"):
        hear(other, [])


def test_nothing_to_score_is_no_error() -> None:
    empty = Items((), (), *(np.zeros((0, width)) for width in (24, 24, 8, 7)))
    assert score(empty, np.random.default_rng(0)) == {"items": 0}


def test_an_aim_is_met_missed_or_not_measured() -> None:
    document = {
        "sets": {"recordings": {"solos": {"top1": 0.9}, "clips": {"micro_f1": 0.5}}},
        "comparison": {"micro_f1_lost": 0.02},
    }
    lines = [aim_line(row) for row in aims_of(document)]
    assert lines[0].startswith("met     0.900 (wanted at least 0.85)")
    assert lines[1].endswith("short by 0.160")
    assert lines[2].startswith("not measured")
    assert lines[-1].startswith("missed  0.020 (wanted at most 0.01)")


def test_what_is_not_a_number_becomes_null() -> None:
    assert plain({"a": np.float64("nan"), "b": [np.int64(2), 0.123456789]}) == {
        "a": None,
        "b": [2, 0.12346],
    }


def evaluate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_writes_a_report(model_path: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = evaluate(
        "--model", model_path, "--recordings", folder, "--compare", model_path, "--out", out
    )
    assert done.returncode == 0, done.stderr
    assert "met     1.000 (wanted at least 0.85)  top-1 of the solos" in done.stdout
    document = json.loads((out / "report.json").read_text())
    assert document["model"]["name"] == "tones"
    assert document["comparison"]["micro_f1_lost"] == 0
    assert document["sets"]["recordings"]["clips"]["items"] == 5
    page = (out / "report.md").read_text()
    assert "nan" not in page
    for picture in ("recordings_solos", "recordings_precision_recall", "recordings_reliability"):
        assert f"({picture}.png)" in page
        assert (out / f"{picture}.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing to score"),
        (("--recordings", "nowhere"), "nowhere"),
        (("--dataset", "kazoos", "."), "kazoos"),
        (("--recordings", ".", "--clips", "0"), "--clips"),
        (("--bank", "nowhere"), "nowhere"),
        (("--checkpoint", "c.pt"), "nothing to score"),
    ],
)
def test_bad_input_is_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    done = evaluate(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_mixing_teaches_is_what_is_scored() -> None:
    teach = torch.zeros(2, len(INSTRUMENTS))
    families = torch.zeros(2, len(FAMILIES))
    teach[0, INSTRUMENTS.index("horn")] = 1
    families[0, FAMILIES.index("brass")] = 1
    sure = torch.ones_like(teach)
    sure[1, INSTRUMENTS.index("oboe")] = 0
    family_sure = torch.ones_like(families)
    family_sure[1, FAMILIES.index("woodwind")] = 0
    counts = torch.tensor([[0, 1, 0, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0, 0, 0]])
    certain, doubtful = truths_of(Targets(teach, sure, families, family_sure, counts))
    assert certain == truth_of(["horn"], complete=True)
    assert doubtful.unknown == {"oboe"}
    assert doubtful.unknown_families == {"woodwind"}
    assert doubtful.slots == ()
    assert doubtful.count is None


def test_embeddings_are_drawn_from_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    network = InstrumentTagger()
    state = {"network": network_settings(network.config), "ema": network.state_dict()}
    save(tmp_path / "checkpoint.pt", state)
    points, labels = embed(tmp_path / "checkpoint.pt", DATASETS["recordings"](folder))
    assert points.shape == (len(labels), 1024)
    assert set(labels) == {"violin", "oboe"}
    embeddings(points, labels, tmp_path / "embeddings.png")
    assert (tmp_path / "embeddings.png").stat().st_size > 5_000
