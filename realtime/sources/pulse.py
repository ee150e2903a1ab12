"""Sources of a PulseAudio or PipeWire server, monitors of its outputs among them.

PortAudio shows such a server as one device without a choice. Its own tools,
``pactl`` and ``parec``, name every source, and a recorder in a process of its
own cannot hang this one when the server dies.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.sources.base import Block
from realtime.sources.child import Child
from realtime.sources.device import Device

HOST_API = "PulseAudio"
LATENCY_MS = 100
"""How often sound comes. With 50 ms, waking up cost more than all analysis at 2 windows/s."""
ASK_TIMEOUT_S = 2.0
SAMPLE_BYTES = 4


def list_inputs() -> list[Device]:
    """Sources of the running server; none where there is no server or no ``pactl``."""
    if not shutil.which("parec"):
        return []
    try:
        default = _ask("get-default-source").strip()
        return [_device(source, default) for source in _sources()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def _sources() -> list[dict[str, Any]]:
    return json.loads(_ask("-f", "json", "list", "sources"))


def _ask(*arguments: str) -> str:
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["pactl", *arguments],
        capture_output=True,
        text=True,
        timeout=ASK_TIMEOUT_S,
        check=True,
        env=environment,
    ).stdout


def _device(source: dict[str, Any], default: str) -> Device:
    # "float32le 2ch 48000Hz"
    _, channels, rate = source["sample_specification"].split()
    return Device(
        name=source["description"] or source["name"],
        host_api=HOST_API,
        channels=int(channels.removesuffix("ch")),
        sample_rate_hz=int(rate.removesuffix("Hz")),
        is_loopback=source["name"].endswith(".monitor"),
        is_default=source["name"] == default,
        address=source["name"],
    )


def _find(name: str) -> tuple[Device, int]:
    """The source of that description, and its number, which stays its own while it is there."""
    try:
        for source in _sources():
            device = _device(source, "")
            if device.name == name:
                return device, source["index"]
    except (OSError, subprocess.SubprocessError, ValueError):
        pass  # no server answers
    raise TuttiError(
        f"The input '{name}' is not there (no such source, or no sound server): "
        "start the sound server, or choose another ('tutti devices')."
    )


class PulseStream:
    """An open source of the server, recorded by ``parec``.

    Raises:
        TuttiError: it cannot be opened, or (from ``read``) it broke off.
    """

    overflows = 0

    def __init__(
        self, name: str, channels: int, sample_rate_hz: int = 0, block_frames: int = 0
    ) -> None:
        found, index = _find(name)
        self._name = name
        self.sample_rate_hz = sample_rate_hz or found.sample_rate_hz
        latency_ms = LATENCY_MS
        if block_frames:
            latency_ms = max(1, round(1000 * block_frames / self.sample_rate_hz))
        self.channels = min(channels, found.channels)
        self._rest = b""
        self._news = b""
        self._removal = f"'remove' on source #{index}\n".encode()
        try:
            self._watcher = Child(["pactl", "subscribe"])
            self._child = Child(
                [
                    "parec",
                    "--raw",
                    "--format=float32le",
                    f"--rate={self.sample_rate_hz}",
                    f"--channels={self.channels}",
                    f"--device={found.address}",
                    f"--latency-msec={latency_ms}",
                    "--client-name=Tutti",
                    "--property=node.dont-reconnect=true",  # PipeWire's word for "not elsewhere"
                ]
            )
        except OSError as error:
            raise TuttiError(
                f"The input '{name}' cannot be opened ({error.strerror}): "
                "install pulseaudio-utils, or choose another ('tutti devices')."
            ) from None

    def read(self, timeout_s: float) -> Block:
        """The frames that came; none if none came in time."""
        data = self._child.read(timeout_s)
        if data is None or self._removed():
            raise TuttiError(f"The input '{self._name}' broke off: the sound server let go of it.")
        data = self._rest + data
        whole = len(data) - len(data) % (SAMPLE_BYTES * self.channels)
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], "<f4").reshape(-1, self.channels)

    def _removed(self) -> bool:
        """Whether the source was unplugged: servers then go on with another one, unasked."""
        self._news = self._news[-100:] + (self._watcher.read(0.0) or b"")
        return self._removal in self._news

    def close(self) -> None:
        self._child.close()
        self._watcher.close()
