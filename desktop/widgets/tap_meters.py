"""Two taps side by side: what is heard before and after, and the difference in a column of its own.

Bars and numbers count sureness: 0 to 100 %, with each instrument's threshold at 50 %, so that
whatever passes the middle line counts as heard.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.heard.sureness import sureness
from desktop.looks.theme import Theme
from realtime.taxonomy import FAMILY_OF, INSTRUMENTS, display_name

ROW_PX, HEAD_PX, NAME_PX, NUMBER_PX, DIFFERENCE_PX, GAP_PX = 25, 88, 156, 36, 160, 12
NOTABLE = 0.05
"""Smaller differences of sureness are not told."""
HEARD = 0.5
FULL = 0.5
"""The change of sureness at which a bar of the difference column is full."""

Values = NDArray[np.floating]


class TapMeters(QWidget):
    """A row for each instrument: the first tap's bar, the second's, and what changed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.names = ("Before", "After")
        self.levels: tuple[float | None, float | None] = (None, None)
        self.values: tuple[Values, Values] | None = None
        """Sureness at the two taps."""
        self.hint = ""
        self._thresholds = np.full(len(INSTRUMENTS), 0.5)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("What is heard before and after the chain")
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.setFixedHeight(theme.px(HEAD_PX + ROW_PX * len(INSTRUMENTS) + 12))
        self.setMinimumWidth(theme.px(520))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(640), self.height())

    def set_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """From which probability on an instrument counts as heard."""
        self._thresholds = np.array([thresholds.get(name, 0.5) for name in INSTRUMENTS])

    def set_hint(self, hint: str) -> None:
        """What to do, while there is nothing to show; empty shows the rows."""
        if hint != self.hint:
            self.hint = hint
            self.update()

    def set_taps(
        self,
        names: tuple[str, str],
        values: tuple[Values, Values] | None,
        levels: tuple[float | None, float | None],
    ) -> None:
        """Show two taps: their names, probabilities (24,) each, and levels in dBFS."""
        laid = None
        if values is not None:
            before, after = (self._laid(one) for one in values)
            laid = before, after
        same = (names, levels) == (self.names, self.levels) and _equal(laid, self.values)
        self.names, self.values, self.levels = names, laid, levels
        if not same:
            self.update()

    def _laid(self, values: Values) -> Values:
        """Sureness of each instrument, (24,)."""
        pairs = zip(values.tolist(), self._thresholds.tolist(), strict=True)
        return np.array([sureness(value, threshold) for value, threshold in pairs])

    def summary(self) -> str:
        """The notable differences in words, the largest first."""
        if self.values is None:
            return "Nothing is heard yet."
        before, after = self.values
        order = np.argsort(-np.abs(after - before))
        parts = [
            f"{display_name(INSTRUMENTS[i])} {100 * before[i]:.0f} to {100 * after[i]:.0f} percent"
            f"{_crossing(before[i], after[i])}"
            for i in order
            if abs(after[i] - before[i]) >= NOTABLE
        ]
        return "; ".join(parts) or "No notable difference."

    # -- painting --------------------------------------------------------------------

    def _columns(self) -> tuple[float, float, float, float]:
        """The left edges of the two bars, their width, and where the difference begins."""
        px = self.theme.px
        fixed = NAME_PX + 2 * (NUMBER_PX + GAP_PX) + DIFFERENCE_PX + 16
        width = max((self.width() - px(fixed)) / 2, px(40))
        first = float(px(NAME_PX))
        second = first + width + px(NUMBER_PX + GAP_PX)
        return first, second, width, second + width + px(NUMBER_PX + GAP_PX)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        px, colour = self.theme.px, self.theme.colour
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()), px(8), px(8))
        if self.hint and self.values is None:
            self._paint_hint(painter)
        else:
            self._paint_head(painter)
            for row, instrument in enumerate(INSTRUMENTS):
                self._paint_row(painter, row, instrument, px(HEAD_PX) + row * px(ROW_PX))
        painter.end()

    def _paint_hint(self, painter: QPainter) -> None:
        px = self.theme.px
        width = min(self.width() - px(64), px(440))
        box = QRectF((self.width() - width) / 2, px(120), width, px(240))
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(16))
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        painter.drawText(box, int(flags) | int(Qt.TextFlag.TextWordWrap), self.hint)

    def _paint_head(self, painter: QPainter) -> None:
        px = self.theme.px
        first, second, width, difference = self._columns()
        for x, name, level in zip((first, second), self.names, self.levels, strict=True):
            box = QRectF(x, px(14), width + px(NUMBER_PX), px(24))
            self._text(painter, box, name, "text", 17, bold=True)
            text = "–" if level is None else f"{level:.1f} dBFS".replace("-", "−")
            self._text(painter, box.translated(0, px(24)), text, "muted", 14)
        box = QRectF(difference, px(14), px(DIFFERENCE_PX), px(24))
        self._text(painter, box, "Difference", "text", 17, bold=True)
        before, after = self.levels
        if before is not None and after is not None:
            text = f"{after - before:+.1f} dB".replace("-", "−")
            self._text(painter, box.translated(0, px(24)), text, "muted", 14)
        painter.setFont(self.theme.font(12))
        painter.setPen(self.theme.colour("muted"))
        label = QRectF(0, px(64), px(160), px(18))
        for x in (first, second):
            label.moveLeft(x + width / 2 - px(80))
            painter.drawText(label, int(Qt.AlignmentFlag.AlignCenter), "heard from here")

    def _paint_row(self, painter: QPainter, row: int, instrument: str, y: float) -> None:
        px, colour = self.theme.px, self.theme.colour
        before, after = (float(v[row]) for v in self.values) if self.values else (0.0, 0.0)
        first, second, width, difference = self._columns()
        height = px(ROW_PX)
        heard = max(before, after) >= HEARD
        name = QRectF(px(16), y, px(NAME_PX - 24), height)
        shown = "text" if heard else "muted"
        self._text(painter, name, display_name(instrument), shown, 15, bold=heard)
        bar = QRectF(0, y + height / 2 - px(5), width, px(10))
        for x, value in ((first, before), (second, after)):
            bar.moveLeft(x)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("track"))
            painter.drawRoundedRect(bar, px(3), px(3))
            painter.setBrush(colour(FAMILY_OF[instrument], 1.0 if value >= HEARD else 0.55))
            if value > 0.005:
                filled = QRectF(bar)
                filled.setWidth(width * value)
                painter.drawRoundedRect(filled, px(3), px(3))
            painter.setBrush(colour("text" if value >= HEARD else "faint"))
            painter.drawRect(QRectF(x + width / 2 - 0.5, bar.top() - px(3), 1, px(16)))
            if self.values is not None:
                box = QRectF(x + width, y, px(NUMBER_PX), height)
                role = "text" if value >= HEARD else "faint"
                self._text(painter, box, f"{100 * value:.0f}", role, 15, align="right")
        if self.values is not None:
            box = QRectF(difference, y, px(DIFFERENCE_PX), height)
            self._paint_difference(painter, box, before, after)

    def _paint_difference(
        self, painter: QPainter, box: QRectF, before: float, after: float
    ) -> None:
        """A bar from the middle, left for less and right for more, and its number beside it."""
        px, change = self.theme.px, after - before
        bar_width = px(96)
        middle = box.left() + bar_width / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("line"))
        painter.drawRect(QRectF(middle - 0.5, box.center().y() - px(7), 1, px(14)))
        if abs(change) < NOTABLE:
            return
        role = "good" if change > 0 else "bad"
        length = max(min(abs(change) / FULL, 1.0) * bar_width / 2, px(2))
        left = middle if change > 0 else middle - length
        painter.setBrush(self.theme.colour(role))
        painter.drawRect(QRectF(left, box.center().y() - px(5), length, px(10)))
        number = QRectF(box.left() + bar_width + px(8), box.top(), px(56), box.height())
        crossed = (before >= HEARD) != (after >= HEARD)
        text = f"{'▲' if change > 0 else '▼'} {100 * abs(change):.0f}"
        self._text(painter, number, text, role, 15, bold=crossed)

    def _text(
        self,
        painter: QPainter,
        box: QRectF,
        text: str,
        role: str,
        size: int,
        *,
        bold: bool = False,
        align: str = "left",
    ) -> None:
        painter.setPen(self.theme.colour(role))
        painter.setFont(self.theme.font(size, bold=bold))
        side = Qt.AlignmentFlag.AlignRight if align == "right" else Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | side), text)


def _crossing(before: float, after: float) -> str:
    if (before >= HEARD) == (after >= HEARD):
        return ""
    return ", heard now" if after >= HEARD else ", no longer heard"


def _equal(one: tuple[Values, Values] | None, other: tuple[Values, Values] | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
