"""Sound devices through PortAudio, which speaks to every system's own interface."""

from __future__ import annotations

import sys
import threading
import time
from types import ModuleType
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.sources.base import Block
from realtime.sources.device import Device

BLOCK_S = 0.05
LATENCY_S = 0.4
"""Asked of the system: what it buffers for us while other threads hold the interpreter.

JACK with 0.2 s lost sound in a hold of 0.6 s, and said nothing; ALSA delivers in quarters of it.
"""
LOOPBACK_WORDS = (
    "monitor", "loopback", "stereo mix", "what u hear", "wave out mix",
    "blackhole", "soundflower", "vb-audio", "cable output", "voicemeeter",
)  # fmt: skip

_lock = threading.Lock()
_open_streams = 0


def load() -> ModuleType:
    """The sounddevice module.

    Raises:
        TuttiError: PortAudio is missing; the text says how to get it.
    """
    try:
        import sounddevice
    except OSError:
        how = {
            "linux": "install it with 'sudo apt install libportaudio2'",
            "darwin": "install it with 'brew install portaudio'",
        }.get(sys.platform, "install the sounddevice package again")
        raise TuttiError(
            f"PortAudio, which reads sound devices, is missing: {how}; files work without it."
        ) from None
    return sounddevice


def list_inputs() -> list[Device]:
    """Input devices, as they are now; as they were before, while a stream is open.

    PortAudio looks for devices only when it starts, and must not be restarted
    under an open stream.

    Raises:
        TuttiError: PortAudio is missing.
    """
    sounddevice = load()
    with _lock:
        if not _open_streams:
            sounddevice._terminate()
            sounddevice._initialize()
        apis = sounddevice.query_hostapis()
        default = sounddevice.default.device[0]
        if default < 0:
            defaults = (api["default_input_device"] for api in apis)
            default = next((index for index in defaults if index >= 0), -1)
        return [
            Device(
                name=entry["name"],
                host_api=apis[entry["hostapi"]]["name"],
                channels=entry["max_input_channels"],
                sample_rate_hz=round(entry["default_samplerate"]),
                is_loopback=any(word in entry["name"].lower() for word in LOOPBACK_WORDS),
                is_default=entry["index"] == default,
                address=entry["index"],
            )
            for entry in sounddevice.query_devices()
            if entry["max_input_channels"] > 0
        ]


class PortAudioStream:
    """An open input.

    Raises:
        TuttiError: it cannot be opened, or (from ``read``) it broke off.
    """

    def __init__(self, device: Device, channels: int) -> None:
        global _open_streams
        sounddevice = load()
        self._name = device.name
        self._error_type = sounddevice.PortAudioError
        self.channels = channels
        with _lock:
            try:
                self._stream: Any = sounddevice.InputStream(
                    samplerate=device.sample_rate_hz,
                    device=device.address,
                    channels=channels,
                    dtype="float32",
                    latency=LATENCY_S,
                )
                self._stream.start()
            except sounddevice.PortAudioError as error:
                raise TuttiError(
                    f"The input '{device.name}' cannot be opened ({_reason(error)}): "
                    "close what else uses it, or choose another ('tutti devices')."
                ) from None
            _open_streams += 1
        self.sample_rate_hz = round(self._stream.samplerate)
        self._block_frames = max(1, round(BLOCK_S * self.sample_rate_hz))
        self.overflows = 0

    def read(self, timeout_s: float) -> Block:
        """The next frames, 50 ms or more; none if they did not come in time."""
        until_s = time.monotonic() + timeout_s
        try:
            # Asking first keeps a device that went silent from holding this thread for ever.
            while (available := self._stream.read_available) < self._block_frames:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return np.zeros((0, self.channels), np.float32)
                lacking_s = (self._block_frames - available) / self.sample_rate_hz
                time.sleep(min(left_s, max(0.002, lacking_s)))
            block, overflowed = self._stream.read(available)
        except self._error_type as error:
            raise TuttiError(f"The input '{self._name}' broke off ({_reason(error)}).") from None
        self.overflows += bool(overflowed)
        return block

    def close(self) -> None:
        global _open_streams
        try:
            self._stream.close()
        finally:
            with _lock:
                _open_streams -= 1


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else repr(error)
