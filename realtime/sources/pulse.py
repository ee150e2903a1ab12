"""Sources of a PulseAudio or PipeWire server, monitors of its outputs among them.

PortAudio shows such a server as one device without a choice. Its own tools,
``pactl`` and ``parec``, name every source, and a recorder in a process of its
own cannot hang this one when the server dies.

A source is known by its name: descriptions are for people, and two outputs of
one make have the same. A server moves recordings to another source when theirs
goes, and PulseAudio also when the default changes, even those that asked for
theirs by name; so it is watched, and a recording that was moved is given up.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time

import numpy as np

from realtime.errors import TuttiError
from realtime.sources.base import Block
from realtime.sources.child import PLAIN_SPEECH, Child
from realtime.sources.device import STAYS, Device, DeviceGone

HOST_API = "PulseAudio"
LATENCY_MS = 100
"""How often sound comes. With 50 ms, waking up cost more than all analysis at 2 windows/s."""
ASK_TIMEOUT_S = 2.0
WATCH_S = 0.1
"""How long the watcher may take to tell of a question that was just asked."""
SAMPLE_BYTES = 4
WATCHER = ("sh", "-c", "pactl subscribe & exec >&-; read -r _; kill $!")
"""pactl does not mind that nobody reads it; the end of the shell's stdin tells of our death."""

SOURCE = re.compile(r"^(\d+)\t(.+?)\t.*?\t\S+ (\d+)ch (\d+)Hz", re.MULTILINE)
"""A line of ``pactl list short sources``: index, name, driver, "float32le 2ch 48000Hz"."""
DESCRIPTION = re.compile(
    r"^Source #(\d+)\n(?:\t.*\n)*?\tName: (.*)\n\tDescription: (.*)$", re.MULTILINE
)
"""Plain output: as JSON, pactl 16.1 gives "(null)" for every alphabet but ASCII."""


def list_inputs() -> list[Device]:
    """Sources of the running server; none where there is no server or no ``pactl``."""
    if not (shutil.which("parec") and shutil.which("pactl")):
        return []
    try:
        default = _default()
        called = {
            (index, name): description
            for index, name, description in DESCRIPTION.findall(_ask("list", "sources"))
            if description != "(null)"
        }
        return [
            Device(
                name=name,
                host_api=HOST_API,
                channels=int(channels),
                sample_rate_hz=int(rate),
                is_loopback=name.endswith(".monitor"),
                is_default=name == default,
                description=called.get((index, name), ""),
            )
            for index, name, channels, rate in _sources()
        ]
    except (OSError, subprocess.SubprocessError):
        return []


def _sources() -> list[tuple[str, str, str, str]]:
    """Index, name, channels and rate of each."""
    return SOURCE.findall(_ask("list", "short", "sources"))


def _default() -> str:
    """Name of the default source; empty if there is none."""
    found = re.search(r"^Default Source: (.+)$", _ask("info"), re.MULTILINE)
    return found[1] if found else ""


def _ask(*arguments: str) -> str:
    return subprocess.run(
        ["pactl", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=ASK_TIMEOUT_S,
        check=True,
        env=os.environ | PLAIN_SPEECH,
    ).stdout


class PulseStream:
    """An open source of the server, recorded by ``parec``.

    ``follows``: it is heard as the default, and given up once another is the default.

    Raises:
        TuttiError: it cannot be opened, or (from ``read``) it broke off.
    """

    overflows = 0

    def __init__(
        self,
        device: Device,
        channels: int,
        sample_rate_hz: int = 0,
        block_frames: int = 0,
        follows: bool = False,
    ) -> None:
        self._device = device
        self._rest = b""
        self._news = b""
        with contextlib.ExitStack() as opened:
            try:
                # First the watcher: whatever happens to the source from now on is heard of.
                self._watcher = Child(WATCHER)
                opened.callback(self._watcher.close)
                self._index, found_channels, found_rate_hz = self._find()
                self.sample_rate_hz = sample_rate_hz or found_rate_hz
                self.channels = min(channels, found_channels)
                self._default = self._default_as_listed() if follows else None
                self._child = Child(self._command(block_frames))
                opened.callback(self._child.close)
            except OSError as error:
                raise TuttiError(
                    f"The input '{device.label}' cannot be opened ({error.strerror}): "
                    "install pulseaudio-utils, or choose another ('tutti devices')."
                ) from None
            except subprocess.SubprocessError:
                raise DeviceGone(device.label, "the sound server does not answer") from None
            self._opened = opened.pop_all()

    def _find(self) -> tuple[str, int, int]:
        """Index, channels and rate of the source, found while the watcher was watching."""
        until_s = time.monotonic() + ASK_TIMEOUT_S
        while True:
            found = [(i, int(c), int(r)) for i, n, c, r in _sources() if n == self._device.name]
            if not found:
                raise DeviceGone(self._device.label, f"no source '{self._device.name}'")
            # The watcher tells of the question itself, if it was watching by then.
            self._news += self._watcher.read(WATCH_S) or b""
            if self._news or time.monotonic() > until_s:
                return found[0]

    def _default_as_listed(self) -> str:
        default = _default()
        if self._device.is_default and default not in ("", self._device.name):
            raise _another_default(default)
        return default

    def _command(self, block_frames: int) -> list[str]:
        latency_ms = LATENCY_MS
        if block_frames:
            latency_ms = max(1, round(1000 * block_frames / self.sample_rate_hz))
        return [
            "parec",
            "--raw",
            "--format=float32le",
            f"--rate={self.sample_rate_hz}",
            f"--channels={self.channels}",
            f"--device={self._device.name}",
            f"--latency-msec={latency_ms}",
            "--client-name=Tutti",
            "--property=node.dont-reconnect=true",  # PipeWire's word for "not elsewhere"
        ]

    def read(self, timeout_s: float) -> Block:
        """The frames that came; none if none came in time."""
        data = self._child.read(timeout_s)
        self._heed()  # before the frames are given out: they may be another source's by now
        if data is None:
            raise self._broke_off("the sound server let go of it")
        data = self._rest + data
        whole = len(data) - len(data) % (SAMPLE_BYTES * self.channels)
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], "<f4").reshape(-1, self.channels)

    def _heed(self) -> None:
        """Look at what the server did since the last look.

        Raises:
            TuttiError: the recording is no longer what it was opened for.
        """
        news = self._watcher.read(0.0)
        if news is None:
            raise self._broke_off("the sound server let go of it")
        if not (news or self._news):
            return
        *lines, self._news = (self._news + news).split(b"\n")
        if f"Event 'remove' on source #{self._index}".encode() in lines:
            raise self._broke_off("the sound server let go of it")
        try:
            if self._default is not None and any(b" on server #" in line for line in lines):
                default = _default()
                if default and default != self._default:
                    raise _another_default(default)
            if any(b" on source-output #" in line for line in lines) and self._moved():
                raise self._broke_off("the sound server moved the recording to another")
        except (OSError, subprocess.SubprocessError):
            return  # it does not answer: silence, or its end, will tell

    def _moved(self) -> bool:
        """Whether the server lets this recording hear another source."""
        own = f'application.process.id = "{self._child.process_id}"\n'
        for about in _ask("list", "source-outputs").split("\nSource Output #"):
            if own in about:
                return f"\tSource: {self._index}\n" not in about
        return False

    def _broke_off(self, reason: str) -> TuttiError:
        return TuttiError(f"The input '{self._device.label}' broke off ({reason}): {STAYS}.")

    def close(self) -> None:
        self._opened.close()


def _another_default(name: str) -> TuttiError:
    return TuttiError(f"The default input is another now ('{name}'): it is opened instead.")
