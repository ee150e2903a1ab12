"""The pixels of the meter rows: what is still is painted once a row, each frame blits pieces.

A row's name, its bar empty and its bar full are pictures, and so is every number. A frame copies
as much of the full bar as the value says and shapes no text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap, QPolygonF, QRegion

from desktop.looks.theme import Theme
from desktop.widgets.meter_rows import FAMILY_NAMES, Kind, Placed
from realtime.taxonomy import INSTRUMENTS

DASH = 101
"""Stands for 'nothing known' among the numbers 0 to 100."""
_UNSURE = "?"
"""After the name of a family that is heard while it is not known which of it."""
_QUIET_STRENGTH = 0.45
"""How strong a bar looks whose instrument is not heard."""
_BAR_PX = 720


class Value(NamedTuple):
    """What a row shows of its value: lengths in pixels, the number, and whether it is heard."""

    fill: int
    peak: int
    number: int
    heard: bool


class MeterPicture:
    """Paints rows that were placed; made anew when sizes, names or looks change."""

    def __init__(
        self,
        theme: Theme,
        ratio: float,
        placed: Sequence[Placed],
        name_of: Callable[[str], str],
        collapsed: Sequence[str],
        quiet_text: str,
        is_open: bool,
    ) -> None:
        self.theme = theme
        self._ratio = ratio
        self._placed = placed
        self._name_of = name_of
        self._collapsed = collapsed
        self._quiet_text = quiet_text
        self._is_open = is_open
        self._sizes = {
            kind: self._text_px(kind, next((p.rect for p in placed if p.row.kind == kind), None))
            for kind in (Kind.LARGE, Kind.SMALL)
        }
        self._names = {kind: self._measure_names(kind) for kind in self._sizes}
        self._numbers_px = {
            kind: QFontMetrics(self._font(kind, bold=True)).horizontalAdvance("100") + theme.px(4)
            for kind in self._sizes
        }
        self.bars = [self._bar(item) for item in placed]
        self.ticks = [bar.left() + bar.width() // 2 for bar in self.bars]
        above = theme.px(4)
        self.reaches = [bar.adjusted(-1, -above, 2, above) for bar in self.bars]
        """Of each bar: it and the mark that stands out of it."""
        self.number_rects = [self._number_rect(index) for index in range(len(placed))]
        self._cache: dict[tuple[object, ...], QPixmap] = {}

    def key(self) -> tuple[object, ...]:
        """Pictures of one key can be used again in another arrangement of rows."""
        rects = tuple(
            next(((p.rect.size().width(), p.rect.height()) for p in self._placed
                  if p.row.kind == kind), None)
            for kind in self._sizes
        )  # fmt: skip
        names = tuple(map(self._name_of, INSTRUMENTS))
        return (self.theme.name, self.theme.scale, self._ratio, rects, names)

    def take_over(self, other: MeterPicture) -> None:
        """Use the pictures of an arrangement before, where they fit."""
        if other.key() == self.key():
            self._cache = other._cache

    # -- geometry --------------------------------------------------------------------

    def _text_px(self, kind: Kind, rect: QRect | None) -> float:
        """Type grows with its row, and stays within a row that is narrow."""
        theme = self.theme
        if rect is None:
            return 13.0
        height, width = rect.height() / theme.scale, rect.width() / theme.scale
        if kind == Kind.SMALL:
            return max(11.0, min(14.0, height * 0.56))
        return max(14.0, min(height * 0.38, width / 20))

    def _font(self, kind: Kind, *, bold: bool = False) -> QFont:
        return self.theme.font(round(self._sizes[kind], 1), bold=bold)

    def _measure_names(self, kind: Kind) -> int:
        rect = next((p.rect for p in self._placed if p.row.kind == kind), None)
        if rect is None:
            return 0
        metrics = QFontMetrics(self._font(kind, bold=kind == Kind.LARGE))
        names = [self._name_of(name) for name in INSTRUMENTS]
        widest = max(metrics.horizontalAdvance(name) for name in names) + self._indent(kind)
        most = 0.54 if kind == Kind.LARGE else 0.62
        return min(widest + self.theme.px(16), round(rect.width() * most))

    def _indent(self, kind: Kind) -> int:
        """Where names begin: behind the stripe, and on stage behind the dot of what is heard."""
        size = self._sizes[kind] * self.theme.scale
        return round(size * 1.5) if kind == Kind.LARGE else self.theme.px(12)

    def _bar(self, item: Placed) -> QRect:
        kind, px, rect = item.row.kind, self.theme.px, item.rect
        if kind not in self._sizes:
            return QRect()
        left = rect.left() + self._names[kind]
        right = rect.right() - self._numbers_px[kind] - px(8)
        width = min(max(right - left, px(16)), max(px(_BAR_PX), rect.height() * 22))
        share = 0.36 if kind == Kind.LARGE else 0.3
        height = max(px(6), round(rect.height() * share))
        return QRect(left, rect.center().y() - height // 2, width, height)

    def _number_rect(self, index: int) -> QRect:
        """Where a row's number stands: next to its bar."""
        item, bar = self._placed[index], self.bars[index]
        width = self._numbers_px.get(item.row.kind, 0)
        return QRect(bar.right() + self.theme.px(4), item.rect.top(), width, item.rect.height())

    def is_still_touched(self, index: int, region: QRegion) -> bool:
        """Whether a region holds more of a row than its bar and its number."""
        rect, reach = self._placed[index].rect, self.reaches[index]
        before = QRect(rect.left(), rect.top(), reach.left() - rect.left(), rect.height())
        above = QRect(reach.left(), rect.top(), reach.width(), reach.top() - rect.top())
        return region.intersects(before) or region.intersects(above)

    # -- painted when first needed ---------------------------------------------------

    def _kept(
        self, key: tuple[object, ...], size: QSize, paint: Callable[[QPainter], None]
    ) -> QPixmap:
        if key not in self._cache:
            pixmap = QPixmap(size * self._ratio)
            pixmap.setDevicePixelRatio(self._ratio)
            pixmap.fill(self.theme.colour("panel"))
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint(painter)
            painter.end()
            self._cache[key] = pixmap
        return self._cache[key]

    def _row_still(self, item: Placed, bar: QRect, heard: bool) -> QPixmap:
        """A row without its value: stripe, mark of being heard, name, empty bar."""
        row = item.row
        key = ("row", row.kind, row.family, row.instrument, heard)

        def paint(painter: QPainter) -> None:
            px, height, kind = self.theme.px, item.rect.height(), row.kind
            painter.setPen(Qt.PenStyle.NoPen)
            strong = heard or kind == Kind.SMALL
            painter.setBrush(self.theme.colour(row.family, 1.0 if strong else _QUIET_STRENGTH))
            stripe = px(5) if kind == Kind.LARGE else px(3)
            inset = max(round(height * 0.14), 1)
            painter.drawRoundedRect(QRectF(0, inset, stripe, height - 2 * inset), 2, 2)
            indent = self._indent(kind)
            if kind == Kind.LARGE:
                radius = self._sizes[kind] * self.theme.scale * 0.21
                if not heard:
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.setPen(QPen(self.theme.colour("faint"), px(1.5)))
                centre = QPointF((stripe + indent) / 2 + radius * 0.3, height / 2)
                painter.drawEllipse(centre, radius, radius)
            painter.setFont(self._font(kind, bold=heard))
            painter.setPen(self.theme.colour("text" if heard else "muted"))
            width = self._names[kind] - indent - px(8)
            text = self._name_of(row.instrument) if row.instrument else (
                FAMILY_NAMES[row.family] + _UNSURE
            )
            text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
            how = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
            painter.drawText(QRect(indent, 0, width, height), how, text)

        return self._kept(key, item.rect.size(), paint)

    def _bar_still(self, size: QSize, colour: str, alpha: float) -> QPixmap:
        def paint(painter: QPainter) -> None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour(colour, alpha))
            radius = min(self.theme.px(4), size.height() / 2)
            painter.drawRoundedRect(QRectF(0, 0, size.width(), size.height()), radius, radius)

        return self._kept(("bar", size.width(), size.height(), colour, alpha), size, paint)

    def _number(self, value: int, heard: bool, kind: Kind, height: int) -> QPixmap:
        size = QSize(self._numbers_px[kind], height)

        def paint(painter: QPainter) -> None:
            painter.setFont(self._font(kind, bold=heard))
            painter.setPen(self.theme.colour("text" if heard else "muted"))
            how = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            text = "–" if value == DASH else str(value)
            painter.drawText(QRectF(0, 0, size.width(), height), how, text)

        return self._kept(("number", value, heard, kind), size, paint)

    # -- painted each frame ----------------------------------------------------------

    def paint_row(self, painter: QPainter, index: int, heard: bool) -> None:
        """A whole row but for its value."""
        item = self._placed[index]
        if item.row.kind == Kind.QUIET:
            self._quiet_line(painter, item.rect)
        elif item.row.kind == Kind.HEADING:
            self._heading(painter, item)
        else:
            still = self._row_still(item, self.bars[index], heard)
            painter.drawPixmap(item.rect.topLeft(), still)

    def paint_value(self, painter: QPainter, index: int, value: Value) -> None:
        """Bar, highest value, mark and number of a row."""
        fill, peak, number, heard = value
        item, bar = self._placed[index], self.bars[index]
        row, px = item.row, self.theme.px
        painter.fillRect(self.reaches[index], self.theme.colour("panel"))
        painter.drawPixmap(bar.topLeft(), self._bar_still(bar.size(), "track", 1.0))
        if fill > 0:
            full = self._bar_still(bar.size(), row.family, 1.0 if heard else _QUIET_STRENGTH)
            source = QRectF(0, 0, fill * self._ratio, bar.height() * self._ratio)
            painter.drawPixmap(QRectF(bar.left(), bar.top(), fill, bar.height()), full, source)
        if peak > fill + 1:
            mark = QRect(bar.left() + peak - px(2), bar.top(), px(2), bar.height())
            painter.fillRect(mark, self.theme.colour("text", 0.85))
        tick, reach = self.ticks[index], px(3)
        mark = QRect(tick, bar.top() - reach, max(px(1.5), 1), bar.height() + 2 * reach)
        painter.fillRect(mark, self._tick_colour(tick - bar.left() < fill))
        place = self.number_rects[index]
        picture = self._number(number, heard, row.kind, place.height())
        painter.drawPixmap(place.topLeft(), picture)

    def _tick_colour(self, covered: bool) -> QColor:
        return self.theme.colour("panel", 0.75) if covered else self.theme.colour("faint")

    def paint_head(self, painter: QPainter, height: int, stage_text: str) -> None:
        """The heading, and over the bars what their scale says."""
        theme, px = self.theme, self.theme.px
        left = next((p.rect.left() for p in self._placed), px(16))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.colour("muted"))
        painter.setFont(theme.font(12, bold=True, spaced=True))
        box = QRect(left, 0, px(160), height)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, stage_text)
        large = [i for i, p in enumerate(self._placed) if p.row.kind == Kind.LARGE]
        painter.setFont(theme.font(11))
        for index in large:
            item, bar = self._placed[index], self.bars[index]
            if item.rect.top() > self._placed[large[0]].rect.top():
                continue
            words = "50: heard from here"
            wide = painter.fontMetrics().horizontalAdvance(words)
            tick = self.ticks[index]
            painter.setPen(theme.colour("faint"))
            if bar.width() >= 2 * wide:
                box = QRect(tick - px(6), 0, bar.right() - tick, height)
                painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, words)
                box = QRect(self.number_rects[index].left() - px(40), 0,
                            self._numbers_px[Kind.LARGE] + px(40), height)  # fmt: skip
                painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, "of 100")
            else:
                box = QRect(tick - wide, 0, 2 * wide, height)
                painter.drawText(box, middle | Qt.AlignmentFlag.AlignHCenter, "50: heard")

    def _heading(self, painter: QPainter, item: Placed) -> None:
        painter.fillRect(item.rect, self.theme.colour("panel"))
        is_open = item.row.family not in self._collapsed
        self._chevron(painter, item.rect, is_open)
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        box = item.rect.adjusted(self.theme.px(16), 0, 0, 0)
        how = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, how, FAMILY_NAMES[item.row.family])

    def _quiet_line(self, painter: QPainter, rect: QRect) -> None:
        px = self.theme.px
        painter.fillRect(rect, self.theme.colour("panel"))
        painter.fillRect(QRect(rect.left(), rect.top(), rect.width(), 1), self.theme.colour("line"))
        self._chevron(painter, rect, self._is_open)
        how = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        count, _, names = self._quiet_text.partition("\n")
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        painter.setPen(self.theme.colour("muted"))
        left = rect.left() + px(18)
        painter.drawText(QRect(left, rect.top(), rect.width(), rect.height()), how, count)
        left += painter.fontMetrics().horizontalAdvance(count) + px(14)
        painter.setFont(self.theme.font(12))
        painter.setPen(self.theme.colour("faint"))
        box = QRect(left, rect.top(), rect.right() - left, rect.height())
        text = painter.fontMetrics().elidedText(names, Qt.TextElideMode.ElideRight, box.width())
        if not self._is_open and box.width() > px(80):
            painter.drawText(box, how, text)

    def _chevron(self, painter: QPainter, rect: QRect, is_open: bool) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("faint"))
        x, y, a = rect.left() + self.theme.px(5), rect.center().y() + 0.5, self.theme.px(4)
        points = (
            [(x - a, y - a / 2), (x + a, y - a / 2), (x, y + a / 2)]
            if is_open
            else [(x - a / 2, y - a), (x + a / 2, y), (x - a / 2, y + a)]
        )
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
        painter.restore()

    def paint_focus(self, painter: QPainter, rect: QRect) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self.theme.colour("accent"), self.theme.px(1.5)))
        radius = self.theme.px(4)
        painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), radius, radius)
        painter.restore()

