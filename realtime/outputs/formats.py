"""The one table of what results are written as; ``tag``, ``listen``, ``audit`` and Save read it.

A new format is a module of this folder with ``lines(timeline)`` and a line in ``FORMATS``. It may
have ``header(spec)``, which stands once above the lines of several files, and
``marker_lines(markers)``. One that is no text has ``data(timeline, markers)``, its bytes, instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from realtime.errors import TuttiError
from realtime.whole_file import whole_file

if TYPE_CHECKING:
    from realtime.timeline import Timeline

TEXT = "text"
Marker = tuple[float, str]
"""Seconds, and a note."""


@dataclass(frozen=True)
class Format:
    """``name``: its module and what ``--format`` takes; ``title``: as a menu says it.

    ``binary``: it is no text. ``several``: timelines of several files may share one output.
    ``windows``: it can be written window by window while sound comes in. ``audit``: it can hold an
    audit (``realtime.audit.formats``). ``saved``: the monitor's menu offers it.
    """

    name: str
    title: str
    suffix: str
    binary: bool = False
    several: bool = True
    windows: bool = False
    audit: bool = False
    saved: bool = False

    def lines(
        self, timeline: Timeline, *, first: bool = True, markers: Sequence[Marker] = ()
    ) -> Iterator[str]:
        """Lines of a timeline; ``first``: nothing stands above them yet."""
        module = self.module()
        if first and hasattr(module, "header"):
            yield module.header(timeline.spec)
        yield from module.lines(timeline)
        if hasattr(module, "marker_lines"):
            yield from module.marker_lines(markers)

    def data(self, timeline: Timeline, *, markers: Sequence[Marker] = ()) -> bytes:
        """The whole of a file of its own, also of one that is text."""
        if self.binary:
            found: bytes = self.module().data(timeline, markers)
            return found
        lines = self.lines(timeline, markers=markers)
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")

    def save(self, timeline: Timeline, path: Path, *, markers: Sequence[Marker] = ()) -> None:
        """Write a file, or leave what was there.

        Raises:
            TuttiError: it cannot be written.
        """
        data = self.data(timeline, markers=markers)
        try:
            with whole_file(path) as partial:
                partial.write_bytes(data)
        except OSError as error:
            raise TuttiError(
                f"{path} cannot be written ({error.strerror}): make room, or choose another "
                "folder."
            ) from None

    def module(self) -> ModuleType:
        """What makes it; loaded when it is asked for."""
        return import_module(f"realtime.outputs.{self.name}")


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format(TEXT, "Text", ".txt", windows=True, audit=True),
        Format("json", "JSON document", ".json", audit=True),
        Format("jsonl", "JSON lines", ".jsonl", windows=True, saved=True),
        Format("csv", "CSV", ".csv", audit=True, saved=True),
        Format("audacity", "Audacity labels", ".txt", several=False, audit=True, saved=True),
        Format("reaper", "REAPER regions", ".csv", several=False, saved=True),
        Format("midi", "MIDI", ".mid", binary=True, several=False, saved=True),
        Format("webvtt", "Subtitles (WebVTT)", ".vtt", several=False, saved=True),
        Format("jams", "JAMS", ".jams", several=False, saved=True),
        # Not in the menu: most who have the monitor have no pyarrow.
        Format("parquet", "Parquet", ".parquet", binary=True, several=False),
    )
}


def names(*, windows: bool = False, audit: bool = False) -> list[str]:
    """What ``--format`` may be, where windows or an audit are written."""
    return [
        one.name for one in FORMATS.values() if one.windows >= windows and one.audit >= audit
    ]
