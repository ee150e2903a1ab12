"""Which meter rows are shown, in what order, and where: no painting here.

On top the stage: a large row for each instrument that is heard. Below it one quiet line that
stands for all others, and opens into small rows by family.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
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


class Kind(Enum):
    """What a row is, which decides how it is drawn and what a click does."""

    LARGE = "large"
    QUIET = "quiet line"
    HEADING = "heading"
    SMALL = "small"


@dataclass(frozen=True)
class Row:
    """One line. ``instrument`` is empty for the quiet line, a heading, or an unsure family."""

    kind: Kind
    family: str = ""
    instrument: str = ""

    @property
    def name(self) -> str:
        """The instrument, else the family: what a meter shows the value of."""
        return self.instrument or self.family


@dataclass(frozen=True)
class Placed:
    row: Row
    rect: QRect


@dataclass(frozen=True)
class Sizes:
    """Sizes of rows in pixels; ``large`` and ``comfortable`` heights bound the stage's rows."""

    large: tuple[int, int] = (28, 76)
    comfortable: int = 44
    small: tuple[int, int] = (20, 28)
    quiet: int = 32
    head: int = 24
    large_column: int = 320
    small_column: int = 220
    gap: int = 8
    margin: int = 16


STAGE_PLACES = 5
"""Rows are as tall as if so many were on stage: their size holds still while few come and go."""


def on_stage(
    stage: Collection[str],
    *,
    sort: str = "score",
    activity_order: Sequence[str] = INSTRUMENTS,
    pinned: Sequence[str] = (),
    hidden: Collection[str] = (),
) -> list[Row]:
    """The large rows from top to bottom: pinned ones, then ``stage``.

    ``stage`` names instruments, and families that are heard while none of their instruments is.
    """
    shown = [name for name in pinned if name not in hidden]
    order = activity_order if sort == "activity" else score_order()
    wanted = [name for name in order if name in stage and name not in hidden and name not in shown]
    rows = [Row(Kind.LARGE, FAMILY_OF[name], name) for name in (*shown, *wanted)]
    if sort == "activity":
        return rows + [Row(Kind.LARGE, one) for one in SCORE_ORDER if is_unsure(one, stage)]
    first = rows[len(shown) :]
    for family in SCORE_ORDER:
        if is_unsure(family, stage):
            place = SCORE_ORDER.index(family)
            after = sum(SCORE_ORDER.index(row.family) < place for row in first)
            first.insert(after, Row(Kind.LARGE, family))
    return rows[: len(shown)] + first


def is_unsure(family: str, stage: Collection[str]) -> bool:
    """Whether a family is on stage by itself: it is heard, and which of it is not known."""
    members = instruments_of(family)
    return len(members) > 1 and family in stage and not any(one in stage for one in members)


def quiet_blocks(
    large: Sequence[Row], *, hidden: Collection[str] = (), collapsed: Collection[str] = ()
) -> list[list[Row]]:
    """Everybody else by family, each block with its heading first; a family of one needs none."""
    gone = {row.instrument for row in large} | set(hidden)
    blocks = []
    for family in SCORE_ORDER:
        members = [name for name in instruments_of(family) if name not in gone]
        if members:
            rows = [Row(Kind.SMALL, family, name) for name in members]
            if len(instruments_of(family)) > 1:
                heading = Row(Kind.HEADING, family)
                rows = [heading] if family in collapsed else [heading, *rows]
            blocks.append(rows)
    return blocks


def score_order() -> list[str]:
    """Every instrument, families as in a score."""
    return [name for family in SCORE_ORDER for name in instruments_of(family)]


def split_columns(blocks: list[list[Row]], columns: int) -> list[list[list[Row]]]:
    """Blocks in order over columns, the tallest as short as can be, then all alike."""
    columns = min(columns, len(blocks)) or 1
    best: tuple[tuple[int, int], list[list[list[Row]]]] | None = None
    for cuts in combinations(range(1, len(blocks)), columns - 1):
        edges = (0, *cuts, len(blocks))
        split = [blocks[a:b] for a, b in zip(edges, edges[1:], strict=False)]
        heights = [_units(column) for column in split]
        cost = (max(heights), sum(height**2 for height in heights))
        if best is None or cost < best[0]:
            best = (cost, split)
    return best[1] if best else []


def _units(column: list[list[Row]]) -> int:
    return sum(len(block) for block in column)


def place(
    large: Sequence[Row],
    blocks: list[list[Row]],
    width: int,
    height: int,
    sizes: Sizes,
    *,
    is_open: bool = False,
    quiet_line: bool = True,
) -> list[Placed]:
    """Rectangles for every row of a widget of which ``height`` can be seen at once.

    Closed, the quiet line lies at the bottom and the stage has the rest; open, the stage takes
    what it needs and the small rows lie below. Where it does not fit, it becomes taller.
    """
    line = sizes.quiet if quiet_line and blocks else 0
    room = height - sizes.head - line - sizes.margin // 2
    if is_open:
        room = min(room, max(height // 2, len(large) * sizes.large[0]))
    placed, bottom = _place_large(large, width, room, sizes)
    if not line:
        return placed
    top = max(bottom, sizes.head + room) if not is_open else bottom + sizes.gap
    inner = width - 2 * sizes.margin
    placed.append(Placed(Row(Kind.QUIET), QRect(sizes.margin, top, inner, line)))
    if is_open:
        placed += _place_small(blocks, width, height, top + line + sizes.gap // 2, sizes)
    return placed


def _place_large(
    rows: Sequence[Row], width: int, room: int, sizes: Sizes
) -> tuple[list[Placed], int]:
    """The stage in as few columns as give comfortable rows, and where it ends."""
    most = max(1, min(4, (width - sizes.margin) // sizes.large_column))
    columns, deep, step = 1, max(len(rows), 1), 0
    for columns in range(1, most + 1):
        deep = max(-(-len(rows) // columns), 1)
        step = room // max(deep, STAGE_PLACES)
        if step >= sizes.comfortable or room // deep >= sizes.comfortable:
            break
    smallest, largest = sizes.large
    step = max(step, min(room // deep, sizes.comfortable))
    step = max(smallest, min(step, max(largest, room // 7)))
    gap = 2 * sizes.gap
    each = (width - 2 * sizes.margin - gap * (columns - 1)) // columns
    placed = []
    for index, row in enumerate(rows):
        column, line = divmod(index, deep)
        left = sizes.margin + column * (each + gap)
        placed.append(Placed(row, QRect(left, sizes.head + line * step, each, step)))
    return placed, sizes.head + min(len(rows), deep) * step


def _place_small(
    blocks: list[list[Row]], width: int, height: int, top: int, sizes: Sizes
) -> list[Placed]:
    columns = max(1, min(5, (width - sizes.margin) // sizes.small_column))
    split = split_columns(blocks, columns)
    tallest = max(_units(column) + (len(column) - 1) * 0.3 for column in split)
    smallest, largest = sizes.small
    step = max(smallest, min(largest, int((height - top - sizes.margin) / tallest)))
    gap = 2 * sizes.gap
    each = (width - 2 * sizes.margin - gap * (len(split) - 1)) // len(split)
    placed = []
    for index, column in enumerate(split):
        left, y = sizes.margin + index * (each + gap), top
        for block in column:
            for row in block:
                placed.append(Placed(row, QRect(left, y, each, step)))
                y += step
            y += round(0.3 * step)
    return placed
