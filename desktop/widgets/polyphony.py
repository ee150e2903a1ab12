"""How many instruments sound: a segmented scale 0 to 6+, its distribution and its mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRect, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.looks.theme import Theme
from desktop.widgets.still import Still
from realtime.spec import POLYPHONY_LABELS


class PolyphonyMeter(QWidget):
    """The distribution ``(7,)``, the expected count, and the largest count of the last 10 s."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._distribution = np.zeros(len(POLYPHONY_LABELS))
        self._expected: float | None = None
        self._largest: int | None = None
        self._painted: tuple[object, ...] = ()
        self._still = Still(self)
        self.setAccessibleName("Polyphony: how many instruments sound")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.updateGeometry()
        self.update()

    def set_values(
        self,
        distribution: NDArray[np.floating] | None,
        expected: float | None,
        largest: int | None,
    ) -> None:
        """Show probabilities ``(7,)``, the expected count 0..6 and the largest count."""
        if distribution is None:
            self._distribution[:] = 0.0
        else:
            self._distribution[:] = distribution
        self._expected, self._largest = expected, largest
        height = self.height()
        state = (tuple(np.round(self._distribution * height).astype(int)), self.texts())
        if state != self._painted:
            self._painted = state
            self.update()

    def texts(self) -> tuple[str, str, str]:
        """Expected count, most likely count, largest of the last 10 s, as shown."""
        if self._expected is None:
            return "–", "–", "–"
        likely = POLYPHONY_LABELS[int(self._distribution.argmax())]
        largest = "–" if self._largest is None else POLYPHONY_LABELS[min(self._largest, 6)]
        return f"{self._expected:.1f}", likely, largest

    def summary(self) -> str:
        expected, likely, largest = self.texts()
        return f"About {expected} instruments, most likely {likely}, largest in 10 s {largest}"

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(296), self.theme.px(208))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        likely = int(self._distribution.argmax()) if self._expected is not None else -1
        looks = (self.theme.name, self.theme.scale, likely)
        still = self._still.begin(looks, self.theme.colour("panel"))
        if still is not None:
            self._paint_still(still, likely)
            still.end()
        painter = QPainter(self)
        self._still.blit(painter, event.rect() if event else self.rect())
        self._paint_numbers(painter)
        for index, share in enumerate(self._distribution):
            cell = self._cell(index)
            height = round(cell.height() * float(share))
            if share > 0.004:
                bar = cell.adjusted(0, cell.height() - max(height, self.theme.px(2)), 0, 0)
                painter.fillRect(bar, self.theme.colour("accent", 1.0 if index == likely else 0.55))
        if self._expected is not None:
            self._paint_expected(painter, self._expected)
        painter.end()

    def _scale(self) -> tuple[float, float, int, int]:
        """Left edge and step of the segments, their top and their bottom."""
        px = self.theme.px
        left = px(16)
        step = (self.width() - 2 * left) / len(POLYPHONY_LABELS)
        return left, step, px(88), self.height() - px(40)

    def _cell(self, index: int) -> QRect:
        left, step, top, bottom = self._scale()
        gap = self.theme.px(2)
        start, end = round(left + index * step) + gap, round(left + (index + 1) * step) - gap
        return QRect(start, top, end - start, bottom - top)

    def _paint_still(self, painter: QPainter, likely: int) -> None:
        px, align = self.theme.px, Qt.AlignmentFlag
        _, _, _, bottom = self._scale()
        for index, label in enumerate(POLYPHONY_LABELS):
            cell = self._cell(index)
            painter.fillRect(cell, self.theme.colour("track"))
            painter.setFont(self.theme.font(13, bold=index == likely))
            painter.setPen(self.theme.colour("text" if index == likely else "muted"))
            box = QRect(cell.left() - px(4), bottom + px(8), cell.width() + px(8), px(24))
            painter.drawText(box, align.AlignHCenter | align.AlignTop, label)
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        heading = QRect(px(16), px(12), self.width() - px(32), px(16))
        painter.drawText(heading, align.AlignLeft | align.AlignVCenter, "Instruments at once")
        painter.setFont(self.theme.font(12))
        for left, caption in zip(self._columns(), ("most likely", "largest, 10 s"), strict=True):
            box = QRect(left, px(56), px(96), px(16))
            painter.drawText(box, align.AlignLeft | align.AlignVCenter, caption)

    def _columns(self) -> tuple[int, int]:
        px = self.theme.px
        return px(112), self.width() - px(16) - px(88)

    def _paint_numbers(self, painter: QPainter) -> None:
        px, (expected, likely, largest) = self.theme.px, self.texts()
        how = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self.theme.colour("text"))
        painter.setFont(self.theme.font(36, bold=True))
        painter.drawText(QRect(px(16), px(32), px(96), px(44)), how, expected)
        painter.setFont(self.theme.font(18, bold=True))
        for left, value in zip(self._columns(), (likely, largest), strict=True):
            painter.drawText(QRect(left, px(32), px(96), px(24)), how, value)

    def _paint_expected(self, painter: QPainter, expected: float) -> None:
        """A caret under the scale at the expected count, between the counts it lies between."""
        left, step, _, bottom = self._scale()
        x = left + (min(expected, 6.0) + 0.5) * step
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("text"))
        y, size = bottom + self.theme.px(1), self.theme.px(5)
        corners = [QPointF(x, y), QPointF(x - size, y + size), QPointF(x + size, y + size)]
        painter.drawPolygon(QPolygonF(corners))
