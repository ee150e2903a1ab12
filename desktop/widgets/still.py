"""What does not change from frame to frame, painted once into a pixmap and blitted."""

from __future__ import annotations

from collections.abc import Hashable

from PyQt6.QtCore import QRect, QRectF
from PyQt6.QtGui import QPainter, QPixmap
from PyQt6.QtWidgets import QWidget


def blit(painter: QPainter, pixmap: QPixmap, area: QRect) -> None:
    """Copy an area of a widget-sized pixmap to the same place."""
    ratio = pixmap.devicePixelRatio()
    if ratio == 1.0:
        painter.drawPixmap(area, pixmap, area)
        return
    source = QRectF(area.x() * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio)
    painter.drawPixmap(QRectF(area), pixmap, source)


class Still:
    """A pixmap of a widget, made again when its key, its size or the screen's density changes."""

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget
        self._pixmap: QPixmap | None = None
        self._key: tuple[object, ...] = ()

    def forget(self) -> None:
        """Paint anew next time, whatever the key."""
        self._pixmap = None

    def begin(self, key: Hashable, colour: object) -> QPainter | None:
        """A painter on a fresh pixmap filled with ``colour``, or None if the old one serves."""
        ratio = self._widget.devicePixelRatioF()
        full_key = (key, self._widget.size(), ratio)
        if self._pixmap is not None and full_key == self._key:
            return None
        self._key = full_key
        self._pixmap = QPixmap(self._widget.size() * ratio)
        self._pixmap.setDevicePixelRatio(ratio)
        self._pixmap.fill(colour)  # type: ignore[arg-type]
        painter = QPainter(self._pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        return painter

    def blit(self, painter: QPainter, area: QRect) -> None:
        if self._pixmap is not None:
            blit(painter, self._pixmap, area)
