"""Input level: RMS bar, peak mark, largest peak in dBFS, and a clip lamp that latches."""

from __future__ import annotations

from PyQt6.QtCore import QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
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
        self._painted: tuple[int, ...] = ()
        self._painted_texts: tuple[object, ...] = ()
        self._still = Still(self)
        self.setAccessibleName("Input level")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(theme.px(48))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setToolTip("Click to clear the clip lamp and the largest peak.")

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.setMinimumHeight(theme.px(48))
        self.setMaximumHeight(theme.px(112))
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
        bar = self._bar()
        lengths = tuple(self._x(bar, v) for v in (self._rms, self._peak, self._held))
        texts = (self.clipped, self.peak_text())
        if texts != self._painted_texts or not self._painted:
            self.update()
        elif lengths != self._painted:
            pairs = zip(lengths, self._painted, strict=True)
            changed = [x for new, old in pairs if new != old for x in (new, old)]
            slack = self.theme.px(2) + 1
            left, right = min(changed) - slack, max(changed) + slack
            self.update(QRect(left, bar.top(), right - left, bar.height()) & bar)
        self._painted, self._painted_texts = lengths, texts

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

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._painted = ()  # lengths of another width say nothing of what must be painted over

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        bar = self._bar()
        looks = (self.theme.name, self.theme.scale, self.clipped, self.peak_text(), self.hasFocus())
        still = self._still.begin(looks, self.theme.colour("panel"))
        if still is not None:
            self._paint_still(still, bar)
            still.end()
        painter = QPainter(self)
        self._still.blit(painter, event.rect() if event else self.rect())
        self._paint_level(painter, bar)
        painter.end()

    @property
    def _is_strip(self) -> bool:
        """Too low for marks: one line over a bar."""
        return self.height() < self.theme.px(84)

    def _bar(self) -> QRect:
        px = self.theme.px
        if self._is_strip:
            return QRect(px(12), self.height() - px(20), self.width() - px(24), px(10))
        return QRect(px(16), px(40), self.width() - px(32), self.height() - px(40 + 34))

    def _lamp(self) -> QRect:
        px, bar = self.theme.px, self._bar()
        return QRect(bar.right() + 1 - px(40), px(5 if self._is_strip else 11), px(40), px(20))

    def _paint_still(self, painter: QPainter, bar: QRect) -> None:
        px, align, lamp = self.theme.px, Qt.AlignmentFlag, self._lamp()
        middle = align.AlignLeft | align.AlignVCenter
        head = QRect(bar.left(), lamp.top(), bar.width(), lamp.height())
        left = bar.left()
        painter.setFont(self.theme.font(12, bold=True, spaced=True))
        if not self._is_strip:
            painter.setPen(self.theme.colour("muted"))
            painter.drawText(head, middle, "Level")
            left += painter.fontMetrics().horizontalAdvance("Level") + px(16)
        words = QRect(left, lamp.top(), lamp.left() - px(12) - left, lamp.height())
        how = middle if self._is_strip else align.AlignRight | align.AlignVCenter
        text = f"Peak {self.peak_text()}"
        painter.setFont(self.theme.font(14))
        if painter.fontMetrics().horizontalAdvance(text) > words.width():
            text = text.removesuffix(" dBFS")
        painter.setPen(self.theme.colour("text"))
        painter.drawText(words, how, text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("bad" if self.clipped else "track"))
        painter.drawRoundedRect(QRectF(lamp), px(3), px(3))
        painter.fillRect(bar, self.theme.colour("track"))
        painter.setPen(self.theme.colour("window" if self.clipped else "faint"))
        painter.setFont(self.theme.font(11, bold=self.clipped))
        painter.drawText(lamp, align.AlignCenter, "CLIP")
        if not self._is_strip:
            self._paint_marks(painter, bar)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(self.theme.colour("accent"))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_marks(self, painter: QPainter, bar: QRect) -> None:
        px, align = self.theme.px, Qt.AlignmentFlag
        painter.setFont(self.theme.font(11))
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
