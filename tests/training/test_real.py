"""Real clips: what a folder says, a fixed list of superpositions, and masks that are respected."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime.cli import main
from realtime.errors import TuttiError
from realtime.model import Scores, TagModel
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.checkpoint import save
from training.datasets.real import RealClip, load, truth_together
from training.models.kinds import settings_of
from training.models.tagger import InstrumentTagger
from training.scoring.real import LEVEL_RANGE_DB, MIX_S, RealValidation, best_threshold

RATE_HZ = 16_000
COLUMNS = ("path", "instrument", "source", "articulation", "split")
VAL = (("piano", "a"), ("flute", "b"), ("violin", "c"), ("trumpet", "d"), ("cello", "e"),
       ("piano", "f"), ("viola", "g"))  # fmt: skip


def write(table: Path, rows: list[dict[str, str]]) -> None:
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path: Path, tones) -> Path:  # type: ignore[no-untyped-def]
    """Seven clips of val, one of train, one of a kit and one of an instrument not of ours."""
    rows = []
    for name, source in (*VAL, ("flute", "t")):
        path = f"{name}-{source}.wav"
        tone = tones([name if name in INSTRUMENTS else "cello"], 2.0 if source == "a" else 7.0)
        soundfile.write(tmp_path / path, tone, RATE_HZ)
        split = "train" if source == "t" else "val"
        rows.append(dict(zip(COLUMNS, (path, name, source, "phrase", split), strict=True)))
    write(tmp_path / "manifest.csv", rows)
    several = []
    for path, names, complete in (("kit.wav", "drums;cymbals", "1"), ("gong.wav", "gong", "0")):
        soundfile.write(tmp_path / path, tones(["drums", "cymbals"], 3.0), RATE_HZ)
        several.append({
            "path": path, "instruments": names, "complete": complete, "source": path,
            "split": "val",
        })  # fmt: skip
    write(tmp_path / "several.csv", several)
    return tmp_path


def test_the_list_of_mixtures_is_fixed(folder: Path) -> None:
    first, again = RealValidation(folder, 40), RealValidation(folder, 40)
    assert first.mixtures == again.mixtures
    np.testing.assert_array_equal(
        first.parts_of(first.mixtures[7]), again.parts_of(again.mixtures[7])
    )


def test_what_is_superposed_differs_in_source_and_kind_and_lies_within_the_levels(
    folder: Path,
) -> None:
    real = RealValidation(folder, 60)
    assert len(real.clips) == 9
    for mixture in real.mixtures:
        clips = [real.clips[part.clip] for part in mixture]
        assert len({clip.source for clip in clips}) == len(clips)
        assert sum(len(clip.kinds) for clip in clips) == len(
            frozenset().union(*(clip.kinds for clip in clips))
        )
        assert all(clip.complete for clip in clips)
        parts = real.parts_of(mixture)
        assert parts.shape == (len(clips), round(MIX_S * RATE_HZ))
        rms_db = 10 * np.log10((parts**2).mean(axis=1))
        assert rms_db.max() - rms_db.min() <= LEVEL_RANGE_DB + 0.1
    assert {len(mixture) for mixture in real.mixtures} == {2, 3, 4, 5}


def test_labels_are_the_union_and_masked_where_a_clip_leaves_them_open() -> None:
    def clip(*labels: str, complete: bool = True) -> RealClip:
        return RealClip(Path(), labels, complete, "")

    together = truth_together((clip("viola"), clip("piano"), clip("drums", "cymbals")))
    assert {name for slot in together.slots for name in slot} == {"piano", "drums", "cymbals"}
    assert together.unknown == {"violin", "cello"}
    assert together.families == {"bowed_string", "key", "percussion"}
    assert together.count == 3
    certain = truth_together((clip("viola"), clip("cello")))
    assert "cello" not in certain.unknown
    foreign = truth_together((clip("gong", complete=False), clip("piano")))
    assert foreign.count is None
    assert foreign.unknown == set(INSTRUMENTS) - {"piano"}


def test_a_model_that_hears_everything_has_perfect_scores(
    folder: Path, tone_model_path: Path
) -> None:
    real = RealValidation(folder, 40)
    scores = real.score_heard(real.hear(TagModel(tone_model_path).infer))
    for name in ("map", "phrases", "solo_f1_best", "mix_lrap"):
        assert scores[name] == pytest.approx(1.0, abs=1e-6), name
    assert scores["mix_f1_best"] > 0.9  # a part 12 dB down is beside the tone model's point
    assert scores["count_mix_near"] > 0.8


def test_what_is_not_known_is_not_scored(folder: Path) -> None:
    """Saying 'cello' of a viola, and anything of a gong, costs nothing."""
    real = RealValidation(folder, 0)

    def infer(windows: np.ndarray) -> Scores:
        nothing = np.zeros((len(windows), len(INSTRUMENTS)), np.float32)
        counts = np.tile(np.eye(1, 7, 1, dtype=np.float32), (len(windows), 1))
        return Scores(nothing, np.zeros((len(windows), len(FAMILIES)), np.float32), counts)

    heard = real.hear(infer)
    before = real.score_heard(heard)
    for row, clip in enumerate(real.clips):
        if clip.labels == ("viola",):
            heard.instruments[row, INSTRUMENTS.index("cello")] = 1.0
        if clip.labels == ("gong",):
            heard.instruments[row] = 1.0
        if clip.instrument is not None:
            heard.instruments[row, INSTRUMENTS.index(clip.instrument)] = 1.0
    after = real.score_heard(heard)
    assert before["solo_f1"] == 0.0
    # Only the kit's two labels are missed, of six solos and those two.
    assert after["solo_f1"] == pytest.approx(12 / 14)
    assert after["phrases"] == 1.0
    assert after["count_solo"] == 1.0
    no_gong = {real.clips[item].labels for item in heard.item}
    assert ("gong",) not in no_gong


def test_the_best_threshold_is_where_f1_is_best() -> None:
    truth = np.array([[True], [True], [False]])
    known = np.ones_like(truth)
    assert best_threshold(truth, known, np.array([[0.8], [0.31], [0.3]])) == 0.31
    assert best_threshold(truth, known, np.array([[0.8], [0.7], [0.0]])) == 0.05


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda f: (f / "flute-b.wav").unlink(), r"flute-b.wav is missing: .* in line 3"),
        (lambda f: (f / "extra.wav").write_bytes(b""), r"extra.wav has no row in manifest.csv"),
        (lambda f: (f / "manifest.csv").unlink(), r"manifest.csv is missing"),
        (lambda f: (f / "piano-a.wav").write_bytes(b"no sound"), r"piano-a.wav is not a sound"),
        (
            lambda f: (f / "manifest.csv").write_text("path,instrument,source,split\n"
                                                      "piano-a.wav,kazoo,a,val\n"),
            r"manifest.csv, line 2: 'kazoo' is missing or not known",
        ),
        (
            lambda f: (f / "manifest.csv").write_text("path,instrument,source,split\n"
                                                      "piano-a.wav,piano,a,some\n"),
            r"line 2: split must be train or val, not 'some'",
        ),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_whole_is_one_sentence(folder: Path, break_it, sentence) -> None:  # type: ignore[no-untyped-def]
    break_it(folder)
    with pytest.raises(TuttiError, match=sentence) as raised:
        RealValidation(folder, 4)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TuttiError, match="nowhere is missing: name a folder of real clips"):
        load(tmp_path / "nowhere", "val")


def test_the_command_prints_a_row_for_each_checkpoint(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.scoring.real.RealValidation.__init__.__defaults__", (8,))
    network = InstrumentTagger()
    state = {"network": settings_of(network.config), "ema": network.state_dict()}
    for name in ("one", "two"):
        save(tmp_path / f"{name}.pt", state)
    checkpoints = [str(tmp_path / f"{name}.pt") for name in ("one", "two")]
    assert main(["dev", "validate", "--real", str(folder), *checkpoints]) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()]
    assert rows[0][1].strip() == "clips: mAP"
    assert [row[0].strip() for row in rows[2:]] == ["one", "two"]
    assert all(0 <= float(cell) <= 1 for row in rows[2:] for cell in row[1:])
    assert main(["dev", "validate", checkpoints[0]]) == 2
    assert "nothing to score with" in capsys.readouterr().err
