"""All instrument meters in one widget: large ones for what is heard, a quiet line for the rest.

Each frame repaints only the pixels that change; see ``meter_picture``. What is pressed and
clicked is in ``meter_hands``, what a screen reader is told in ``spoken``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRect, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.heard.lingering import Lingering
from desktop.heard.sureness import percent, sureness
from desktop.kept.settings import Settings
from desktop.looks.theme import Theme
from desktop.widgets.meter_hands import MeterHands
from desktop.widgets.meter_picture import DASH, MeterPicture, Value
from desktop.widgets.meter_rows import (
    FAMILY_NAMES,
    Kind,
    Placed,
    Row,
    Sizes,
    is_unsure,
    on_stage,
    place,
    quiet_blocks,
)
from desktop.widgets.spoken import Spoken
from realtime.taxonomy import FAMILIES, INSTRUMENTS, display_name

_INDEX = {name: i for i, name in enumerate(INSTRUMENTS)}
_FAMILY_INDEX = {name: len(INSTRUMENTS) + i for i, name in enumerate(FAMILIES)}
_STAGE_S = 0.25
"""How often the stage is looked over while no value moves: somebody may have lingered enough."""
_ENTRY_S, _ENTRY_ALPHA = 0.7, 0.16
"""A row that comes on stage is lit for a moment, so that the eye finds what is new."""


class Meters(MeterHands):
    """Meters of the 24 instruments and 8 families; all values are probabilities 0..1."""

    def __init__(
        self,
        settings: Settings,
        theme: Theme,
        parent: QWidget | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self.settings = settings
        self.theme = theme
        self.thresholds: Mapping[str, float] = {}
        self.compact = False
        """Only what is heard, no quiet line."""
        self._clock_s = clock_s
        self._family_thresholds: Mapping[str, float] = {}
        self._values = np.zeros(len(INSTRUMENTS) + len(FAMILIES))
        self._peaks = np.zeros(len(INSTRUMENTS) + len(FAMILIES))
        self._limits = [0.5] * len(self._values)
        self._has_data = False
        self._activity_order: Sequence[str] = INSTRUMENTS
        self._stage = Lingering()
        self._on_stage: frozenset[str] = frozenset()
        self._entered_s: dict[str, float] = {}
        self._seen_s = -np.inf
        self._picture: MeterPicture | None = None
        self._rows_region = QRegion()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Instrument meters")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._spoken = Spoken(self, self._fold)
        self._valued: list[tuple[int, int, int]] = []
        """Of each row with a value: its index, where its value lies, its bar's width."""
        self._shown: dict[int, Value] = {}
        self._set_rows([])

    # -- what is shown ---------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.relayout()

    def set_thresholds(
        self, thresholds: Mapping[str, float], of_families: Mapping[str, float] | None = None
    ) -> None:
        """Per instrument, and per family: at or above it, it counts as heard."""
        self.thresholds = dict(thresholds)
        self._family_thresholds = dict(of_families or {})
        self._limits = [self.thresholds.get(name, 0.5) for name in INSTRUMENTS]
        self._limits += [self._family_thresholds.get(name, 0.5) for name in FAMILIES]
        self.relayout()

    def set_activity(self, order: Sequence[str]) -> None:
        """Instruments from most to least active, for sorting by it."""
        if list(order) != list(self._activity_order):
            self._activity_order = tuple(order)
            if self.settings.sort == "activity":
                self.relayout()

    def clear_stage(self) -> None:
        """Let no large row linger: another source, or another place in the file."""
        self._stage.clear()

    def set_values(
        self,
        instruments: NDArray[np.floating] | None,
        families: NDArray[np.floating] | None,
        peaks: NDArray[np.floating] | None,
    ) -> None:
        """Show ``(24,)`` values and peaks and ``(8,)`` family values; None: nothing heard yet."""
        count, had_data = len(INSTRUMENTS), self._has_data
        self._has_data = instruments is not None
        before = (self._values.copy(), self._peaks.copy())
        if instruments is None or families is None or peaks is None:
            self._values[:], self._peaks[:] = 0.0, 0.0
        else:
            self._values[:count], self._values[count:] = instruments, families
            self._peaks[:count] = peaks
        now_s = self._clock_s()
        moved = not (
            had_data == self._has_data
            and np.array_equal(before[0], self._values)
            and np.array_equal(before[1], self._peaks)
        )
        if moved or now_s - self._seen_s >= _STAGE_S:
            self._seen_s = now_s
            self._see_stage(now_s)
        if moved:
            self._show_values()
        for name, entered_s in list(self._entered_s.items()):
            if now_s - entered_s > _ENTRY_S:
                del self._entered_s[name]
            index = next((i for i, p in enumerate(self._placed) if p.row.name == name), None)
            if index is not None:
                self.update(self._placed[index].rect)

    def _see_stage(self, now_s: float) -> None:
        pairs = zip(self._values.tolist(), self._limits, strict=True)
        heard = [self._has_data and value >= limit for value, limit in pairs]
        count = len(INSTRUMENTS)
        members = {name for name, one in zip(INSTRUMENTS, heard[:count], strict=True) if one}
        families = [name for name, one in zip(FAMILIES, heard[count:], strict=True) if one]
        unsure = {name for name in families if is_unsure(name, members | {name})}
        stage = self._stage.update(members | unsure, now_s)
        if stage != self._on_stage:
            if not self.settings.reduced_motion:
                self._entered_s |= dict.fromkeys(stage - self._on_stage, now_s)
            self._on_stage = stage
            self.relayout()

    def _show_values(self) -> None:
        """Take the rows' pixels from the values, and repaint what differs."""
        picture, shown = self._picture_now(), self._pixels()
        slack = self.theme.px(3)
        for index, new in shown.items():
            old = self._shown[index]
            if new == old:
                continue
            if new.heard != old.heard:
                self.update(self._placed[index].rect)
                continue
            if (new.fill, new.peak) != (old.fill, old.peak):
                edges = (new.fill, old.fill, new.peak, old.peak)
                left, right = min(edges) - slack, max(edges) + slack
                reach = picture.reaches[index]
                moved = QRect(reach.left() + left, reach.top(), right - left + 2, reach.height())
                self.update(moved & reach)
            if new.number != old.number:
                self.update(picture.number_rects[index])
        self._shown = shown

    def _pixels(self) -> dict[int, Value]:
        """What each row with a value looks like, by its index."""
        values, peaks, limits = self._values.tolist(), self._peaks.tolist(), self._limits
        shown = {}
        for index, source, width in self._valued:
            value, limit = values[source], limits[source]
            if not self._has_data:
                shown[index] = Value(0, 0, DASH, False)
                continue
            sure, heard = sureness(value, limit), value >= limit
            number = round(sure * 100)
            number = max(number, 50) if heard else min(number, 49)
            peak = round(sureness(peaks[source], limit) * width)
            shown[index] = Value(round(sure * width), peak, number, heard)
        return shown

    def is_present(self, name: str) -> bool:
        return self._has_data and bool(self._values[_INDEX[name]] >= self.thresholds.get(name, 0.5))

    def name_of(self, instrument: str) -> str:
        return self.settings.names.get(instrument) or display_name(instrument)

    def row_text(self, row: Row) -> str:
        """A row in words: ``Piano, 81 percent, heard``."""
        if row.kind == Kind.QUIET:
            state = "open" if self.settings.quiet_open else "closed"
            return f"{self._quiet_text().splitlines()[0]}, {state}"
        if row.kind == Kind.HEADING:
            state = "folded" if row.family in self.settings.collapsed else "unfolded"
            return f"{FAMILY_NAMES[row.family]}, {state}"
        name = self.name_of(row.instrument) if row.instrument else FAMILY_NAMES[row.family]
        if not self._has_data:
            return f"{name}, nothing heard yet"
        value, limit = self._value_and_limit(row)
        state = "heard" if value >= limit else "not heard"
        return f"{name}, {percent(value, limit)} percent, {state}"

    def raw_text(self, row: Row) -> str:
        """What hovering tells: sureness, the model's own value, and its threshold."""
        if row.kind not in (Kind.LARGE, Kind.SMALL):
            return ""
        value, limit = self._value_and_limit(row)
        head = self.row_text(row).replace(" percent", " of 100 sure")
        raw = f"The model says {value * 100:.0f} %; from {limit * 100:.0f} % on it counts as heard."
        if row.instrument:
            return f"{head}\n{raw}"
        return f"{head}, but none of its instruments surely\n{raw}"

    def _value_and_limit(self, row: Row) -> tuple[float, float]:
        i = _place_of(row)
        return float(self._values[i]), self._limits[i]

    def summary(self) -> str:
        """What a screen reader says: the instruments heard, with their sureness."""
        heard = [
            f"{self.name_of(name)} {percent(float(self._values[i]), self._limits[i])} percent"
            for i, name in enumerate(INSTRUMENTS)
            if self.is_present(name)
        ]
        return ", ".join(heard) if heard else "No instrument is heard"

    def speak(self) -> None:
        """Tell a screen reader what the rows show now; twice a second is enough."""
        self.setAccessibleDescription(self.summary())
        self._spoken.tell([(p.row, p.rect) for p in self._placed], self.row_text, self._sure_of)

    def _sure_of(self, row: Row) -> int:
        if not self._has_data:
            return 0
        return percent(*self._value_and_limit(row))

    def rows(self) -> list[Row]:
        """The rows in view, from top to bottom and left to right."""
        return [item.row for item in self._placed]

    # -- layout ----------------------------------------------------------------------

    def relayout(self) -> None:
        """Place the rows anew, after the settings, the stage, the size or the theme changed."""
        s, px = self.settings, self.theme.px
        large = on_stage(
            self._on_stage, sort=s.sort, activity_order=self._activity_order, pinned=s.pinned,
            hidden=s.hidden,
        )  # fmt: skip
        narrow = self.width() < px(420)
        sizes = Sizes(
            large=(px(22 if narrow else 26), px(76)), comfortable=px(34), small=(px(20), px(28)),
            quiet=px(32), head=px(8) if self.compact or narrow else px(32),
            large_column=px(320), small_column=px(240), gap=px(8), margin=px(8 if narrow else 16),
        )  # fmt: skip
        blocks = quiet_blocks(large, hidden=s.hidden, collapsed=s.collapsed)
        self._quiet_names = [
            row.instrument
            for block in quiet_blocks(large, hidden=s.hidden)
            for row in block
            if row.instrument
        ]
        height = self._available_height()
        self._set_rows(
            place(
                large, blocks, self.width(), height, sizes,
                is_open=s.quiet_open, quiet_line=not self.compact and height >= px(160),
            )
        )  # fmt: skip
        needed = max((item.rect.bottom() + 1 for item in self._placed), default=0)
        self.setMinimumHeight(needed if needed > height else px(80))
        self._head_px = sizes.head

    def _set_rows(self, placed: list[Placed]) -> None:
        chosen = self._has_chosen and self._current < len(self._placed)
        kept = self._placed[self._current].row if chosen else None
        self._placed = placed
        same = [i for i, item in enumerate(placed) if kept is not None and item.row == kept]
        self._current = same[0] if same else min(self._current, max(len(placed) - 1, 0)) * chosen
        before, self._picture = self._picture, None
        picture = self._picture_now(before)
        self._valued = [
            (i, _place_of(item.row), picture.bars[i].width())
            for i, item in enumerate(placed)
            if item.row.kind in (Kind.LARGE, Kind.SMALL)
        ]
        self._shown = self._pixels()
        self._rows_region = QRegion()
        for item in placed:
            self._rows_region += item.rect
        self.update()

    def _picture_now(self, before: MeterPicture | None = None) -> MeterPicture:
        if self._picture is None:
            self._picture = MeterPicture(
                self.theme, self.devicePixelRatioF(), self._placed, self.name_of,
                self.settings.collapsed, self._quiet_text(), self.settings.quiet_open,
            )  # fmt: skip
            if before is not None:
                self._picture.take_over(before)
        return self._picture

    def _quiet_text(self) -> str:
        names = ", ".join(self.name_of(name) for name in self._quiet_names)
        return f"{len(self._quiet_names)} quiet\n{names}"

    def _available_height(self) -> int:
        """What can be seen at once. The own height would not do: it follows from the layout."""
        parent = self.parentWidget()
        return parent.height() if parent is not None else self.height()

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(240), self.theme.px(80))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self.relayout()

    # -- painting --------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        picture = self._picture_now()
        painter = QPainter(self)
        region = event.region() if event else QRegion(self.rect())
        rows_only = region.subtracted(self._rows_region).isEmpty()
        if not rows_only:
            painter.fillRect(region.boundingRect(), self.theme.colour("panel"))
            if self._head_px > self.theme.px(8):
                picture.paint_head(painter, self._head_px, self._heading_text())
        for index, item in enumerate(self._placed):
            if not region.intersects(item.rect):
                continue
            value = self._shown.get(index)
            if value is None or not rows_only or picture.is_still_touched(index, region):
                picture.paint_row(painter, index, value is not None and value.heard)
            if value is not None:
                picture.paint_value(painter, index, value)
                self._paint_entry(painter, item)
            if index == self._current and self._show_focus and self.hasFocus():
                picture.paint_focus(painter, item.rect)
        if not any(item.row.kind == Kind.LARGE for item in self._placed):
            self._paint_empty(painter)
        painter.end()

    def _paint_entry(self, painter: QPainter, item: Placed) -> None:
        entered_s = self._entered_s.get(item.row.name)
        if item.row.kind == Kind.LARGE and entered_s is not None:
            left = max(1.0 - (self._clock_s() - entered_s) / _ENTRY_S, 0.0)
            colour = self.theme.colour(item.row.family, round(_ENTRY_ALPHA * left, 2))
            painter.fillRect(item.rect, colour)

    def _heading_text(self) -> str:
        return "Heard, most active first" if self.settings.sort == "activity" else "Heard"

    def _paint_empty(self, painter: QPainter) -> None:
        bottom = min((item.rect.top() for item in self._placed), default=self.height())
        box = QRect(0, self._head_px, self.width(), max(bottom - self._head_px, self.theme.px(24)))
        painter.setPen(self.theme.colour("faint"))
        painter.setFont(self.theme.font(16))
        text = "No instrument is heard" if self._has_data else "Waiting for sound"
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _place_of(row: Row) -> int:
    """Where a row's value lies among those of instruments and families."""
    return _INDEX[row.instrument] if row.instrument else _FAMILY_INDEX[row.family]
