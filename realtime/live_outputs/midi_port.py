"""A program of its own that holds one MIDI port open, run by ``midi.py``.

``midi_port.py PORT``: prints ``{"port": NAME}`` and sends what comes on stdin, or prints
``{"ports": [...]}``, all there are, where PORT is none of them or several. PORT is a name, or
a part of one. On stdin come packets: a byte with their number of messages, and three bytes a
message. Each is answered with a byte once it is sent. MIDI drivers and servers may hang, abort
and complain: then it is this process that does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

CLIENT = "Tutti"
SENT = b"."


def main(arguments: Sequence[str]) -> int:
    """Find the port, and send until stdin ends."""
    import rtmidi

    (wanted,) = arguments
    found: list[tuple[str, Any, int]] = []
    for api in rtmidi.get_compiled_api():
        try:
            out = rtmidi.MidiOut(api, name=CLIENT)
            found += [(name, out, number) for number, name in enumerate(out.get_ports())]
        except Exception:
            continue  # a sound system that does not run here
    chosen = choose(wanted, [name for name, _, _ in found])
    if chosen is None:
        print(json.dumps({"ports": [name for name, _, _ in found]}), flush=True)
        return 0
    name, out, number = found[chosen]
    found.clear()  # what else was asked lets go of its sound system
    out.open_port(number, name=CLIENT)
    print(json.dumps({"port": name}), flush=True)
    while head := sys.stdin.buffer.read(1):
        packet = sys.stdin.buffer.read(3 * head[0])
        for at in range(0, len(packet), 3):
            out.send_message(packet[at : at + 3])
        os.write(1, SENT)
    out.close_port()
    return 0


def choose(wanted: str, names: Sequence[str]) -> int | None:
    """Which of the names is meant: the very name, or the only one that it is a part of."""
    if wanted in names:
        return names.index(wanted)
    parts = [i for i, name in enumerate(names) if wanted.lower() in name.lower()]
    return parts[0] if len(parts) == 1 else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
