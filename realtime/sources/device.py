"""Input devices: what there is, and a source that reads one and finds it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from realtime.errors import TuttiError
from realtime.sources.base import Block

MAX_CHANNELS = 2
STAYS = "it is waited for, and no other is taken"
"""Said wherever a device is gone that may come back."""


@dataclass(frozen=True)
class Device:
    """A sound device. ``identity`` tells it from all others; ``label`` is for people."""

    name: str
    """Its host API's own name for it: of a PulseAudio source the name, not the description."""
    host_api: str
    channels: int
    sample_rate_hz: int
    """Its own rate."""
    is_loopback: bool
    """It gives what the computer plays."""
    is_default: bool
    description: str = ""
    """What a person calls it, where its host API tells that from its name. Not unique."""
    place: int = 0
    """Which one it is of ``twins`` devices that share a name and host API."""
    twins: int = 1
    title: str = ""
    """What it is called in the list it came from: see ``titled``."""

    @property
    def identity(self) -> tuple[str, str, int]:
        """What stays when it is unplugged and comes back; twins have nothing that does."""
        return self.name, self.host_api, self.place

    @property
    def label(self) -> str:
        """Its title, or without a list what comes nearest."""
        return self.title or self.description or self.name

    @property
    def full_label(self) -> str:
        """Its title and host API; unique in a list, and taken by ``find_device``."""
        return f"{self.label} ({self.host_api})"


class DeviceGone(TuttiError):
    """The device is not there now; it may come back."""

    def __init__(
        self,
        label: str,
        reason: str,
        advice: str = "connect it or start the sound server, or choose another ('tutti devices')",
    ) -> None:
        super().__init__(f"The input '{label}' is not there ({reason}): {advice}.")
        self.reason = reason


def titled(devices: Sequence[Device]) -> list[Device]:
    """The devices with titles: the description, and what tells apart those that are alike."""
    alike = Counter((device.description or device.name, device.host_api) for device in devices)
    found = []
    for device in devices:
        title = device.description or device.name
        if device.twins > 1:
            title += f" [{device.place + 1} of {device.twins}]"
        elif alike[title, device.host_api] > 1:
            title += f" [{device.name}]"
        found.append(replace(device, title=title))
    return found


def list_devices() -> list[Device]:
    """Input devices as they are now, those of a running sound server first.

    Where JACK runs, ports of our own are the last; senders of ReaStream are in no list.

    Raises:
        TuttiError: PortAudio is missing, and no sound server runs either.
    """
    from realtime.sources import jack_ports, portaudio, pulse

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
    return titled(served + others + jack_ports.list_inputs(others))


def find_device(wanted: str | None, devices: Sequence[Device], kind: str = "input") -> Device:
    """The device of that full label, name, title or description, else one that holds it.

    ``wanted``: case matters only where more than a part is given; None is the
    default device. ``kind``: "input" or "output", for what is said.

    Raises:
        TuttiError: there is none, or several fit: they are listed, and none is taken.
    """
    if not devices:
        raise no_device(kind)
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    part = wanted.lower()
    for fitting in (
        [device for device in devices if wanted == device.full_label],
        [device for device in devices if wanted == device.name],
        [device for device in devices if wanted in (device.label, device.description)],
        [d for d in devices if part in d.full_label.lower() or part in d.name.lower()],
    ):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise _several(wanted, fitting, kind)
    raise TuttiError(
        f"There is no {kind} device '{wanted}': give one of {_listed(devices)}, or a part of it."
    )


def find_known(name: str, host_api: str, devices: Sequence[Device]) -> Device:
    """The input that was chosen before, by what was kept of it: never another one.

    Earlier versions kept a PulseAudio source's description in place of its name.

    Raises:
        TuttiError: it is not there, or what was kept fits several.
    """
    of_api = [device for device in devices if device.host_api == host_api]
    for fitting in (
        [device for device in of_api if device.name == name],
        [device for device in of_api if device.description == name],
    ):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise _several(name, fitting, "input")
    raise TuttiError(
        f"The input '{name}' ({host_api}) is not there: connect it, or choose another; "
        "no other is taken unasked."
    )


def goes_by_name(host_api: str) -> bool:
    """Whether an input is known by its name alone, in a list or not, and brings its own rate."""
    from realtime.sources import jack_ports, reastream

    return reastream.sends(host_api) or host_api == jack_ports.HOST_API


def known_device(name: str, host_api: str) -> Device:
    """As ``find_known``, of what there is now; what goes by name alone need not be there.

    Raises:
        TuttiError: it is not there, or what was kept fits several.
    """
    if goes_by_name(host_api):
        return Device(name, host_api, 0, 0, False, False)
    return find_known(name, host_api, list_devices())


def no_device(kind: str = "input") -> TuttiError:
    """What is said where there is no device at all."""
    return TuttiError(
        f"There is no sound {kind} here: connect one, or start the sound server, and try again."
    )


def cannot_open(device: str, reason: object, kind: str = "input") -> TuttiError:
    """What is said of a device that is there and does not open."""
    return TuttiError(
        f"The {kind} '{device}' cannot be opened ({reason}): "
        "close what else uses it, or choose another device or rate."
    )


def _several(wanted: str, fitting: Sequence[Device], kind: str) -> TuttiError:
    return TuttiError(
        f"'{wanted}' fits {len(fitting)} {kind} devices, and none is taken: "
        f"give one of {_listed(fitting)}."
    )


def _listed(devices: Sequence[Device]) -> str:
    return ", ".join(f"'{device.full_label}'" for device in devices)


class _Stream(Protocol):
    sample_rate_hz: int
    channels: int

    @property
    def overflows(self) -> int: ...
    def read(self, timeout_s: float) -> Block: ...
    def close(self) -> None: ...


_Opener = Callable[[Device, int, int, int, bool], _Stream]


def _opener(host_api: str) -> _Opener:
    """What opens an input of that host API."""
    from realtime.sources import jack_ports, portaudio, pulse, reastream

    if host_api == jack_ports.HOST_API:
        return jack_ports.JackPorts
    if host_api == pulse.HOST_API:
        return pulse.PulseStream
    if reastream.sends(host_api):
        return reastream.ReaStream
    return portaudio.PortAudioStream


class DeviceSource:
    """Reads an input device, at its own sample rate unless asked otherwise.

    ``device``: a ``Device``, a name or part of one, or None for the default.
    ``channels``: read as many as the device has, at most this many.
    ``sample_rate_hz``: ask the system for this rate; 0 is the device's own, which costs nothing.
    ``block_frames``: ask for blocks of this size; 0 is the system's own choice, the calmest.
    Opened again, it looks for the same device, wherever it is now, and takes no
    other instead. The default is followed: when the system's choice changes,
    reading fails and opening takes the new one, of the sound server or the sound
    system it began with.
    """

    live = True

    def __init__(
        self,
        device: Device | str | None = None,
        channels: int = MAX_CHANNELS,
        sample_rate_hz: int = 0,
        block_frames: int = 0,
    ) -> None:
        self._device = device if isinstance(device, Device) else None
        self._wanted = device if isinstance(device, str) else None
        self._follows = device is None
        self._was_open = False
        self._max_channels = channels
        self._asked_rate_hz = sample_rate_hz
        self._block_frames = block_frames
        self._stream: _Stream | None = None
        self.name = self._device.label if self._device else self._wanted or "default input"
        self.sample_rate_hz = 0
        self.channels = 0

    @property
    def overflows(self) -> int:
        return self._stream.overflows if self._stream else 0

    def open(self) -> None:
        if self._device is None:
            self._device = find_device(self._wanted, list_devices())
        elif self._follows:
            self._device = find_device(None, self._offered())
        device = self._device
        self.name = device.label
        if device.twins > 1 and self._was_open and not self._follows:
            raise TuttiError(
                f"One of {device.twins} inputs called '{device.name}' was away, and nothing tells "
                "them apart: choose it again."
            )
        self._stream = self._opened(device)
        self._was_open = True
        self.sample_rate_hz, self.channels = self._stream.sample_rate_hz, self._stream.channels

    def _offered(self) -> list[Device]:
        """What there is where the default was found first: no way around a server that is away."""
        from realtime.sources import portaudio, pulse

        assert self._device is not None
        if self._device.host_api != pulse.HOST_API:
            return titled(portaudio.list_inputs())
        served = titled(pulse.list_inputs())
        if not served:
            raise TuttiError(f"The sound server of the input '{self.name}' is gone: {STAYS}.")
        return served

    def _opened(self, device: Device) -> _Stream:
        try:
            return _opener(device.host_api)(
                device, self._max_channels, self._asked_rate_hz, self._block_frames, self._follows
            )
        except DeviceGone as error:
            if not self._was_open:
                raise
            raise TuttiError(
                f"The input '{device.label}' is gone ({error.reason}): {STAYS}."
            ) from None

    def renewed(self) -> DeviceSource:
        fresh = DeviceSource(
            self._device or self._wanted,
            self._max_channels,
            self._asked_rate_hz,
            self._block_frames,
        )
        fresh._follows, fresh._was_open, fresh.name = self._follows, self._was_open, self.name
        return fresh

    def read(self, timeout_s: float) -> Block | None:
        if self._stream is None:
            raise ValueError("the device is not open")
        return self._stream.read(timeout_s)

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
