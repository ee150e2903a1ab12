"""What a run has done so far, on disk: a process that is killed loses only what it was at.

An SQLite database beside the table. It is looked up by path, so that neither what is done nor what
is in the table already need fit into memory.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from realtime.errors import TuttiError
from realtime.library.row import Outcome
from realtime.library.walk import Found

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (what TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, row BLOB, error TEXT
) WITHOUT ROWID;
"""
"""``row``: the numbers; none where there is an ``error``, or where the table has them already."""
Kept = tuple[str, int, int]
"""A row of the table: path, size in bytes, time of the last change in ns."""


def shown(name: str) -> str:
    """A name as text: bytes that are none are escaped, here and in the table."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


class Journal:
    """Open for one run; a second one at the same time is refused.

    ``about``: what must be the same for its rows to go on being of use, the model.

    Raises:
        TuttiError: it cannot be opened or written, or is of something else.
    """

    def __init__(self, path: Path, about: dict[str, str]) -> None:
        self.path = path
        with self._telling():
            self._base = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        try:
            with self._telling():
                # Exclusive: no shared memory, so that it works on network folders too.
                self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._base.execute("PRAGMA journal_mode = WAL")
                self._base.execute("PRAGMA synchronous = NORMAL")
                self._base.execute("BEGIN EXCLUSIVE")
                self._base.execute("COMMIT")
                self._base.executescript(_SCHEMA)
                self._check(about)
        except BaseException:
            self.close()
            raise

    def _check(self, about: dict[str, str]) -> None:
        told, mine = self._told("model"), json.dumps(about, sort_keys=True)
        if told not in (None, mine):
            raise TuttiError(
                f"{self.path} was begun with another model ({told}): go on with that one, or "
                "remove it to begin anew."
            )
        self._tell("model", mine)

    def keep(self, table: str, rows: Iterator[Kept]) -> None:
        """Remember what the table holds already; ``table`` says which state of it that is."""
        with self._telling():
            if self._told("table") == table:
                return
            self._base.execute("BEGIN")
            self._base.execute("DELETE FROM files WHERE row IS NULL AND error IS NULL")
            self._base.executemany(
                "INSERT OR IGNORE INTO files (path, size, mtime) VALUES (?, ?, ?)", rows
            )
            self._tell("table", table)
            self._base.execute("COMMIT")

    def knows(self, found: Found) -> bool:
        """Whether the file was done as it is now."""
        with self._telling():
            row = self._base.execute(
                "SELECT size, mtime FROM files WHERE path = ?", (shown(found.path),)
            ).fetchone()
        return bool(row == (found.size_bytes, found.mtime_ns))

    def add(self, done: Outcome) -> None:
        """Write down what became of a file; once this returns, a kill does not undo it."""
        found = done.found
        row, error = (None, shown(done.error)) if done.error else (done.values, None)
        values = (shown(found.path), found.size_bytes, found.mtime_ns, row, error)
        with self._telling():
            self._base.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", values)

    def replaces(self, path: str) -> bool:
        """Whether a row of the table has a newer one here, or an error in its place."""
        with self._telling():
            row = self._base.execute(
                "SELECT row IS NOT NULL OR error IS NOT NULL FROM files WHERE path = ?", (path,)
            ).fetchone()
        return bool(row and row[0])

    def rows(self) -> Iterator[tuple[str, int, int, bytes]]:
        """Path, size, time of change and numbers of each file that this run tagged."""
        with self._telling():
            yield from self._base.execute(
                "SELECT path, size, mtime, row FROM files WHERE row IS NOT NULL ORDER BY path"
            )

    def errors(self) -> Iterator[tuple[str, int, int, str]]:
        """Path, size, time of change and sentence of each that could not be."""
        with self._telling():
            yield from self._base.execute(
                "SELECT path, size, mtime, error FROM files WHERE error IS NOT NULL ORDER BY path"
            )

    def remove(self) -> None:
        """Close and delete it: the table has everything."""
        self.close()
        for end in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    def close(self) -> None:
        """Close it as it is, to go on from later; harmless when closed."""
        with contextlib.suppress(sqlite3.Error):
            self._base.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _told(self, what: str) -> str | None:
        row = self._base.execute("SELECT value FROM about WHERE what = ?", (what,)).fetchone()
        return None if row is None else str(row[0])

    def _tell(self, what: str, value: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (what, value))

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            busy = "locked" in str(error)
            raise TuttiError(
                f"Another 'tutti library' is at work on {self.path}: wait for its end."
                if busy
                else f"{self.path} cannot be used ({error}): make room, or see that you may "
                "write there, and run the same command again; remove the file if it is damaged."
            ) from None
