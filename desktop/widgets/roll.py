"""History: one lane an instrument, time from left to right, polyphony below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PyQt6.QtCore import QPoint, QRect, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.heard.count import count_range, range_text
from desktop.heard.losses import Span
from desktop.heard.sureness import percent
from desktop.heard.track import Track, as_columns
from desktop.kept.settings import Settings
from desktop.looks.theme import Theme
from desktop.widgets.heat import lane_tables
from desktop.widgets.roll_picture import (
    LANES,
    Axes,
    Marker,
    paint_curve,
    paint_heat,
    paint_losses,
    paint_markers,
    paint_names,
    paint_ruler,
)
from desktop.widgets.still import Still
from realtime.clock_time import clock_time
from realtime.taxonomy import INSTRUMENTS, display_name

_STEP_PX = 3
SPANS_S = (30.0, 60.0, 120.0, 300.0, 600.0)


class HistoryRoll(QWidget):
    """The last ``settings.roll_span_s`` seconds of a track, or the page of a file around now."""

    jump_wanted = pyqtSignal(float)
    edited = pyqtSignal()
    markers_changed = pyqtSignal(list)

    def __init__(self, settings: Settings, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.theme = theme
        self.track = Track()
        self.markers: list[Marker] = []
        self.losses: Sequence[Span] = ()
        """When sound was lost; drawn as bands."""
        self.frozen = False
        self.is_live = True
        self.hop_s = 0.5
        self.hint = ""
        self._thresholds: Mapping[str, float] = {}
        self.lanes: tuple[str, ...] = LANES
        """Instruments heard in what is shown; all of them before any is."""
        self._tables = lane_tables(theme, list(LANES), {})
        self._lanes_of: tuple[object, ...] = ()
        self._looks = 0
        """Counts changes of theme and thresholds."""
        self._now_s = 0.0
        self._start_s = 0.0
        self._duration_s: float | None = None
        self._painted: tuple[object, ...] = ()
        self._names = Still(self)
        self._picture = Still(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("History of instruments and polyphony")
        self.setAccessibleDescription("Nothing heard yet")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(theme.px(120))

    # -- what is shown ---------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self._tables = lane_tables(theme, list(self.lanes), self._thresholds)
        self._looks += 1
        self.setMinimumHeight(theme.px(120))
        self.update()

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        self._thresholds = dict(thresholds)
        self._tables = lane_tables(self.theme, list(self.lanes), thresholds)
        self._lanes_of = ()
        self._looks += 1
        self.update()

    def show_source(
        self, track: Track, *, is_live: bool, duration_s: float | None, hop_s: float
    ) -> None:
        """Begin with another track; ``duration_s`` is a file's length."""
        self.track, self.is_live, self.hop_s = track, is_live, hop_s
        self._duration_s, self.frozen, self._start_s, self._now_s = duration_s, False, 0.0, 0.0
        self.losses = ()
        self.set_markers([])
        self.hint = "What is heard is drawn here."
        self.update()

    def set_length(self, duration_s: float) -> None:
        """A file's length as it is known now: its header may only have estimated it."""
        self._duration_s = duration_s

    def set_now(self, now_s: float, track: Track) -> None:
        """The moment heard now; repaints what a pixel's worth of time changes."""
        axes = self.axes()
        before = self._now_line(axes)
        self.track, self._now_s = track, now_s
        if not self.frozen:
            self._start_s = self._follow()
        self._choose_lanes()
        key = self._picture_key()
        if key != self._painted:
            self._painted = key
            self.update()
        elif self._now_line(axes) != before:
            self.update(before)
            self.update(self._now_line(axes))

    def _choose_lanes(self) -> None:
        """A lane for each instrument heard in what is shown: for two windows to enter, one to stay.

        Looked at when a window is new, or what is shown has moved by a tenth.
        """
        moved = round(self._start_s / self.span_s * 10)
        looked_at = (id(self.track), self.track.version, moved, self.span_s)
        if looked_at == self._lanes_of:
            return
        self._lanes_of = looked_at
        rows = self.track.between(self._start_s, self._start_s + self.span_s)
        limits = np.array([self._thresholds.get(name, 0.5) for name in INSTRUMENTS])
        heard = dict(zip(INSTRUMENTS, (rows.instruments >= limits).sum(axis=0), strict=True))
        shown = set(self.lanes) if self.lanes != LANES else set()
        lanes = tuple(n for n in LANES if heard[n] >= (1 if n in shown or len(rows) < 8 else 2))
        if (lanes or LANES) != self.lanes:
            self.lanes = lanes or LANES
            self._tables = lane_tables(self.theme, list(self.lanes), self._thresholds)
            self._looks += 1

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
            return self._now_s - self.span_s
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
        self.set_markers([*self.markers, Marker(time_s, note)])

    def set_markers(self, markers: list[Marker]) -> None:
        self.markers = sorted(markers, key=lambda marker: marker.time_s)
        self.markers_changed.emit(self.markers)
        self.update()

    def look_at(self, time_s: float) -> None:
        """Freeze, with this moment in the middle."""
        self.frozen = True
        latest_s = max(self._now_s - self.span_s, 0.0)
        self._start_s = min(max(time_s - self.span_s / 2, 0.0), latest_s)
        self.update()

    def axes(self) -> Axes:
        return Axes(self.theme, self.size(), self._start_s, self.span_s, self.lanes)

    # -- painting --------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        axes = self.axes()
        self._paint_names(axes)
        self._paint_picture(axes)
        painter = QPainter(self)
        self._picture.blit(painter, event.rect() if event else self.rect())
        if not self.is_live or self.frozen:
            painter.fillRect(self._now_line(axes), self.theme.colour("text"))
        painter.end()

    def _paint_names(self, axes: Axes) -> None:
        names = tuple(self.settings.names.items())
        # Counting back from now, the ruler stands still while the lanes move.
        still_ruler = self.is_live and not self.frozen and bool(len(self.track))
        span_s = self.span_s if still_ruler else None
        key = (self.theme.name, self.theme.scale, names, span_s, self.lanes)
        painter = self._names.begin(key, self.theme.colour("panel"))
        if painter is not None:
            paint_names(painter, axes, self._name)
            if still_ruler:
                paint_ruler(painter, axes, axes.end_s)
            painter.end()
            self._picture.forget()

    def _paint_picture(self, axes: Axes) -> None:
        painter = self._picture.begin(self._picture_key(), self.theme.colour("panel"))
        if painter is None:
            return
        rows = self.track.between(axes.start_s - 2.0, axes.end_s + 2.0)
        self._names.blit(painter, self.rect())
        paint_heat(painter, axes, rows, self._tables, max(self.hop_s, 0.5) * 1.01)
        paint_curve(painter, axes, rows)
        paint_losses(painter, axes, self.losses)
        if len(self.track):
            if not self.is_live or self.frozen:
                paint_ruler(painter, axes, self._now_s if self.is_live else None)
        else:
            painter.setFont(self.theme.font(14))
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(axes.lanes, Qt.AlignmentFlag.AlignCenter, self.hint)
        paint_markers(painter, axes, self.markers)
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        painter.setPen(self.theme.colour("warn" if self.frozen else "muted"))
        px, align = self.theme.px, Qt.AlignmentFlag
        box = QRect(px(16), px(8), axes.lanes.left() - px(24), px(16))
        title = "Frozen" if self.frozen else "History"
        painter.drawText(box, align.AlignLeft | align.AlignVCenter, title)
        painter.end()

    def _picture_key(self) -> tuple[object, ...]:
        """What the picture depends on; time counts in pixels."""
        per_px = self.span_s / self.axes().lanes.width()
        version = self.track.version
        if self.is_live and not self.frozen:
            # All of it moves: so seldom that nobody sees it stutter. New windows come with it.
            per_px, version = _STEP_PX * per_px, min(version, 1)
        return (
            self.theme.name, self.theme.scale, round(self._start_s / per_px), self.span_s,
            id(self.track), version, tuple(self.markers), self.frozen, self.is_live,
            self.hint, self._looks, tuple(self.losses[-1:]),
            round(self._now_s) if self.frozen else 0,
        )  # fmt: skip

    def _now_line(self, axes: Axes) -> QRect:
        x = round(axes.x(self._now_s))
        if not axes.lanes.left() <= x <= axes.lanes.right() + 1:
            return QRect()
        top = axes.lanes.top() - 2
        return QRect(x, top, self.theme.px(2), axes.curve.bottom() - top)

    def _name(self, lane: str) -> str:
        return self.settings.names.get(lane) or display_name(lane)

    # -- hands -----------------------------------------------------------------------

    def describe(self, position: QPoint) -> str:
        """What lies under a point: time, instrument and its probability, polyphony."""
        axes = self.axes()
        area, time_s = axes.lanes, axes.time_at(position.x())
        if not area.left() <= position.x() <= area.right():
            return ""
        lost = next((one for one in self.losses if one[0] <= time_s <= one[1]), None)
        if lost is not None:
            return f"{lost[1] - lost[0]:.1f} s of sound were lost here"
        values = self.track.rows().at(time_s, max(self.hop_s, 0.5) * 1.01)
        if values is None:
            return ""
        when = clock_time(time_s, tenths=True)
        if self.is_live:
            when = f"−{clock_time(self._now_s - time_s, tenths=True)}"
        count = f"{range_text(count_range(as_columns(values)[2]))} at once"
        lane = int((position.y() - area.top()) / area.height() * len(self.lanes))
        if area.contains(position) and 0 <= lane < len(self.lanes):
            name = self.lanes[lane]
            value = values[INSTRUMENTS.index(name)]
            sure = percent(float(value), self._thresholds.get(name, 0.5))
            return f"{when}   {self._name(name)} {sure} of 100 sure   {count}"
        return f"{when}   {count}"

    def summary(self) -> str:
        """The history in words: what was heard longest of what is shown."""
        rows = self.track.between(self._start_s, self._start_s + self.span_s)
        if not len(rows):
            return "Nothing heard yet"
        limits = [self._thresholds.get(name, 0.5) for name in INSTRUMENTS]
        shares = (rows.instruments >= limits).mean(axis=0)
        most = sorted(range(len(shares)), key=lambda i: -shares[i])[:5]
        heard = [f"{self._name(INSTRUMENTS[i])} {shares[i] * 100:.0f} percent of the time"
                 for i in most if shares[i] > 0.02]  # fmt: skip
        said = ", ".join(heard) or "no instrument surely"
        return f"The last {self.span_s:.0f} seconds shown: {said}"

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event:
            text = self.describe(event.position().toPoint())
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        axes, x = self.axes(), event.position().x()
        if axes.lanes.left() <= x <= axes.lanes.right() and not self.is_live:
            self.jump_wanted.emit(max(axes.time_at(x), 0.0))

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
