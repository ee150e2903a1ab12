"""OSC 1.0 over UDP: one bundle a window.

``/tutti/instrument/NAME`` and ``/tutti/family/NAME`` f (0 to 1), ``/tutti/polyphony`` f,
``/tutti/polyphony/count`` i, ``/tutti/level`` f (dBFS RMS). Where several sounds are heard,
their name comes first: ``/tutti/before/level``.
"""

from __future__ import annotations

import re
import socket

import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from realtime.errors import TuttiError
from realtime.live_outputs.address import Address, parse_address
from realtime.live_outputs.output import Setting
from realtime.postprocess import Tags
from realtime.spec import ModelSpec


def open_output(where: str, setting: Setting) -> OscOutput:
    """Send to HOST:PORT.

    Raises:
        TuttiError: that is no address, or no way leads there.
    """
    return OscOutput(parse_address(where, "--osc"), setting.spec)


class OscOutput:
    """A connected socket, so that the system tells when nobody listens."""

    def __init__(self, address: Address, spec: ModelSpec) -> None:
        self.where = f"OSC to {address}"
        self._spec = spec
        family, number = address.found(socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.connect(number)
        except OSError as error:
            self._socket.close()
            raise TuttiError(
                f"{address} cannot be reached for OSC ({error.strerror}): check the address and "
                "the network."
            ) from None

    def send(self, name: str, tags: Tags) -> None:
        datagram = bundle(name, tags, self._spec)
        try:
            self._socket.send(datagram)
        except ConnectionRefusedError:
            # That was said of the one before, and this one has not left. Whoever is back gets it.
            self._socket.send(datagram)
            raise

    def close(self) -> None:
        self._socket.close()


def bundle(name: str, tags: Tags, spec: ModelSpec) -> bytes:
    """One window as an OSC bundle, to be acted on at once."""
    root = f"/tutti/{_part(name)}" if name else "/tutti"
    values: list[tuple[str, float]] = [
        *_named("instrument", spec.instruments, tags.instruments),
        *_named("family", spec.families, tags.families),
        ("polyphony", tags.polyphony_expected),
        ("polyphony/count", round(tags.polyphony_expected)),
        ("level", tags.level.rms_dbfs),
    ]
    builder = OscBundleBuilder(IMMEDIATELY)
    for address, value in values:
        message = OscMessageBuilder(f"{root}/{address}")
        message.add_arg(value, "i" if isinstance(value, int) else "f")
        builder.add_content(message.build())
    datagram: bytes = builder.build().dgram
    return datagram


def _named(
    kind: str, labels: tuple[str, ...], values: NDArray[np.float32]
) -> list[tuple[str, float]]:
    pairs = zip(labels, values.tolist(), strict=True)
    return [(f"{kind}/{label}", value) for label, value in pairs]


def _part(name: str) -> str:
    """A name as a part of an address, where OSC keeps some characters for itself."""
    return re.sub(r"[^\x21-\x7e]|[#*,/?\[\]{}]", "_", name)
