"""Sends sound as the ReaStream plug-in does, to whoever receives: REAPER, or Tutti itself."""

from __future__ import annotations

import socket

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources.reastream_packet import NAME_BYTES, PORT, packets

SENT_BYTES = 1 << 20
"""Room in the system for what waits to leave."""


class ReaStreamSender:
    """Sends blocks under one identifier; what cannot leave at once is dropped and counted.

    Raises:
        TuttiError: the identifier does not fit a packet, or the address cannot be sent to.
    """

    def __init__(self, name: str, host: str = "127.0.0.1", port: int = PORT) -> None:
        if not 0 < len(name.encode()) <= NAME_BYTES or "\0" in name:
            raise TuttiError(
                f"'{name}' cannot be an identifier of ReaStream: give 1 to {NAME_BYTES} bytes."
            )
        self._name, self._target = name, (host, port)
        self.dropped = 0
        """Packets that the system did not take."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_BYTES)
        self._socket.setblocking(False)

    def send(self, block: NDArray[np.float32], sample_rate_hz: int) -> None:
        """Send a block (frames, channels); never waits."""
        for packet in packets(self._name, block, sample_rate_hz):
            try:
                self._socket.sendto(packet, self._target)
            except OSError:  # nobody there, no way there, or no room now
                self.dropped += 1

    def close(self) -> None:
        self._socket.close()
