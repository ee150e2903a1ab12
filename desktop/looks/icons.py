"""A few icons drawn as paths, so that they follow the theme and every screen density."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from desktop.looks.theme import Theme

PROGRAM = Path(__file__).parent / "tutti.svg"
_SIZE = 24.0


def program_icon() -> QIcon:
    """Tutti's own: four meters, and the line past which one is heard."""
    return QIcon(str(PROGRAM))


def icon(name: str, theme: Theme) -> QIcon:
    """An icon in the theme's text colour, and in its opposite for a checked button."""
    made = QIcon()
    made.addPixmap(_paint(name, theme, "text"), QIcon.Mode.Normal, QIcon.State.Off)
    made.addPixmap(_paint(name, theme, "on_accent"), QIcon.Mode.Normal, QIcon.State.On)
    made.addPixmap(_paint(name, theme, "faint"), QIcon.Mode.Disabled)
    return made


def _paint(name: str, theme: Theme, colour: str) -> QPixmap:
    side = theme.px(_SIZE) * 2
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / _SIZE, side / _SIZE)
    ink = theme.colour(colour)
    filled, lines = _SHAPES[name]()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawPath(filled)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(ink, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawPath(lines)
    painter.end()
    return pixmap


def _polygon(*points: tuple[float, float]) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(*point) for point in points]))
    path.closeSubpath()
    return path


def _lines(*strokes: tuple[tuple[float, float], ...]) -> QPainterPath:
    path = QPainterPath()
    for stroke in strokes:
        path.moveTo(*stroke[0])
        for point in stroke[1:]:
            path.lineTo(*point)
    return path


def _play() -> tuple[QPainterPath, QPainterPath]:
    return _polygon((7, 4), (20, 12), (7, 20)), QPainterPath()


def _pause() -> tuple[QPainterPath, QPainterPath]:
    path = QPainterPath()
    path.addRect(QRectF(6, 4, 4, 16))
    path.addRect(QRectF(14, 4, 4, 16))
    return path, QPainterPath()


def _loop() -> tuple[QPainterPath, QPainterPath]:
    lines = _lines(((4, 12), (4, 8), (18, 8)), ((20, 12), (20, 16), (6, 16)))
    heads = _polygon((16, 4), (21, 8), (16, 12))
    heads.addPath(_polygon((8, 12), (3, 16), (8, 20)))
    return heads, lines


_SHAPES = {"play": _play, "pause": _pause, "loop": _loop}
