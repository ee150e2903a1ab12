"""An Audacity label track: one region for each stretch in which an instrument sounds.

Format: start, end and label, separated by tabs, times in seconds
(https://manual.audacityteam.org/man/importing_and_exporting_labels.html).
Audacity shows regions of one name at one height and takes overlaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from realtime.taxonomy import display_name
from realtime.timeline import Timeline


def lines(timeline: Timeline) -> Iterator[str]:
    """A line for each region, in order of time."""
    for one in timeline.segments():
        yield f"{one.start_s:.6f}\t{one.end_s:.6f}\t{display_name(one.instrument)}"


def marker_lines(markers: Sequence[tuple[float, str]]) -> Iterator[str]:
    """A label without length for each of a listener's markers (seconds, note)."""
    for time_s, note in markers:
        yield f"{time_s:.6f}\t{time_s:.6f}\t{' '.join((note or 'Marker').split())}"
