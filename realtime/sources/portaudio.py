"""Sound devices through PortAudio, which speaks to every system's own interface.

PortAudio runs in a child process (``recorder``): inside this one it can only
look for devices anew while nothing plays, hangs with its driver, and was seen to
abort the whole program when a JACK server had died under it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.sources import recorder
from realtime.sources.base import Block
from realtime.sources.child import Child
from realtime.sources.device import Device

LIST_TIMEOUT_S = 5.0
OPEN_TIMEOUT_S = 4.0
LOOPBACK_WORDS = (
    "monitor", "loopback", "stereo mix", "what u hear", "wave out mix",
    "blackhole", "soundflower", "vb-audio", "cable output", "voicemeeter",
)  # fmt: skip


def list_inputs() -> list[Device]:
    """Input devices, as they are now.

    Raises:
        TuttiError: PortAudio is missing, or does not answer.
    """
    try:
        answer = subprocess.run(
            _command("list"), capture_output=True, timeout=LIST_TIMEOUT_S, stdin=subprocess.DEVNULL
        ).stdout
        found = json.loads(answer.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        raise TuttiError(
            "The sound system does not answer when asked for its inputs: "
            "restart the sound server, or unplug the device that hangs."
        ) from None
    if isinstance(found, dict):
        raise _missing()
    return [
        Device(
            name=entry["name"],
            host_api=entry["host_api"],
            channels=entry["channels"],
            sample_rate_hz=entry["sample_rate_hz"],
            is_loopback=any(word in entry["name"].lower() for word in LOOPBACK_WORDS),
            is_default=entry["is_default"],
            address=entry["name"],
        )
        for entry in found
    ]


class PortAudioStream:
    """An open input.

    Raises:
        TuttiError: it cannot be opened, or (from ``read``) it broke off.
    """

    def __init__(
        self,
        name: str,
        host_api: str,
        channels: int,
        sample_rate_hz: int = 0,
        block_frames: int = 0,
    ) -> None:
        self._name = name
        self._received = b""
        self.overflows = 0
        try:
            numbers = map(str, (channels, sample_rate_hz, block_frames))
            self._child = Child(_command("record", name, host_api, *numbers))
        except OSError as error:
            raise TuttiError(f"The input '{name}' cannot be opened ({error.strerror}).") from None
        try:
            about = self._about()
        except BaseException:
            self._child.close()
            raise
        self.sample_rate_hz: int = about["sample_rate_hz"]
        self.channels: int = about["channels"]

    def _about(self) -> dict[str, Any]:
        until_s = time.monotonic() + OPEN_TIMEOUT_S
        while b"\n" not in self._received:
            data = self._child.read(max(0.0, until_s - time.monotonic()))
            if not data:
                raise TuttiError(
                    f"The input '{self._name}' cannot be opened (its driver "
                    f"{'crashed' if data is None else 'does not answer'}): "
                    "unplug it or restart the sound server, and try again."
                )
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        about = json.loads(line)
        if about.get("kind") == "missing":
            raise _missing()
        if "error" in about:
            raise TuttiError(
                f"The input '{self._name}' cannot be opened ({about['error']}): "
                "close what else uses it, or choose another ('tutti devices')."
            )
        return about

    def read(self, timeout_s: float) -> Block:
        """The frames that came; none if none came in time."""
        data = self._child.read(timeout_s)
        if data is None:
            raise TuttiError(f"The input '{self._name}' broke off.")
        self._received += data
        frames, at = [], 0
        while len(self._received) - at >= recorder.HEADER.size:
            size, overflows = recorder.HEADER.unpack_from(self._received, at)
            end = at + recorder.HEADER.size + size
            if end > len(self._received):
                break
            frames.append(self._received[at + recorder.HEADER.size : end])
            self.overflows = overflows
            at = end
        self._received = self._received[at:]
        return np.frombuffer(b"".join(frames), np.float32).reshape(-1, self.channels)

    def close(self) -> None:
        self._child.close()


def _command(*arguments: str) -> list[str]:
    # -P: the modules beside the recorder must not pass for others.
    return [sys.executable, "-P", recorder.__file__, *arguments]


def _missing() -> TuttiError:
    how = {
        "linux": "install it with 'sudo apt install libportaudio2'",
        "darwin": "install it with 'brew install portaudio'",
    }.get(sys.platform, "install the sounddevice package again")
    return TuttiError(
        f"PortAudio, which reads sound devices, is missing: {how}; files work without it."
    )
