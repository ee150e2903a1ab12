"""Rows of a library's table that a query finds, and how they are printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from realtime.clock_time import rounded_time
from realtime.errors import TuttiError
from realtime.library.query import Query
from realtime.library.table import Table
from realtime.nearest import nearest


@dataclass(frozen=True)
class Match:
    """A file. ``shares``: part of its time (0 to 1) of each label that was asked for."""

    path: str
    duration_s: float
    shares: dict[str, float]


def search(table: Table, query: Query, min_share: float) -> Iterator[Match]:
    """Files that match, in the table's order; a label sounds from ``min_share`` of the time on.

    Raises:
        TuttiError: the table lacks a label, or is damaged.
    """
    wanted = [f"share_{label}" for label in query.labels]
    for column in wanted:
        if column not in table.columns:
            raise TuttiError(
                f"{table.path} has no column {column}{nearest(column, table.columns)}: it was made "
                "with a model that does not know it."
            )
    least = np.float32(min_share)  # as they are kept, so that a share of 0.3 is one of 0.3
    for batch in table.batches(["path", "duration_s", *wanted]):
        shares = {label: batch.column(f"share_{label}").to_numpy() for label in query.labels}
        sounding = {label: share >= least for label, share in shares.items()}
        for i in np.flatnonzero(query.matches(sounding.__getitem__)).tolist():
            yield Match(
                batch.column("path")[i].as_py(),
                round(batch.column("duration_s")[i].as_py(), 3),
                {label: round(float(shares[label][i]), 4) for label in query.labels},
            )


def lines(matches: Iterator[Match], style: str) -> Iterator[str]:
    """``paths``: a path each. ``jsonl``: a document each. ``table``: with a header, for reading."""
    for number, match in enumerate(matches):
        if style == "paths":
            yield match.path
        elif style == "jsonl":
            facts = {"path": match.path, "duration_s": match.duration_s, "shares": match.shares}
            yield json.dumps(facts, separators=(",", ":"))
        else:
            if number == 0:
                names = [label.replace("_", " ") for label in match.shares]
                yield "  ".join((*(f"{n:>6}" for n in names), f"{'length':>8}", "file"))
            cells = [
                f"{100 * share:.0f} %".rjust(max(6, len(label)))
                for label, share in match.shares.items()
            ]
            name = "".join(c if c.isprintable() else "?" for c in match.path)
            yield "  ".join((*cells, f"{rounded_time(match.duration_s):>8}", name))
