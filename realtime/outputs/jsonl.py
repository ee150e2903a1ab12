"""One JSON line a window, with the file's name in each: easy to stream and to grep."""

from __future__ import annotations

import json
from collections.abc import Iterator

from realtime.timeline import Timeline, window_document


def lines(timeline: Timeline) -> Iterator[str]:
    """A line for each window: ``file`` and what the document's ``windows`` hold."""
    for tags in timeline.tags:
        document = {"file": timeline.file} | window_document(tags, timeline.spec)
        yield json.dumps(document, separators=(",", ":"))
