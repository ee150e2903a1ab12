"""A table: one row a window, one column a label."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from realtime.spec import ModelSpec
from realtime.timeline import Timeline, window_document


def header(spec: ModelSpec) -> str:
    """Column names; families and polyphony carry a prefix, as names occur twice."""
    return _row(
        ["file", "start_s", "end_s"]
        + list(spec.instruments)
        + [f"family_{name}" for name in spec.families]
        + [f"polyphony_{name}" for name in spec.polyphony]
        + ["polyphony_expected"]
    )


def lines(timeline: Timeline) -> Iterator[str]:
    """The rows, without the header."""
    for tags in timeline.tags:
        window = window_document(tags, timeline.spec)
        yield _row(
            [timeline.file, window["start_s"], window["end_s"]]
            + list(window["instruments"].values())
            + list(window["families"].values())
            + list(window["polyphony"].values())
            + [window["polyphony_expected"]]
        )


def _row(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
