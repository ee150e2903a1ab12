"""The pixels of the history: names, heat map, polyphony curve, ruler, markers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QBrush, QPainter, QPen

from desktop.heard.count import count_ranges
from desktop.heard.losses import Span
from desktop.heard.track import Rows
from desktop.looks.theme import Theme
from desktop.widgets.heat import instrument_lanes, lane_indices, paint_columns
from desktop.widgets.meter_rows import FAMILY_NAMES, SCORE_ORDER
from desktop.widgets.ruler import ruler_step
from realtime.clock_time import clock_time
from realtime.taxonomy import FAMILY_OF

LANES = tuple(instrument_lanes(SCORE_ORDER))
_LANE_PX, _CURVE_PX = 34, (36, 96)
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
    names: Sequence[str] = LANES
    """The instruments that have a lane, from top to bottom."""

    @cached_property
    def lanes(self) -> QRect:
        px, width = self.theme.px, self.size.width()
        left = px(136 if width >= px(440) else 108)
        room = self.size.height() - px(60) - px(_CURVE_PX[0])
        highest = max(px(_LANE_PX), self.size.height() // 14)
        height = max(min(room, highest * max(len(self.names), 4)), 1)
        return QRect(left, px(28), max(width - left - px(16), 1), height)

    @cached_property
    def curve(self) -> QRect:
        lanes, px = self.lanes, self.theme.px
        top = lanes.bottom() + px(20)
        height = min(max(self.size.height() - px(12) - top, px(_CURVE_PX[0])), px(_CURVE_PX[1]))
        return QRect(lanes.left(), top, lanes.width(), height)

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
    step = area.height() / len(axes.names)
    found = _family_tops(axes)
    tops = [*(top for _, top in found), float(area.bottom() + 1)]
    spans = [(family, top, after) for (family, top), after in zip(found, tops[1:], strict=True)]
    for family, top, bottom in spans:
        stripe = QRectF(area.left() - px(6), top + 1, px(3), bottom - top - 2)
        painter.fillRect(stripe, theme.colour(family))
    painter.setPen(theme.colour("muted"))
    if step >= px(12):
        painter.setFont(theme.font(min(13.0, step / theme.scale * 0.82)))
        for index, lane in enumerate(axes.names):
            box = QRectF(px(8), area.top() + index * step, area.left() - px(20), step)
            name = painter.fontMetrics().elidedText(
                name_of(lane), Qt.TextElideMode.ElideRight, int(box.width())
            )
            painter.drawText(box, right, name)
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
    """Probabilities as colour, and a thin line between lanes, or families where those are low."""
    area = axes.lanes
    image = paint_columns(
        tables, rows.instruments[:, lane_indices(list(axes.names))], rows.centre_s,
        (axes.start_s, axes.end_s), area.width(), reach_s, area.height(),
    )  # fmt: skip
    painter.drawImage(area, image)
    step = area.height() / len(axes.names)
    tops = [top for _, top in _family_tops(axes)]
    if step >= axes.theme.px(14):
        tops = [area.top() + index * step for index in range(len(axes.names))]
    for top in tops[1:]:
        line = QRect(area.left(), round(top), area.width(), axes.theme.px(1))
        painter.fillRect(line, axes.theme.colour("panel"))


def _family_tops(axes: Axes) -> list[tuple[str, float]]:
    """Each family that has a lane, and where its first lane begins."""
    area, before = axes.lanes, ""
    step = area.height() / len(axes.names)
    tops = []
    for index, lane in enumerate(axes.names):
        if FAMILY_OF[lane] != before:
            before = FAMILY_OF[lane]
            tops.append((before, area.top() + index * step))
    return tops


def paint_curve(painter: QPainter, axes: Axes, rows: Rows) -> None:
    """How many at once over time: the range as a band, the likeliest count as a line in it."""
    area = axes.curve
    if not len(rows):
        return
    step = max(len(rows) // area.width(), 1)
    times, counts = rows.centre_s[::step], rows.polyphony[::step]
    low, high = count_ranges(counts)
    likely = counts.argmax(axis=1)
    half_s = np.minimum(np.median(np.diff(times)) if len(times) > 1 else 0.5, _GAP_S) / 2
    lefts = area.left() + (times - half_s - axes.start_s) / axes.span_s * area.width()
    rights = area.left() + (times + half_s - axes.start_s) / axes.span_s * area.width()
    unit = area.height() / 6
    painter.save()
    painter.setClipRect(area.adjusted(0, -axes.theme.px(2), 0, axes.theme.px(2)))
    band, line = axes.theme.colour("accent", 0.3), axes.theme.colour("accent")
    thick = axes.theme.px(2)
    changes = (np.diff(low) != 0) | (np.diff(high) != 0) | (np.diff(likely) != 0)
    starts = [0, *(np.flatnonzero(changes | (np.diff(times) > _GAP_S * step)) + 1).tolist()]
    for first, after in zip(starts, [*starts[1:], len(times)], strict=True):
        x, width = lefts[first], max(rights[after - 1] - lefts[first], 1.0)
        top = area.bottom() - high[first] * unit
        painter.fillRect(QRectF(x, top, width, (high[first] - low[first]) * unit), band)
        y = area.bottom() - likely[first] * unit
        painter.fillRect(QRectF(x, y - thick / 2, width, thick), line)
    painter.restore()


def paint_losses(painter: QPainter, axes: Axes, losses: Sequence[Span]) -> None:
    """A hatched band, and the word, where sound was lost."""
    theme, area = axes.theme, axes.lanes
    px = theme.px
    for start_s, end_s in losses:
        if end_s < axes.start_s or start_s > axes.end_s:
            continue
        left = max(axes.x(start_s), area.left())
        right = min(max(axes.x(end_s), left + px(3)), area.right() + 1)
        box = QRectF(left, area.top(), right - left, axes.curve.bottom() - area.top())
        painter.fillRect(box, theme.colour("panel", 0.6))
        painter.fillRect(box, QBrush(theme.colour("warn", 0.8), Qt.BrushStyle.BDiagPattern))
        painter.setFont(theme.font(11, bold=True))
        text = f"lost {end_s - start_s:.1f} s"
        wide = painter.fontMetrics().horizontalAdvance(text) + px(8)
        label = QRectF(left, area.top(), wide, px(16))
        if label.right() > area.right():
            label.moveRight(right)
        painter.fillRect(label, theme.colour("warn"))
        painter.setPen(theme.colour("window"))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)


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
