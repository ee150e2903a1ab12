"""The pixels of the history: names, heat map, polyphony curve, ruler, markers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPen, QPolygonF

from desktop.heard.track import Rows
from desktop.looks.theme import Theme
from desktop.widgets.heat import instrument_lanes, lane_indices, paint_columns
from desktop.widgets.meter_rows import FAMILY_NAMES, SCORE_ORDER
from desktop.widgets.ruler import ruler_step
from realtime.clock_time import clock_time
from realtime.taxonomy import FAMILY_OF

LANES = instrument_lanes(SCORE_ORDER)
_INDICES = lane_indices(LANES)
_GAP_S = 3.0
"""Windows further apart than this are not joined by the curve."""


@dataclass(frozen=True)
class Marker:
    """A moment the user noted."""

    time_s: float
    note: str = ""


@dataclass(frozen=True)
class Axes:
    """Where time and lanes lie in a widget of a given size."""

    theme: Theme
    size: QSize
    start_s: float
    span_s: float

    @property
    def lanes(self) -> QRect:
        px = self.theme.px
        width, height = self.size.width(), self.size.height()
        return QRect(px(136), px(28), max(width - px(152), 1), max(height - px(104), 1))

    @property
    def curve(self) -> QRect:
        lanes, px = self.lanes, self.theme.px
        return QRect(lanes.left(), lanes.bottom() + px(20), lanes.width(), px(44))

    def x(self, time_s: float) -> float:
        lanes = self.lanes
        return lanes.left() + (time_s - self.start_s) / self.span_s * lanes.width()

    def time_at(self, x: float) -> float:
        lanes = self.lanes
        return self.start_s + (x - lanes.left()) / lanes.width() * self.span_s

    @property
    def end_s(self) -> float:
        return self.start_s + self.span_s


def paint_names(painter: QPainter, axes: Axes, name_of: Callable[[str], str]) -> None:
    """What does not move: names, family stripes, the scale of the curve."""
    theme, area = axes.theme, axes.lanes
    px, align = theme.px, Qt.AlignmentFlag
    right = align.AlignRight | align.AlignVCenter
    step = area.height() / len(LANES)
    tops = [*_family_tops(area), float(area.bottom() + 1)]
    spans = list(zip(SCORE_ORDER, tops, tops[1:], strict=False))
    for family, top, bottom in spans:
        stripe = QRectF(area.left() - px(6), top + 1, px(3), bottom - top - 2)
        painter.fillRect(stripe, theme.colour(family))
    painter.setPen(theme.colour("muted"))
    if step >= px(12):
        painter.setFont(theme.font(min(13.0, step / theme.scale * 0.82)))
        for index, lane in enumerate(LANES):
            box = QRectF(px(8), area.top() + index * step, area.left() - px(20), step)
            painter.drawText(box, right, name_of(lane))
    else:
        painter.setFont(theme.font(12))
        last = -1e9
        for family, top, bottom in spans:
            middle = (top + bottom) / 2
            if middle - last < px(13):
                continue  # No room: the stripe's colour stands for it, and hovering tells.
            box = QRectF(px(8), middle - px(8), area.left() - px(20), px(16))
            painter.drawText(box, right, FAMILY_NAMES[family])
            last = middle
    curve = axes.curve
    for count in (0, 3, 6):
        y = curve.bottom() - count / 6 * curve.height()
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(curve.left(), y), QPointF(curve.right(), y))
        painter.setPen(theme.colour("muted"))
        painter.setFont(theme.font(11))
        box = QRectF(curve.left() - px(32), y - px(8), px(22), px(16))
        painter.drawText(box, right, "6+" if count == 6 else str(count))
    painter.setFont(theme.font(12))
    box = QRectF(px(8), curve.top(), curve.left() - px(44), curve.height())
    painter.drawText(box, right, "At once")


def paint_heat(
    painter: QPainter, axes: Axes, rows: Rows, tables: NDArray[np.uint32], reach_s: float
) -> None:
    """Probabilities as colour, and a thin line between families."""
    area = axes.lanes
    image = paint_columns(
        tables, rows.instruments[:, _INDICES], rows.centre_s, (axes.start_s, axes.end_s),
        area.width(), reach_s, area.height(),
    )  # fmt: skip
    painter.drawImage(area, image)
    for top in _family_tops(area)[1:]:
        line = QRect(area.left(), round(top), area.width(), 1)
        painter.fillRect(line, axes.theme.colour("window"))


def _family_tops(area: QRect) -> list[float]:
    step = area.height() / len(LANES)
    tops, before = [], ""
    for index, lane in enumerate(LANES):
        if FAMILY_OF[lane] != before:
            tops.append(area.top() + index * step)
            before = FAMILY_OF[lane]
    return tops


def paint_curve(painter: QPainter, axes: Axes, rows: Rows) -> None:
    """The expected count over time, broken where nothing was heard."""
    area = axes.curve
    if not len(rows):
        return
    step = max(len(rows) // area.width(), 1)
    times = rows.centre_s[::step]
    xs = area.left() + (times - axes.start_s) / axes.span_s * area.width()
    ys = area.bottom() - np.clip(rows.expected[::step], 0, 6) / 6 * area.height()
    points = [QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
    painter.save()
    painter.setClipRect(area.adjusted(0, -axes.theme.px(2), 0, axes.theme.px(2)))
    painter.setPen(QPen(axes.theme.colour("accent"), axes.theme.px(2)))
    edges = [0, *(np.flatnonzero(np.diff(times) > _GAP_S * step) + 1).tolist(), len(points)]
    for first, last in zip(edges, edges[1:], strict=False):
        painter.drawPolyline(QPolygonF(points[first:last]))
    painter.restore()


def paint_ruler(painter: QPainter, axes: Axes, now_s: float | None) -> None:
    """Marks of time above the lanes; with ``now_s`` they count back from now."""
    theme, area = axes.theme, axes.lanes
    px, align = theme.px, Qt.AlignmentFlag
    painter.setFont(theme.font(11))
    step = ruler_step(axes.span_s, max(area.width() // px(88), 2))
    zero_s = 0.0 if now_s is None else now_s
    first = int(np.ceil((axes.start_s - zero_s) / step - 1e-9))
    last = int(np.floor((axes.end_s - zero_s) / step + 1e-9))
    for mark in range(first, last + 1):
        time_s = zero_s + mark * step
        x = axes.x(time_s)
        label = clock_time(time_s)
        if now_s is not None:
            if mark > 0:
                continue
            label = "now" if mark == 0 else f"−{clock_time(-mark * step)}"
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(x, area.top() - px(4)), QPointF(x, area.top() - 1))
        painter.setPen(theme.colour("muted"))
        box = QRectF(x - px(40), area.top() - px(20), px(80), px(14))
        how = align.AlignHCenter
        if box.right() > axes.size.width() - px(4):
            box.moveRight(area.right())
            how = align.AlignRight
        elif box.left() < area.left():
            box.moveLeft(area.left())
            how = align.AlignLeft
        painter.drawText(box, how | align.AlignVCenter, label)


def paint_markers(painter: QPainter, axes: Axes, markers: Sequence[Marker]) -> None:
    """A dashed line with the note, or the marker's number."""
    theme, area, px = axes.theme, axes.lanes, axes.theme.px
    painter.setFont(theme.font(12, bold=True))
    metrics = painter.fontMetrics()
    for number, marker in enumerate(markers, 1):
        if not axes.start_s <= marker.time_s <= axes.end_s:
            continue
        x = axes.x(marker.time_s)
        painter.setPen(QPen(theme.colour("text", 0.8), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, axes.curve.bottom()))
        text = marker.note or str(number)
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, px(160))
        box = QRectF(x, area.top(), metrics.horizontalAdvance(text) + px(10), px(18))
        if box.right() > area.right():
            box.moveRight(x)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("text"))
        painter.drawRoundedRect(box, px(3), px(3))
        painter.setPen(theme.colour("panel"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
