"""Sound devices through PortAudio: what there is, and a source that reads one."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.sources.base import Block

BLOCK_S = 0.05
LATENCY_S = 0.2
"""Asked of the system: what it buffers for us while other threads hold the interpreter."""
LOOPBACK_WORDS = (
    "monitor", "loopback", "stereo mix", "what u hear", "wave out mix",
    "blackhole", "soundflower", "vb-audio", "cable output", "voicemeeter",
)  # fmt: skip

_portaudio = threading.Lock()
_open_streams = 0


@dataclass(frozen=True)
class Device:
    """An input device. ``name`` and ``host_api`` identify it: indices move when it is replugged."""

    name: str
    host_api: str
    channels: int
    sample_rate_hz: int
    is_loopback: bool
    is_default: bool
    index: int

    @property
    def identity(self) -> tuple[str, str]:
        return self.name, self.host_api


def list_devices() -> list[Device]:
    """Input devices, as they are now.

    While a stream of this process is open the list is the one from before it
    was opened: PortAudio looks anew only when it is started anew.

    Raises:
        TuttiError: PortAudio is missing.
    """
    sounddevice = load_portaudio()
    with _portaudio:
        if not _open_streams:
            sounddevice._terminate()
            sounddevice._initialize()
        return _enumerate(sounddevice)


def load_portaudio() -> ModuleType:
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


def find_device(wanted: str | None, devices: list[Device], host_api: str | None = None) -> Device:
    """The device of that name (exactly, else a part of it, case ignored); None is the default.

    Raises:
        TuttiError: there is none, or the name fits several.
    """
    if not devices:
        raise TuttiError(
            "There is no sound input here: connect one, or start the sound server, and try again."
        )
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    fitting = [device for device in devices if host_api in (None, device.host_api)]
    exact = [device for device in fitting if device.name == wanted]
    part = [device for device in fitting if wanted.lower() in device.name.lower()]
    found = exact or part
    if not found:
        raise TuttiError(
            f"There is no input device '{wanted}': 'tutti devices' lists what there is."
        )
    return next((device for device in found if device.is_default), found[0])


def _enumerate(sounddevice: Any) -> list[Device]:
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
            index=entry["index"],
        )
        for entry in sounddevice.query_devices()
        if entry["max_input_channels"] > 0
    ]


class DeviceSource:
    """Reads a sound device; finds it again by name and host API after it was gone.

    ``device``: a ``Device``, a name or part of one, or None for the system's default.
    ``channels``: how many to read; as many as there are, at most this.
    """

    live = True

    def __init__(self, device: Device | str | None = None, channels: int = 2) -> None:
        if isinstance(device, Device):
            self._wanted: str | None = device.name
            self._host_api: str | None = device.host_api
        else:
            self._wanted, self._host_api = device, None
        self._max_channels = channels
        self.name = self._wanted or "default input"
        self.sample_rate_hz = 0
        self.channels = 0
        self.overflows = 0
        self._stream: Any = None

    def open(self) -> None:
        global _open_streams
        device = find_device(self._wanted, list_devices(), self._host_api)
        sounddevice = load_portaudio()
        with _portaudio:
            channels = min(device.channels, self._max_channels)
            try:
                stream = sounddevice.InputStream(
                    samplerate=device.sample_rate_hz,
                    blocksize=0,
                    device=device.index,
                    channels=channels,
                    dtype="float32",
                    latency=LATENCY_S,
                )
                stream.start()
            except sounddevice.PortAudioError as error:
                raise TuttiError(
                    f"The input '{device.name}' cannot be opened ({_reason(error)}): "
                    "close what else uses it, or choose another ('tutti devices')."
                ) from None
            _open_streams += 1
        self.name, self.sample_rate_hz, self.channels = (
            device.name, int(stream.samplerate), channels,
        )  # fmt: skip
        self.overflows = 0
        self._block_frames = max(1, round(BLOCK_S * self.sample_rate_hz))
        self._error_type = sounddevice.PortAudioError
        self._stream = stream

    def read(self, timeout_s: float) -> Block | None:
        stream, until_s = self._stream, time.monotonic() + timeout_s
        try:
            # Asking first keeps a device that went silent from holding this thread for ever.
            while (available := stream.read_available) < self._block_frames:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return np.zeros((0, self.channels), np.float32)
                lacking_s = (self._block_frames - available) / self.sample_rate_hz
                time.sleep(min(left_s, max(0.002, lacking_s)))
            block, overflowed = stream.read(available)
        except self._error_type as error:
            raise TuttiError(f"The input '{self.name}' broke off ({_reason(error)}).") from None
        self.overflows += bool(overflowed)
        return block

    def close(self) -> None:
        global _open_streams
        stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            stream.close()
        finally:
            with _portaudio:
                _open_streams -= 1


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else repr(error)
