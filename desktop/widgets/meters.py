"""All instrument meters in one widget: value, peak hold, threshold mark, grouped by family.

Each frame repaints only the parts of rows whose pixels change; see ``meter_picture``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPoint, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.kept.settings import Settings
from desktop.looks.theme import Theme
from desktop.widgets.meter_picture import Frame, MeterPicture, frame_of
from desktop.widgets.meter_rows import Placed, Row, arrange, place
from realtime.taxonomy import FAMILIES, INSTRUMENTS, display_name

_INDEX = {name: i for i, name in enumerate(INSTRUMENTS)}
_FAMILY_INDEX = {name: i for i, name in enumerate(FAMILIES)}
ROW_PX = (22, 34)
COLUMN_PX = 300


class Meters(QWidget):
    """Meters of the 24 instruments and 8 families; all values are probabilities 0..1."""

    menu_wanted = pyqtSignal(str, QPoint)
    """An instrument or family, and where on the screen to open its menu."""
    edited = pyqtSignal()
    """The user pinned, hid, collapsed: the settings object has changed."""
    rename_wanted = pyqtSignal(str)

    def __init__(self, settings: Settings, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.theme = theme
        self.thresholds: Mapping[str, float] = {}
        self._family_thresholds: Mapping[str, float] = {}
        self._values = np.zeros(len(INSTRUMENTS))
        self._peaks = np.zeros(len(INSTRUMENTS))
        self._families = np.zeros(len(FAMILIES))
        self._has_data = False
        self._activity_order: Sequence[str] = INSTRUMENTS
        self._active: frozenset[str] = frozenset()
        self._placed: list[Placed] = []
        self._frames: list[Frame] = []
        self._rows_region = QRegion()
        self._picture: MeterPicture | None = None
        self._current = 0
        self._show_focus = False
        self.compact = False
        """Only what is heard, without headings."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Instrument meters")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

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
        self.relayout()

    def set_activity(self, order: Sequence[str], active: frozenset[str]) -> None:
        """Instruments from most to least active, and those heard lately."""
        changed = (
            self.settings.sort == "activity" and list(order) != list(self._activity_order)
        ) or ((self.settings.only_active or self.compact) and active != self._active)
        self._activity_order, self._active = tuple(order), active
        if changed:
            self.relayout()

    def set_values(
        self,
        instruments: NDArray[np.floating] | None,
        families: NDArray[np.floating] | None,
        peaks: NDArray[np.floating] | None,
    ) -> None:
        """Show ``(24,)`` values and peaks and ``(8,)`` family values; None: nothing heard yet."""
        given = (instruments, families, peaks)
        if self._has_data and all(
            new is not None and np.array_equal(new, shown)
            for new, shown in zip(given, (self._values, self._families, self._peaks), strict=True)
        ):
            return
        self._has_data = instruments is not None
        if instruments is None or families is None or peaks is None:
            self._values[:], self._families[:], self._peaks[:] = 0.0, 0.0, 0.0
        else:
            self._values[:], self._families[:], self._peaks[:] = instruments, families, peaks
        picture = self._picture_now()
        frames = [self._frame(index, item) for index, item in enumerate(self._placed)]
        for index, (frame, before) in enumerate(zip(frames, self._frames, strict=True)):
            if frame != before:
                same = frame.present == before.present
                self.update(picture.moving_part(index) if same else self._placed[index].rect)
        self._frames = frames

    def is_present(self, name: str) -> bool:
        return self._has_data and self._values[_INDEX[name]] >= self.thresholds.get(name, 0.5)

    def name_of(self, instrument: str) -> str:
        return self.settings.names.get(instrument) or display_name(instrument)

    def summary(self) -> str:
        """What a screen reader says: the instruments heard, with their percentages."""
        heard = [
            f"{self.name_of(name)} {self._values[_INDEX[name]] * 100:.0f} percent"
            for name in INSTRUMENTS
            if self.is_present(name)
        ]
        return ", ".join(heard) if heard else "No instrument above its threshold"

    def rows(self) -> list[Row]:
        """The rows in view, from top to bottom and left to right."""
        return [item.row for item in self._placed]

    # -- layout ----------------------------------------------------------------------

    def relayout(self) -> None:
        """Place the rows anew, after the settings, the size or the theme changed."""
        s, px = self.settings, self.theme.px
        blocks = arrange(
            sort=s.sort,
            activity_order=self._activity_order,
            pinned=s.pinned,
            hidden=s.hidden,
            collapsed=s.collapsed,
            shown_only=self._active if s.only_active or self.compact else None,
            headings=not self.compact,
        )
        self._placed = place(
            blocks,
            self.width(),
            self._available_height(),
            column_width=px(COLUMN_PX),
            row_height=(px(ROW_PX[0]), px(ROW_PX[1])),
            gap=px(8),
            margin=px(16),
        )
        needed = max((item.rect.bottom() for item in self._placed), default=0) + px(12)
        self.setMinimumHeight(needed if needed > self._available_height() else px(120))
        self._picture = None
        self._rows_region = QRegion()
        for item in self._placed:
            self._rows_region += item.rect
        self._frames = [self._frame(index, item) for index, item in enumerate(self._placed)]
        self._current = min(self._current, max(len(self._placed) - 1, 0))
        self.update()

    def _available_height(self) -> int:
        """What can be seen at once. The own height would not do: it follows from the layout."""
        parent = self.parentWidget()
        return parent.height() if parent is not None else self.height()

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(COLUMN_PX), self.theme.px(120))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self.relayout()

    # -- painting --------------------------------------------------------------------

    def _picture_now(self) -> MeterPicture:
        if self._picture is None:
            self._picture = MeterPicture(
                self.theme,
                self.size(),
                self.devicePixelRatioF(),
                self._placed,
                self.name_of,
                self.thresholds,
                self.settings.collapsed,
            )
        return self._picture

    def _frame(self, index: int, item: Placed) -> Frame:
        bar = self._picture_now().bars[index]
        name, family = item.row.instrument, item.row.family
        if name:
            i = _INDEX[name]
            value, peak = float(self._values[i]), float(self._peaks[i])
            present = self._has_data and value >= self.thresholds.get(name, 0.5)
            threshold = self.thresholds.get(name, 0.5)
            return frame_of(bar, value, peak, threshold, present, self._has_data)
        if family:
            value = float(self._families[_FAMILY_INDEX[family]])
            threshold = self._family_thresholds.get(family, 0.5)
            return frame_of(bar, value, 0.0, threshold, False, self._has_data)
        return Frame()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        picture = self._picture_now()
        if len(self._frames) != len(self._placed):
            self._frames = [self._frame(i, item) for i, item in enumerate(self._placed)]
        painter = QPainter(self)
        region = event.region() if event else QRegion(self.rect())
        rows_only = region.subtracted(self._rows_region).isEmpty()
        if not rows_only:
            picture.paint_still(painter, region.boundingRect())
        for index, item in enumerate(self._placed):
            if region.intersects(item.rect):
                if rows_only:
                    picture.paint_still(painter, item.rect)
                picture.paint_row(painter, index, self._frames[index])
                if index == self._current and self._show_focus and self.hasFocus():
                    self._paint_focus(painter, item.rect)
        if not self._placed:
            painter.setPen(self.theme.colour("muted"))
            painter.setFont(self.theme.font(14))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._empty_text())
        painter.end()

    def _empty_text(self) -> str:
        if self.settings.only_active or self.compact:
            return "No instrument heard in the last 10 s."
        return "Every instrument is hidden. Press Shift+H to show them all."

    def _paint_focus(self, painter: QPainter, rect: QRect) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self.theme.colour("accent"))
        radius = self.theme.px(4)
        painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)

    # -- hands -----------------------------------------------------------------------

    def _row_at(self, position: QPoint) -> int | None:
        for index, item in enumerate(self._placed):
            if item.rect.contains(position):
                return index
        return None

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        index = self._row_at(event.position().toPoint()) if event else None
        if index is None:
            return
        self._current, self._show_focus = index, False
        row = self._placed[index].row
        if event and event.button() == Qt.MouseButton.LeftButton and not row.instrument:
            self.toggle_collapsed(row.family)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        index = self._row_at(event.position().toPoint()) if event else None
        if index is not None and self._placed[index].row.instrument:
            self.rename_wanted.emit(self._placed[index].row.instrument)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        index = self._row_at(event.pos()) if event else None
        row = self._placed[index].row if index is not None else Row("")
        if event:
            self.menu_wanted.emit(row.instrument or row.family, event.globalPos())

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Tab shows where the keys go; a click need not."""
        keys = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._show_focus = event is not None and event.reason() in keys
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        self.update()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or not self._placed:
            return
        row, key = self._placed[self._current].row, event.key()
        self._show_focus = True
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if key == Qt.Key.Key_Down else -1
            self._current = max(0, min(len(self._placed) - 1, self._current + step))
            self.setAccessibleDescription(self._describe(self._placed[self._current].row))
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row.family:
            self.toggle_collapsed(row.family)
        elif key == Qt.Key.Key_P and row.instrument:
            self.toggle_pinned(row.instrument)
        elif key == Qt.Key.Key_X and row.instrument:
            self.toggle_hidden(row.instrument)
        elif key == Qt.Key.Key_F2 and row.instrument:
            self.rename_wanted.emit(row.instrument)
        elif key == Qt.Key.Key_Menu:
            where = self.mapToGlobal(self._placed[self._current].rect.center())
            self.menu_wanted.emit(row.instrument or row.family, where)
        else:
            super().keyPressEvent(event)

    def _describe(self, row: Row) -> str:
        if not row.instrument:
            return row.heading
        state = "heard" if self.is_present(row.instrument) else "not heard"
        value = self._values[_INDEX[row.instrument]] * 100
        return f"{self.name_of(row.instrument)}, {value:.0f} percent, {state}"

    def toggle_collapsed(self, family: str) -> None:
        if family:
            _toggle(self.settings.collapsed, family)
            self._after_edit()

    def toggle_pinned(self, instrument: str) -> None:
        _toggle(self.settings.pinned, instrument)
        self._after_edit()

    def toggle_hidden(self, instrument: str) -> None:
        _toggle(self.settings.hidden, instrument)
        self._after_edit()

    def _after_edit(self) -> None:
        self.relayout()
        self.edited.emit()


def _toggle(names: list[str], name: str) -> None:
    if name in names:
        names.remove(name)
    else:
        names.append(name)
