"""What a window of a size shows: the heard, the level and the count first, the rest as room allows.

Numbers only, no widgets. Sizes are in pixels before the theme's scale, so that type at 200 %
counts as half the room.
"""

from __future__ import annotations

from dataclasses import dataclass

NARROW_PX, LOW_PX = 760, 560
"""Below these there is one column, and the rows around it are low."""
SMALLEST_PX = (320, 240)


@dataclass(frozen=True)
class Room:
    """Which parts are shown, and how large the side with the count and the level is.

    ``is_column``: the side lies over the meters as a strip of height ``side_px``, else beside
    them as a column of that width. ``is_slim``: file strip and margins are low.
    """

    is_column: bool
    is_slim: bool
    history: bool
    expected: bool
    side_px: int
    count_px: int
    is_tiny: bool = False
    """The status bar too is there only while it has something to tell."""

    @property
    def kind(self) -> tuple[bool, ...]:
        """What differs between arrangements; sizes alone do not."""
        return self.is_column, self.is_slim, self.history, self.expected, self.is_tiny


def room_for(width_px: float, height_px: float, *, compact: bool = False) -> Room:
    """The arrangement for a window of that size."""
    is_column = compact or width_px < NARROW_PX
    is_slim = is_column or height_px < LOW_PX
    if is_column:
        tall = height_px >= 640
        side_px = 96 if tall else 52
        history = not compact and height_px >= 520
        return Room(True, is_slim, history, False, side_px, side_px, height_px < 340)
    side_px = round(min(max(0.21 * width_px, 272), 720))
    count_px = round(min(max(0.72 * side_px, 200), 0.42 * height_px - 40))
    return Room(False, is_slim, height_px >= 420, height_px >= 440, side_px, count_px)
