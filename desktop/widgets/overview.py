"""The file as a strip that zooms: waveform, family lanes, loop, markers, and what is heard now."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.heard.bridge import Analysed
from desktop.looks.theme import Theme
from desktop.widgets.overview_picture import (
    RULER_PX,
    Span,
    paint_lanes,
    paint_loop,
    paint_markers,
    paint_ruler,
    paint_wave,
)
from desktop.widgets.roll_picture import Marker
from desktop.widgets.still import blit
from realtime.clock_time import clock_time

_STEP_S = 5.0
SHORTEST_S = 2.0
"""What is shown at most closely."""
ZOOM = 0.8
_DRAG_PX = 5


class Overview(QWidget):
    """Click to seek, drag to set a loop, arrow keys to step; times in seconds.

    The wheel, + and − zoom, Shift and the wheel moves, a double click or 0 shows the whole file.
    """

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
        self._markers: list[Marker] = []
        self._view_s: tuple[float, float] | None = None
        """What is shown; None is the whole file."""
        self._base: QPixmap | None = None
        self._base_key: tuple[object, ...] = ()
        self._painted: tuple[int, object, int, int, object] | None = None
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
        width, height = (160, 32) if self._is_low else (480, 100)
        return QSize(self.theme.px(width), self.theme.px(height))

    def set_low(self, low: bool) -> None:
        """In a small window: the waveform over low lanes."""
        if low != self._is_low:
            self._is_low = low
            self.updateGeometry()

    def show_analysis(self, analysis: Analysed | None) -> None:
        self.analysis, self._base, self._drag = analysis, None, None
        self._position_s, self._loop, self._view_s = 0.0, None, None
        self.update()

    def set_markers(self, markers: list[Marker]) -> None:
        """Moments to flag, in the order of time."""
        self._markers = list(markers)
        self.update()

    def set_position(self, position_s: float, loop: tuple[float, float] | None) -> None:
        """Where it is heard now; repaints when a pixel would change."""
        was_seen = self._span().start_s <= self._position_s <= self._span().end_s
        self._position_s, self._loop = position_s, loop
        if self._view_s is not None and was_seen and not self._drag:
            self._turn_page()
        analysis = self.analysis
        progress = 0.0 if analysis is None else analysis.progress
        state = (
            round(self._x(position_s)),
            loop,
            round(progress * 200),
            analysis.track.version if analysis and analysis.done else 0,
            self._view_s,
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

    @property
    def view_s(self) -> tuple[float, float]:
        """Start and end of what is shown."""
        return self._view_s or (0.0, self._duration_s)

    def _span(self) -> Span:
        return Span(*self.view_s, self.width())

    def _x(self, time_s: float) -> float:
        return self._span().x(time_s)

    def time_at(self, x: float) -> float:
        return self._span().time_at(x)

    # -- zoom ------------------------------------------------------------------------

    def zoom(self, factor: float, about_s: float) -> None:
        """Show ``factor`` times as much, with one moment staying where it is."""
        start_s, end_s = self.view_s
        length_s = min(max((end_s - start_s) * factor, SHORTEST_S), self._duration_s)
        share = (about_s - start_s) / max(end_s - start_s, 1e-6)
        self._show(about_s - share * length_s, length_s)

    def show_all(self) -> None:
        """The whole file."""
        self._show(0.0, self._duration_s)

    def _show(self, start_s: float, length_s: float) -> None:
        if length_s >= self._duration_s - 1e-6:
            self._view_s = None
        else:
            start_s = min(max(start_s, 0.0), self._duration_s - length_s)
            self._view_s = (start_s, start_s + length_s)
        self.update()

    def _turn_page(self) -> None:
        """What is heard now stays in view, if it was."""
        start_s, end_s = self.view_s
        if not start_s <= self._position_s <= end_s:
            length_s = end_s - start_s
            self._show(self._position_s - 0.05 * length_s, length_s)

    # -- painting --------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        if self.analysis is None:
            painter.fillRect(self.rect(), self.theme.colour("panel"))
            return
        span = self._span()
        key = (
            self.size(),
            self.devicePixelRatioF(),
            round(self.analysis.progress * 200),
            self.analysis.done,
            self.analysis.track.version if self.analysis.done else 0,
            span,
        )
        if self._base is None or key != self._base_key:
            self._base, self._base_key = self._paint_base(self.analysis, span), key
        blit(painter, self._base, event.rect() if event else self.rect())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = self._top()
        area = QRect(0, top, self.width(), self.height() - top)
        if loop := self._drag or self._loop:
            paint_loop(painter, self.theme, span, area, loop)
        if top:
            paint_markers(painter, self.theme, span, self.height(), self._markers)
        x = self._line_x = self._x(self._position_s)
        painter.setPen(QPen(self.theme.colour("text"), self.theme.px(2)))
        painter.drawLine(QPointF(x, top), QPointF(x, self.height()))
        if self.hasFocus():
            painter.setPen(self.theme.colour("accent"))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _top(self) -> int:
        """Where the ruler ends; a low strip has none."""
        return 0 if self._is_low else self.theme.px(RULER_PX)

    def _paint_base(self, analysis: Analysed, span: Span) -> QPixmap:
        ratio, theme = self.devicePixelRatioF(), self.theme
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(theme.colour("panel"))
        painter = QPainter(pixmap)
        top = self._top()
        lanes_height = round((self.height() - top) * 0.42)
        wave = QRect(0, top, self.width(), self.height() - top - lanes_height - theme.px(4))
        lanes = QRect(0, self.height() - lanes_height, self.width(), lanes_height)
        if top:
            paint_ruler(painter, theme, span)
        paint_wave(painter, theme, span, wave, analysis.waveform)
        paint_lanes(painter, theme, span, lanes, analysis, self._thresholds)
        if self._view_s is not None:  # which part of the file that is
            whole = Span(0.0, self._duration_s, self.width())
            left, right = (whole.x(time_s) for time_s in self._view_s)
            y = lanes.top() - theme.px(3)
            painter.fillRect(QRectF(0, y, self.width(), theme.px(2)), theme.colour("track"))
            painter.fillRect(QRectF(left, y, right - left, theme.px(2)), theme.colour("accent"))
        painter.end()
        return pixmap

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

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.show_all()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None or self.analysis is None:
            return
        delta = event.angleDelta()
        steps, sideways = delta.y() / 120, delta.x() / 120
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            steps, sideways = 0.0, sideways or steps
        if sideways:
            start_s, end_s = self.view_s
            self._show(start_s - sideways * (end_s - start_s) / 8, end_s - start_s)
        elif steps:
            self.zoom(ZOOM**steps, self.time_at(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or self.analysis is None:
            return
        zooms = {Qt.Key.Key_Plus: ZOOM**2, Qt.Key.Key_Minus: ZOOM**-2}
        if (factor := zooms.get(Qt.Key(event.key()))) is not None:
            self.zoom(factor, self._position_s)
            return
        if event.key() == Qt.Key.Key_0:
            self.show_all()
            return
        step_s = {Qt.Key.Key_Left: -_STEP_S, Qt.Key.Key_Right: _STEP_S}.get(Qt.Key(event.key()))
        if step_s is not None:
            self.seek_wanted.emit(min(max(self._position_s + step_s, 0.0), self._duration_s))
        else:
            super().keyPressEvent(event)
