"""The program where a machine is not as one expects: no home, odd names, full disks, removed
files, a closed terminal. Each ends in the right tags, or in one sentence and a status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and names as POSIX has")
full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
ROOT = Path(__file__).resolve().parent.parent
TUTTI = (sys.executable, "-m", "realtime.cli")
CHAIN = '[[chain]]\ntap = "before"\n\n[[chain]]\neffect = "Gain"\ngain_db = -6.0\n'
NOBODY = """
import pwd

def getpwuid(number):
    raise KeyError(number)

pwd.getpwuid = getpwuid
"""


@pytest.fixture
def piano(tmp_path: Path, tones) -> Path:
    path = tmp_path / "piano.wav"
    for name in ("piano.wav", "stem.wav"):
        soundfile.write(tmp_path / name, tones(["piano"], 4), 16_000)
    return path


@pytest.fixture
def tutti(tmp_path: Path, tone_model_path: Path, piano: Path):
    """``tutti(command, ...)`` with the tone model, in a folder with ``piano.wav``."""

    def run(command: str, *arguments: object, **options) -> subprocess.CompletedProcess[str]:
        model = [] if command == "devices" else ["--model", str(tone_model_path)]
        done = subprocess.run(
            [*TUTTI, command, *model, *map(str, arguments)],
            cwd=tmp_path, text=True, timeout=60, stdin=subprocess.DEVNULL,
            **{"capture_output": True, **options},
        )  # fmt: skip
        assert "Traceback" not in (done.stderr or "")
        return done

    return run


@pytest.fixture
def no_home(tmp_path: Path) -> dict[str, str]:
    """The environment of a container that runs as a number without a name."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(NOBODY, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if k != "HOME" and not k.startswith("XDG_")}
    return kept | {"PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}


def test_without_a_home_files_are_tagged_and_heard(tutti, no_home) -> None:
    """No HOME, and a user number without a name, as in a container"""
    done = tutti("tag", "piano.wav", env=no_home)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Piano" in done.stdout
    done = tutti("listen", "--file", "piano.wav", "--duration", "1.6", env=no_home)
    assert (done.returncode, done.stderr) == (0, "")
    assert "piano" in done.stdout


def test_without_a_home_the_window_opens(no_home, piano: Path, tone_model_path: Path) -> None:
    """The window without a HOME: it opens, plays, and ends in order"""
    running = subprocess.Popen(
        [*TUTTI, "monitor", "--model", str(tone_model_path), str(piano)],
        env=no_home, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _when_running(running)
    running.terminate()
    complaints = running.communicate(timeout=20)[1]
    assert running.returncode == 0
    assert "Traceback" not in complaints


def test_without_a_home_training_starts(no_home, tmp_path: Path) -> None:
    """Training without a HOME: torch finds a place for its caches, and it is gone afterwards"""
    pytest.importorskip("torch")
    places = ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
    passing = tmp_path / "tmp"
    passing.mkdir()
    environment = {k: v for k, v in no_home.items() if k not in places} | {"TMPDIR": str(passing)}
    done = subprocess.run(
        [*TUTTI, "train", "student", "--bank", "none", "--run", "run"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "none is not a note bank" in done.stderr
    assert list(passing.iterdir()) == []


def _when_running(process: subprocess.Popen[str]) -> None:
    """Once it would hear a signal: its handler of SIGTERM is its own."""
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s and process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            caught = line.startswith("SigCgt:") and int(line.split()[1], 16)
            if caught and caught >> (signal.SIGTERM - 1) & 1:
                return
        time.sleep(0.05)
    raise AssertionError("it does not run")


@pytest.mark.parametrize("name", ["a\nb.wav", "a\x1b[2Jb.wav", "a\rb.wav", "a\x9bb.wav"])
@pytest.mark.parametrize("command", ["tag {}", "listen --file {}", "audit --mix {} piano.wav"])
def test_a_name_cannot_break_a_complaint(tutti, command: str, name: str) -> None:
    """Line breaks and orders to the terminal in a file's name: still one plain sentence"""
    done = tutti(*(part.format(name) for part in command.split()))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()


@pytest.mark.parametrize("name", ["a\nb.wav", "\N{FIREWORKS} ü.wav", os.fsdecode(b"a\xff.wav")])
def test_odd_names_are_read_and_written(tutti, tmp_path: Path, piano: Path, name: str) -> None:
    """Line breaks, emoji and bytes that are no text in a file's name: read, and written"""
    piano.rename(tmp_path / name)
    plain = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for environment in (None, plain):
        done = tutti("tag", name, "-o", "results/", env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        (result,) = (tmp_path / "results").iterdir()
        assert result.name == f"{name}.txt"
        assert "Piano" in result.read_text(encoding="utf-8")
        done = tutti("tag", name, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Piano" in done.stdout


@pytest.mark.parametrize(
    ("rate_hz", "channels", "offset"),
    [(8_000, 1, 0.0), (384_000, 1, 0.0), (48_000, 8, 0.0), (48_000, 2, 0.5)],
    ids=["8 kHz", "384 kHz", "one of 7.1", "DC offset"],
)
def test_odd_files_give_the_right_tags(
    tutti, tmp_path: Path, tones, rate_hz: int, channels: int, offset: float
) -> None:
    """8 and 384 kHz, one sounding channel of 7.1, a DC offset: the right instrument, alone"""
    sound = np.full((3 * rate_hz, channels), offset)
    sound[:, channels // 2] += 0.5 * tones(["voice"], 3, rate_hz)  # whose tone is the lowest
    soundfile.write(tmp_path / "odd.wav", sound, rate_hz, subtype="FLOAT")
    done = tutti("tag", "odd.wav", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["summary"]["instruments"]
    assert [name for name, one in found.items() if one["present"]] == ["voice"]


@pytest.mark.parametrize("columns", [1, 5, 30])
def test_a_narrow_terminal(
    tmp_path: Path, piano: Path, tone_model_path: Path, columns: int
) -> None:
    """A terminal of 1, 5 and 30 columns: meters and help, and no complaint"""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 3, columns, 0, 0))
    sized = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    with (tmp_path / "seen").open("wb") as seen:
        reader = subprocess.Popen(["cat"], stdin=ours, stdout=seen)
        for arguments in (
            ["listen", "--file", piano, "--model", tone_model_path, "--duration", "1.5"],
            ["tag", piano, "--model", tone_model_path],
            ["listen", "--help"],
        ):
            done = subprocess.run(
                [*TUTTI, *map(str, arguments)],
                env=sized | {"TERM": "xterm"}, stdin=theirs, stdout=theirs,
                stderr=subprocess.PIPE, timeout=60,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, b"")
        time.sleep(0.2)
        reader.kill()
        reader.wait()
    os.close(ours)
    os.close(theirs)
    assert (tmp_path / "seen").stat().st_size > 500


@pytest.mark.parametrize("line", ["ulimit -n 20", "cd gone && rmdir ../gone"])
def test_few_files_and_a_folder_that_is_gone(
    tmp_path: Path, piano: Path, tone_model_path: Path, line: str
) -> None:
    """Twenty open files at most, and a working folder that was deleted: the file is tagged"""
    (tmp_path / "gone").mkdir()
    command = [*TUTTI, "tag", str(piano), "--model", str(tone_model_path)]
    done = subprocess.run(
        ["sh", "-c", f'{line} && exec "$@"', "sh", *command],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "Piano" in done.stdout


def test_minus_is_the_screen(tutti, tmp_path: Path) -> None:
    """``-o -`` is the screen, not a file called -"""
    before = set(tmp_path.iterdir())
    assert tutti("tag", "piano.wav", "-o", "-").stdout == tutti("tag", "piano.wav").stdout != ""
    audited = ("audit", "--mix", "piano.wav", "stem.wav")
    assert tutti(*audited, "-o", "-").stdout == tutti(*audited).stdout != ""
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "command",
    [
        "listen --file -",
        "listen --file piano.wav --log -",
        "audit --mix - piano.wav",
        "audit --mix piano.wav -",
        "host chain.toml -",
        "host chain.toml piano.wav --report -",
        "host chain.toml piano.wav -o -",
        "monitor -",
    ],
)
def test_minus_is_refused_where_no_pipe_is_read(tutti, tmp_path: Path, command: str) -> None:
    """``-`` where no pipe is read: one sentence, and no file of that name"""
    (tmp_path / "chain.toml").write_text(CHAIN)
    done = tutti(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "tutti tag -" in done.stderr
    assert not (tmp_path / "-").exists()


@full
@pytest.mark.parametrize(
    "command",
    [
        "tag piano.wav -o {}",
        "audit --mix piano.wav stem.wav -o {}",
        "host chain.toml piano.wav --report {}",
    ],
)
def test_a_full_disk_is_named(tutti, tmp_path: Path, command: str) -> None:
    """Disk full while a result is written: one sentence with the file's name, exit 2"""
    (tmp_path / "chain.toml").write_text(CHAIN)
    (tmp_path / "full.json").symlink_to("/dev/full")
    done = tutti(*command.format("full.json").split())
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "full.json" in done.stderr
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("away", ["deleted", "renamed", "folder deleted"])
def test_a_log_that_was_taken_away_is_written_anew(tmp_path: Path, away: str) -> None:
    """The log file deleted or renamed while it is written: what follows is under its name again"""
    import logging

    from realtime.log import close_log, event, open_log

    path = tmp_path / "logs" / "tutti.log"
    path.parent.mkdir()
    handler = open_log(str(path))
    try:
        event(logging.INFO, "first")
        if away == "renamed":
            path.rename(tmp_path / "old.log")
        else:
            path.unlink()
        if away == "folder deleted":
            path.parent.rmdir()
            event(logging.INFO, "lost")
            assert handler.lines_lost == 1
            path.parent.mkdir()
            handler._retry_s = 0.0
        event(logging.INFO, "second")
        event(logging.INFO, "third")
    finally:
        close_log(handler)
    events = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert events == ["second", "third"]


@pytest.mark.parametrize("ignored", [False, True], ids=["closed", "nohup"])
def test_a_closed_terminal_ends_listening_in_order(
    tmp_path: Path, piano: Path, tone_model_path: Path, ignored: bool
) -> None:
    """The terminal is closed (SIGHUP): an orderly end, exit 129; under nohup it goes on"""
    command = [*TUTTI, "listen", "--file", str(piano), "--model", str(tone_model_path),
               "--log", "log", "--format", "jsonl"]  # fmt: skip
    if ignored:
        command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *command]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline()
    running.send_signal(signal.SIGHUP)
    rest, _ = running.communicate(timeout=20)
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert events[-1]["event"] == "stopped"
    if ignored:
        assert running.returncode == 0
        assert len(rest.splitlines()) >= 6
    else:
        assert running.returncode == 129
