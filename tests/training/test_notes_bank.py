"""The bank's files: what is written is read, and nothing half-written is taken for whole."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import TuttiError
from training.bank.bank import COLUMNS, Bank, parse_rows
from training.bank.clips import Clip
from training.bank.writer import PEAK, BankWriter

ROOT = Path(__file__).parents[2]


def clip(samples: np.ndarray, **what: object) -> Clip:
    given_ = {"label": "violin", "source": "test library", "split": "train"} | what
    return Clip(samples=samples.astype(np.float32), **given_)  # type: ignore[arg-type]


def sine(length: int = 1600, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * 440 * np.arange(length) / 16_000)


def test_round_trip_keeps_rows_and_sound(tmp_path: Path) -> None:
    with BankWriter(tmp_path / "bank", seed=7, recipe={"scale": 0.5}) as writer:
        writer.append(
            clip(sine(), pitch=69.5, velocity=90, articulation="arco, soft", sustain=True,
                 licence="CC0-1.0", origin='a "quoted", path.wav')
        )  # fmt: skip
        writer.append(clip(sine(800), label="", kind="noise"))
    bank = Bank.open(tmp_path / "bank")
    assert len(bank) == 2
    assert bank.start.tolist() == [0, 1600]
    assert bank.length.tolist() == [1600, 800]
    assert bank.label.tolist() == ["violin", ""]
    assert bank.sustain.tolist() == [True, False]
    assert bank.pitch[0] == 69.5
    assert np.isnan(bank.pitch[1])
    assert np.isnan(bank.velocity[1])
    assert bank.articulation[0] == "arco, soft"
    assert bank.origin[0] == 'a "quoted", path.wav'
    assert bank.manifest["seed"] == 7
    assert bank.manifest["recipe"] == {"scale": 0.5}
    np.testing.assert_allclose(bank.clip(0), sine() * (PEAK / 0.5), atol=1 / 32768)


def test_a_quiet_note_keeps_its_resolution(tmp_path: Path) -> None:
    with BankWriter(tmp_path / "bank") as writer:
        writer.append(clip(sine(level=0.001)))
    heard = Bank.open(tmp_path / "bank").clip(0)
    assert np.abs(heard).max() == pytest.approx(PEAK, rel=1e-3)


def test_stems_keep_their_relative_levels(tmp_path: Path) -> None:
    loud = clip(sine(level=0.8), kind="stem", piece="p")
    quiet = clip(sine(level=0.08), kind="stem", piece="p", label="cello")
    silent = clip(np.zeros(1600), kind="stem", piece="p", label="horn")
    with BankWriter(tmp_path / "bank") as writer:
        assert writer.append_piece([loud, quiet, silent]) == 2
    bank = Bank.open(tmp_path / "bank")
    levels = [np.abs(bank.clip(i)).max() for i in range(2)]
    assert levels[0] == pytest.approx(PEAK, rel=1e-3)
    assert levels[0] / levels[1] == pytest.approx(10, rel=1e-2)
    assert bank.manifest["dropped"] == {"silent": 1}


def test_stems_of_unequal_length_are_refused(tmp_path: Path) -> None:
    stems = [clip(sine(n), kind="stem", piece="p") for n in (1600, 1601)]
    with pytest.raises(ValueError, match="length"), BankWriter(tmp_path / "bank") as writer:
        writer.append_piece(stems)
    assert list(tmp_path.iterdir()) == []


def test_unusable_clips_are_dropped_and_counted(tmp_path: Path) -> None:
    broken = sine()
    broken[100] = np.nan
    with BankWriter(tmp_path / "bank") as writer:
        assert not writer.append(clip(broken))
        assert not writer.append(clip(np.zeros(1600)))
        assert not writer.append(clip(sine(100)))
        assert not writer.append(clip(np.zeros(0)))
        assert writer.append(clip(sine()))
    bank = Bank.open(tmp_path / "bank")
    assert bank.manifest["dropped"] == {"not finite": 1, "silent": 1, "too short": 2}
    assert len(bank) == 1


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with BankWriter(tmp_path / "bank") as writer:
            writer.append(clip(sine()))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_bank_is_replaced_only_when_asked_and_only_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "bank"
    with BankWriter(path) as writer:
        writer.append(clip(sine()))
    with pytest.raises(TuttiError, match="exists already"), BankWriter(path):
        pass
    with pytest.raises(RuntimeError), BankWriter(path, overwrite=True) as writer:
        raise RuntimeError
    assert len(Bank.open(path)) == 1
    with BankWriter(path, overwrite=True) as writer:
        writer.append(clip(sine()))
        writer.append(clip(sine()))
    assert len(Bank.open(path)) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["bank"]


def test_an_unknown_label_is_refused_by_name(tmp_path: Path) -> None:
    with (
        pytest.raises(TuttiError, match="kazoo.wav.*unknown label 'kazoo'"),
        BankWriter(tmp_path / "bank") as writer,
    ):
        writer.append(clip(sine(), label="kazoo", origin="kazoo.wav"))


class _FullDisk:
    """A file on a disk with room for a few bytes."""

    def __init__(self, file: object, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)  # type: ignore[attr-defined, no-any-return]

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with BankWriter(tmp_path / "bank") as writer:
            writer._audio = _FullDisk(writer._audio, 5000)  # type: ignore[assignment]
            for _ in range(3):
                writer.append(clip(sine()))

    with pytest.raises(TuttiError, match=r"bank cannot be written \(No space left"):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_at_the_last_flush_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with BankWriter(tmp_path / "bank") as writer:
            writer._audio.close()
            writer._audio = Path("/dev/full").open("wb")  # noqa: SIM115
            writer.append(clip(sine(600)))  # stays in the buffer until the end

    with pytest.raises(TuttiError, match="No space left"):
        write()
    assert list(tmp_path.iterdir()) == []


_ENDLESS = """
import numpy as np
from training.bank.writer import BankWriter
from training.bank.clips import Clip
with BankWriter({path!r}) as writer:
    while True:
        writer.append(Clip(np.ones(16000, np.float32), "violin", "s", "train"))
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_build_is_not_taken_for_a_bank_and_is_swept_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "bank"
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS.format(path=str(path))], cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while not any(p.stat().st_size for p in tmp_path.glob(".bank.partial-*/audio.i16")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not path.exists()
    with pytest.raises(TuttiError, match="not a note bank"):
        Bank.open(path)
    left = list(tmp_path.glob(".bank.partial-*"))
    assert left
    with pytest.raises(TuttiError, match="not a note bank"):
        Bank.open(left[0])
    with BankWriter(path) as writer:
        writer.append(clip(sine()))
    assert [entry.name for entry in tmp_path.iterdir()] == ["bank"]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    with BankWriter(tmp_path / "bank") as writer:
        writer.append(clip(sine()))
        writer.append(clip(sine(800), label="cello"))
    return tmp_path / "bank"


def test_another_version_is_refused(made: Path) -> None:
    manifest = json.loads((made / "bank.json").read_text())
    (made / "bank.json").write_text(json.dumps(manifest | {"version": 2}))
    with pytest.raises(TuttiError, match=r"bank\.json is of version 2"):
        Bank.open(made)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "tutti-bank"}', "null"])
def test_a_damaged_manifest_is_refused(made: Path, text: str) -> None:
    (made / "bank.json").write_text(text)
    with pytest.raises(TuttiError, match=r"bank\.json"):
        Bank.open(made)


def test_audio_of_another_size_is_refused(made: Path) -> None:
    with (made / "audio.i16").open("ab") as file:
        file.write(b"\0\0")
    with pytest.raises(TuttiError, match=r"audio\.i16 holds 4802 bytes"):
        Bank.open(made)


@pytest.mark.parametrize("name", ["audio.i16", "clips.csv"])
def test_a_missing_file_is_named(made: Path, name: str) -> None:
    (made / name).unlink()
    with pytest.raises(TuttiError, match=name):
        Bank.open(made)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cello", "cell0", "line 3: unknown label 'cell0'"),
        (",train,", ",training,", "unknown split"),
        ("1600,800", "1600,801", "does not describe"),
        ("1600,800", "1500,900", "does not describe"),
        ("1600,800", "1600,many", "damaged"),
        ("start,", "begin,", "columns"),
        ("1600,800,", "", "fields"),
    ],
)
def test_a_damaged_table_is_refused(made: Path, old: str, new: str, says: str) -> None:
    text = (made / "clips.csv").read_text()
    assert old in text
    (made / "clips.csv").write_text(text.replace(old, new))
    with pytest.raises(TuttiError, match=r"clips\.csv") as caught:
        Bank.open(made)
    assert says in str(caught.value)


@given(st.lists(st.text(max_size=80), max_size=6))
@settings(max_examples=200)
def test_any_text_is_read_or_refused_in_words(lines: list[str]) -> None:
    table = [",".join(COLUMNS), *lines]
    try:
        columns = parse_rows(table, Path("clips.csv"))
    except TuttiError:
        return
    assert len({len(columns[name]) for name in COLUMNS}) == 1


def test_an_empty_bank_opens(tmp_path: Path) -> None:
    with BankWriter(tmp_path / "bank"):
        pass
    assert len(Bank.open(tmp_path / "bank")) == 0
