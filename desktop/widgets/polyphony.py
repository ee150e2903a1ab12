"""How many instruments sound: an honest range of counts, and where there is room its reasons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRect, QSize, Qt
from PyQt6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.heard.count import Range, count_range, range_text
from desktop.looks.theme import Theme
from desktop.widgets.still import Still
from realtime.spec import POLYPHONY_LABELS

_STRIP_PX, _PLAIN_PX = 84, 156
"""Below these heights: one line; a number without its histogram."""


class PolyphonyMeter(QWidget):
    """A range of counts from the distribution ``(7,)``, and the largest count of the last 10 s."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.wanted_px = 208
        """The height it likes, before the theme's scale."""
        self._distribution = np.zeros(len(POLYPHONY_LABELS))
        self._range: Range | None = None
        self._largest: int | None = None
        self._painted: tuple[object, ...] = ()
        self._still = Still(self)
        self.setAccessibleName("Polyphony: how many instruments sound")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(theme.px(48))
        self.setToolTip(
            "The shortest range of counts that holds 80 % of the model's probability, "
            "the likeliest count, and the largest of the last 10 s."
        )

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.setMinimumHeight(theme.px(48))
        self.updateGeometry()
        self.update()

    def set_values(self, distribution: NDArray[np.floating] | None, largest: int | None) -> None:
        """Show probabilities ``(7,)`` and the largest count; None: nothing is known."""
        if distribution is None:
            self._distribution[:] = 0.0
            self._range = None
        else:
            self._distribution[:] = distribution
            self._range = count_range(self._distribution, self._range)
        self._largest = largest
        texts = self.texts()
        full = self._bars_px()
        heights = tuple(round(share * full) for share in self._distribution.tolist())
        if (heights, texts) != self._painted:
            same = self._painted and texts == self._painted[1]
            self._painted = (heights, texts)
            self.update(self._bars_rect() if same else self.rect())

    def texts(self) -> tuple[str, str, str]:
        """The range, the likeliest count, the largest of the last 10 s, as shown."""
        if self._range is None:
            return "–", "–", "–"
        likely = POLYPHONY_LABELS[int(self._distribution.argmax())]
        largest = "–" if self._largest is None else POLYPHONY_LABELS[min(self._largest, 6)]
        return range_text(self._range), likely, largest

    def summary(self) -> str:
        shown, likely, largest = self.texts()
        return f"{shown} instruments at once, most likely {likely}, largest in 10 s {largest}"

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(296), self.theme.px(self.wanted_px))

    # -- painting --------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        texts = self.texts()
        key = (self.theme.name, self.theme.scale, texts, self.hasFocus())
        still = self._still.begin(key, self.theme.colour("panel"))
        if still is not None:
            if self._height_px() < _STRIP_PX:
                self._paint_strip(still, texts)
            else:
                self._paint_texts(still, texts)
            still.end()
        painter = QPainter(self)
        self._still.blit(painter, event.rect() if event else self.rect())
        if self._height_px() >= _PLAIN_PX:
            self._paint_bars(painter)
        painter.end()

    def _height_px(self) -> float:
        return self.height() / self.theme.scale

    def _paint_strip(self, painter: QPainter, texts: tuple[str, str, str]) -> None:
        px, middle = self.theme.px, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        font = self._fitting("6 to 6+", self.height() * 0.5, self.width() * 0.5)
        painter.setFont(font)
        painter.setPen(self.theme.colour("text"))
        left = px(12)
        painter.drawText(QRect(left, 0, self.width(), self.height()), middle, texts[0])
        left += QFontMetrics(font).horizontalAdvance(texts[0]) + px(10)
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12))
        box = QRect(left, 0, self.width() - left - px(4), self.height())
        wrap = middle | Qt.TextFlag.TextWordWrap
        plain = box.width() < px(100) or texts[0] == texts[1]
        words = "at once" if plain else f"at once, most likely {texts[1]}"
        painter.drawText(box, wrap, words)

    def _paint_texts(self, painter: QPainter, texts: tuple[str, str, str]) -> None:
        px, left = self.theme.px, Qt.AlignmentFlag.AlignLeft
        middle = Qt.AlignmentFlag.AlignVCenter | left
        width = self.width() - px(32)
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        painter.drawText(QRect(px(16), px(10), width, px(18)), middle, "Instruments at once")
        top, height = px(28), self._number_px()
        painter.setPen(self.theme.colour("text"))
        font = self._fitting("6 to 6+", height * 0.8, width * 0.5)
        painter.setFont(font)
        painter.drawText(QRect(px(16), top, width, height), middle, texts[0])
        used = QFontMetrics(font).horizontalAdvance(texts[0]) + px(16)
        small = self.theme.font(13)
        lines = [f"most likely {texts[1]}"] if texts[0] != texts[1] else []
        if self._range and self._largest is not None and self._largest > self._range[1]:
            lines.append(f"{texts[2]} in the last 10 s")
        metrics = QFontMetrics(small)
        painter.setFont(small)
        painter.setPen(self.theme.colour("muted"))
        step, room = metrics.height(), width - used
        if max(map(metrics.horizontalAdvance, lines), default=0) > room:
            lines = lines[:1]
        y = top + (height - step * len(lines)) // 2
        for line in lines:
            painter.drawText(QRect(px(16) + used, y, room, step), middle, line)
            y += step
        if self._height_px() >= _PLAIN_PX:
            self._paint_scale(painter)

    def _paint_scale(self, painter: QPainter) -> None:
        px, likely = self.theme.px, int(self._distribution.argmax())
        low, high = self._range or (-1, -1)
        for index, label in enumerate(POLYPHONY_LABELS):
            cell = self._cell(index)
            painter.fillRect(cell, self.theme.colour("track"))
            inside = low <= index <= high
            bold = inside and index == likely
            painter.setFont(self.theme.font(13, bold=bold))
            painter.setPen(self.theme.colour("text" if inside else "muted"))
            box = QRect(cell.left() - px(4), cell.bottom() + px(5), cell.width() + px(8), px(20))
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, label)
        if self._range is not None:
            left, right = self._cell(low).left(), self._cell(high).right() + 1
            y = self._cell(0).bottom() + px(2)
            painter.fillRect(QRect(left, y, right - left, px(3)), self.theme.colour("accent"))

    def _paint_bars(self, painter: QPainter) -> None:
        low, high = self._range or (-1, -1)
        for index, share in enumerate(self._distribution.tolist()):
            if share > 0.004:
                cell = self._cell(index)
                height = max(round(cell.height() * share), self.theme.px(2))
                bar = cell.adjusted(0, cell.height() - height, 0, 0)
                strong = 1.0 if low <= index <= high else 0.5
                painter.fillRect(bar, self.theme.colour("accent", strong))

    # -- geometry --------------------------------------------------------------------

    def _number_px(self) -> int:
        """The height of the line with the large number."""
        px = self.theme.px
        if self._height_px() < _PLAIN_PX:
            return self.height() - px(38)
        return max(px(48), round(self.height() * 0.28))

    def _bars_px(self) -> int:
        return self._bars_rect().height() if self._height_px() >= _PLAIN_PX else 0

    def _bars_rect(self) -> QRect:
        px = self.theme.px
        top = px(28) + self._number_px() + px(6)
        return QRect(px(16), top, self.width() - px(32), max(self.height() - px(34) - top, 1))

    def _cell(self, index: int) -> QRect:
        area, gap = self._bars_rect(), self.theme.px(2)
        step = area.width() / len(POLYPHONY_LABELS)
        start, end = area.left() + index * step, area.left() + (index + 1) * step
        left, right = round(start) + gap, round(end) - gap
        return QRect(left, area.top(), right - left, area.height())

    def _fitting(self, widest: str, height: float, width: float) -> QFont:
        """The largest bold type in which a text is not wider nor higher than that."""
        size = height / self.theme.scale / 1.2
        advance = QFontMetrics(self.theme.font(size, bold=True)).horizontalAdvance(widest)
        size = min(size, size * width / max(advance, 1))
        return self.theme.font(max(round(size, 1), 12.0), bold=True)
