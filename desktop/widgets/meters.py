"""All instrument meters in one widget: value, peak hold, threshold mark, grouped by family.

Names, tracks and marks are painted once into a pixmap; each frame repaints only the rows
whose pixels change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.settings import Settings
from desktop.theme import Theme
from desktop.widgets.meter_rows import FAMILY_NAMES, Placed, Row, arrange, place
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
        self._values = np.zeros(len(INSTRUMENTS))
        self._peaks = np.zeros(len(INSTRUMENTS))
        self._families = np.zeros(len(FAMILIES))
        self._has_data = False
        self._activity_order: Sequence[str] = INSTRUMENTS
        self._active: frozenset[str] = frozenset()
        self._placed: list[Placed] = []
        self._painted: list[tuple] = []
        self._base: QPixmap | None = None
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

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Per instrument: at or above it, it counts as heard."""
        self.thresholds = dict(thresholds)
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
        self._has_data = instruments is not None
        if instruments is None or families is None or peaks is None:
            self._values[:], self._families[:], self._peaks[:] = 0.0, 0.0, 0.0
        else:
            self._values[:], self._families[:], self._peaks[:] = instruments, families, peaks
        states = [self._state(item) for item in self._placed]
        for item, state, before in zip(self._placed, states, self._painted, strict=True):
            if state != before:
                self.update(item.rect)
        self._painted = states

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
            self.height(),
            column_width=px(COLUMN_PX),
            row_height=(px(ROW_PX[0]), px(ROW_PX[1])),
            gap=px(8),
            margin=px(16),
        )
        bottom = max((item.rect.bottom() for item in self._placed), default=0)
        self.setMinimumHeight(bottom + px(12) if bottom + px(12) > self.height() else px(120))
        self._base = None
        self._painted = [self._state(item) for item in self._placed]
        self._current = min(self._current, max(len(self._placed) - 1, 0))
        self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(COLUMN_PX), self.theme.px(120))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self.relayout()

    def _bar(self, item: Placed) -> QRect:
        px, rect = self.theme.px, item.rect
        left = rect.left() + self._name_width()
        right = rect.right() - px(44)
        height = max(px(8), round(rect.height() * 0.38)) if item.row.instrument else px(4)
        return QRect(left, rect.center().y() - height // 2, max(right - left, px(16)), height)

    def _name_width(self) -> int:
        metrics = QFontMetrics(self._font(bold=True))
        names = [self.name_of(n) for n in INSTRUMENTS] + list(FAMILY_NAMES.values())
        widest = max(metrics.horizontalAdvance(name) for name in names)
        limit = round(self._placed[0].rect.width() * 0.56) if self._placed else widest
        return min(widest + self.theme.px(48), limit)

    def _font(self, *, bold: bool = False) -> QFont:
        step = self._placed[0].rect.height() if self._placed else self.theme.px(28)
        size = max(12.0, min(16.0, step / self.theme.scale * 0.54))
        return self.theme.font(size, bold=bold)

    # -- painting --------------------------------------------------------------------

    def _state(self, item: Placed) -> tuple:
        """What the row's pixels depend on."""
        row, width = item.row, item.rect.width()
        if row.instrument:
            i = _INDEX[row.instrument]
            value, peak = self._values[i], self._peaks[i]
            return (
                round(value * width),
                round(peak * width),
                round(value * 100),
                self.is_present(row.instrument),
                self._has_data,
            )
        if row.family:
            value = self._families[_FAMILY_INDEX[row.family]]
            return (round(value * width), round(value * 100), self._has_data)
        return ()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._base is None:
            self._base = self._paint_base()
        painter = QPainter(self)
        area = event.rect() if event else self.rect()
        ratio = self._base.devicePixelRatio()
        source = QRectF(
            area.x() * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio
        )
        painter.drawPixmap(QRectF(area), self._base, source)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        name_width, bold, plain = self._name_width(), self._font(bold=True), self._font()
        for index, item in enumerate(self._placed):
            if item.rect.intersects(area):
                if item.row.instrument:
                    self._paint_instrument(painter, item, name_width, bold, plain)
                elif item.row.family:
                    self._paint_family(painter, item)
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

    def _paint_base(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.theme.colour("panel"))
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        px = self.theme.px
        for item in self._placed:
            row, rect = item.row, item.rect
            if row.instrument:
                painter.setBrush(self.theme.colour(row.family))
                painter.drawRect(QRect(rect.left(), rect.top() + 1, px(3), rect.height() - 2))
            if row.instrument or row.family:
                bar = self._bar(item)
                painter.setBrush(self.theme.colour("track"))
                painter.drawRoundedRect(bar, px(2), px(2))
            if row.heading:
                self._paint_heading(painter, item)
        painter.end()
        return pixmap

    def _paint_heading(self, painter: QPainter, item: Placed) -> None:
        px, rect, row = self.theme.px, item.rect, item.row
        left = rect.left()
        if row.family:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("faint"))
            x, y, a = left + px(4), rect.center().y() + 0.5, px(4)
            folded = row.family in self.settings.collapsed
            points = (
                [(x - a / 2, y - a), (x + a / 2, y), (x - a / 2, y + a)]
                if folded
                else [(x - a, y - a / 2), (x + a, y - a / 2), (x, y + a / 2)]
            )
            painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        painter.drawText(
            rect.adjusted(px(16) if row.family else 0, 0, 0, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            row.heading,
        )
        painter.setPen(Qt.PenStyle.NoPen)

    def _paint_instrument(
        self, painter: QPainter, item: Placed, name_width: int, bold: QFont, plain: QFont
    ) -> None:
        px, rect, name = self.theme.px, item.rect, item.row.instrument
        value, peak = self._values[_INDEX[name]], self._peaks[_INDEX[name]]
        present = self.is_present(name)
        colour = self.theme.colour(item.row.family)
        bar = self._bar(item)
        painter.setPen(Qt.PenStyle.NoPen)
        if value > 0.003:
            painter.setBrush(colour if present else _faded(colour, 0.5))
            filled = QRectF(bar)
            filled.setWidth(max(bar.width() * float(value), px(2)))
            painter.drawRoundedRect(filled, px(2), px(2))
        if peak > value + 0.01:
            x = bar.left() + (bar.width() - px(2)) * float(peak)
            painter.setBrush(_faded(self.theme.colour("text"), 0.85))
            painter.drawRect(QRectF(x, bar.top(), px(2), bar.height()))
        self._paint_threshold(painter, bar, self.thresholds.get(name))
        dot = QPointF(rect.left() + px(18), rect.center().y() + 0.5)
        if present:
            painter.setBrush(colour)
            painter.drawEllipse(dot, px(4), px(4))
        painter.setFont(bold if present else plain)
        painter.setPen(self.theme.colour("text" if present else "muted"))
        text = QFontMetrics(painter.font()).elidedText(
            self.name_of(name), Qt.TextElideMode.ElideRight, name_width - px(40)
        )
        painter.drawText(
            QRect(rect.left() + px(32), rect.top(), name_width - px(36), rect.height()),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            text,
        )
        self._paint_value(painter, rect, f"{value * 100:.0f}" if self._has_data else "–")

    def _paint_family(self, painter: QPainter, item: Placed) -> None:
        value = float(self._families[_FAMILY_INDEX[item.row.family]])
        bar = self._bar(item)
        painter.setPen(Qt.PenStyle.NoPen)
        if value > 0.003:
            painter.setBrush(_faded(self.theme.colour(item.row.family), 0.8))
            filled = QRectF(bar)
            filled.setWidth(max(bar.width() * value, self.theme.px(2)))
            painter.drawRoundedRect(filled, self.theme.px(2), self.theme.px(2))
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12))
        self._paint_value(painter, item.rect, f"{value * 100:.0f}" if self._has_data else "–")

    def _paint_value(self, painter: QPainter, rect: QRect, text: str) -> None:
        box = rect.adjusted(0, 0, -self.theme.px(8), 0)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)

    def _paint_threshold(self, painter: QPainter, bar: QRect, threshold: float | None) -> None:
        if threshold is None:
            return
        px = self.theme.px
        x = bar.left() + bar.width() * threshold
        painter.setBrush(self.theme.colour("faint"))
        painter.drawRect(QRectF(x - 0.5, bar.top() - px(3), max(1.0, px(1)), bar.height() + px(6)))

    def _paint_focus(self, painter: QPainter, rect: QRect) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self.theme.colour("accent"))
        radius = self.theme.px(4)
        painter.drawRoundedRect(QRectF(rect).adjusted(-3.5, 0.5, -0.5, -0.5), radius, radius)

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


def _faded(colour: QColor, alpha: float) -> QColor:
    faded = QColor(colour)
    faded.setAlphaF(alpha)
    return faded
