"""Sound servers without a sound card, each under a private folder, gone after the test."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

START_TIMEOUT_S = 10.0
PR_SET_PDEATHSIG = 1


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Poll a condition; failing says what was waited for."""
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, f"waited {timeout_s} s in vain: {what}"
        time.sleep(0.02)


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[[Callable[[], object], float, str], None]:
    return wait_until


@pytest.fixture
def port() -> int:
    """A UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def is_bound() -> Callable[[int], bool]:
    """Whether somebody receives at a UDP port of this computer."""

    def ask(number: int) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                return True
            return False

    return ask


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """A child process that can be killed, frozen and started again."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = os.environ | environment
        self.process: subprocess.Popen[bytes] | None = None
        self.helpers: list[subprocess.Popen[bytes]] = []

    def spawn(self, *command: str, **options: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
            **{"stdout": subprocess.DEVNULL, **options},  # type: ignore[call-overload]
        )

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=5, check=False
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        self.helpers.clear()

    def end(self) -> None:
        """As at the end of a test."""
        self.thaw()
        self.kill()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


class PulseServer(Server):
    """PulseAudio with a null sink named ``mix``; ALSA's default device leads to it."""

    def start(self, sample_rate_hz: int = 48_000) -> None:
        for stale in ("pulse/pid", "pulse/native"):
            (self.folder / stale).unlink(missing_ok=True)
        self.process = self.spawn(
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes",
            "-L", f"module-null-sink sink_name=mix rate={sample_rate_hz}",
            "-L", "module-native-protocol-unix auth-anonymous=1",
        )  # fmt: skip
        wait_until(
            lambda: self.ask("pactl", "get-default-source").stdout.strip() == "mix.monitor",
            START_TIMEOUT_S,
            "PulseAudio to answer",
        )
        # An idle null sink takes two seconds to its first sound: keep it busy.
        self.helpers.append(self.spawn("parec", "--latency-msec=50", "--device=mix.monitor"))

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        return self.spawn("paplay", "--latency-msec=500", "-d", "mix", str(path))

    def unload_sink(self) -> None:
        modules = self.ask("pactl", "list", "short", "modules").stdout.splitlines()
        (index,) = [line.split()[0] for line in modules if "sink_name=mix" in line]
        assert self.ask("pactl", "unload-module", index).returncode == 0

    def load_sink(self) -> None:
        asked = self.ask("pactl", "load-module", "module-null-sink", "sink_name=mix", "rate=48000")
        assert asked.returncode == 0, asked.stderr


class JackServer(Server):
    """jackd with its dummy driver, under a name of its own.

    The name is always the same: the system has room for eight servers, and a
    killed one keeps its place until one of the same name is started.
    """

    NAME = f"tutti-test-{os.getuid() if hasattr(os, 'getuid') else 0}"

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None
        for left in Path("/dev/shm").glob(f"jack*{self.NAME}*"):
            left.unlink(missing_ok=True)

    def start(self, sample_rate_hz: int = 44_100) -> None:
        self.process = self.spawn(
            "jackd", "--no-mlock", "--name", self.NAME, "-r", "-d", "dummy",
            "-r", str(sample_rate_hz), "-p", "1024",
        )  # fmt: skip
        wait_until(
            lambda: self.ask("jack_lsp", "-s", self.NAME).returncode == 0,
            START_TIMEOUT_S,
            "jackd to answer",
        )


def _private_folder() -> Path:
    # Not pytest's: a socket's path must be short.
    return Path(tempfile.mkdtemp(prefix="tutti-"))


def _need(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if sys.platform != "linux" or missing:
        pytest.skip(f"needs {', '.join(missing) or 'Linux'}")


def _serve(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name, value in server.environment.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    try:
        try:
            server.start()  # type: ignore[attr-defined]
        except AssertionError as error:
            pytest.skip(f"the sound server cannot start here: {error}")
        yield server
    finally:
        server.end()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def pulse_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseServer]:
    """A running PulseAudio; this process and its children use it."""
    _need("pulseaudio", "pactl", "parec", "paplay")
    folder = _private_folder()
    config = folder / "asound.conf"
    base = "</usr/share/alsa/alsa.conf>\n" if Path("/usr/share/alsa/alsa.conf").exists() else ""
    config.write_text(base + "pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    environment = {
        "XDG_RUNTIME_DIR": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PULSE_RUNTIME_PATH": str(folder / "pulse"),
        "PULSE_COOKIE": str(folder / "cookie"),
        "HOME": str(folder),
        "ALSA_CONFIG_PATH": str(config),
        "JACK_NO_START_SERVER": "1",
        "JACK_DEFAULT_SERVER": "tutti-none",
    }
    (folder / "pulse").mkdir(mode=0o700)
    yield from _serve(PulseServer(folder, environment), monkeypatch)  # type: ignore[misc]


@pytest.fixture
def jack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A running jackd at 44.1 kHz; this process and its children use it."""
    _need("jackd", "jack_lsp")
    environment = {
        "JACK_DEFAULT_SERVER": JackServer.NAME,
        "JACK_NO_START_SERVER": "1",
        "JACK_NO_AUDIO_RESERVATION": "1",
    }
    yield from _serve(JackServer(_private_folder(), environment), monkeypatch)  # type: ignore[misc]
