"""The table of a library: a Parquet file with a row for each sound file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.whole_file import whole_file

ROWS = 8192
"""Rows that are in memory at once."""
FACTS = ("path", "size_bytes", "mtime_ns")
_ABOUT = b"tutti-library"
"""Metadata that says whose table it is, and of which model."""


class Table:
    """A table that is there.

    Raises:
        TuttiError: it cannot be read, or ``tutti library`` did not make it.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        self.path = path
        try:
            self._file = parquet.ParquetFile(path)
            self.about: dict[str, str] = json.loads(self._file.schema_arrow.metadata[_ABOUT])
        except FileNotFoundError:
            raise TuttiError(f"{path} does not exist: make it with 'tutti library'.") from None
        except (OSError, pyarrow.ArrowException) as error:
            reason = getattr(error, "strerror", None) or "it is no Parquet file, or damaged"
            raise TuttiError(f"{path} cannot be read as a table ({reason}).") from None
        except (KeyError, TypeError, ValueError):
            raise TuttiError(
                f"{path} was not made by 'tutti library': name one that was."
            ) from None
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """``pyarrow.RecordBatch``es of some rows each.

        Raises:
            TuttiError: it is damaged.
        """
        import pyarrow

        wanted = None if columns is None else list(columns)
        try:
            yield from self._file.iter_batches(ROWS, columns=wanted)
        except (OSError, pyarrow.ArrowException) as error:
            raise TuttiError(f"{self.path} is damaged ({error}): make it anew.") from None

    def kept(self) -> Iterator[tuple[str, int, int]]:
        """Path, size and time of change of each row."""
        for batch in self.batches(FACTS):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def close(self) -> None:
        """Close it, so that it can be replaced on every system."""
        self._file.close()


def write(
    path: Path,
    about: dict[str, str],
    columns: Sequence[str],
    rows: Iterator[tuple[str, int, int, bytes]],
    old: Table | None,
    replaces: Callable[[str], bool],
) -> int:
    """Write the rows after those of ``old`` that are not replaced; how many there are now.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    import pyarrow
    from pyarrow import parquet

    count = 0
    fields = [("path", pyarrow.string()), ("size_bytes", pyarrow.int64())]
    fields += [("mtime_ns", pyarrow.int64()), *((name, pyarrow.float32()) for name in columns)]
    schema = pyarrow.schema(fields).with_metadata({_ABOUT: json.dumps(about)})
    with (
        whole_file(path) as partial,
        partial.open("wb") as sink,
        parquet.ParquetWriter(sink, schema, compression="zstd") as writer,
    ):
        for batch in old.batches() if old else ():
            stays = [not replaces(name) for name in batch.column("path").to_pylist()]
            left = batch.filter(pyarrow.array(stays, pyarrow.bool_()))
            writer.write_batch(left.cast(schema))
            count += len(left)
        while some := list(islice(rows, ROWS)):
            names, sizes, times, values = zip(*some, strict=True)
            numbers = np.frombuffer(b"".join(values), np.float32).reshape(len(some), -1)
            arrays = [pyarrow.array(one) for one in (names, sizes, times)]
            arrays += [pyarrow.array(np.ascontiguousarray(one)) for one in numbers.T]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            count += len(some)
    return count
