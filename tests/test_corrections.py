"""What a user corrects is kept as clips that ``tutti bank add`` takes, with silence known."""

import csv
from datetime import datetime

import numpy as np
import pytest
import soundfile
from bank_factory import make_bank

from desktop.kept.clips import keep
from realtime.cli import main
from realtime.errors import TuttiError
from training.bank.bank import Bank
from training.bank.clips import COMPLETE
from training.sounds.folder import read_manifest, require_files
from training.sounds.stretches import read_stretches

NOON = datetime(2026, 11, 28, 12, 0, 0)


def noise(seconds=2.0, rate_hz=48_000):
    made = np.random.default_rng(1).standard_normal((round(seconds * rate_hz), 2))
    return (0.1 * made).astype(np.float32)


def test_a_kept_clip_is_sound_and_a_row(tmp_path):
    into = tmp_path / "clips"
    first = keep(into, noise(), 48_000, ["piano", "bass"], complete=True, now=NOON)
    second = keep(into, noise(), 48_000, ["voice"], complete=False, now=NOON)
    assert [first.name, second.name] == ["2026-11-28-120000.wav", "2026-11-28-120000-2.wav"]
    sound, rate_hz = soundfile.read(first, dtype="float32")
    assert rate_hz == 48_000
    assert np.abs(sound - noise()).max() < 1e-4
    with (into / "several.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["instruments"] for row in rows] == ["piano;bass", "voice"]
    assert [row["complete"] for row in rows] == ["1", "0"]
    require_files(into, [row["path"] for row in rows])
    assert read_manifest(into) == []
    assert len(read_stretches(into)) == 2


def test_tutti_bank_add_takes_the_folder(tmp_path):
    into = tmp_path / "clips"
    keep(into, noise(), 44_100, ["piano"], complete=True, now=NOON)
    old = make_bank(tmp_path / "old", labels=("violin", "piano")).path
    assert main(["bank", "add", str(old), str(tmp_path / "new"), "--folder", str(into)]) == 0
    bank = Bank.open(tmp_path / "new")
    (mine,) = np.flatnonzero(bank.source == "corrections")
    assert (bank.label[mine], bank.kind[mine], bank.split[mine]) == ("piano", "music", "train")
    assert bank.articulation[mine] == COMPLETE


def test_a_folder_that_cannot_be_made_is_one_sentence_and_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TuttiError, match="was not kept"):
        keep(tmp_path / "file" / "clips", noise(), 48_000, ["piano"], complete=True)


def test_a_table_that_cannot_be_written_leaves_no_nameless_sound(tmp_path):
    into = tmp_path / "clips"
    (into / "several.csv").mkdir(parents=True)
    with pytest.raises(TuttiError, match="was not kept"):
        keep(into, noise(), 48_000, ["piano"], complete=True)
    assert not list(into.glob("*.wav"))
