"""The program that reads a UDP port, run as a child process; see ``reastream``.

``python -m realtime.sources.datagrams HOST PORT`` prints one line of JSON, ``{"port": N}``
or ``{"error": TEXT}``, then the recorder's messages (``recorder.HEADER``), each with
datagrams that came: arrival (monotonic s), lengths of the sender's address and of the
datagram (``ARRIVED``), then both. It ends when its stdin does.

A process of its own, as for devices: the system's own buffer holds half a second of stereo,
or 15 ms of 64 channels, and Tutti may hold still for longer.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time

from realtime.sources import recorder

ARRIVED = struct.Struct("<dHH")
MAX_BYTES = 65_536
BUFFER_BYTES = 1 << 20
"""Asked of the system for what waits to be read; Linux grants a fifth."""
PAUSE_S = 0.01
"""Between two looks: a wake-up for each of some 320 packets a second would cost."""
PASS_ON_S = 0.05
HELD_BYTES = 32 << 20
"""What waits here while Tutti holds still: over a minute of stereo at 48 kHz."""


def main(host: str, port: int) -> None:
    try:
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        receiver.bind((host, port))
    except OSError as error:
        recorder.fail(error.strerror or str(error), "refused")
    print(json.dumps({"port": receiver.getsockname()[1]}), flush=True)
    threading.Thread(target=recorder.end_with_parent, daemon=True).start()
    outbox = recorder.Outbox(HELD_BYTES)
    threading.Thread(target=outbox.deliver, daemon=True).start()
    while True:
        batch = _batch(receiver)
        outbox.put(batch, len(batch), 0)


def _batch(receiver: socket.socket) -> bytes:
    """What comes within ``PASS_ON_S`` of the next datagram, which is waited for."""
    came = []
    receiver.setblocking(True)
    until_s = None
    while until_s is None or time.monotonic() < until_s:
        try:
            datagram, (host, port) = receiver.recvfrom(MAX_BYTES)
        except OSError:  # nothing more now; or, on Windows, word of an answer that found nobody
            time.sleep(PAUSE_S)
            continue
        now_s = time.monotonic()
        address = f"{host}:{port}".encode()
        came.append(ARRIVED.pack(now_s, len(address), len(datagram)) + address + datagram)
        if until_s is None:
            until_s = now_s + PASS_ON_S
            receiver.setblocking(False)
    return b"".join(came)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
