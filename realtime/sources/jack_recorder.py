"""The program that is a client of JACK, run as a child process; see ``jack_ports``.

``python -m realtime.sources.jack_recorder CLIENT CHANNELS`` registers ports and speaks as
``recorder`` does. What is connected to them it remembers in the user's folder, and connects
again when it is there.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from realtime.folders import folder
from realtime.sources import recorder
from realtime.whole_file import write_whole

RING_S = 2.0
LOOK_S = 0.5
PARTED_LOOKS = 4
"""Somebody took a connection away, if both ports stay so long: a DAW that quits first parts."""
REMEMBERED = "jack.json"


def main(name: str, channels: int) -> None:
    try:
        import jack
    except (ImportError, OSError) as error:
        recorder.fail(str(error), "missing")
    try:
        client = jack.Client(name, no_start_server=True)
    except jack.JackError:
        recorder.fail("no JACK server runs", "gone")
    record(jack, client, name, channels)


def record(jack: Any, client: Any, name: str, channels: int) -> None:
    """Be a client until the server or Tutti ends."""
    ports = [client.inports.register(f"in_{number + 1}") for number in range(channels)]
    rings = [jack.RingBuffer(round(4 * RING_S * client.samplerate)) for _ in ports]
    lost = [0]
    rendering = [False]  # then the server runs faster than time

    def process(frames: int) -> None:
        if rendering[0] or min(ring.write_space for ring in rings) < 4 * frames:
            lost[0] += 1
            return
        for port, ring in zip(ports, rings, strict=True):
            ring.write(port.get_buffer())

    def ran_over(delayed_us: float) -> None:
        lost[0] += 1

    def freewheel(starting: bool) -> None:
        rendering[0] = bool(starting)

    client.set_process_callback(process)
    client.set_xrun_callback(ran_over)
    client.set_freewheel_callback(freewheel)
    client.set_shutdown_callback(lambda status, reason: os._exit(1))
    connections = Connections(client, ports, folder("config") / REMEMBERED, name)
    client.set_port_registration_callback(connections.registered)
    client.activate()
    about = {"sample_rate_hz": client.samplerate, "channels": channels}
    print(json.dumps(about), flush=True)
    threading.Thread(target=recorder.end_with_parent, daemon=True).start()
    outbox = recorder.Outbox(recorder.HELD_S * client.samplerate)
    threading.Thread(target=outbox.deliver, daemon=True).start()
    next_look_s = 0.0
    while True:
        time.sleep(recorder.BLOCK_S)
        _pass_on(rings, outbox, lost[0])
        if time.monotonic() >= next_look_s:
            next_look_s = time.monotonic() + LOOK_S
            with suppress(jack.JackError):  # a port may go while it is looked at
                connections.look()


def _pass_on(rings: Sequence[Any], outbox: recorder.Outbox, lost: int) -> None:
    frames = min(ring.read_space for ring in rings) // 4
    if frames:
        columns = [np.frombuffer(ring.read(4 * frames), np.float32) for ring in rings]
        outbox.put(np.stack(columns, 1).tobytes(), frames, lost)


class Connections:
    """What is connected to the ports, kept in a file under the client's name."""

    def __init__(self, client: Any, ports: Sequence[Any], path: Path, name: str) -> None:
        self._client, self._ports = client, ports
        self._path, self._name = path, name
        kept = _load(path).get(name, {})
        self._wanted = {port.shortname: set(kept.get(port.shortname, ())) for port in ports}
        self._joined: set[tuple[str, str]] = set()
        self._parted: dict[tuple[str, str], int] = {}
        self._appeared: deque[str] = deque(maxlen=10_000)

    def registered(self, port: Any, is_new: bool) -> None:
        """On JACK's thread: a port came or went; a DAW may do both between two looks."""
        if is_new:
            self._appeared.append(port.name)

    def look(self) -> None:
        """Connect what was connected and is there again; remember what a user changed."""
        there = {port.name for port in self._client.get_ports(is_audio=True, is_output=True)}
        while self._appeared:
            name = self._appeared.popleft()
            self._joined = {pair for pair in self._joined if pair[1] != name}
        before = {port: set(names) for port, names in self._wanted.items()}
        for port in self._ports:
            now = {other.name for other in self._client.get_all_connections(port)}
            self._wanted[port.shortname] |= now
            for name in sorted(self._wanted[port.shortname]):
                pair = port.shortname, name
                if name in now:
                    self._joined.add(pair)
                    self._parted.pop(pair, None)
                elif name not in there:
                    self._joined.discard(pair)
                elif pair not in self._joined:
                    self._client.connect(name, port)
                    self._joined.add(pair)
                else:
                    self._parted[pair] = self._parted.get(pair, 0) + 1
                    if self._parted[pair] >= PARTED_LOOKS:
                        self._wanted[port.shortname].discard(name)
                        self._joined.discard(pair)
                        del self._parted[pair]
        if self._wanted != before:
            self._save()

    def _save(self) -> None:
        kept = {port: sorted(names) for port, names in self._wanted.items()}
        with suppress(OSError):  # no room or no home: then nothing is remembered
            self._path.parent.mkdir(parents=True, exist_ok=True)
            document = _load(self._path) | {self._name: kept}
            write_whole(self._path, json.dumps(document, indent=2) + "\n")


def _load(path: Path) -> dict[str, dict[str, list[str]]]:
    """What was kept; nothing, where the file is damaged or missing."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(client): {str(port): [str(name) for name in names] for port, names in kept.items()}
            for client, kept in document.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
