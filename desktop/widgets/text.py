"""A line of text that changes often: unlike a QLabel it never makes the window lay itself out."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from desktop.looks.theme import Theme


class Text(QWidget):
    """Shows text in a place as wide as ``widest`` needs."""

    def __init__(
        self,
        theme: Theme,
        widest: str,
        size_px: float,
        *,
        bold: bool = False,
        colour: str = "text",
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._widest = widest
        self._size_px = size_px
        self._bold = bold
        self._colour = colour
        self._align = align
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.updateGeometry()
        self.update()

    def set_size(self, size_px: float) -> None:
        """Another size of type."""
        if size_px != self._size_px:
            self._size_px = size_px
            self.updateGeometry()
            self.update()

    def set_widest(self, widest: str) -> None:
        """Make room for this text."""
        if widest != self._widest:
            self._widest = widest
            self.updateGeometry()

    def text(self) -> str:
        return self._text

    def set_text(self, text: str, colour: str | None = None) -> None:
        """Show a text; ``colour`` names a colour of the theme."""
        if (text, colour or self._colour) != (self._text, self._colour):
            self._text, self._colour = text, colour or self._colour
            self.setAccessibleName(text)
            self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._theme.font(self._size_px, bold=self._bold))
        return QSize(metrics.horizontalAdvance(self._widest) + 2, metrics.height() + 2)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(self._theme.font(self._size_px, bold=self._bold))
        painter.setPen(self._theme.colour(self._colour))
        painter.drawText(self.rect(), self._align | Qt.AlignmentFlag.AlignVCenter, self._text)
        painter.end()


class Elided(QWidget):
    """A line of text that takes what room there is, and ends in an ellipsis where it is short."""

    def __init__(self, theme: Theme, text: str, size_px: float, *, bold: bool = False) -> None:
        super().__init__()
        self._theme = theme
        self._size_px = size_px
        self._bold = bold
        self._text = text
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def text(self) -> str:
        return self._text

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setToolTip(text)
            self.setAccessibleName(text)
            self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._theme.font(self._size_px, bold=self._bold))
        return QSize(metrics.horizontalAdvance(self._text), metrics.height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(self._theme.font(self._size_px, bold=self._bold))
        painter.setPen(self._theme.colour("text"))
        shown = painter.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideMiddle, self.width()
        )
        how = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), how, shown)
        painter.end()
