"""``tutti listen`` and ``tutti devices`` as real processes: output, faults and a prompt end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from realtime.spec import POLYPHONY_LABELS
from realtime.tagger import Tagger
from realtime.taxonomy import FAMILIES, INSTRUMENTS

RATE_HZ = 22_050
TUTTI = [sys.executable, "-m", "realtime.cli"]
PROMPT_S = 5.0  # the record holds the time; this only tells an end from a hang
START_S = 30.0

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of noise bursts and tones."""
    rng = np.random.default_rng(3)
    t = np.arange(12 * RATE_HZ) / RATE_HZ
    sound = 0.2 * np.sin(2 * np.pi * 330 * t) + 0.05 * rng.normal(size=len(t)) * (t % 1 < 0.3)
    path = tmp_path_factory.mktemp("music") / "music.wav"
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return path


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


def listen(children, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [*TUTTI, "listen", *arguments],
        stdin=subprocess.DEVNULL,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},  # type: ignore[call-overload]
    )
    children.append(child)
    return child


def run(*arguments: str, timeout_s: float = 60, **options: object):
    return subprocess.run(
        [*TUTTI, *arguments], capture_output=True, text=True, timeout=timeout_s, check=False,
        **options,  # type: ignore[call-overload]
    )  # fmt: skip


def has_ended_promptly(child: subprocess.Popen[bytes], number: signal.Signals) -> float:
    began_s = time.monotonic()
    child.send_signal(number)
    child.wait(10)
    took_s = time.monotonic() - began_s
    assert child.returncode == 128 + number
    assert took_s < PROMPT_S
    return took_s


def test_jsonl_is_what_the_file_holds(music):
    """A file heard live gives the windows that ``tutti tag`` gives, one document a line."""
    done = run("listen", "--file", str(music), "--format", "jsonl", "--duration", "3.2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    offline = Tagger().tag(music).to_document()["windows"]
    assert 4 <= len(lines) <= 7
    for line, window in zip(lines[:-1], offline, strict=False):  # the last one may be cut short
        assert list(line["instruments"]) == list(INSTRUMENTS)
        assert list(line["families"]) == list(FAMILIES)
        assert list(line["polyphony"]) == list(POLYPHONY_LABELS)
        assert set(line["level"]) == {"rms_dbfs", "peak_dbfs", "clipped", "silent"}
        assert (line["start_s"], line["end_s"]) == (window["start_s"], window["end_s"])
        for name in INSTRUMENTS:
            assert line["instruments"][name] == pytest.approx(window["instruments"][name], abs=2e-3)


def test_a_file_ends_by_itself(tmp_path):
    """At the end of a file: the last window, zero-padded, and exit status 0."""
    path = tmp_path / "short.wav"
    soundfile.write(
        path, np.full(RATE_HZ * 3 // 2, 0.1) * np.sin(np.arange(RATE_HZ * 3 // 2)), RATE_HZ
    )
    done = run("listen", "--file", str(path))
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["0:01", "0:02"]
    assert "dBFS" in done.stdout


@posix_only
def test_meters_in_a_terminal(music, children):
    """On a terminal: every family and instrument, the polyphony, the level and the state."""
    import pty
    import struct
    import termios
    from fcntl import ioctl

    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    child = listen(
        children, "--file", str(music), "--duration", "2.5", stdout=theirs, env=environment
    )
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 65_536):
            drawn += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    assert child.wait(10) == 0
    last = drawn.decode().rsplit("Tutti", 1)[1]
    from realtime.taxonomy import display_name

    for name in (*INSTRUMENTS, *FAMILIES):
        assert display_name(name) in last
    for text in ("music.wav", "running", "How many at once", "Input", "dropped", "CPU"):
        assert text in last
    assert last.count("\n") < 24


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_promptly(music, children, number, record_property):
    """Ctrl-C and SIGTERM while listening to a file."""
    child = listen(children, "--file", str(music))
    assert child.stdout is not None
    assert child.stdout.readline()
    took_s = has_ended_promptly(child, number)
    assert child.stderr is not None
    assert child.stderr.read() == b""
    record_property("ended after", f"{took_s:.2f} s")


@posix_only
def test_signal_ends_it_though_nobody_reads(music, children, record_property):
    """SIGTERM while the output's reader sleeps and the pipe is full."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    child = listen(children, "--file", str(music), stdout=writing)
    os.close(writing)
    time.sleep(3.0)  # long enough for it to stand before the full pipe
    assert child.poll() is None
    took_s = has_ended_promptly(child, signal.SIGTERM)
    os.close(reading)
    record_property("ended after", f"{took_s:.2f} s")


@posix_only
def test_reader_that_leaves_ends_it(music, children):
    """Output's reader gone, as under ``head``: no traceback, exit status 141."""
    child = listen(children, "--file", str(music), "--format", "jsonl")
    assert child.stdout is not None
    assert child.stderr is not None
    json.loads(child.stdout.readline())
    child.stdout.close()
    assert child.wait(10) == 141
    assert child.stderr.read() == b""


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_on_a_device(pulse_server, children, number, record_property):
    """Ctrl-C and SIGTERM while listening to PulseAudio; the recorder ends with it."""
    child = listen(children, "--format", "jsonl")
    assert child.stdout is not None
    json.loads(child.stdout.readline())
    took_s = has_ended_promptly(child, number)
    recordings = pulse_server.ask("pactl", "list", "source-outputs").stdout
    assert 'application.name = "Tutti"' not in recordings
    record_property("ended after", f"{took_s:.2f} s")


@posix_only
@pytest.mark.parametrize("paused", ["program", "everything"])
def test_paused_and_continued(pulse_server, children, tmp_path, paused, record_property):
    """Ctrl-Z and fg, a virtual machine paused with its server: lost or held, times stay right."""
    away_s = 6.0
    child = listen(children, "--format", "jsonl", "--log", str(tmp_path / "log"))
    assert child.stdout is not None
    first_s = json.loads(child.stdout.readline())["end_s"]
    began_s = time.monotonic() - first_s
    processes = [psutil.Process(child.pid)]
    if paused == "everything":
        server = psutil.Process(pulse_server.process.pid)
        processes += [*processes[0].children(recursive=True), server]
    for process in processes:
        process.suspend()
    time.sleep(away_s)
    for process in reversed(processes):
        process.resume()
    until_s = time.monotonic() + START_S
    behind_s = away_s
    while behind_s > 1.0:  # the loss was counted, or all that was held has come
        window = json.loads(child.stdout.readline())
        assert window["end_s"] - window["start_s"] < 1.01  # none spans the gap; one may end at it
        behind_s = time.monotonic() - began_s - window["end_s"]
        assert time.monotonic() < until_s, f"{behind_s} s behind"
    assert behind_s > -1.0
    child.terminate()
    child.communicate(timeout=20)
    stopped = json.loads((tmp_path / "log").read_text().splitlines()[-1])
    assert stopped["event"] == "stopped"
    assert stopped["windows_failed"] == 0
    if paused == "program":  # which is no fault of the input
        assert stopped["stalls"] == 0
    record_property("seconds missing", f"{stopped['missing_s']:.1f} of {away_s:.0f}")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@posix_only
def test_killed_outright(pulse_server, children, wait_until):
    """SIGKILL, or a crash: the recorder and the watcher end with it."""
    child = listen(children, "--format", "jsonl")
    assert child.stdout is not None
    json.loads(child.stdout.readline())
    helpers = psutil.Process(child.pid).children(recursive=True)
    assert {each.name() for each in helpers} == {"parec", "pactl", "sh"}
    child.kill()
    wait_until(lambda: not any(map(_runs, helpers)), 20, f"an end of {helpers}")


@posix_only
def test_signal_ends_it_on_a_frozen_server(pulse_server, children, record_property):
    """SIGTERM while the sound server is frozen and its driver hangs."""
    child = listen(children, "--device", "default")  # by way of PortAudio and ALSA
    assert child.stdout is not None
    assert child.stdout.readline()
    pulse_server.freeze()
    time.sleep(2.5)
    took_s = has_ended_promptly(child, signal.SIGTERM)
    record_property("ended after", f"{took_s:.2f} s")


def test_log_tells_what_happened(pulse_server, children, tmp_path, wait_until):
    """The structured log: opening, the server's death, reopening, the counts at the end."""
    path = tmp_path / "session.log"
    child = listen(children, "--log", str(path))
    assert child.stdout is not None
    assert child.stdout.readline()
    pulse_server.kill()
    wait_until(lambda: "reopening" in path.read_text(), 10, "the loss in the log")
    time.sleep(1.0)  # long enough to be told of on stderr as well
    pulse_server.start()
    wait_until(lambda: path.read_text().count('"opened"') == 2, 20, "the second opening")
    child.send_signal(signal.SIGTERM)
    child.wait(10)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [e["event"] for e in events][:2] == ["opened", "reopening"]
    assert events[-1]["event"] == "stopped"
    assert events[-1]["reopenings"] >= 1
    assert all({"time", "uptime_s", "level"} <= set(each) for each in events)
    assert child.stderr is not None
    told = child.stderr.read().decode()
    assert "reconnecting (The input 'Monitor of Null Output' broke off" in told


@linux_only
def test_disk_full_while_logging(music, record_property):
    """Disk full while logging: said once, listening goes on, every window is printed."""
    done = run("listen", "--file", str(music), "--duration", "2.2", "--log", "/dev/full",
               "--log-level", "debug")  # fmt: skip
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "/dev/full stopped (No space left on device)" in done.stderr
    assert len(done.stdout.splitlines()) >= 3
    record_property("windows printed", len(done.stdout.splitlines()))


def test_log_that_cannot_be_opened(music, tmp_path):
    done = run("listen", "--file", str(music), "--log", str(tmp_path / "no" / "folder" / "x.log"))
    assert done.returncode == 2
    assert done.stderr.startswith("tutti: The log file")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--file", "nowhere.wav"], "nowhere.wav does not exist"),
        (["--model", "nowhere.onnx", "--file", "nowhere.wav"], "nowhere.onnx does not exist"),
    ],
)
def test_bad_input_is_one_sentence(arguments, told):
    done = run("listen", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_channel_the_file_lacks_is_one_sentence(music):
    """A mono file has no third channel: said once, exit 2."""
    done = run("listen", "--file", str(music), "--channel", "3")
    assert done.returncode == 2
    assert "no channel 3" in done.stderr
    assert done.stderr.count("\n") == 1


NO_DEVICES = """
class default:
    device = (-1, -1)
class PortAudioError(Exception):
    pass
def query_hostapis():
    return ()
def query_devices():
    return ()
"""


@pytest.mark.parametrize(
    ("sounddevice", "told"),
    [
        (NO_DEVICES, "There is no sound input here"),
        ("raise OSError('PortAudio library not found')", "install"),
        ("import os; os.abort()", "The sound system does not answer"),
    ],
    ids=["no devices", "no PortAudio", "PortAudio crashes"],
)
def test_machine_without_inputs(tmp_path, music, sounddevice, told):
    """No inputs, no PortAudio, or one that crashes: one sentence, exit 2; files still work."""
    (tmp_path / "sounddevice.py").write_text(sounddevice)
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PULSE_SERVER": str(tmp_path / "none"),
        "HOME": str(tmp_path),
    }
    for command in ("listen", "devices"):
        done = run(command, env=environment)
        assert done.returncode == 2
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
    done = run("listen", "--file", str(music), "--duration", "1.2", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) >= 1


def test_unknown_device(pulse_server):
    """A device that is not there: one sentence, exit 2."""
    done = run("listen", "--device", "Nonesuch 9000")
    assert done.returncode == 2
    assert "There is no input device 'Nonesuch 9000'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_devices_table(pulse_server):
    """``tutti devices`` marks the default input and what plays here."""
    done = run("devices")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line for line in done.stdout.splitlines() if "Monitor of Null Output" in line]
    assert len(rows) == 1
    for cell in ("PulseAudio", "48000 Hz", "default", "what plays here"):
        assert cell in rows[0]


@pytest.mark.parametrize(
    "arguments", [["--hop", "0.01"], ["--hop", "x"], ["--channel", "middle"], ["--duration", "-1"]]
)
def test_bad_arguments(arguments):
    done = run("listen", *arguments)
    assert done.returncode == 2
    assert arguments[1] in done.stderr
    assert "Traceback" not in done.stderr
