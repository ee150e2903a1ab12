"""A list of regions for REAPER's Region/Marker Manager (its menu: import regions/markers).

Format: the columns ``#,Name,Start,End,Length``, as the Manager exports them; R and a number is a
region, M and a number a marker. Times are h:mm:ss.mmm, which no setting of the ruler takes for
bars and beats.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from realtime.clock_time import exact_time
from realtime.taxonomy import display_name
from realtime.timeline import Timeline

COLUMNS = ("#", "Name", "Start", "End", "Length")


def lines(timeline: Timeline) -> Iterator[str]:
    """The columns, then a region for each stretch in which an instrument sounds."""
    yield _row(*COLUMNS)
    for number, one in enumerate(timeline.segments(), 1):
        times = (exact_time(t) for t in (one.start_s, one.end_s, one.end_s - one.start_s))
        yield _row(f"R{number}", display_name(one.instrument), *times)


def marker_lines(markers: Sequence[tuple[float, str]]) -> Iterator[str]:
    """A row for each of a listener's markers (seconds, note)."""
    for number, (time_s, note) in enumerate(markers, 1):
        yield _row(f"M{number}", " ".join(note.split()) or "Marker", exact_time(time_s), "", "")


def _row(*cells: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
