"""The real program as a process: no line from Qt, no traceback, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PyQt6.QtGui import QImage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


@pytest.fixture
def home(tmp_path) -> dict[str, str]:
    return os.environ | {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "HOME": str(tmp_path),
        "QT_QPA_PLATFORM": "offscreen",
    }


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "realtime.cli", "monitor", *map(str, arguments)]


def run(home, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=home, capture_output=True, text=True, timeout=120
    )


def complaints(stderr: str) -> list[str]:
    """Every line but ALSA's and JACK's own, which no program can keep PortAudio from writing."""
    own = (
        "ALSA lib",
        "Cannot connect to server",
        "jack server",
        "JackShm",
        "connect(2)",
        "Expression",
    )
    return [line for line in stderr.splitlines() if line.strip() and not line.startswith(own)]


def start(home, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments), env=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def logs(home) -> list[Path]:
    return sorted((Path(home["XDG_STATE_HOME"]) / "tutti" / "sessions").glob("*.jsonl"))


def wait_for_event(home, event: str, count: int = 1, timeout_s: float = 60.0) -> None:
    until_s = time.monotonic() + timeout_s
    while not any(_events(path).count(event) >= count for path in logs(home)):
        assert time.monotonic() < until_s, f"no {event} in the log"
        time.sleep(0.05)


def _events(path: Path) -> list[str]:
    return [
        json.loads(line)["event"] for line in path.read_text().splitlines() if line.endswith("}")
    ]


def test_screenshot_without_screen_or_sound(home, write_sound, tmp_path, tone_model_path):
    song = write_sound("song.wav", [(["flute", "piano"], 4.0)])
    picture = tmp_path / "view.png"
    done = run(home, song, "--model", tone_model_path, "--screenshot", picture, "--after", "2")
    assert done.returncode == 0, done.stderr
    assert complaints(done.stderr) == []
    image = QImage(str(picture))
    assert image.width() >= 1000
    found = {image.pixelColor(x, y).name() for x in range(0, 1100, 3) for y in range(60, 420, 3)}
    assert {"#2bb98f", "#5590e2"} <= found, "woodwind and key bars are in the picture"
    assert not (Path(home["XDG_CONFIG_HOME"]) / "tutti").exists()
    assert logs(home) == []


@pytest.mark.parametrize("extra", [("--theme", "light"), ("--compact",), ()])
def test_screenshot_of_an_empty_window(home, tmp_path, extra):
    done = run(home, "--screenshot", tmp_path / "a.png", "--after", "0.3", *extra)
    assert (done.returncode, complaints(done.stderr)) == (0, [])


def test_bad_input_is_one_sentence_and_exit_2(home, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    for arguments in ((bad,), (tmp_path / "gone.wav",), (tmp_path,), (bad, "--device", "x")):
        done = run(home, *arguments)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert done.stderr.startswith("tutti: ")


def test_no_display_is_told(home, tmp_path):
    bare = {
        k: v for k, v in home.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    done = run(bare)
    assert done.returncode == 2
    assert "tutti listen" in done.stderr
    assert "--screenshot" in done.stderr


def test_help_is_quick_and_has_examples(home):
    done = run(home, "--help")
    assert done.returncode == 0
    assert "tutti monitor mix.flac" in done.stdout
    assert "PyQt6" not in subprocess.run(
        [sys.executable, "-X", "importtime", *command("--help")[1:]],
        env=home, capture_output=True, text=True, timeout=60,
    ).stderr  # fmt: skip


def test_quit_saves_the_session_and_the_next_start_restores_it(home, write_sound, tone_model_path):
    song = write_sound("song.wav", [(["flute"], 8.0)])
    config = Path(home["XDG_CONFIG_HOME"]) / "tutti" / "settings.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"theme": "light", "hop_s": "fast", "recent_')
    program = start(home, song, "--model", tone_model_path)
    wait_for_event(home, "file")
    time.sleep(1.0)
    program.send_signal(signal.SIGTERM)
    _, stderr = program.communicate(timeout=30)
    assert program.returncode == 0, stderr
    assert complaints(stderr) == []
    saved = json.loads(config.read_text())
    assert saved["recent_files"] == [str(song.resolve())]
    assert saved["last_position_s"] > 0.2
    assert config.with_name("settings.damaged.json").exists()
    assert _events(logs(home)[-1])[-1] == "closed"

    again = start(home, "--model", tone_model_path)
    wait_for_event(home, "file")
    until_s = time.monotonic() + 30
    while len(logs(home)) < 2 or "file" not in _events(logs(home)[-1]):
        assert time.monotonic() < until_s
        time.sleep(0.05)
    again.send_signal(signal.SIGINT)
    _, stderr = again.communicate(timeout=30)
    assert (again.returncode, complaints(stderr)) == (0, [])


def test_the_log_survives_a_kill_and_the_next_start_knows(home, write_sound, tone_model_path):
    from desktop.kept.session_log import tidy

    song = write_sound("song.wav", [(["flute"], 8.0)])
    program = start(home, song, "--model", tone_model_path)
    wait_for_event(home, "state")
    program.kill()
    program.communicate(timeout=30)
    log = logs(home)[-1]
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [e["event"] for e in events[:2]] == ["opened", "file"]
    assert events[1]["file"] == str(song.resolve())
    assert tidy(log.parent) == log


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX says so by a signal")
def test_a_closed_terminal_ends_it_in_order(home, write_sound, tone_model_path):
    """SIGHUP: the session is saved and its log closed, as when the window is."""
    song = write_sound("song.wav", [(["flute"], 8.0)])
    program = start(home, song, "--model", tone_model_path)
    wait_for_event(home, "state")
    program.send_signal(signal.SIGHUP)
    _, stderr = program.communicate(timeout=30)
    assert (program.returncode, complaints(stderr)) == (0, [])
    saved = json.loads((Path(home["XDG_CONFIG_HOME"]) / "tutti" / "settings.json").read_text())
    assert saved["recent_files"] == [str(song.resolve())]
    assert _events(logs(home)[-1])[-1] == "closed"


AUDIT_UNDER_WAY = """
import os, signal, sys, threading, time
import soxr
from PyQt6.QtCore import QTimer
import desktop.app
from desktop.background import Background
from realtime.cli import main

def work():
    stream = soxr.ResampleStream(44_100, 16_000, 1)
    time.sleep(60)

def start():
    Background().run(work, print)
    QTimer.singleShot(300, lambda: os.kill(os.getpid(), signal.SIGTERM))

begun = desktop.app.calm_collector
desktop.app.calm_collector = lambda: (begun(), start())
sys.exit(main(["monitor"]))
"""


def test_sigterm_while_an_audit_is_under_way_says_nothing(home, tmp_path):
    """A thread that is left at the end keeps its resampler, and its library complains of a leak."""
    script = tmp_path / "script.py"
    script.write_text(AUDIT_UNDER_WAY)
    done = subprocess.run(
        [sys.executable, str(script)], env=home, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert complaints(done.stderr) == []
    assert _events(logs(home)[-1])[-1] == "closed"


def test_ctrl_c_while_the_window_is_made_is_130(home, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nimport desktop.app\nfrom realtime.cli import main\n"
        "from PyQt6.QtCore import QEvent, QObject\n"
        "class Interrupt(QObject):\n"
        "    def eventFilter(self, watched, event):\n"
        "        raise KeyboardInterrupt\n"
        "made = desktop.app.application\n"
        "def application():\n"
        "    app = made()\n"
        "    app.interrupt = Interrupt()\n"
        "    app.installEventFilter(app.interrupt)\n"
        "    return app\n"
        "desktop.app.application = application\n"
        "sys.exit(main(['monitor']))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], env=home, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, complaints(done.stderr)) == (130, [])
