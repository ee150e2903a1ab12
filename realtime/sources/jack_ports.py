"""Ports of Tutti's own in JACK's patch bay, or PipeWire's: what is connected to them is heard."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace

from realtime.errors import TuttiError
from realtime.sources import jack_recorder
from realtime.sources.child import module_command
from realtime.sources.device import Device
from realtime.sources.recorded import Recorded

HOST_API = "JACK ports"
CLIENT = "Tutti"
NAME_BYTES = 24
"""JACK 1 gives a client's name 32."""


def device(name: str) -> Device:
    """The strip of that name, as an input; the empty name is the one without a name.

    Raises:
        TuttiError: JACK has no room for the name.
    """
    if len(name.encode()) > NAME_BYTES or ":" in name or not name.isprintable():
        raise TuttiError(
            f"'{name}' cannot be a name in JACK's patch bay: give at most {NAME_BYTES} bytes "
            "without ':'."
        )
    return Device(
        name=f"{CLIENT} {name}".rstrip(),
        host_api=HOST_API,
        channels=2,
        sample_rate_hz=0,
        is_loopback=False,
        is_default=False,
    )


def list_inputs(others: Sequence[Device]) -> list[Device]:
    """The strip without a name, where PortAudio sees a JACK server among ``others``."""
    served = next((one for one in others if one.host_api.startswith("JACK")), None)
    if served is None or importlib.util.find_spec("jack") is None:
        return []
    return [replace(device(""), sample_rate_hz=served.sample_rate_hz)]


class JackPorts(Recorded):
    """A client of JACK with ``channels`` ports, reconnected to what they were connected to.

    Raises:
        TuttiError: there is no JACK, no server, or (from ``read``) the server ended.
    """

    def __init__(
        self,
        device: Device,
        channels: int,
        sample_rate_hz: int = 0,
        block_frames: int = 0,
        follows: bool = False,
    ) -> None:
        command = module_command(jack_recorder.__name__, device.name, str(channels))
        super().__init__(device.label, command, missing())


def missing() -> TuttiError:
    """What is said where the package or the library is not installed."""
    return TuttiError(
        "JACK's ports need the package JACK-Client and the JACK library: install them "
        "(pip install 'tutti-meter[jack]'; Debian: apt install libjack-jackd2-0, or pipewire-jack)."
    )
