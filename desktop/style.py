"""Fusion with tick boxes that can be seen on a dark ground: its own outline is always darker."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF
from PyQt6.QtGui import QPainter, QPalette, QPen, QPolygonF
from PyQt6.QtWidgets import QProxyStyle, QStyle, QStyleOption, QWidget


class MonitorStyle(QProxyStyle):
    """Draws tick boxes with the palette's text colours; the rest is Fusion's."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def drawPrimitive(  # noqa: N802 (Qt's name)
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        if element != QStyle.PrimitiveElement.PE_IndicatorCheckBox or not option or not painter:
            super().drawPrimitive(element, option, painter, widget)
            return
        palette, box = option.palette, QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5)
        on = bool(option.state & QStyle.StateFlag.State_On)
        focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        accent = palette.color(QPalette.ColorRole.Highlight)
        edge = accent if on or focus else palette.color(QPalette.ColorRole.PlaceholderText)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(edge, 1.0))
        painter.setBrush(accent if on else palette.color(QPalette.ColorRole.Base))
        painter.drawRoundedRect(box, 3, 3)
        if on:
            width, height = box.width(), box.height()
            tick = [(0.22, 0.52), (0.42, 0.72), (0.78, 0.28)]
            points = [QPointF(box.x() + x * width, box.y() + y * height) for x, y in tick]
            painter.setPen(QPen(palette.color(QPalette.ColorRole.HighlightedText), 2.0))
            painter.drawPolyline(QPolygonF(points))
        painter.restore()
