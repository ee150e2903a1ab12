"""Files that are written whole or not at all: the one way in which a user's file is replaced."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; what is written there takes its place at the end.

    Where the block raises, or the process is killed, the old file stays as it was. A link goes on
    pointing where it did, a file keeps its permissions, and what is no file, as a pipe or
    /dev/stdout, is written in place.

    Raises:
        OSError: it cannot be written.
    """
    if (path.exists() and not path.is_file()) or path.parts[:2] in (("/", "dev"), ("/", "proc")):
        yield path
        return
    target = path.resolve()
    if target.exists() and not os.access(target, os.W_OK):
        target.open("ab").close()  # raises what writing in place would
    _remove_stale(target)
    partial = target.with_name(f".{target.stem}.partial-{os.getpid()}{target.suffix}")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, partial)
        os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Text as UTF-8, its line ends as they are; what has no UTF-8 form is escaped.

    Raises:
        OSError: it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def _remove_stale(target: Path) -> None:
    """Remove what processes that were killed left of this file."""
    start, end = f".{target.stem}.partial-", target.suffix
    with contextlib.suppress(OSError):
        for name in os.listdir(target.parent):
            pid = name.removeprefix(start).removesuffix(end)
            if name == f"{start}{pid}{end}" and pid.isdigit() and not is_running(int(pid)):
                (target.parent / name).unlink(missing_ok=True)


def is_running(pid: int) -> bool:
    """Is there another process of that number?"""
    if pid == os.getpid():
        return False
    if os.name == "nt":  # os.kill would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
