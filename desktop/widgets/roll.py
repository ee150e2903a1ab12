"""History: one lane an instrument, time from left to right, polyphony below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.clock import clock, ruler_step
from desktop.settings import Settings
from desktop.theme import Theme
from desktop.track import Rows, Track
from desktop.widgets.heat import instrument_lanes, lane_indices, lane_tables, paint_columns
from desktop.widgets.meter_rows import FAMILY_NAMES, SCORE_ORDER
from realtime.taxonomy import FAMILY_OF, INSTRUMENTS, display_name

SPANS_S = (30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(frozen=True)
class Marker:
    """A moment the user noted."""

    time_s: float
    note: str = ""


class HistoryRoll(QWidget):
    """The last ``settings.roll_span_s`` seconds of a track, or the page of a file around now."""

    jump_wanted = pyqtSignal(float)
    edited = pyqtSignal()

    def __init__(self, settings: Settings, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.theme = theme
        self.track = Track()
        self.markers: list[Marker] = []
        self.frozen = False
        self.is_live = True
        self.hop_s = 0.5
        self._thresholds: Mapping[str, float] = {}
        self._lanes = instrument_lanes(SCORE_ORDER)
        self._indices = lane_indices(self._lanes)
        self._tables = lane_tables(theme, self._lanes, {})
        self._now_s = 0.0
        self._start_s = 0.0
        self._duration_s: float | None = None
        self._image: QImage | None = None
        self._image_key: tuple = ()
        self._painted: tuple = ()
        self._hover: QPoint | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("History of instruments and polyphony")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(theme.px(160))

    # -- what is shown ---------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self._tables = lane_tables(theme, self._lanes, self._thresholds)
        self._image = None
        self.setMinimumHeight(theme.px(160))
        self.update()

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        self._thresholds = dict(thresholds)
        self._tables = lane_tables(self.theme, self._lanes, thresholds)
        self._image = None
        self.update()

    def show_source(
        self, track: Track, *, is_live: bool, duration_s: float | None, hop_s: float
    ) -> None:
        """Begin with another track; ``duration_s`` is a file's length."""
        self.track, self.is_live, self.hop_s = track, is_live, hop_s
        self._duration_s, self.frozen, self._start_s, self._now_s = duration_s, False, 0.0, 0.0
        self.markers = []
        self._image = None
        self.update()

    def set_now(self, now_s: float, track: Track) -> None:
        """The moment heard now; repaints when a pixel would change."""
        if track is not self.track:
            self.track, self._image = track, None
        self._now_s = now_s
        if not self.frozen:
            self._start_s = self._follow()
        area = self._area()
        per_px = self.span_s / max(area.width(), 1)
        state = (
            round(self._start_s / per_px),
            self.track.version,
            round(now_s / per_px),
            len(self.markers),
            area.size(),
        )
        if state != self._painted:
            self._painted = state
            self.update()

    @property
    def span_s(self) -> float:
        """What is shown, in seconds: the span that was chosen, or all of a shorter file."""
        if self._duration_s is not None:
            return min(self.settings.roll_span_s, max(self._duration_s, 1.0))
        return self.settings.roll_span_s

    @property
    def view_s(self) -> tuple[float, float]:
        """Start and end of what is shown."""
        return self._start_s, self._start_s + self.span_s

    def _follow(self) -> float:
        """Live: now at the right edge. File: pages, turned when now nears the edge."""
        if self.is_live:
            return max(self._now_s - self.span_s, 0.0) if self._now_s > self.span_s else 0.0
        start_s, span_s = self._start_s, self.span_s
        if not start_s <= self._now_s <= start_s + 0.95 * span_s:
            start_s = self._now_s - 0.05 * span_s
        last = max((self._duration_s or 0.0) - span_s, 0.0)
        return min(max(start_s, 0.0), last)

    def set_span(self, span_s: float) -> None:
        self.settings.roll_span_s = min(max(span_s, SPANS_S[0]), SPANS_S[-1])
        self._start_s = self._follow()
        self.update()
        self.edited.emit()

    def set_frozen(self, frozen: bool) -> None:
        self.frozen = frozen
        self.update()

    def add_marker(self, time_s: float, note: str = "") -> None:
        self.markers = sorted([*self.markers, Marker(time_s, note)], key=lambda m: m.time_s)
        self.update()

    # -- geometry --------------------------------------------------------------------

    def _area(self) -> QRect:
        px = self.theme.px
        return QRect(
            px(136), px(28), max(self.width() - px(136) - px(16), 1),
            max(self.height() - px(28) - px(76), 1),
        )  # fmt: skip

    def _curve_area(self) -> QRect:
        area, px = self._area(), self.theme.px
        return QRect(area.left(), area.bottom() + px(20), area.width(), px(44))

    def _x(self, time_s: float) -> float:
        area = self._area()
        return area.left() + (time_s - self._start_s) / self.span_s * area.width()

    def time_at(self, x: float) -> float:
        area = self._area()
        return self._start_s + (x - area.left()) / area.width() * self.span_s

    # -- painting --------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self.theme.colour("panel"))
        start_s, end_s = self.view_s
        rows = self.track.between(start_s - 2.0, end_s + 2.0)
        area = self._area()
        self._paint_heat(painter, rows, area)
        self._paint_names(painter, area)
        self._paint_curve(painter, rows)
        self._paint_ruler(painter, area)
        self._paint_markers(painter, area)
        self._paint_now(painter, area)
        self._paint_head(painter, area, len(rows))
        painter.end()

    def _paint_heat(self, painter: QPainter, rows: Rows, area: QRect) -> None:
        start_s, end_s = self.view_s
        key = (round(start_s, 3), self.span_s, self.track.version, area.size(), self.theme.name)
        if self._image is None or key != self._image_key:
            reach_s = max(self.hop_s, 0.5) * 1.01
            self._image = paint_columns(
                self._tables, rows.instruments[:, self._indices], rows.centre_s,
                (start_s, end_s), area.width(), reach_s,
            )  # fmt: skip
            self._image_key = key
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(area, self._image)
        painter.setPen(QPen(self.theme.colour("window"), 1))
        for top in self._family_tops(area)[1:]:
            painter.drawLine(QPointF(area.left(), top), QPointF(area.right() + 1, top))

    def _family_tops(self, area: QRect) -> list[float]:
        step = area.height() / len(self._lanes)
        tops, before = [], ""
        for index, lane in enumerate(self._lanes):
            if FAMILY_OF[lane] != before:
                tops.append(area.top() + index * step)
                before = FAMILY_OF[lane]
        return tops

    def _paint_names(self, painter: QPainter, area: QRect) -> None:
        px, align = self.theme.px, Qt.AlignmentFlag
        step = area.height() / len(self._lanes)
        tops = [*self._family_tops(area), float(area.bottom() + 1)]
        for family, top, bottom in zip(SCORE_ORDER, tops, tops[1:], strict=False):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour(family))
            painter.drawRect(QRectF(area.left() - px(6), top + 1, px(3), bottom - top - 2))
        painter.setPen(self.theme.colour("muted"))
        if step >= px(12):
            painter.setFont(self.theme.font(min(13.0, step / self.theme.scale * 0.82)))
            for index, lane in enumerate(self._lanes):
                box = QRectF(px(8), area.top() + index * step, area.left() - px(20), step)
                painter.drawText(box, align.AlignRight | align.AlignVCenter, self._name(lane))
            return
        painter.setFont(self.theme.font(12))
        last = -1e9
        for family, top, bottom in zip(SCORE_ORDER, tops, tops[1:], strict=False):
            middle = max((top + bottom) / 2, last + px(14))
            box = QRectF(px(8), middle - px(8), area.left() - px(20), px(16))
            painter.drawText(box, align.AlignRight | align.AlignVCenter, FAMILY_NAMES[family])
            last = middle

    def _name(self, lane: str) -> str:
        return self.settings.names.get(lane) or display_name(lane)

    def _paint_curve(self, painter: QPainter, rows: Rows) -> None:
        area, px, align = self._curve_area(), self.theme.px, Qt.AlignmentFlag
        painter.setFont(self.theme.font(11))
        for count in (0, 3, 6):
            y = area.bottom() - count / 6 * area.height()
            painter.setPen(QPen(self.theme.colour("line"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self.theme.colour("muted"))
            text = "6+" if count == 6 else str(count)
            box = QRectF(area.left() - px(32), y - px(8), px(22), px(16))
            painter.drawText(box, align.AlignRight | align.AlignVCenter, text)
        painter.setFont(self.theme.font(12))
        box = QRectF(px(8), area.top(), area.left() - px(44), area.height())
        painter.drawText(box, align.AlignRight | align.AlignVCenter, "At once")
        if not len(rows):
            return
        step = max(len(rows) // max(area.width(), 1), 1)
        times, counts = rows.centre_s[::step], rows.expected[::step]
        painter.save()
        painter.setClipRect(area.adjusted(0, -px(2), 0, px(2)))
        painter.setPen(QPen(self.theme.colour("accent"), self.theme.px(2)))
        for part in np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > 3.0) + 1):
            points = [
                QPointF(self._x(times[i]), area.bottom() - float(counts[i]) / 6 * area.height())
                for i in part
            ]
            painter.drawPolyline(QPolygonF(points))
        painter.restore()

    def _paint_ruler(self, painter: QPainter, area: QRect) -> None:
        px, align = self.theme.px, Qt.AlignmentFlag
        painter.setFont(self.theme.font(11))
        step = ruler_step(self.span_s, max(area.width() // px(88), 2))
        start_s, end_s = self.view_s
        first = np.ceil((start_s - self._now_s) / step) * step + self._now_s
        if not self.is_live:
            first = np.ceil(start_s / step) * step
        for time_s in np.arange(first, end_s + 1e-6, step):
            if time_s < 0:
                continue
            x = self._x(float(time_s))
            label = clock(float(time_s))
            if self.is_live:
                ago = self._now_s - time_s
                label = "now" if abs(ago) < step / 2 else f"−{clock(ago)}"
                if ago < -step / 2:
                    continue
            painter.setPen(QPen(self.theme.colour("line"), 1))
            painter.drawLine(QPointF(x, area.top() - px(4)), QPointF(x, area.top() - 1))
            painter.setPen(self.theme.colour("muted"))
            box = QRectF(x - px(40), area.top() - px(20), px(80), px(14))
            how = align.AlignHCenter
            if box.right() > self.width() - px(4):
                box.moveRight(area.right())
                how = align.AlignRight
            elif box.left() < area.left():
                box.moveLeft(area.left())
                how = align.AlignLeft
            painter.drawText(box, how | align.AlignVCenter, label)

    def _paint_markers(self, painter: QPainter, area: QRect) -> None:
        px = self.theme.px
        painter.setFont(self.theme.font(12, bold=True))
        metrics = painter.fontMetrics()
        for number, marker in enumerate(self.markers, 1):
            if not self.view_s[0] <= marker.time_s <= self.view_s[1]:
                continue
            x = self._x(marker.time_s)
            painter.setPen(QPen(self.theme.colour("text", 0.8), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, self._curve_area().bottom()))
            text = marker.note or str(number)
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, px(160))
            box = QRectF(x, area.top(), metrics.horizontalAdvance(text) + px(10), px(18))
            if box.right() > area.right():
                box.moveRight(x)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("text"))
            painter.drawRoundedRect(box, px(3), px(3))
            painter.setPen(self.theme.colour("panel"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_now(self, painter: QPainter, area: QRect) -> None:
        if self.is_live and not self.frozen:
            return
        if self.view_s[0] <= self._now_s <= self.view_s[1]:
            x = self._x(self._now_s)
            painter.setPen(QPen(self.theme.colour("text"), self.theme.px(1.5)))
            painter.drawLine(QPointF(x, area.top() - 2), QPointF(x, self._curve_area().bottom()))

    def _paint_head(self, painter: QPainter, area: QRect, count: int) -> None:
        px, align = self.theme.px, Qt.AlignmentFlag
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        painter.setPen(self.theme.colour("warn" if self.frozen else "muted"))
        box = QRect(px(16), px(8), area.left() - px(24), px(16))
        painter.drawText(
            box, align.AlignLeft | align.AlignVCenter, "Frozen" if self.frozen else "History"
        )
        if not count:
            painter.setFont(self.theme.font(14))
            painter.setPen(self.theme.colour("faint"))
            painter.drawText(area, align.AlignCenter, "What is heard is drawn here.")

    # -- hands -----------------------------------------------------------------------

    def describe(self, position: QPoint) -> str:
        """What lies under a point: time, instrument and its probability, polyphony."""
        area, time_s = self._area(), self.time_at(position.x())
        if not area.left() <= position.x() <= area.right():
            return ""
        values = self.track.rows().at(time_s, max(self.hop_s, 0.5) * 1.01)
        if values is None:
            return ""
        when = clock(time_s, tenths=True)
        if self.is_live:
            when = f"−{clock(self._now_s - time_s, tenths=True)}"
        expected = f"{values[-1]:.1f} at once"
        lane = int((position.y() - area.top()) / area.height() * len(self._lanes))
        if area.contains(position) and 0 <= lane < len(self._lanes):
            name = self._lanes[lane]
            value = values[INSTRUMENTS.index(name)] * 100
            return f"{when}   {self._name(name)} {value:.0f} %   {expected}"
        return f"{when}   {expected}"

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event:
            text = self.describe(event.position().toPoint())
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._area().left() <= event.position().x() <= self._area().right() and not self.is_live:
            self.jump_wanted.emit(max(self.time_at(event.position().x()), 0.0))

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Ctrl+wheel changes the span; over a frozen roll the wheel moves through the past."""
        if event is None:
            return
        steps = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_span(self.span_s * 0.8**steps)
        elif self.frozen:
            latest = (
                max(self._now_s - self.span_s, 0.0) if self.is_live else (self._duration_s or 0)
            )
            self._start_s = min(max(self._start_s - steps * self.span_s / 8, 0.0), latest)
            self.update()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event and event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Minus) and not event.modifiers():
            step = 1 if event.key() == Qt.Key.Key_Minus else -1
            nearest = min(range(len(SPANS_S)), key=lambda i: abs(SPANS_S[i] - self.span_s))
            self.set_span(SPANS_S[max(0, min(len(SPANS_S) - 1, nearest + step))])
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._image = None
