"""Fusion with flat fields, and tick boxes that can be seen on a dark ground.

Fusion's own outlines are always darker than the ground, and its fields shaded; style sheets
would need arrows as picture files.
"""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRect, QRectF
from PyQt6.QtGui import QPainter, QPalette, QPen, QPolygonF
from PyQt6.QtWidgets import (
    QProxyStyle,
    QStyle,
    QStyleHintReturn,
    QStyleOption,
    QStyleOptionComboBox,
    QStyleOptionComplex,
    QStyleOptionSpinBox,
    QWidget,
)

RADIUS, PADDING, CHEVRON = 6.0, 8, 3.5
_Part, _Whole = QStyle.SubControl, QStyle.ComplexControl
_TEXTS = (
    (_Whole.CC_ComboBox, _Part.SC_ComboBoxEditField),
    (_Whole.CC_SpinBox, _Part.SC_SpinBoxEditField),
)


class MonitorStyle(QProxyStyle):
    """Draws tick boxes, choices and numbers with the palette's colours; the rest is Fusion's."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def drawComplexControl(  # noqa: N802 (Qt's name)
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        if painter is None or not isinstance(option, (QStyleOptionComboBox, QStyleOptionSpinBox)):
            super().drawComplexControl(control, option, painter, widget)
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(option, QStyleOptionComboBox):
            _field(painter, option, QPalette.ColorRole.Button)
            arrows = [(_Part.SC_ComboBoxArrow, 1, 0)]
        else:
            _field(painter, option, QPalette.ColorRole.Base)
            arrows = [(_Part.SC_SpinBoxUp, -1, 2), (_Part.SC_SpinBoxDown, 1, -2)]
        for part, way, nearer in arrows:
            rect = self.subControlRect(control, option, part, widget)
            _chevron(painter, option, rect.translated(-PADDING // 2, nearer), way)
        painter.restore()

    def styleHint(  # noqa: N802 (Qt's name)
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,  # noqa: N803 (Qt's name)
    ) -> int:
        """No stock icons on the buttons of dialogs: their words say more."""
        if hint == QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons:
            return 0
        return super().styleHint(hint, option, widget, returnData)

    def subControlRect(  # noqa: N802 (Qt's name)
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex | None,
        part: QStyle.SubControl,
        widget: QWidget | None = None,
    ) -> QRect:
        rect = super().subControlRect(control, option, part, widget)
        if (control, part) in _TEXTS:
            rect.adjust(PADDING, 0, 0, 0)
        return rect

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


def _field(painter: QPainter, option: QStyleOption, ground: QPalette.ColorRole) -> None:
    """A flat rounded frame; the accent marks what has the focus."""
    palette = option.palette
    focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
    edge = QPalette.ColorRole.Highlight if focus else QPalette.ColorRole.Mid
    painter.setPen(QPen(palette.color(edge), 1.0))
    painter.setBrush(palette.color(ground))
    painter.drawRoundedRect(QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)


def _chevron(painter: QPainter, option: QStyleOption, rect: QRect, way: int) -> None:
    """An arrow in the middle of ``rect``; ``way`` is 1 for down, -1 for up."""
    enabled = bool(option.state & QStyle.StateFlag.State_Enabled)
    role = QPalette.ColorRole.Text if enabled else QPalette.ColorRole.PlaceholderText
    centre, half = QRectF(rect).center(), CHEVRON / 2
    painter.setPen(QPen(option.palette.color(role), 1.5))
    points = ((-CHEVRON, -half * way), (0.0, half * way), (CHEVRON, -half * way))
    painter.drawPolyline(QPolygonF([QPointF(centre.x() + x, centre.y() + y) for x, y in points]))
