"""One JSON document a file (schema 1), on one line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from realtime.timeline import Timeline


def lines(timeline: Timeline) -> Iterator[str]:
    """The document, compact; ASCII only, so that it survives every terminal and pipe."""
    yield json.dumps(timeline.to_document(), separators=(",", ":"))
