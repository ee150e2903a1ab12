"""Figures as tables, for the terminal and for pages of the repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.whole_file import write_whole

Document = Mapping[str, Any]
_MARKED = re.compile(r"<!-- bench: (\w+) -->\n.*?<!-- /bench -->", re.DOTALL)
_NOT_HERE = "Whole programs are measured on Linux and macOS only."


def windows(document: Document) -> str:
    """Files against each other; ratios are to the first."""
    rows = document["windows"]
    first = rows[0]["warm"]["p50_ms"]
    sleeps = list(rows[0]["cold"])
    head = (
        "tagger", "MB", "window", "ms p50", "p99", "times ours",
        *(f"after {1000 * float(sleep_s):.0f} ms of sleep" for sleep_s in sleeps),
        "of a batch of 32", "two threads, passed",
    )  # fmt: skip
    lines = []
    for row in rows:
        warm = row["warm"]
        lines.append(
            (
                row["name"],
                f"{row['size_bytes'] / 1e6:.2f}",
                f"{row['window_s']:g} s",
                f"{warm['p50_ms']:.2f}",
                f"{warm['p99_ms']:.2f}",
                f"{warm['p50_ms'] / first:.2f}",
                *(f"{row['cold'][sleep_s]['p50_ms']:.2f}" for sleep_s in sleeps),
                f"{row['batch']['p50_ms']:.2f}" if row["batch"] else "one at a time only",
                f"{row['two_threads']['p50_ms']:.2f}",
            )
        )
    return _table(head, lines)


def files(document: Document) -> str:
    """Files from start to end, as a shell sees it."""
    if "files" not in document:
        return _NOT_HERE
    lines = [
        (
            part["name"],
            f"{part['spent']['passed_s']:.2f} s",
            f"{part['spent']['cpu_s']:.2f} s",
            f"{part['speed']:.0f}",
            f"{part['spent']['memory_mb']:.0f} MB",
        )
        for part in document["files"]
    ]
    return _table(("what", "passed", "processor", "times real time", "memory"), lines)


def live(document: Document) -> str:
    """Live listening, without its start."""
    if "live" not in document:
        return _NOT_HERE
    lines = [
        (
            one["name"],
            f"{100 * one['cpu']:.2f} %",
            f"{one['measured_s']:.0f} s",
            f"{one['memory_mb']:.0f} MB",
        )
        for one in document["live"]
    ]
    return _table(("live", "of one core", "measured over", "memory"), lines)


def machine(document: Document) -> str:
    """What ran it, and how busy that was."""
    before, after = document["load"]
    busy = "" if before is None else f"; load average {before} before and {after} after"
    return f"{document['machine']['text']}{busy}. Model: {document['model']}."


def speed(document: Document) -> str:
    """The few figures that a first page has room for."""
    rows = document["windows"]
    lines = [("a window of 1 s, one thread", f"{rows[0]['warm']['p50_ms']:.2f} ms")]
    lines += [
        (
            f"the same, of the time of {row['name']}",
            f"{rows[0]['warm']['p50_ms'] / row['warm']['p50_ms']:.2f}",
        )
        for row in rows[1:]
    ]
    lines += [
        (part["name"], f"{part['spent']['passed_s']:.2f} s, {part['speed']:.0f} times real time")
        for part in document.get("files", ())
    ]
    lines += [
        (f"live, {one['name']}", f"{100 * one['cpu']:.1f} % of one core")
        for one in document.get("live", ())
    ]
    return _table(("what", "measured"), lines) + f"\n\nOn {machine(document)}"


BLOCKS: dict[str, Callable[[Document], str]] = {
    "windows": windows,
    "files": files,
    "live": live,
    "machine": machine,
    "speed": speed,
}


def tables(document: Document) -> str:
    """All of it, for reading."""
    return "\n\n".join(block(document) for block in (machine, windows, files, live))


def fill(text: str, document: Document) -> str:
    """A page with its blocks replaced; raises TuttiError for a block there is none of."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        if name not in BLOCKS:
            raise TuttiError(f"there is no block '{name}': use {', '.join(BLOCKS)}.")
        return f"<!-- bench: {name} -->\n{BLOCKS[name](document)}\n<!-- /bench -->"

    return _MARKED.sub(block, text)


def fill_page(page: Path, document: Document) -> None:
    """Replace a page's blocks; raises TuttiError where it cannot be read."""
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise TuttiError(f"{page} cannot be read ({error.strerror}): check the name.") from None
    write_whole(page, fill(text, document))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
