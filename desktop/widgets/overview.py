"""The whole file: waveform, family lanes under it, loop region, and where it is heard now."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.heard.bridge import Analysed
from desktop.looks.theme import Theme
from desktop.widgets.heat import lane_indices, lane_tables, paint_columns
from desktop.widgets.meter_rows import SCORE_ORDER
from desktop.widgets.still import blit
from realtime.clock_time import clock_time
from realtime.taxonomy import FAMILIES

_STEP_S = 5.0
_DRAG_PX = 5


class Overview(QWidget):
    """Click to seek, drag to set a loop, arrow keys to step; times in seconds."""

    seek_wanted = pyqtSignal(float)
    loop_wanted = pyqtSignal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.analysis: Analysed | None = None
        self._thresholds: Mapping[str, float] = {}
        self._position_s = 0.0
        self._loop: tuple[float, float] | None = None
        self._drag: tuple[float, float] | None = None
        self._base: QPixmap | None = None
        self._base_key: tuple[object, ...] = ()
        self._painted: tuple[int, object, int, int] | None = None
        self._is_low = False
        self._line_x = 0.0
        """Where the position was painted last."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("File overview and position")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def set_theme(self, theme: Theme) -> None:
        self.theme, self._base = theme, None
        self.updateGeometry()
        self.update()

    def set_family_thresholds(self, thresholds: Mapping[str, float]) -> None:
        self._thresholds, self._base = dict(thresholds), None
        self.update()

    def sizeHint(self) -> QSize:
        width, height = (160, 32) if self._is_low else (480, 88)
        return QSize(self.theme.px(width), self.theme.px(height))

    def set_low(self, low: bool) -> None:
        """In a small window: the waveform over low lanes."""
        if low != self._is_low:
            self._is_low = low
            self.updateGeometry()

    def show_analysis(self, analysis: Analysed | None) -> None:
        self.analysis, self._base, self._drag = analysis, None, None
        self._position_s, self._loop = 0.0, None
        self.update()

    def set_position(self, position_s: float, loop: tuple[float, float] | None) -> None:
        """Where it is heard now; repaints when a pixel would change."""
        self._position_s, self._loop = position_s, loop
        analysis = self.analysis
        progress = 0.0 if analysis is None else analysis.progress
        state = (
            round(self._x(position_s)),
            loop,
            round(progress * 200),
            analysis.track.version if analysis and analysis.done else 0,
        )
        if state == self._painted:
            return
        if self._painted and state[1:] == self._painted[1:]:
            for x in (state[0], round(self._line_x)):
                self.update(QRect(x - self.theme.px(3), 0, self.theme.px(6), self.height()))
        else:
            self.update()
        self._painted = state

    @property
    def _duration_s(self) -> float:
        return max(self.analysis.duration_s, 1e-6) if self.analysis else 1.0

    def _x(self, time_s: float) -> float:
        return time_s / self._duration_s * self.width()

    def time_at(self, x: float) -> float:
        return min(max(x / max(self.width(), 1), 0.0), 1.0) * self._duration_s

    # -- painting --------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        if self.analysis is None:
            painter.fillRect(self.rect(), self.theme.colour("panel"))
            return
        key = (
            self.size(),
            self.devicePixelRatioF(),
            round(self.analysis.progress * 200),
            self.analysis.done,
            self.analysis.track.version if self.analysis.done else 0,
        )
        if self._base is None or key != self._base_key:
            self._base, self._base_key = self._paint_base(), key
        blit(painter, self._base, event.rect() if event else self.rect())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        loop = self._drag or self._loop
        if loop:
            left, right = sorted(map(self._x, loop))
            painter.fillRect(QRectF(0, 0, left, self.height()), self.theme.colour("panel", 0.65))
            painter.fillRect(
                QRectF(right, 0, self.width() - right, self.height()),
                self.theme.colour("panel", 0.65),
            )
            painter.setPen(QPen(self.theme.colour("accent"), self.theme.px(2)))
            for x in (left, right):
                painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        x = self._line_x = self._x(self._position_s)
        painter.setPen(QPen(self.theme.colour("text"), self.theme.px(2)))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        if self.hasFocus():
            painter.setPen(self.theme.colour("accent"))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_base(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(self.theme.colour("panel"))
        painter = QPainter(pixmap)
        lanes_height = round(self.height() * 0.42)
        wave = QRect(0, 0, self.width(), self.height() - lanes_height - self.theme.px(4))
        lanes = QRect(0, self.height() - lanes_height, self.width(), lanes_height)
        painter.fillRect(lanes, self.theme.colour("raised"))
        self._paint_wave(painter, wave)
        self._paint_lanes(painter, lanes)
        painter.end()
        return pixmap

    def _paint_wave(self, painter: QPainter, area: QRect) -> None:
        assert self.analysis is not None
        waveform = self.analysis.waveform
        buckets = waveform.buckets()
        middle = area.center().y()
        painter.setPen(self.theme.colour("line"))
        painter.drawLine(0, middle, area.width(), middle)
        width = min(area.width(), round(self._x(len(buckets) * waveform.bucket_s)))
        if width < 2 or not len(buckets):
            return
        edges = np.linspace(0, len(buckets), width + 1)[:-1].astype(int)
        low = np.minimum.reduceat(buckets[:, 0], edges)
        high = np.maximum.reduceat(buckets[:, 1], edges)
        loud = np.maximum.reduceat(buckets[:, 2], edges)
        half = area.height() / 2 - 1
        pixels = np.zeros((area.height(), width), np.uint32)
        offset = np.arange(area.height())[:, np.newaxis] - (area.height() / 2 - 0.5)
        outer = (offset >= -np.clip(high, 0, 1) * half - 0.5) & (
            offset <= np.clip(-low, 0, 1) * half + 0.5
        )
        inner = np.abs(offset) <= np.clip(loud, 0, 1) * half
        pixels[outer] = self.theme.colour("faint").rgba()
        pixels[inner & outer] = self.theme.colour("muted").rgba()
        image = QImage(
            pixels.tobytes(), width, area.height(), width * 4, QImage.Format.Format_ARGB32
        )
        painter.drawImage(area.topLeft(), image)

    def _paint_lanes(self, painter: QPainter, area: QRect) -> None:
        assert self.analysis is not None
        rows = self.analysis.track.rows()
        lanes = list(SCORE_ORDER)
        width = min(area.width(), round(self._x(rows.centre_s[-1] + 0.5))) if len(rows) else 0
        if width < 2:
            return
        image = paint_columns(
            lane_tables(self.theme, lanes, self._thresholds),
            rows.families[:, lane_indices(lanes, FAMILIES)], rows.centre_s,
            (0.0, width / self.width() * self._duration_s), width,
            max(self.analysis.hop_s, 0.5) * 1.01,
        )  # fmt: skip
        painter.drawImage(QRect(area.left(), area.top(), width, area.height()), image)

    # -- hands -----------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event and event.button() == Qt.MouseButton.LeftButton and self.analysis:
            time_s = self.time_at(event.position().x())
            self._drag = (time_s, time_s)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None or self.analysis is None:
            return
        time_s = self.time_at(event.position().x())
        self.setToolTip(clock_time(time_s, tenths=True))
        if self._drag:
            self._drag = (self._drag[0], time_s)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        drag, self._drag = self._drag, None
        if event is None or drag is None:
            return
        if abs(self._x(drag[1]) - self._x(drag[0])) >= _DRAG_PX:
            self.loop_wanted.emit(tuple(sorted(drag)))
            self.seek_wanted.emit(min(drag))
        else:
            self.seek_wanted.emit(drag[0])
        self.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or self.analysis is None:
            return
        step_s = {Qt.Key.Key_Left: -_STEP_S, Qt.Key.Key_Right: _STEP_S}.get(Qt.Key(event.key()))
        if step_s is not None:
            self.seek_wanted.emit(min(max(self._position_s + step_s, 0.0), self._duration_s))
        else:
            super().keyPressEvent(event)
