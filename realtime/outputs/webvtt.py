"""Subtitles that name what sounds, for any video player: WebVTT.

Format: https://www.w3.org/TR/webvtt1/. A cue stands as long as the same instruments sound.
"""

from __future__ import annotations

from collections.abc import Iterator

from realtime.clock_time import exact_time
from realtime.taxonomy import display_name
from realtime.timeline import Timeline


def lines(timeline: Timeline) -> Iterator[str]:
    """The header, then cues with an empty line before each."""
    yield "WEBVTT"
    for start_s, end_s, names in cues(timeline):
        start, end = (exact_time(time_s).rjust(12, "0") for time_s in (start_s, end_s))
        if start != end:
            yield ""
            yield f"{start} --> {end}"
            yield _escaped(", ".join(display_name(name) for name in names))


def cues(timeline: Timeline) -> list[tuple[float, float, tuple[str, ...]]]:
    """(start_s, end_s, instruments in vocabulary order) of each stretch in which they are those."""
    segments = timeline.segments()
    order = {name: i for i, name in enumerate(timeline.spec.instruments)}
    times = sorted({t for one in segments for t in (one.start_s, one.end_s)})
    found: list[tuple[float, float, tuple[str, ...]]] = []
    sounding: set[str] = set()
    begins: dict[float, list[str]] = {}
    ends: dict[float, list[str]] = {}
    for one in segments:
        begins.setdefault(one.start_s, []).append(one.instrument)
        ends.setdefault(one.end_s, []).append(one.instrument)
    for start_s, end_s in zip(times, times[1:], strict=False):
        sounding -= set(ends.get(start_s, ()))
        sounding |= set(begins.get(start_s, ()))
        if sounding:
            found.append((start_s, end_s, tuple(sorted(sounding, key=order.__getitem__))))
    return found


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
