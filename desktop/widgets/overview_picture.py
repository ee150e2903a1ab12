"""What a file's strip shows: ruler, waveform and family lanes; over them markers and loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QImage, QPainter, QPen

from desktop.heard.bridge import Analysed
from desktop.heard.waveform import Waveform
from desktop.looks.theme import Theme
from desktop.widgets.heat import lane_indices, lane_tables, paint_columns
from desktop.widgets.meter_rows import SCORE_ORDER
from desktop.widgets.roll_picture import Marker
from desktop.widgets.ruler import ruler_step
from realtime.clock_time import clock_time
from realtime.taxonomy import FAMILIES

RULER_PX = 16
_ALIGN = Qt.AlignmentFlag


@dataclass(frozen=True)
class Span:
    """The seconds that are shown, and how many pixels wide."""

    start_s: float
    end_s: float
    width: int

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def x(self, time_s: float) -> float:
        return (time_s - self.start_s) / self.length_s * self.width

    def time_at(self, x: float) -> float:
        share = min(max(x / max(self.width, 1), 0.0), 1.0)
        return self.start_s + share * self.length_s


def paint_ruler(painter: QPainter, theme: Theme, span: Span) -> None:
    """Times above the waveform."""
    px = theme.px
    painter.setFont(theme.font(11))
    step_s = ruler_step(span.length_s, max(span.width // px(96), 2))
    first, last = int(np.ceil(span.start_s / step_s)), int(np.floor(span.end_s / step_s))
    for mark in range(first, last + 1):
        x = span.x(mark * step_s)
        painter.setPen(theme.colour("line"))
        painter.drawLine(QPointF(x, px(3)), QPointF(x, px(RULER_PX)))
        if x < span.width - px(36):
            painter.setPen(theme.colour("muted"))
            box = QRectF(x + px(4), 0, px(72), px(RULER_PX - 2))
            text = clock_time(mark * step_s, tenths=step_s < 1)
            painter.drawText(box, int(_ALIGN.AlignLeft | _ALIGN.AlignVCenter), text)


def paint_wave(
    painter: QPainter, theme: Theme, span: Span, area: QRect, waveform: Waveform
) -> None:
    """Extremes of each pixel's time, and its loudness inside."""
    middle = area.center().y()
    painter.setPen(theme.colour("line"))
    painter.drawLine(0, middle, area.width(), middle)
    buckets, bucket_s = waveform.buckets(), waveform.bucket_s
    first = min(int(span.start_s / bucket_s), len(buckets))
    last = min(int(np.ceil(span.end_s / bucket_s)), len(buckets))
    width = min(area.width(), round(span.x(last * bucket_s)))
    if width < 2 or last <= first or area.height() < 2:
        return
    buckets = buckets[first:last]
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
    pixels[outer] = theme.colour("faint").rgba()
    pixels[inner & outer] = theme.colour("muted").rgba()
    image = QImage(pixels.tobytes(), width, area.height(), width * 4, QImage.Format.Format_ARGB32)
    painter.drawImage(area.topLeft(), image)


def paint_lanes(
    painter: QPainter,
    theme: Theme,
    span: Span,
    area: QRect,
    analysis: Analysed,
    thresholds: Mapping[str, float],
) -> None:
    """A lane for each family, as far as the file is analysed."""
    painter.fillRect(area, theme.colour("raised"))
    rows, lanes = analysis.track.rows(), list(SCORE_ORDER)
    width = min(area.width(), round(span.x(rows.centre_s[-1] + 0.5))) if len(rows) else 0
    if width < 2:
        return
    image = paint_columns(
        lane_tables(theme, lanes, thresholds),
        rows.families[:, lane_indices(lanes, FAMILIES)], rows.centre_s,
        (span.start_s, span.time_at(width)), width, max(analysis.hop_s, 0.5) * 1.01,
    )  # fmt: skip
    painter.drawImage(QRect(area.left(), area.top(), width, area.height()), image)


def paint_markers(
    painter: QPainter, theme: Theme, span: Span, height: int, markers: Sequence[Marker]
) -> None:
    """A flag under the ruler for each, with its note, or its number, where there is room."""
    px, colour = theme.px, theme.colour
    painter.setFont(theme.font(11, bold=True))
    metrics = painter.fontMetrics()
    ends = [span.x(one.time_s) for one in markers[1:]] + [float(span.width)]
    for number, (marker, edge) in enumerate(zip(markers, ends, strict=False), 1):
        if not span.start_s <= marker.time_s <= span.end_s:
            continue
        x = span.x(marker.time_s)
        painter.setPen(QPen(colour("text", 0.8), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, px(RULER_PX)), QPointF(x, height))
        room = round(min(edge - x, px(140))) - px(12)
        name = marker.note or str(number)
        text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, max(room, 0))
        text = text if room >= px(8) else ""
        flag = QRectF(x, px(RULER_PX), max(metrics.horizontalAdvance(text) + px(8), px(7)), px(14))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("text"))
        painter.drawRect(flag)
        painter.setPen(colour("panel"))
        painter.drawText(flag, int(_ALIGN.AlignCenter), text)


def paint_loop(
    painter: QPainter, theme: Theme, span: Span, area: QRect, loop: tuple[float, float]
) -> None:
    """What is outside of it fades, in ``area``; above it stand its start, end and length."""
    px, colour = theme.px, theme.colour
    left, right = (span.x(time_s) for time_s in sorted(loop))
    top, height = area.top(), area.height()
    fade = colour("panel", 0.65)
    painter.fillRect(QRectF(0, top, max(left, 0.0), height), fade)
    painter.fillRect(QRectF(right, top, max(span.width - right, 0.0), height), fade)
    painter.setPen(QPen(colour("accent"), px(2)))
    for x in (left, right):
        painter.drawLine(QPointF(x, 0), QPointF(x, area.bottom()))
    if right <= 0 or left >= span.width or not top:
        return
    text = loop_text(loop)
    painter.setFont(theme.font(11, bold=True))
    width = painter.fontMetrics().horizontalAdvance(text) + px(12)
    box = QRectF((max(left, 0.0) + min(right, float(span.width)) - width) / 2, 0, width, top)
    box.moveLeft(min(max(box.left(), 0.0), span.width - width))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("accent"))
    painter.drawRoundedRect(box, px(3), px(3))
    painter.setPen(colour("on_accent"))
    painter.drawText(box, int(_ALIGN.AlignCenter), text)


def loop_text(loop: tuple[float, float]) -> str:
    """``0:12.0 – 0:20.0   8.0 s``."""
    start_s, end_s = sorted(loop)
    first, last = clock_time(start_s, tenths=True), clock_time(end_s, tenths=True)
    return f"{first} – {last}   {end_s - start_s:.1f} s"
