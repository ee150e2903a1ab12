"""Sources of a PulseAudio or PipeWire server, monitors of its outputs among them.

PortAudio shows such a server as one device without a choice. Its own tools,
``pactl`` and ``parec``, name every source, and a recorder in a process of its
own cannot hang this one when the server dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import subprocess
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.sources.base import Block
from realtime.sources.device import Device

HOST_API = "PulseAudio"
LATENCY_MS = 50
ASK_TIMEOUT_S = 2.0
PIPE_BYTES = 1 << 20
"""Some 2.7 s of stereo: what waits for us while other threads hold the interpreter."""
SAMPLE_BYTES = 4


def list_inputs() -> list[Device]:
    """Sources of the running server; none where there is no server or no ``pactl``."""
    if not shutil.which("pactl") or not shutil.which("parec"):
        return []
    try:
        sources = json.loads(_ask("-f", "json", "list", "sources"))
        default = _ask("get-default-source").strip()
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    return [_device(source, default) for source in sources]


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


class PulseStream:
    """An open source of the server, recorded by ``parec``.

    Raises:
        TuttiError: it cannot be opened, or (from ``read``) it broke off.
    """

    overflows = 0

    def __init__(self, device: Device, channels: int) -> None:
        self._name = device.name
        self.channels = channels
        self.sample_rate_hz = device.sample_rate_hz
        self._frame_bytes = SAMPLE_BYTES * channels
        self._rest = b""
        try:
            self._process = subprocess.Popen(
                [
                    "parec",
                    "--raw",
                    "--format=float32le",
                    f"--rate={device.sample_rate_hz}",
                    f"--channels={channels}",
                    f"--device={device.address}",
                    f"--latency-msec={LATENCY_MS}",
                    "--client-name=Tutti",
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        except OSError as error:
            raise TuttiError(
                f"The input '{device.name}' cannot be opened ({error.strerror}): "
                "install pulseaudio-utils, or choose another ('tutti devices')."
            ) from None
        assert self._process.stdout is not None
        self._pipe = self._process.stdout
        _enlarge(self._pipe.fileno())
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)

    def read(self, timeout_s: float) -> Block:
        """The frames that came; none if none came in time."""
        if not self._selector.select(timeout_s):
            return np.zeros((0, self.channels), np.float32)
        data = os.read(self._pipe.fileno(), PIPE_BYTES)
        if not data:
            raise TuttiError(f"The input '{self._name}' broke off: the sound server let go of it.")
        data = self._rest + data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], "<f4").reshape(-1, self.channels)

    def close(self) -> None:
        self._selector.close()
        self._process.kill()
        self._process.wait()
        self._pipe.close()


def _enlarge(pipe: int) -> None:
    """Let the pipe hold more than its usual 64 KiB, where the system allows it."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
