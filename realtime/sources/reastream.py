"""A track of a DAW, heard through ReaStream: its plug-in sends it, no loopback is needed."""

from __future__ import annotations

import ipaddress
import time

import numpy as np

from realtime.errors import TuttiError
from realtime.sources.base import Block
from realtime.sources.device import STAYS, Device, DeviceGone
from realtime.sources.reastream_packet import PORT, shown
from realtime.sources.reastream_receiver import LOOPBACK, Arrival, Listener, hold, release

HOST_API = "ReaStream"
FIRST_S = 3.5
"""How long a sender is waited for when its stream is opened."""
TWINS_S = 0.3
"""Listened on after the first packet: a second sender of the name would be heard by then."""
LEAD_S, DRIFT = 3.0, 1.25
"""More sound than time, beyond what waited in buffers: two senders in one, or a render."""


def parse_address(text: str) -> tuple[str, int]:
    """``127.0.0.1`` or ``0.0.0.0:58710``: where to receive. No names: none is looked up.

    Raises:
        ValueError: it is neither.
    """
    host, _, port = text.partition(":")
    number = int(port) if port else PORT
    if not 0 < number < 65_536:
        raise ValueError(text)
    return str(ipaddress.IPv4Address(host)), number


def device(name: str, host: str = LOOPBACK, port: int = PORT) -> Device:
    """The sender of that identifier as an input; what it sends, opening it tells."""
    is_usual = (host, port) == (LOOPBACK, PORT)
    return Device(
        name=shown(name.encode("utf-8", "surrogateescape")),
        host_api=HOST_API if is_usual else f"{HOST_API} {host}:{port}",
        channels=0,
        sample_rate_hz=0,
        is_loopback=False,
        is_default=False,
    )


def sends(host_api: str) -> bool:
    """Whether a device of that host API is a sender of ReaStream."""
    return host_api.partition(" ")[0] == HOST_API


class ReaStream:
    """A stream of the sender of that name, at its own rate.

    Raises:
        DeviceGone: nobody sends under that name.
        TuttiError: two do, the port cannot be had, or (from ``read``) it broke off.
    """

    def __init__(
        self,
        device: Device,
        channels: int,
        sample_rate_hz: int = 0,
        block_frames: int = 0,
        follows: bool = False,
    ) -> None:
        self._name = device.name
        _, _, where = device.host_api.partition(" ")
        self._receiver = hold(*parse_address(where or LOOPBACK))
        self._listener: Listener | None = self._receiver.listen(self._name)
        try:
            self._waiting = self._first()
        except BaseException:
            self.close()
            raise
        first = self._waiting[0]
        self._address, self._format = first.address, first.packet.format
        self._lead_s, self._arrived_s = 0.0, first.arrived_s
        self.sample_rate_hz = first.packet.sample_rate_hz
        self.channels = min(channels, first.packet.channels)

    def _first(self) -> list[Arrival]:
        """What came until a while after the first packet."""
        assert self._listener is not None
        came = self._listener.fetch(FIRST_S)
        if not came:
            raise self._gone()
        until_s = time.monotonic() + TWINS_S
        while (left_s := until_s - time.monotonic()) > 0:
            came += self._listener.fetch(left_s)
        addresses = sorted({arrival.address for arrival in came})
        if len(addresses) > 1:
            raise TuttiError(
                f"{len(addresses)} ReaStreams send as '{self._name}' ({', '.join(addresses)}), "
                "and none is taken: give one of them another identifier."
            )
        return came

    def _gone(self) -> DeviceGone:
        others = sorted({sender.name for sender in self._receiver.senders()})
        listed = ", ".join(f"'{name}'" for name in others) or "none"
        return DeviceGone(
            self._name,
            f"no ReaStream sends under that name to {self._receiver.where}; senders heard: "
            f"{listed}",
            "set the plug-in on a track to send, with this identifier and to that address, and "
            "let the DAW run",
        )

    @property
    def overflows(self) -> int:
        return self._listener.damaged if self._listener else 0

    def read(self, timeout_s: float) -> Block:
        """The frames that came; none if none came in time.

        Raises:
            TuttiError: the sender changed its rate or channels, two send as one, or the
                receiver ended.
        """
        assert self._listener is not None
        arrivals = self._waiting or self._listener.fetch(timeout_s)
        self._waiting = []
        blocks = [np.zeros((0, self.channels), np.float32)]
        for number, arrival in enumerate(arrivals):
            if arrival.address != self._address:
                continue  # a second sender of the name: what it sends is not mixed in
            if arrival.packet.format != self._format:
                if number:  # first what came before
                    self._waiting = arrivals[number:]
                    break
                raise TuttiError(
                    f"'{self._name}' changed from {_told(self._format)} to "
                    f"{_told(arrival.packet.format)}: it is opened again."
                )
            self._watch_pace(arrival)
            blocks.append(arrival.packet.block[:, : self.channels])
        return np.concatenate(blocks)

    def _watch_pace(self, arrival: Arrival) -> None:
        passed_s, self._arrived_s = arrival.arrived_s - self._arrived_s, arrival.arrived_s
        sound_s = arrival.packet.frames / self.sample_rate_hz
        self._lead_s = max(0.0, self._lead_s + sound_s - DRIFT * passed_s)
        if self._lead_s > LEAD_S:
            raise TuttiError(
                f"'{self._name}' sends more sound than time passes: two ReaStreams have that "
                f"identifier, or the DAW renders; {STAYS}."
            )

    def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._receiver.leave(listener)
            release(self._receiver)


def _told(form: tuple[int, int]) -> str:
    channels, rate_hz = form
    return f"{channels} channel{'s' if channels > 1 else ''} at {rate_hz} Hz"
