"""Which meter rows are shown, in what order, and where: no painting here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from PyQt6.QtCore import QRect

from realtime.taxonomy import FAMILY_OF, INSTRUMENTS, instruments_of

SCORE_ORDER = (
    "voice",
    "woodwind",
    "brass",
    "percussion",
    "key",
    "synth",
    "plucked_string",
    "bowed_string",
)
"""As in a score, woodwind to strings, with the voice on top as in a lead sheet."""

FAMILY_NAMES = {
    "voice": "Voice",
    "percussion": "Percussion",
    "bowed_string": "Bowed strings",
    "plucked_string": "Plucked strings",
    "woodwind": "Woodwind",
    "brass": "Brass",
    "key": "Keys",
    "synth": "Synth",
}


@dataclass(frozen=True)
class Row:
    """One line: a heading (``instrument`` empty) or an instrument of a family."""

    family: str
    instrument: str = ""
    heading: str = ""


@dataclass(frozen=True)
class Placed:
    row: Row
    rect: QRect


def arrange(
    *,
    sort: str = "score",
    activity_order: Sequence[str] = INSTRUMENTS,
    pinned: Collection[str] = (),
    hidden: Collection[str] = (),
    collapsed: Collection[str] = (),
    shown_only: Collection[str] | None = None,
    headings: bool = True,
) -> list[list[Row]]:
    """Blocks of rows, each with its heading first; a family of one needs none.

    ``shown_only`` limits the instruments (the only-active view); pinned ones always show.
    Without ``headings`` it is one flat block.
    """
    wanted = [
        name
        for name in INSTRUMENTS
        if name not in hidden and name not in pinned and (shown_only is None or name in shown_only)
    ]
    blocks: list[list[Row]] = []
    if not headings:
        order = activity_order if sort == "activity" else _score_order()
        names = [*pinned, *(name for name in order if name in wanted)]
        rows = [Row(FAMILY_OF[name], name) for name in names if name not in hidden]
        return [rows] if rows else []
    if pinned:
        rows = [Row(FAMILY_OF[name], name) for name in pinned if name not in hidden]
        blocks.append([Row("", heading="Pinned"), *rows])
    if sort == "activity":
        rows = [Row(FAMILY_OF[name], name) for name in activity_order if name in wanted]
        if rows:
            blocks.append([Row("", heading="Most active first"), *rows])
        return blocks
    for family in SCORE_ORDER:
        members = [name for name in instruments_of(family) if name in wanted]
        if members:
            rows = [Row(family, name) for name in members]
            if len(instruments_of(family)) > 1:
                heading = Row(family, heading=FAMILY_NAMES[family])
                rows = [heading] if family in collapsed else [heading, *rows]
            blocks.append(rows)
    return blocks


def _score_order() -> list[str]:
    return [name for family in SCORE_ORDER for name in instruments_of(family)]


def split_columns(blocks: list[list[Row]], columns: int) -> list[list[list[Row]]]:
    """Blocks in order over columns, the tallest column as short as can be.

    A list without families is cut evenly, because it has no inner borders to keep.
    """
    if columns > 1 and not blocks[-1][0].family or len(blocks) == 1:
        rows = [row for block in blocks for row in block]
        height = -(-len(rows) // columns)
        return [[rows[i : i + height]] for i in range(0, len(rows), height)]
    columns = min(columns, len(blocks)) or 1
    best: tuple[int, list[list[list[Row]]]] | None = None
    for cuts in combinations(range(1, len(blocks)), columns - 1):
        edges = (0, *cuts, len(blocks))
        split = [blocks[a:b] for a, b in zip(edges, edges[1:], strict=False)]
        tallest = max(_units(column) for column in split)
        if best is None or tallest < best[0]:
            best = (tallest, split)
    return best[1] if best else []


def _units(column: list[list[Row]]) -> int:
    return sum(len(block) for block in column)


def place(
    blocks: list[list[Row]],
    width: int,
    height: int,
    *,
    column_width: int,
    row_height: tuple[int, int],
    gap: int,
    margin: int,
) -> list[Placed]:
    """Rectangles for every row, in as few columns as give comfortable rows.

    ``row_height`` is (smallest, largest); ``gap`` lies between blocks and columns.
    """
    if not blocks or not any(blocks):
        return []
    smallest, largest = row_height
    most = max(1, min(3, (width - margin) // column_width))
    chosen: tuple[int, list[list[list[Row]]]] = (0, [])
    for columns in range(1, most + 1):
        split = split_columns(blocks, columns)
        inner = height - 2 * margin
        fitting = min(
            (inner - gap * (len(column) - 1)) // max(_units(column), 1) for column in split
        )
        if fitting > chosen[0] or not chosen[1]:
            chosen = (fitting, split)
        if fitting >= (smallest + largest) // 2:
            break
    step = max(smallest, min(largest, chosen[0]))
    split = chosen[1]
    each = (width - 2 * margin - 2 * gap * (len(split) - 1)) // len(split)
    placed = []
    for index, column in enumerate(split):
        left, top = margin + index * (each + 2 * gap), margin
        for block in column:
            for row in block:
                placed.append(Placed(row, QRect(left, top, each, step)))
                top += step
            top += gap
    return placed
