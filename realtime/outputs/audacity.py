"""An Audacity label track: one region for each stretch in which an instrument sounds.

Format: start, end and label, separated by tabs, times in seconds
(https://manual.audacityteam.org/man/importing_and_exporting_labels.html).
Audacity shows regions of one name at one height and takes overlaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from realtime.taxonomy import display_name
from realtime.timeline import Timeline


def lines(timeline: Timeline) -> Iterator[str]:
    """A line for each region, in order of time."""
    for start_s, end_s, name in regions(timeline):
        yield f"{start_s:.6f}\t{end_s:.6f}\t{display_name(name)}"


def marker_lines(markers: Sequence[tuple[float, str]]) -> Iterator[str]:
    """A label without length for each of a listener's markers (seconds, note)."""
    for time_s, note in markers:
        yield f"{time_s:.6f}\t{time_s:.6f}\t{' '.join((note or 'Marker').split())}"


def regions(timeline: Timeline) -> list[tuple[float, float, str]]:
    """(start_s, end_s, instrument) of each stretch at or above the threshold, by start."""
    starts = timeline.start_s
    ends = starts + timeline.share_s
    found = []
    for name, column in zip(timeline.spec.instruments, timeline.active().T, strict=True):
        for is_active, group in groupby(range(len(column)), key=column.__getitem__):
            if is_active:
                windows = list(group)
                found.append((float(starts[windows[0]]), float(ends[windows[-1]]), name))
    return sorted(found, key=lambda region: region[:2])
