"""The one table of what results are written as; ``tag``, ``listen``, ``audit`` and Save read it.

A new format is a module of this folder with ``lines(timeline)`` and a line in ``FORMATS``. It may
have ``header(spec)``, which stands once above the lines of several files, and
``marker_lines(markers)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.timeline import Timeline

TEXT = "text"
Marker = tuple[float, str]
"""Seconds, and a note."""


@dataclass(frozen=True)
class Format:
    """``name``: its module and what ``--format`` takes; ``title``: as a menu says it.

    ``several``: timelines of several files may share one output. ``windows``: it can be written
    window by window while sound comes in. ``audit``: it can hold an audit
    (``realtime.audit.formats``). ``saved``: the monitor's menu offers it.
    """

    name: str
    title: str
    suffix: str
    several: bool = True
    windows: bool = False
    audit: bool = False
    saved: bool = False

    def lines(
        self, timeline: Timeline, *, first: bool = True, markers: Sequence[Marker] = ()
    ) -> Iterator[str]:
        """Lines of a timeline; ``first``: nothing stands above them yet."""
        module = import_module(f"realtime.outputs.{self.name}")
        if first and hasattr(module, "header"):
            yield module.header(timeline.spec)
        yield from module.lines(timeline)
        if hasattr(module, "marker_lines"):
            yield from module.marker_lines(markers)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format(TEXT, "Text", ".txt", windows=True, audit=True),
        Format("json", "JSON document", ".json", audit=True),
        Format("jsonl", "JSON lines", ".jsonl", windows=True, saved=True),
        Format("csv", "CSV", ".csv", audit=True, saved=True),
        Format("audacity", "Audacity labels", ".txt", several=False, audit=True, saved=True),
    )
}


def names(*, windows: bool = False, audit: bool = False) -> list[str]:
    """What ``--format`` may be, where windows or an audit are written."""
    return [
        one.name for one in FORMATS.values() if one.windows >= windows and one.audit >= audit
    ]
