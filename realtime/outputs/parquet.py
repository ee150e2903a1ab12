"""A Parquet table: one row a window, typed, with the columns of the CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence

from realtime.errors import TuttiError
from realtime.timeline import Timeline


def data(timeline: Timeline, markers: Sequence[tuple[float, str]] = ()) -> bytes:
    """The file. ``markers`` have no place in it.

    Raises:
        TuttiError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise TuttiError("Parquet needs pyarrow: pip install 'tutti-meter[library]'.") from None
    file = timeline.file.encode("utf-8", "backslashreplace").decode("utf-8")
    names = pyarrow.array([file] * len(timeline), pyarrow.string())
    about = {"model": timeline.spec.name, "version": timeline.spec.version}
    table = pyarrow.table({"file": names, **timeline.columns()})
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(
        table.replace_schema_metadata({b"tutti": json.dumps(about)}), sink, compression="zstd"
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content
