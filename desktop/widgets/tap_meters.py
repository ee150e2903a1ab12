"""Two taps side by side: what is heard before and after, with the difference marked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.looks.theme import Theme
from realtime.taxonomy import FAMILY_OF, INSTRUMENTS, display_name

ROW_PX, HEAD_PX, NAME_PX, DIFFERENCE_PX, GAP_PX = 22, 56, 148, 56, 12
NOTABLE = 0.1
"""Smaller differences are not marked."""
FAINT_BELOW = 0.1

Values = NDArray[np.floating]


class TapMeters(QWidget):
    """A row for each instrument: the first tap's bar, the second's, and what changed.

    The second bar shows the first one's value as a line across it, and the
    stretch between them hatched where something is lost.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.names = ("Before", "After")
        self.levels: tuple[float | None, float | None] = (None, None)
        self.values: tuple[Values, Values] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("What is heard before and after the chain")
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.setFixedHeight(theme.px(HEAD_PX + ROW_PX * len(INSTRUMENTS) + 16))
        self.setMinimumWidth(theme.px(430))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(480), self.height())

    def set_taps(
        self,
        names: tuple[str, str],
        values: tuple[Values, Values] | None,
        levels: tuple[float | None, float | None],
    ) -> None:
        """Show two taps: their names, probabilities (24,) each, and levels in dBFS."""
        self.names, self.values, self.levels = names, values, levels
        self.update()

    def summary(self) -> str:
        """The notable differences in words, the largest first."""
        if self.values is None:
            return "Nothing is heard yet."
        before, after = self.values
        order = np.argsort(-np.abs(after - before))
        parts = [
            f"{display_name(INSTRUMENTS[i])} {100 * before[i]:.0f} to {100 * after[i]:.0f}"
            for i in order
            if abs(after[i] - before[i]) >= NOTABLE
        ]
        return "; ".join(parts) or "No notable difference."

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        px, colour = self.theme.px, self.theme.colour
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()), px(8), px(8))
        left = px(NAME_PX)
        width = (self.width() - left - px(DIFFERENCE_PX) - 2 * px(GAP_PX)) / 2
        columns = (left, left + width + px(GAP_PX))
        for x, name, level in zip(columns, self.names, self.levels, strict=True):
            self._text(painter, QRectF(x, px(10), width, px(20)), name, "text", 14, bold=True)
            text = "–" if level is None else f"{level:.1f} dBFS"
            self._text(painter, QRectF(x, px(30), width, px(18)), text, "muted", 12)
        for row, instrument in enumerate(INSTRUMENTS):
            y = px(HEAD_PX) + row * px(ROW_PX)
            self._row(painter, row, instrument, y, columns, width)
        painter.end()

    def _row(
        self,
        painter: QPainter,
        row: int,
        instrument: str,
        y: float,
        columns: tuple[float, float],
        width: float,
    ) -> None:
        px, colour, family = self.theme.px, self.theme.colour, FAMILY_OF[instrument]
        before, after = (float(v[row]) for v in self.values) if self.values else (0.0, 0.0)
        shown = "text" if max(before, after) >= FAINT_BELOW else "faint"
        height = px(ROW_PX)
        name_box = QRectF(px(12), y, px(NAME_PX - 20), height)
        self._text(painter, name_box, display_name(instrument), shown, 13)
        bar_y, bar_height = y + height / 2 - px(5), px(10)
        for x, value in zip(columns, (before, after), strict=True):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("track"))
            painter.drawRoundedRect(QRectF(x, bar_y, width, bar_height), px(3), px(3))
            if value > 0.005:
                painter.setBrush(colour(family))
                painter.drawRoundedRect(QRectF(x, bar_y, width * value, bar_height), px(3), px(3))
        change = after - before
        if abs(change) < NOTABLE:
            return
        x = columns[1] + width * before
        sign = "good" if change > 0 else "bad"
        if change < 0:
            painter.setBrush(colour("bad", 0.55))
            lost = QRectF(columns[1] + width * after, bar_y, width * -change, bar_height)
            painter.drawRoundedRect(lost, px(3), px(3))
        painter.setBrush(colour("text"))
        painter.drawRect(QRectF(x - 1, bar_y - px(3), 2, bar_height + px(6)))
        arrow = "▲" if change > 0 else "▼"
        box = QRectF(columns[1] + width + px(GAP_PX), y, px(DIFFERENCE_PX), height)
        self._text(painter, box, f"{arrow} {100 * abs(change):.0f}", sign, 13, bold=True)

    def _text(
        self, painter: QPainter, box: QRectF, text: str, role: str, size: int, *, bold: bool = False
    ) -> None:
        painter.setPen(self.theme.colour(role))
        painter.setFont(self.theme.font(size, bold=bold))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, int(flags), text)
