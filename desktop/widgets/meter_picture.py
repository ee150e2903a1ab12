"""The pixels of the meter rows: everything still is painted once, each frame blits and fills.

Two pictures of the whole widget are kept, one with every instrument as absent, one with every
instrument as present; a row's frame is a piece of one of them, its bar, its marks and its number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPixmap, QPolygonF

from desktop.looks.theme import Theme
from desktop.widgets.meter_rows import FAMILY_NAMES, Placed
from desktop.widgets.still import blit
from realtime.taxonomy import INSTRUMENTS

VALUE_PX = 44
_DASH = 101
"""Stands for 'nothing known' among the values 0 to 100."""


@dataclass(frozen=True)
class Frame:
    """What a row's pixels depend on, all in pixels or percent; ``value`` 101 is unknown."""

    fill: int = 0
    peak: int = 0
    value: int = _DASH
    present: bool = False


class MeterPicture:
    """Paints rows that were placed; made anew when their places, names or looks change."""

    def __init__(
        self,
        theme: Theme,
        size: QSize,
        ratio: float,
        placed: Sequence[Placed],
        name_of: Callable[[str], str],
        thresholds: Mapping[str, float],
        collapsed: Sequence[str],
    ) -> None:
        self.theme = theme
        self._ratio = ratio
        self._placed = placed
        self._name_of = name_of
        self._collapsed = collapsed
        step = placed[0].rect.height() if placed else theme.px(28)
        self._size_px = max(12.0, min(16.0, step / theme.scale * 0.54))
        self._name_width = self._measure_names()
        self.bars = [self._bar(item) for item in placed]
        self._ticks = [
            bar.left() + bar.width() // 2 if item.row.instrument in thresholds else None
            for item, bar in zip(placed, self.bars, strict=True)
        ]
        self._looks = (self._still(size, present=False), self._still(size, present=True))
        self._numbers: dict[tuple[int, bool, bool], QPixmap] = {}

    # -- geometry --------------------------------------------------------------------

    def _measure_names(self) -> int:
        metrics = QFontMetrics(self._font(bold=True))
        names = [self._name_of(name) for name in INSTRUMENTS] + list(FAMILY_NAMES.values())
        widest = max(metrics.horizontalAdvance(name) for name in names) + self.theme.px(48)
        if not self._placed:
            return widest
        return min(widest, round(self._placed[0].rect.width() * 0.56))

    def _bar(self, item: Placed) -> QRect:
        px, rect = self.theme.px, item.rect
        left = rect.left() + self._name_width
        right = rect.right() - px(8 + VALUE_PX)
        height = max(px(8), round(rect.height() * 0.38)) if item.row.instrument else px(4)
        return QRect(left, rect.center().y() - height // 2, max(right - left, px(16)), height)

    def moving_part(self, index: int) -> QRect:
        """The part of a row that changes while its instrument stays present or absent."""
        rect = self._placed[index].rect
        left = self.bars[index].left() - 1
        return QRect(left, rect.top(), rect.right() - left + 1, rect.height())

    def _font(self, *, bold: bool = False) -> QFont:
        return self.theme.font(self._size_px, bold=bold)

    # -- painted once ----------------------------------------------------------------

    def _still(self, size: QSize, *, present: bool) -> QPixmap:
        pixmap = QPixmap(size * self._ratio)
        pixmap.setDevicePixelRatio(self._ratio)
        pixmap.fill(self.theme.colour("panel"))
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        px = self.theme.px
        for item, bar in zip(self._placed, self.bars, strict=True):
            row, rect = item.row, item.rect
            painter.setPen(Qt.PenStyle.NoPen)
            if row.instrument or row.family:
                painter.setBrush(self.theme.colour("track"))
                painter.drawRoundedRect(bar, px(2), px(2))
            if row.heading:
                self._heading(painter, item)
            if row.instrument:
                painter.setBrush(self.theme.colour(row.family))
                painter.drawRect(QRect(rect.left(), rect.top() + 1, px(3), rect.height() - 2))
                if present:
                    dot = QPointF(rect.left() + px(18), rect.center().y() + 0.5)
                    painter.drawEllipse(dot, px(4), px(4))
                self._name(painter, item, present)
        painter.end()
        return pixmap

    def _name(self, painter: QPainter, item: Placed, present: bool) -> None:
        px, rect = self.theme.px, item.rect
        painter.setFont(self._font(bold=present))
        painter.setPen(self.theme.colour("text" if present else "muted"))
        width = self._name_width - px(36)
        text = QFontMetrics(painter.font()).elidedText(
            self._name_of(item.row.instrument), Qt.TextElideMode.ElideRight, width
        )
        box = QRect(rect.left() + px(32), rect.top(), width, rect.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _heading(self, painter: QPainter, item: Placed) -> None:
        px, rect, row = self.theme.px, item.rect, item.row
        if row.family:
            painter.setBrush(self.theme.colour("faint"))
            x, y, a = rect.left() + px(4), rect.center().y() + 0.5, px(4)
            points = (
                [(x - a / 2, y - a), (x + a / 2, y), (x - a / 2, y + a)]
                if row.family in self._collapsed
                else [(x - a, y - a / 2), (x + a, y - a / 2), (x, y + a / 2)]
            )
            painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        box = rect.adjusted(px(16) if row.family else 0, 0, 0, 0)
        how = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, how, row.heading)

    def _number(self, value: int, present: bool, family: bool) -> QPixmap:
        """A number as a picture, made when first needed."""
        key = (value, present, family)
        if key not in self._numbers:
            height = self._placed[0].rect.height()
            pixmap = QPixmap(QSize(self.theme.px(VALUE_PX), height) * self._ratio)
            pixmap.setDevicePixelRatio(self._ratio)
            pixmap.fill(self.theme.colour("panel"))
            painter = QPainter(pixmap)
            painter.setFont(self.theme.font(12) if family else self._font(bold=present))
            painter.setPen(self.theme.colour("text" if present else "muted"))
            how = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            box = QRectF(0, 0, self.theme.px(VALUE_PX), height)
            painter.drawText(box, how, "–" if value == _DASH else str(value))
            painter.end()
            self._numbers[key] = pixmap
        return self._numbers[key]

    # -- painted each frame ----------------------------------------------------------

    def paint_still(self, painter: QPainter, area: QRect) -> None:
        """The ground between the rows, and the rows as absent."""
        self._blit(painter, area, present=False)

    def paint_row(self, painter: QPainter, index: int, frame: Frame) -> None:
        item, bar = self._placed[index], self.bars[index]
        row, rect = item.row, item.rect
        if frame.present:
            self._blit(painter, rect, present=True)
        if not row.instrument and not row.family:
            return
        if frame.fill:
            strength = 0.8 if not row.instrument else 1.0 if frame.present else 0.5
            colour = self.theme.colour(row.family, strength)
            painter.fillRect(QRect(bar.left(), bar.top(), frame.fill, bar.height()), colour)
        if frame.peak > frame.fill + 1:
            x = bar.left() + frame.peak - self.theme.px(2)
            mark = QRect(x, bar.top(), self.theme.px(2), bar.height())
            painter.fillRect(mark, self.theme.colour("text", 0.85))
        tick = self._ticks[index]
        if tick is not None:
            reach = self.theme.px(3)
            mark = QRect(tick, bar.top() - reach, self.theme.px(1), bar.height() + 2 * reach)
            painter.fillRect(mark, self._tick_colour(tick - bar.left() < frame.fill))
        left = rect.right() - self.theme.px(8 + VALUE_PX)
        number = self._number(frame.value, frame.present, not row.instrument)
        painter.drawPixmap(QPoint(left, rect.top()), number)

    def _tick_colour(self, covered: bool) -> QColor:
        return self.theme.colour("panel", 0.7) if covered else self.theme.colour("faint")

    def _blit(self, painter: QPainter, area: QRect, *, present: bool) -> None:
        blit(painter, self._looks[present], area)


def on_scale(value: float, threshold: float) -> float:
    """Where a probability lies on the bar, 0 to 1: its threshold in the middle.

    Thresholds differ from instrument to instrument; so laid, all marks stand in line, and a bar
    past the middle is heard.
    """
    if value < threshold:
        return 0.5 * value / threshold
    return 0.5 + 0.5 * (value - threshold) / max(1.0 - threshold, 1e-6)


def frame_of(
    bar: QRect, value: float, peak: float, threshold: float, present: bool, known: bool
) -> Frame:
    """A row's frame from its values 0..1."""
    if not known:
        return Frame()
    fill = round(on_scale(value, threshold) * bar.width())
    held = round(on_scale(peak, threshold) * bar.width())
    return Frame(fill, held, round(value * 100), present)
