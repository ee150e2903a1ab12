"""Whole builds, and the command as a user meets it."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from bank_factory import make_bank
from font_fixture import small_font

from realtime.errors import TuttiError
from training.bank.bank import Bank
from training.making import build as build_module
from training.making.build import Job, build, jobs, results

ROOT = Path(__file__).parents[2]


def tutti(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", "bank", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def notes_folder(path: Path, count: int = 40) -> Path:
    """Recorded notes: a tone a file."""
    path.mkdir()
    rows = []
    for number in range(count):
        name, pitch = f"{number}.wav", 50 + number % 24
        hz = 440 * 2 ** ((pitch - 69) / 12)
        tone = np.sin(2 * np.pi * hz * np.arange(6000) / 16_000)
        soundfile.write(path / name, tone, 16_000)
        rows.append((name, ("flute", "viola", "banjo")[number % 3], "lib", "CC0-1.0", pitch))
    with (path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "instrument", "source", "licence", "midi_pitch"))
        writer.writerows(rows)
    return path


def test_the_same_seed_gives_the_same_bank_on_any_number_of_processes(tmp_path: Path) -> None:
    folder = notes_folder(tmp_path / "notes")
    for name, seed, processes in (("one", 5, 1), ("two", 5, 2), ("other", 6, 1)):
        build(
            tmp_path / name, folder, seed=seed, scale=0.3, contents=("samples", "noise"),
            processes=processes,
        )  # fmt: skip
    read = [(tmp_path / name / "audio.i16").read_bytes() for name in ("one", "two", "other")]
    assert read[0] == read[1]
    assert read[0] != read[2]
    assert Bank.open(tmp_path / "one").manifest["recipe"] == {
        "contents": ["samples", "noise"],
        "scale": 0.3,
    }


def test_pieces_and_notes_of_a_small_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.sounds import soundfont

    font = small_font()
    monkeypatch.setattr(soundfont, "FONTS", (font,))
    monkeypatch.setattr(build_module, "PIECES", {font.split: 100})
    build(tmp_path / "bank", None, seed=1, scale=0.02, contents=("notes", "pieces"), processes=1)
    bank = Bank.open(tmp_path / "bank")
    assert set(bank.kind.tolist()) == {"note", "stem"}
    assert set(bank.split.tolist()) == {font.split}
    stems = bank.kind == "stem"
    for piece in set(bank.piece[stems].tolist()):
        assert len(set(bank.length[bank.piece == piece].tolist())) == 1
    again = tmp_path / "again"
    build(again, None, seed=1, scale=0.02, contents=("notes", "pieces"), processes=1)
    assert (again / "clips.csv").read_bytes() == (tmp_path / "bank" / "clips.csv").read_bytes()


def test_missing_inputs_are_named_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.sounds import soundfont
    from training.sounds.soundfont import Font

    with pytest.raises(TuttiError, match="--samples"):
        jobs(None, ("samples",), 1.0)
    with pytest.raises(TuttiError, match=r"manifest\.csv cannot be read"):
        build(tmp_path / "bank", tmp_path / "nowhere", seed=1, contents=("samples",))
    gone = Font("TimGM6mb", tmp_path / "gone.sf2", "GPL-2")
    monkeypatch.setattr(soundfont, "FONTS", (gone,))
    with pytest.raises(TuttiError, match=r"gone\.sf2 is missing; on Debian: apt-get install"):
        jobs(None, ("notes",), 1.0)
    assert not (tmp_path / "bank").exists()


def test_a_bad_file_stops_the_build_and_leaves_nothing(tmp_path: Path) -> None:
    folder = notes_folder(tmp_path / "notes")
    (folder / "7.wav").write_bytes(b"garbage")
    (tmp_path / "out").mkdir()
    for processes in (1, 2):
        with pytest.raises(TuttiError, match=r"7\.wav is not a sound file"):
            build(
                tmp_path / "out" / "bank", folder, seed=1, contents=("samples", "noise"),
                processes=processes,
            )  # fmt: skip
    assert list((tmp_path / "out").iterdir()) == []


class _Deadly:
    """Ends the process that unpickles it, as the out-of-memory killer would."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (1,)


def test_a_worker_that_is_ended_is_told_in_words() -> None:
    with pytest.raises(TuttiError, match="ended from outside"):
        list(results([Job("noise", "make_noise", (_Deadly(), 1))], 1, 2))


_ENDLESS_BUILD = """
import sys
from pathlib import Path
from training.making import build
from training.sounds import noise
noise.CLIPS["train"] = 3000
if __name__ == "__main__":
    build.build(Path(sys.argv[1]), None, seed=1, contents=("noise",), processes=2)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_build_leaves_no_bank_and_no_workers(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(_ENDLESS_BUILD)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "endless.py", tmp_path / "bank"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    parent, workers = psutil.Process(process.pid), []
    deadline = time.monotonic() + 60
    while len(workers) < 2 and time.monotonic() < deadline:
        workers = [p for p in parent.children() if "spawn_main" in " ".join(p.cmdline())]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    assert not (tmp_path / "bank").exists()


def test_command_builds_packs_unpacks_and_tells(tmp_path: Path) -> None:
    folder = notes_folder(tmp_path / "notes")
    bank, packed, again = (tmp_path / name for name in ("bank", "packed", "again"))
    made = tutti("build", bank, "--samples", folder, "--only", "samples", "noise", "--scale", "0.2")
    assert made.returncode == 0, made.stderr
    assert "hours" in made.stdout
    assert tutti("pack", bank, packed).returncode == 0
    assert tutti("unpack", packed, again, "--processes", "1").returncode == 0
    told = tutti("info", again).stdout
    assert "flute" in told
    assert "RMS dBFS" in told


def test_command_adds_a_folder_and_keeps_the_old_clips(tmp_path: Path) -> None:
    before = make_bank(tmp_path / "bank", pieces=1)
    folder = notes_folder(tmp_path / "notes", 6)
    done = tutti("add", before.path, tmp_path / "more", "--folder", folder, "--split", "val")
    assert done.returncode == 0, done.stderr
    after = Bank.open(tmp_path / "more")
    assert len(after) == len(before) + 6
    assert np.array_equal(after.audio[: len(before.audio)], before.audio)
    assert set(after.split[len(before) :].tolist()) == {"val"}
    assert after.manifest["recipe"]["added"] == [{"folder": "notes", "split": "val", "seed": 1}]


def test_samples_that_were_named_must_be_there(tmp_path: Path) -> None:
    before, folder = make_bank(tmp_path / "bank", pieces=1), notes_folder(tmp_path / "notes", 6)
    added = ("add", before.path, tmp_path / "more", "--folder", folder)
    done = tutti(*added, "--samples", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere/manifest.csv cannot be read" in done.stderr
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("info", "nowhere"), "nowhere is not a note bank"),
        (("pack", "nowhere", "out"), "nowhere is not a note bank"),
        (("unpack", "nowhere", "out"), "holds no packed bank"),
        (("build", "out", "--only", "samples", "--samples", "nowhere"), "manifest.csv cannot be"),
        (("build", "out", "--scale", "2"), "above 0"),
        (("add", "bank", "out", "--pieces", "0"), "1 or more"),
        (("add", "bank", "out", "--second-takes", "--players", "a.sf2"), "say how many"),
        (("add", "bank", "out", "--folder", "notes", "--licence", "MIT"), "manifest.csv states"),
        (("build", "out", "--scale", "much"), "'much' is not a number above 0"),
    ],
)
def test_bad_input_ends_with_a_sentence_and_2(arguments: tuple[str, ...], says: str) -> None:
    done = tutti(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
