"""A volume slider painted by hand: the style's own kept a blank picture after zooming."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QSlider, QWidget

from desktop.looks.theme import Theme


class VolumeSlider(QSlider):
    """From -60 (muted) to 0 dB."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.theme = theme
        self.setRange(-60, 0)
        self.setPageStep(6)
        self.setAccessibleName("Playback volume in dB")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(96), self.theme.px(20))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(48), self.theme.px(20))

    def _place(self) -> tuple[float, float, float]:
        """Radius of the handle, the groove's left end and its length."""
        radius = self.theme.px(6)
        return radius, radius + 1.0, max(self.width() - 2.0 * radius - 2.0, 1.0)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        radius, left, length = self._place()
        share = (self.value() - self.minimum()) / (self.maximum() - self.minimum())
        middle, thick = self.height() / 2, self.theme.px(4)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for part, colour in ((1.0, "line"), (share, "accent")):
            painter.setBrush(self.theme.colour(colour))
            groove = QRectF(left, middle - thick / 2, length * part, thick)
            painter.drawRoundedRect(groove, thick / 2, thick / 2)
        painter.setBrush(self.theme.colour("accent" if self.hasFocus() else "text"))
        painter.drawEllipse(QPointF(left + length * share, middle), radius, radius)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self._take(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        self._take(event)

    def _take(self, event: QMouseEvent | None) -> None:
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            _, left, length = self._place()
            share = min(max((event.position().x() - left) / length, 0.0), 1.0)
            self.setValue(round(self.minimum() + share * (self.maximum() - self.minimum())))
