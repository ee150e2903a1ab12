"""A folder into a table: walk, tag, write; what was done before is not done again."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from realtime.errors import TuttiError
from realtime.library import table
from realtime.library.headway import Headway
from realtime.library.journal import Journal
from realtime.library.row import Outcome, columns
from realtime.library.walk import Found, sound_files
from realtime.progress import Tell
from realtime.spec import ModelSpec
from realtime.whole_file import whole_file

Spread = Callable[[Iterator[Found]], Generator[Outcome]]
"""Does the jobs it is given, somewhere, and gives their outcomes in any order."""
ERROR_HEADER = ("path", "size_bytes", "mtime_ns", "error")


@dataclass
class Summary:
    """What a run did, in files. ``known``: done before, and passed over. ``unreadable``: errors
    of this run; once it is at its end all in the error table. ``rows``: in the table then."""

    tagged: int = 0
    known: int = 0
    unreadable: int = 0
    rows: int = 0


def journal_path(output: Path) -> Path:
    return output.with_name(f"{output.name}.journal")


def errors_path(output: Path) -> Path:
    return output.with_name(f"{output.stem}.errors.csv")


def build(
    folder: str,
    output: Path,
    spec: ModelSpec,
    spread: Spread,
    tell: Tell,
    stop: threading.Event,
) -> Summary:
    """Add every sound file below ``folder`` to the table ``output``.

    What is in the table or in the journal with its size and time of change is left as it is. When
    ``stop`` is set it ends, and the journal stays to go on from.

    Raises:
        TuttiError: the folder cannot be read, the table is of another model, or there is no room.
    """
    about = {"model": spec.name, "version": spec.version}
    old = _old(output, about, columns(spec))
    summary, headway = Summary(), Headway(tell, folder)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with Journal(journal_path(output), about) as journal:
            journal.keep(_state(output), old.kept() if old else iter(()))

            def complain(path: str, why: str) -> None:
                _add(Outcome(Found(path, 0, 0), error=why), journal, summary)

            walked = sound_files(folder, complain)

            def todo() -> Iterator[Found]:
                for found in walked:
                    if stop.is_set():
                        return
                    if journal.knows(found):
                        summary.known += 1
                        headway.skip(found)
                    else:
                        yield found

            with closing(spread(todo())) as outcomes:
                for done in outcomes:
                    _add(done, journal, summary)
                    headway.step(done.found)
            if not stop.is_set():
                try:
                    errors = errors_path(output), os.path.abspath(folder)
                    summary.unreadable = _write_errors(*errors, journal)
                    rows = journal.rows()
                    summary.rows = table.write(
                        output, about, columns(spec), rows, old, journal.replaces
                    )
                except OSError as error:
                    raise _no_room(output, error) from None
                journal.remove()
    finally:
        if old is not None:
            old.close()
    return summary


def _add(done: Outcome, journal: Journal, summary: Summary) -> None:
    journal.add(done)
    if done.error:
        summary.unreadable += 1
    else:
        summary.tagged += 1


def _old(output: Path, about: dict[str, str], wanted: tuple[str, ...]) -> table.Table | None:
    if output.is_dir():
        raise TuttiError(f"{output} is a folder: name a file, as in {output / 'tags.parquet'}.")
    if not output.is_file() or not output.stat().st_size:
        return None
    old = table.Table(output)
    if old.about != about or old.columns != (*table.FACTS, *wanted):
        old.close()
        made_by = " ".join(old.about.values())
        raise TuttiError(
            f"{output} was made with another model ({made_by}): name another -o, or give --model."
        )
    return old


def _state(output: Path) -> str:
    if not output.is_file():
        return ""
    status = output.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _no_room(output: Path, error: OSError) -> TuttiError:
    return TuttiError(
        f"{output} cannot be written ({error.strerror or error}): make room and run the same "
        "command again, which goes on from here."
    )


def _write_errors(path: Path, folder: str, journal: Journal) -> int:
    """Those of this run, after those of other folders; no file where there are none. How many."""
    rows = chain(_elsewhere(path, folder), journal.errors())
    first = next(rows, None)
    if first is None:
        path.unlink(missing_ok=True)
        return 0
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(ERROR_HEADER)
        return sum(1 for row in chain((first,), rows) if writer.writerow(row))


def _elsewhere(path: Path, folder: str) -> Iterator[Sequence[object]]:
    """Rows of an error table that other folders left."""
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                here = not row or f"{row[0]}{os.sep}".startswith(f"{folder.rstrip(os.sep)}{os.sep}")
                if not here and tuple(row) != ERROR_HEADER:
                    yield row
