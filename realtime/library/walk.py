"""The sound files below a folder, one at a time: a million of them take no memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from realtime.errors import TuttiError
from realtime.sources.file import SUFFIXES


@dataclass(frozen=True)
class Found:
    """A file as it was met: absolute path, size in bytes, time of its last change in ns."""

    path: str
    size_bytes: int
    mtime_ns: int


_Levels = list[tuple[str, "os._ScandirIterator[str]"]]
"""Folders from the first one down: where each really is, and what is left of its listing."""
Complain = Callable[[str, str], None]
"""Called with the path that could not be looked at, and a sentence."""


def sound_files(folder: str, complain: Complain) -> Iterator[Found]:
    """Each file with a usual ending below ``folder``, in the order the system lists them.

    Names that begin with a dot are passed over. Links to files are followed, and links to folders
    that lie elsewhere; one that leads back into ``folder``, or into itself, is not gone round.

    Raises:
        TuttiError: ``folder`` is none, or cannot be read.
    """
    root = os.path.abspath(folder)
    try:
        first = os.scandir(root)
    except OSError as error:
        raise TuttiError(f"{folder} cannot be read as a folder ({error.strerror}).") from None
    return _walk(root, first, complain)


def _walk(root: str, first: os._ScandirIterator[str], complain: Complain) -> Iterator[Found]:
    """Depth first, with one open listing for each level and nothing else remembered."""
    levels: _Levels = [(os.path.realpath(root), first)]
    with ExitStack() as left_open:
        left_open.callback(_close, levels)
        while levels:
            real, listing = levels[-1]
            try:
                entry = next(listing, None)
            except OSError as error:
                complain(real, f"The rest of {real} cannot be listed ({error.strerror}).")
                entry = None
            if entry is None:
                levels.pop()[1].close()
            elif not entry.name.startswith("."):
                try:
                    if entry.is_dir():
                        below = os.path.realpath(entry.path)
                        if not (entry.is_symlink() and _met_anyway(below, levels)):
                            levels.append((below, os.scandir(entry.path)))
                    elif entry.name.lower().endswith(SUFFIXES):
                        found = entry.stat()
                        if entry.is_file():
                            yield Found(entry.path, found.st_size, found.st_mtime_ns)
                except OSError as error:
                    complain(entry.path, f"{entry.path} cannot be looked at ({error.strerror}).")


def _close(levels: _Levels) -> None:
    for _, listing in levels:
        listing.close()


def _met_anyway(real: str, levels: _Levels) -> bool:
    """Whether a linked folder lies in the one that is walked, or is one of those above it."""
    root = levels[0][0]
    return real.startswith(root.rstrip(os.sep) + os.sep) or any(real == one for one, _ in levels)
