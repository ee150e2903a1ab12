"""A MIDI file with a track for each instrument that is heard: notes as long as it sounds.

Format: Standard MIDI File 1.0, type 1 (RP-001 of the MIDI Association). At 120 beats a minute and
500 ticks a beat, a tick is a millisecond. The pitch says nothing (middle C throughout); the
velocity is the mean probability. Tracks carry the instrument's name and General MIDI program.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from realtime.taxonomy import FAMILY_OF, display_name, gm_programs_for
from realtime.timeline import Timeline

TICKS_A_BEAT = 500
BEAT_US = 500_000
NOTE = 60
DRUM_NOTES = {"drums": 38, "cymbals": 51}
"""General MIDI's snare and ride, on its channel for percussion."""
DRUM_CHANNEL = 9
CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]
_Event = tuple[int, int, bytes]
"""Tick, rank among those of one tick (what ends comes first), bytes."""


def data(timeline: Timeline, markers: Sequence[tuple[float, str]] = ()) -> bytes:
    """The file; a listener's markers (seconds, note) stand in its first track."""
    tempo = _meta(0x51, BEAT_US.to_bytes(3, "big"))
    marked = [(_tick(t), 1, _meta(0x06, _text(note or "Marker"))) for t, note in markers]
    last = _tick(timeline.duration_s)
    tracks = [_track([(0, 0, tempo), *marked], last)]
    notes: dict[str, list[_Event]] = {}
    segments, names = timeline.segments(), timeline.spec.instruments
    heard = sorted({one.instrument for one in segments}, key=names.index)
    melodic = [name for name in heard if name not in DRUM_NOTES]
    for one in segments:
        name = one.instrument
        key = DRUM_NOTES.get(name, NOTE)
        channel = _channel(name, melodic)
        velocity = max(1, min(127, round(127 * one.probability)))
        start, end = _tick(one.start_s), max(_tick(one.end_s), _tick(one.start_s) + 1)
        notes.setdefault(name, []).extend(
            (
                (start, 1, bytes((0x90 | channel, key, velocity))),
                (end, 0, bytes((0x80 | channel, key, 0))),
            )
        )
    for name in heard:
        begin = [(0, 0, _meta(0x03, _text(display_name(name))))]
        programs = gm_programs_for(name) if name in FAMILY_OF else ()
        if programs and name not in DRUM_NOTES:
            begin.append((0, 0, bytes((0xC0 | _channel(name, melodic), programs[0]))))
        tracks.append(_track([*begin, *notes[name]], last))
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), TICKS_A_BEAT)
    return header + b"".join(tracks)


def _channel(name: str, melodic: Sequence[str]) -> int:
    """A channel of its own for each of the first fifteen that are no drums."""
    return DRUM_CHANNEL if name in DRUM_NOTES else CHANNELS[melodic.index(name) % len(CHANNELS)]


def _tick(time_s: float) -> int:
    return max(0, round(time_s * TICKS_A_BEAT * 1_000_000 / BEAT_US))


def _text(text: str) -> bytes:
    return " ".join(text.split()).encode("utf-8", "backslashreplace")


def _meta(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + _variable(len(content)) + content


def _track(events: list[_Event], last: int) -> bytes:
    now, parts = 0, []
    for tick, _, content in sorted(events, key=lambda event: event[:2]):
        parts.append(_variable(tick - now) + content)
        now = tick
    body = b"".join(parts) + _variable(max(0, last - now)) + _meta(0x2F, b"")
    return struct.pack(">4sI", b"MTrk", len(body)) + body


def _variable(value: int) -> bytes:
    """MIDI's number of any length: seven bits a byte, the highest bit set on all but the last."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))
