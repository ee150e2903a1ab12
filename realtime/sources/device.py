"""Input devices: what there is, and a source that reads one and finds it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from realtime.errors import TuttiError
from realtime.sources.base import Block

MAX_CHANNELS = 2


@dataclass(frozen=True)
class Device:
    """An input device. ``name`` and ``host_api`` identify it; see ``identity``."""

    name: str
    host_api: str
    channels: int
    sample_rate_hz: int
    """Its own rate."""
    is_loopback: bool
    """It gives what the computer plays."""
    is_default: bool
    address: str
    """How its host API calls it."""

    @property
    def identity(self) -> tuple[str, str]:
        """What stays when it is unplugged and comes back."""
        return self.name, self.host_api


def list_devices() -> list[Device]:
    """Input devices as they are now, those of a running sound server first.

    Raises:
        TuttiError: PortAudio is missing, and no sound server runs either.
    """
    from realtime.sources import portaudio, pulse

    served = pulse.list_inputs()
    try:
        others = portaudio.list_inputs()
    except TuttiError:
        if not served:
            raise
        others = []
    if served:
        # PortAudio's default is the same input again, by way of the server.
        others = [replace(device, is_default=False) for device in others]
    return served + others


def find_device(wanted: str | None, devices: list[Device]) -> Device:
    """The device of that name, else one whose name holds it (case ignored).

    None is the default device. Of several that fit, the default one or the first.

    Raises:
        TuttiError: there is none.
    """
    if not devices:
        raise TuttiError(
            "There is no sound input here: connect one, or start the sound server, and try again."
        )
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    exact = [device for device in devices if wanted in (device.name, device.address)]
    part = [device for device in devices if wanted.lower() in device.name.lower()]
    found = exact or part
    if not found:
        raise TuttiError(f"There is no input device '{wanted}': 'tutti devices' lists them.")
    return next((device for device in found if device.is_default), found[0])


class _Stream(Protocol):
    sample_rate_hz: int
    channels: int
    overflows: int

    def read(self, timeout_s: float) -> Block: ...
    def close(self) -> None: ...


class DeviceSource:
    """Reads an input device, at its own sample rate unless asked otherwise.

    ``device``: a ``Device``, a name or part of one, or None for what is the default then.
    ``channels``: read as many as the device has, at most this many.
    ``sample_rate_hz``: ask the system for this rate; 0 is the device's own, which costs nothing.
    ``block_frames``: ask for blocks of this size; 0 is the system's own choice, the calmest.
    Opened again, it looks for the same name and host API, wherever it is now,
    and takes no other device instead.
    """

    live = True

    def __init__(
        self,
        device: Device | str | None = None,
        channels: int = MAX_CHANNELS,
        sample_rate_hz: int = 0,
        block_frames: int = 0,
    ) -> None:
        self._wanted: str | None
        self._host_api: str | None
        self._wanted, self._host_api = (
            device.identity if isinstance(device, Device) else (device, None)
        )
        self._max_channels = channels
        self._asked_rate_hz = sample_rate_hz
        self._block_frames = block_frames
        self._stream: _Stream | None = None
        self.name = self._wanted or "default input"
        self.sample_rate_hz = 0
        self.channels = 0

    @property
    def overflows(self) -> int:
        return self._stream.overflows if self._stream else 0

    def open(self) -> None:
        from realtime.sources import portaudio, pulse

        if self._wanted is None or self._host_api is None:
            found = find_device(self._wanted, list_devices())
            self._wanted, self._host_api = found.identity
            self.name = found.name
        if self._host_api == pulse.HOST_API:
            self._stream = pulse.PulseStream(
                self._wanted, self._max_channels, self._asked_rate_hz, self._block_frames
            )
        else:
            self._stream = portaudio.PortAudioStream(
                self._wanted,
                self._host_api,
                self._max_channels,
                self._asked_rate_hz,
                self._block_frames,
            )
        self.sample_rate_hz, self.channels = self._stream.sample_rate_hz, self._stream.channels

    def renewed(self) -> DeviceSource:
        fresh = DeviceSource(
            self._wanted, self._max_channels, self._asked_rate_hz, self._block_frames
        )
        fresh._host_api = self._host_api
        fresh.name = self.name
        return fresh

    def read(self, timeout_s: float) -> Block | None:
        if self._stream is None:
            raise ValueError("the device is not open")
        return self._stream.read(timeout_s)

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
