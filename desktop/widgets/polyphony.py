"""How many instruments sound: a segmented scale 0 to 6+, its distribution and its mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.theme import Theme
from realtime.spec import POLYPHONY_LABELS


class PolyphonyMeter(QWidget):
    """The distribution ``(7,)``, the expected count, and the largest count of the last 10 s."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._distribution = np.zeros(len(POLYPHONY_LABELS))
        self._expected: float | None = None
        self._largest: int | None = None
        self._painted: tuple = ()
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
        state = (tuple(np.round(self._distribution * 100).astype(int)), self.texts())
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
        return QSize(self.theme.px(296), self.theme.px(216))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, px = QPainter(self), self.theme.px
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self.theme.colour("panel"))
        self._paint_numbers(painter)
        margin, labels = px(16), px(24)
        left, right = margin, self.width() - margin
        top, bottom = px(88), self.height() - margin - labels
        step = (right - left) / len(POLYPHONY_LABELS)
        likely = int(self._distribution.argmax()) if self._expected is not None else -1
        for index, label in enumerate(POLYPHONY_LABELS):
            cell = QRectF(left + index * step + px(2), top, step - px(4), bottom - top)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("track"))
            painter.drawRoundedRect(cell, px(3), px(3))
            share = float(self._distribution[index])
            if share > 0.004:
                bar = QRectF(cell)
                bar.setTop(cell.bottom() - max(cell.height() * share, px(2)))
                painter.setBrush(self.theme.colour("accent", 1.0 if index == likely else 0.55))
                painter.drawRoundedRect(bar, px(3), px(3))
            painter.setFont(self.theme.font(13, bold=index == likely))
            painter.setPen(self.theme.colour("text" if index == likely else "muted"))
            painter.drawText(
                QRectF(cell.left() - px(2), bottom + px(8), step, labels),
                Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop,
                label,
            )
        self._paint_expected(painter, left, step, bottom)
        painter.end()

    def _paint_numbers(self, painter: QPainter) -> None:
        px, (expected, likely, largest) = self.theme.px, self.texts()
        align = Qt.AlignmentFlag
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        heading = QRect(px(16), px(12), self.width() - px(32), px(16))
        painter.drawText(heading, align.AlignLeft | align.AlignVCenter, "Instruments at once")
        painter.setPen(self.theme.colour("text"))
        painter.setFont(self.theme.font(36, bold=True))
        number = QRect(px(16), px(32), px(96), px(44))
        painter.drawText(number, align.AlignLeft | align.AlignVCenter, expected)
        columns = (
            (px(112), "most likely", likely),
            (self.width() - px(16) - px(88), "largest, 10 s", largest),
        )
        for left, caption, value in columns:
            painter.setPen(self.theme.colour("text"))
            painter.setFont(self.theme.font(18, bold=True))
            painter.drawText(
                QRect(left, px(32), px(96), px(24)), align.AlignLeft | align.AlignVCenter, value
            )
            painter.setPen(self.theme.colour("muted"))
            painter.setFont(self.theme.font(12))
            painter.drawText(
                QRect(left, px(56), px(96), px(16)), align.AlignLeft | align.AlignVCenter, caption
            )

    def _paint_expected(self, painter: QPainter, left: float, step: float, bottom: float) -> None:
        """A caret under the scale at the expected count, between the counts it lies between."""
        if self._expected is None:
            return
        px = self.theme.px
        x = left + (min(self._expected, 6.0) + 0.5) * step
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("text"))
        y, size = bottom + px(1), px(5)
        painter.drawPolygon(
            QPolygonF([QPointF(x, y), QPointF(x - size, y + size), QPointF(x + size, y + size)])
        )
