"""Loudness beside the tags: LUFS, true peak, correlation, and a small spectrum."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPainterPath, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.heard.sound import BANDS, FLOOR_DBFS, HIGHEST_HZ, LOWEST_HZ
from desktop.looks.theme import Theme
from desktop.widgets.still import Still
from realtime.loudness import Loudness

HEIGHT_PX, PEAK_PX, CORRELATION_PX, SPECTRUM_PX = 232, 96, 120, 150
HOT_DBTP = -1.0
"""True peaks above it clip in many a codec: EBU R 128 allows no more."""
TOP_DBFS = -6.0
_MARKS_HZ = ((100.0, "100 Hz"), (1000.0, "1 kHz"), (10_000.0, "10 kHz"))
_ALIGN = Qt.AlignmentFlag


class LoudnessPanel(QWidget):
    """Three loudnesses in LUFS, the integrated one large; the largest true peak in dBTP."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._loudness = Loudness()
        self._correlation: float | None = None
        self._still = Still(self)
        self._spectrum: NDArray[np.float64] = np.full(BANDS, FLOOR_DBFS)
        self.setAccessibleName("Loudness")
        self.setToolTip(
            "EBU R 128. Momentary looks back 0.4 s, short term 3 s, integrated to the start or to "
            "the last R. Correlation: 1 is mono, 0 unrelated, −1 cancels in mono. K switches all "
            "of it off."
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(296), self.theme.px(HEIGHT_PX))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), 0)  # a window may get too low for it, and then hides it

    def set_measured(
        self, loudness: Loudness, correlation: float | None, spectrum_dbfs: NDArray[np.float64]
    ) -> None:
        """Show a measurement; ``spectrum_dbfs`` is ``(BANDS,)``."""
        same = (loudness, correlation) == (self._loudness, self._correlation)
        if same and np.array_equal(spectrum_dbfs, self._spectrum):
            return
        self._loudness, self._correlation = loudness, correlation
        self._spectrum = spectrum_dbfs
        self.setAccessibleDescription(self.summary())
        self.update()

    def summary(self) -> str:
        """What a screen reader says."""
        one = self._loudness
        parts = [
            f"Integrated {number(one.integrated_lufs)} LUFS",
            f"short term {number(one.short_term_lufs)}",
            f"momentary {number(one.momentary_lufs)}",
            f"true peak {number(one.true_peak_dbtp)} dBTP",
        ]
        if self._correlation is not None:
            parts.append(f"correlation {correlation_text(self._correlation)}")
        return ", ".join(parts)

    # -- painting --------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        still = self._still.begin((self.theme.name, self.theme.scale), self.theme.colour("panel"))
        if still is not None:
            self._paint_still(still)
            still.end()
        painter, one = QPainter(self), self._loudness
        self._still.blit(painter, event.rect() if event else self.rect())
        for box, value, size in zip(
            self._thirds(34, 30),
            (one.integrated_lufs, one.short_term_lufs, one.momentary_lufs),
            (24, 19, 19),
            strict=True,
        ):
            self._text(painter, box, number(value), "text", size, True)
        peak = one.true_peak_dbtp
        hot = peak > HOT_DBTP
        text, role = f"{'▲ ' if hot else ''}{number(peak)} dBTP", "warn" if hot else "text"
        self._text(painter, self._line(PEAK_PX), text, role, 14, hot, _ALIGN.AlignRight)
        self._paint_correlation(painter, self._correlation)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_spectrum(painter, self._plot())
        painter.end()

    def _line(self, top_px: int, height_px: int = 20) -> QRectF:
        px = self.theme.px
        return QRectF(px(16), px(top_px), self.width() - px(32), px(height_px))

    def _thirds(self, top_px: int, height_px: int) -> list[QRectF]:
        line = self._line(top_px, height_px)
        third = line.width() / 3
        return [
            QRectF(line.left() + place * third, line.top(), third, line.height())
            for place in range(3)
        ]

    def _plot(self) -> QRectF:
        return self._line(SPECTRUM_PX, 54)

    def _bar(self) -> QRectF:
        """The scale of correlation, -1 to 1."""
        px, line = self.theme.px, self._line(CORRELATION_PX)
        left = line.left() + px(88)
        return QRectF(left, line.center().y() - px(3), line.width() - px(144), px(6))

    def _paint_still(self, painter: QPainter) -> None:
        px, colour = self.theme.px, self.theme.colour
        head = self._line(12, 18)
        self._text(painter, head, "Loudness", "muted", 12, True)
        self._text(painter, head, "LUFS", "muted", 12, False, _ALIGN.AlignRight)
        names = ("Integrated", "Short term", "Momentary")
        for box, name in zip(self._thirds(61, 30), names, strict=True):
            self._text(painter, box, name, "muted", 12)
        self._text(painter, self._line(PEAK_PX), "True peak", "muted", 13)
        self._text(painter, self._line(CORRELATION_PX), "Correlation", "muted", 13)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("track"))
        bar, plot = self._bar(), self._plot()
        painter.drawRoundedRect(bar, px(3), px(3))
        painter.setBrush(colour("faint"))
        painter.drawRect(QRectF(bar.center().x() - 0.5, bar.top() - px(3), 1, px(12)))
        painter.fillRect(plot, colour("track", 0.5))
        octaves = math.log2(HIGHEST_HZ / LOWEST_HZ)
        for hertz, text in _MARKS_HZ:
            x = plot.left() + math.log2(hertz / LOWEST_HZ) / octaves * plot.width()
            painter.fillRect(QRectF(x, plot.top(), 1, plot.height()), colour("line"))
            label = QRectF(x - px(28), plot.bottom() + px(2), px(56), px(14))
            self._text(painter, label, text, "muted", 11, False, _ALIGN.AlignHCenter)

    def _paint_correlation(self, painter: QPainter, value: float | None) -> None:
        px = self.theme.px
        cancels = value is not None and value < 0
        role = "warn" if cancels else "text"
        text = "–" if value is None else correlation_text(value)
        line = self._line(CORRELATION_PX)
        self._text(painter, line, text, role, 14, cancels, _ALIGN.AlignRight)
        if value is not None:
            bar = self._bar()
            x = bar.left() + (value + 1) / 2 * bar.width()
            needle = QRectF(x - px(2), bar.top() - px(4), px(4), px(14))
            painter.fillRect(needle, self.theme.colour(role))

    def _paint_spectrum(self, painter: QPainter, plot: QRectF) -> None:
        shares = np.clip((self._spectrum - FLOOR_DBFS) / (TOP_DBFS - FLOOR_DBFS), 0.0, 1.0)
        step = plot.width() / BANDS
        path = QPainterPath(plot.bottomLeft())
        for band, share in enumerate(shares):
            height = float(share) * plot.height()
            path.lineTo(QPointF(plot.left() + (band + 0.5) * step, plot.bottom() - height))
        path.lineTo(plot.bottomRight())
        path.closeSubpath()
        painter.fillPath(path, self.theme.colour("accent", 0.55))

    def _text(
        self,
        painter: QPainter,
        box: QRectF,
        text: str,
        role: str,
        size: float,
        bold: bool = False,
        align: Qt.AlignmentFlag = _ALIGN.AlignLeft,
    ) -> None:
        painter.setPen(self.theme.colour(role))
        painter.setFont(self.theme.font(size, bold=bold))
        painter.drawText(box, int(align | _ALIGN.AlignVCenter), text)


def number(value: float) -> str:
    """To a tenth, with a true minus; a dash where nothing counts yet."""
    return f"{value:.1f}".replace("-", "−") if math.isfinite(value) else "–"


def correlation_text(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
