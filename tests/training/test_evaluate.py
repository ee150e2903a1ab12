"""Evaluation from the audio file to the report, with a model whose answers are known."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from realtime.errors import TuttiError
from realtime.tagger import Tagger
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.checkpoint import save
from training.datasets import DATASETS
from training.datasets.truth import truth_of
from training.mixing.labels import Targets
from training.models.kinds import settings_of
from training.models.tagger import InstrumentTagger
from training.scoring.evaluate import Items, embed, hear, hear_mixtures
from training.scoring.mixtures import truths_of
from training.scoring.pictures import embeddings
from training.scoring.report import aim_line, aims_of, plain
from training.scoring.scores import score, score_heard, score_mixtures

RATE_HZ = 16_000
Tones = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def tagger(tone_model_path: Path) -> Tagger:
    return Tagger(tone_model_path)


@pytest.fixture
def folder(tmp_path: Path, tones: Tones) -> Path:
    """Two solos, a solo of two in turn, a mix with entries, a mix with little known."""
    sounds = {
        "violin": tones(["violin"], 3),
        "oboe": tones(["oboe"], 3),
        "turns": np.concatenate([tones(["flute"], 3), tones(["harp"], 3)]),
        "band": np.concatenate(
            [tones([], 1), tones(["bass", "electric_guitar"], 1), tones(["bass"], 2)]
        ),
        "some": tones(["piano", "drums"], 3),
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


def test_silence_in_a_solo_is_no_miss(tagger: Tagger, folder: Path, tones: Tones) -> None:
    sound = np.concatenate([tones(["violin"], 2), np.zeros(2 * RATE_HZ)])
    soundfile.write(folder / "violin.flac", sound, RATE_HZ)
    clips = [clip for clip in DATASETS["recordings"](folder) if clip.path.stem == "violin"]
    assert len(hear(tagger, clips).windows) < len(tagger.tag(clips[0].path))


def test_mixtures_are_scored_by_how_many_sound(tagger: Tagger, tones: Tones) -> None:
    names = [[], ["piano"], ["piano", "bass"], ["voice", "drums", "bass", "piano", "flute"]]
    audio = np.stack([tones(one, 2.0) for one in names])
    truths = [truth_of(one, complete=True) for one in names]
    items = hear_mixtures(tagger, audio, RATE_HZ, truths)
    scores = score_mixtures(items, np.random.default_rng(0))
    assert scores["few"]["items"] == 3
    assert scores["many"]["items"] == 1
    assert scores["few"]["macro_f1"] == scores["many"]["macro_f1"] == 1.0
    assert scores["polyphony_few"]["accuracy"] == 1.0
    assert scores["macro_f1_per_count"]["5"] == 1.0


def test_a_model_of_another_vocabulary_is_refused(
    tmp_path: Path, make_tone_model: Callable[..., Path]
) -> None:
    names = tuple(reversed(INSTRUMENTS))
    other = Tagger(make_tone_model(tmp_path / "m.onnx", instruments=names))
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
    assert lines[-1].endswith("over by 0.010")


def test_what_is_not_a_number_becomes_null() -> None:
    assert plain({"a": np.float64("nan"), "b": [np.int64(2), 0.123456789]}) == {
        "a": None,
        "b": [2, 0.12346],
    }


def evaluate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_writes_a_report(tone_model_path: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = evaluate(
        "--model",
        tone_model_path,
        "--recordings",
        folder,
        "--compare",
        tone_model_path,
        "--out",
        out,
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
    state = {"network": settings_of(network.config), "ema": network.state_dict()}
    save(tmp_path / "checkpoint.pt", state)
    points, labels = embed(tmp_path / "checkpoint.pt", DATASETS["recordings"](folder))
    assert points.shape == (len(labels), 1024)
    assert set(labels) == {"violin", "oboe"}
    embeddings(points, labels, tmp_path / "embeddings.png")
    assert (tmp_path / "embeddings.png").stat().st_size > 5_000
