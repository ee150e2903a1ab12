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
from realtime.loudness import Loudness

HEIGHT_PX = 232
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
        painter, px, one = QPainter(self), self.theme.px, self._loudness
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self.theme.colour("panel"))
        width = self.width() - px(32)
        self._text(painter, QRectF(px(16), px(12), width, px(18)), "Loudness", "muted", 12, True)
        unit = QRectF(px(16), px(12), width, px(18))
        self._text(painter, unit, "LUFS", "muted", 12, False, _ALIGN.AlignRight)
        third = width / 3
        for place, (name, value, size) in enumerate((
            ("Integrated", one.integrated_lufs, 24),
            ("Short term", one.short_term_lufs, 19),
            ("Momentary", one.momentary_lufs, 19),
        )):  # fmt: skip
            box = QRectF(px(16) + place * third, px(34), third, px(30))
            self._text(painter, box, number(value), "text", size, True)
            self._text(painter, box.translated(0, px(27)), name, "muted", 12)
        self._paint_peak(painter, QRectF(px(16), px(96), width, px(20)))
        self._paint_correlation(painter, QRectF(px(16), px(120), width, px(20)))
        self._paint_spectrum(painter, QRectF(px(16), px(150), width, px(70)))
        painter.end()

    def _paint_peak(self, painter: QPainter, box: QRectF) -> None:
        peak = self._loudness.true_peak_dbtp
        hot = peak > HOT_DBTP
        self._text(painter, box, "True peak", "muted", 13)
        text = f"{'▲ ' if hot else ''}{number(peak)} dBTP"
        role = "warn" if hot else "text"
        self._text(painter, box, text, role, 14, hot, _ALIGN.AlignRight)

    def _paint_correlation(self, painter: QPainter, box: QRectF) -> None:
        px, value = self.theme.px, self._correlation
        self._text(painter, box, "Correlation", "muted", 13)
        shown = "–" if value is None else correlation_text(value)
        role = "warn" if value is not None and value < 0 else "text"
        self._text(painter, box, shown, role, 14, value is not None and value < 0,
                   _ALIGN.AlignRight)  # fmt: skip
        bar = QRectF(
            box.left() + px(88), box.center().y() - px(3), box.width() - px(88 + 56), px(6)
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("track"))
        painter.drawRoundedRect(bar, px(3), px(3))
        painter.setBrush(self.theme.colour("faint"))
        painter.drawRect(QRectF(bar.center().x() - 0.5, bar.top() - px(3), 1, px(12)))
        if value is not None:
            x = bar.left() + (value + 1) / 2 * bar.width()
            painter.setBrush(self.theme.colour(role))
            painter.drawRoundedRect(QRectF(x - px(2), bar.top() - px(4), px(4), px(14)), 2, 2)

    def _paint_spectrum(self, painter: QPainter, box: QRectF) -> None:
        px = self.theme.px
        plot = box.adjusted(0, 0, 0, -px(16))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("track", 0.5))
        painter.drawRect(plot)
        shares = np.clip((self._spectrum - FLOOR_DBFS) / (TOP_DBFS - FLOOR_DBFS), 0.0, 1.0)
        step = plot.width() / BANDS
        path = QPainterPath(plot.bottomLeft())
        for band, share in enumerate(shares):
            height = float(share) * plot.height()
            path.lineTo(QPointF(plot.left() + (band + 0.5) * step, plot.bottom() - height))
        path.lineTo(plot.bottomRight())
        path.closeSubpath()
        painter.setBrush(self.theme.colour("accent", 0.55))
        painter.drawPath(path)
        octaves = math.log2(HIGHEST_HZ / LOWEST_HZ)
        for hertz, text in _MARKS_HZ:
            x = plot.left() + math.log2(hertz / LOWEST_HZ) / octaves * plot.width()
            painter.setBrush(self.theme.colour("line"))
            painter.drawRect(QRectF(x, plot.top(), 1, plot.height()))
            label = QRectF(x - px(28), plot.bottom() + px(2), px(56), px(14))
            self._text(painter, label, text, "muted", 11, False, _ALIGN.AlignHCenter)
            painter.setPen(Qt.PenStyle.NoPen)

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
