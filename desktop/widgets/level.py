"""Input level: RMS bar, peak mark, held peak in dBFS, and a clip lamp that latches."""

from __future__ import annotations

from PyQt6.QtCore import QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.looks.theme import Theme
from desktop.widgets.still import Still

FLOOR_DBFS = -60.0
_MARKS_DBFS = (-60, -48, -36, -24, -12, -6, 0)
_FALL_DB_PER_S = 24.0
_HOLD_S = 2.0


class LevelMeter(QWidget):
    """Levels in dBFS; a click or Enter clears the clip lamp and the largest peak."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.clipped = False
        self.largest_dbfs: float | None = None
        self._rms = self._peak = self._held = FLOOR_DBFS
        self._held_age_s = 0.0
        self._painted: tuple[object, ...] = ()
        self._still = Still(self)
        self.setAccessibleName("Input level")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setToolTip("Click to clear the clip lamp and the largest peak.")

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(296), self.theme.px(96))

    def set_level(self, rms_dbfs: float, peak_dbfs: float, clipped: bool, dt_s: float) -> None:
        """Show a level after ``dt_s`` seconds: it rises at once and falls at 24 dB/s."""
        fall = _FALL_DB_PER_S * max(dt_s, 0.0)
        self._rms = max(_bounded(rms_dbfs), self._rms - fall)
        self._peak = max(_bounded(peak_dbfs), self._peak - fall)
        self._held_age_s += dt_s
        if self._peak >= self._held:
            self._held, self._held_age_s = self._peak, 0.0
        elif self._held_age_s > _HOLD_S:
            self._held = max(self._peak, self._held - fall)
        self.clipped = self.clipped or clipped
        if peak_dbfs > -120.0:
            known = self.largest_dbfs
            self.largest_dbfs = peak_dbfs if known is None else max(known, peak_dbfs)
        width = max(self.width(), 1)
        state = (
            *(
                round((v - FLOOR_DBFS) / -FLOOR_DBFS * width)
                for v in (self._rms, self._peak, self._held)
            ),
            self.clipped,
            self.peak_text(),
        )
        if state != self._painted:
            texts_same = state[3:] == self._painted[3:]
            self._painted = state
            self.update(self._bar() if texts_same else self.rect())

    def clear(self) -> None:
        """Forget the clip and the largest peak."""
        self.clipped, self.largest_dbfs = False, None
        self.update()

    def peak_text(self) -> str:
        """The largest peak since it was cleared."""
        if self.largest_dbfs is None:
            return "– dBFS"
        return f"{self.largest_dbfs:+.1f} dBFS".replace("-", "−")

    def summary(self) -> str:
        return f"Peak {self.peak_text()}{', clipped' if self.clipped else ''}"

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.clear()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clear()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        px, bar = self.theme.px, self._bar()
        still = self._still.begin((self.theme.name, self.theme.scale), self.theme.colour("panel"))
        if still is not None:
            self._paint_still(still, bar)
            still.end()
        painter, align = QPainter(self), Qt.AlignmentFlag
        self._still.blit(painter, event.rect() if event else self.rect())
        lamp = QRect(self.width() - px(16) - px(44), px(12), px(44), px(20))
        if self.clipped:
            painter.fillRect(lamp, self.theme.colour("bad"))
            painter.setPen(self.theme.colour("window"))
            painter.setFont(self.theme.font(11, bold=True))
            painter.drawText(lamp, align.AlignCenter, "CLIP")
        painter.setPen(self.theme.colour("text"))
        painter.setFont(self.theme.font(14))
        number = QRect(px(80), px(12), lamp.left() - px(16) - px(80), px(20))
        painter.drawText(number, align.AlignRight | align.AlignVCenter, self.peak_text())
        self._paint_level(painter, bar)
        if self.hasFocus():
            painter.setPen(self.theme.colour("accent"))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _bar(self) -> QRect:
        px = self.theme.px
        return QRect(px(16), px(44), self.width() - px(32), px(14))

    def _paint_still(self, painter: QPainter, bar: QRect) -> None:
        px, align = self.theme.px, Qt.AlignmentFlag
        painter.setPen(self.theme.colour("muted"))
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        head = QRect(px(16), px(12), self.width() - px(32), px(20))
        painter.drawText(head, align.AlignLeft | align.AlignVCenter, "Level")
        lamp = QRect(self.width() - px(16) - px(44), px(12), px(44), px(20))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("track"))
        painter.drawRect(lamp)
        painter.drawRect(bar)
        painter.setPen(self.theme.colour("faint"))
        painter.setFont(self.theme.font(11))
        painter.drawText(lamp, align.AlignCenter, "CLIP")
        for mark in _MARKS_DBFS:
            x = self._x(bar, mark)
            painter.setPen(self.theme.colour("line"))
            painter.drawLine(x, bar.bottom() + px(3), x, bar.bottom() + px(6))
            painter.setPen(self.theme.colour("muted"))
            box = QRect(x - px(20), bar.bottom() + px(7), px(40), px(16))
            how = align.AlignHCenter
            if mark == FLOOR_DBFS:
                box, how = QRect(bar.left(), box.top(), px(40), px(16)), align.AlignLeft
            elif mark == 0:
                box, how = QRect(bar.right() - px(40), box.top(), px(40), px(16)), align.AlignRight
            painter.drawText(box, how | align.AlignTop, str(mark).replace("-", "−"))

    def _paint_level(self, painter: QPainter, bar: QRect) -> None:
        for dbfs, alpha in ((self._peak, 0.4), (self._rms, 1.0)):
            if dbfs > FLOOR_DBFS:
                width = self._x(bar, dbfs) - bar.left()
                filled = QRect(bar.left(), bar.top(), width, bar.height())
                painter.fillRect(filled, self.theme.colour("accent", alpha))
        if self._held > FLOOR_DBFS:
            colour = self.theme.colour("bad" if self._held >= -0.1 else "text")
            mark = self.theme.px(2)
            held = QRect(self._x(bar, self._held) - mark, bar.top(), mark, bar.height())
            painter.fillRect(held, colour)

    def _x(self, bar: QRect, dbfs: float) -> int:
        return bar.left() + round(bar.width() * (dbfs - FLOOR_DBFS) / -FLOOR_DBFS)


def _bounded(dbfs: float) -> float:
    """Levels outside the scale, -inf and NaN included, sit at its ends."""
    return min(max(dbfs, FLOOR_DBFS), 0.0) if dbfs == dbfs else FLOOR_DBFS
