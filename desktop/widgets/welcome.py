"""What an empty window shows: three ways to begin."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.looks.theme import Theme


class Welcome(QWidget):
    """A sentence and three buttons."""

    open_wanted = pyqtSignal()
    listen_wanted = pyqtSignal()
    demo_wanted = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.title = QLabel("What plays in your mix?")
        self.line = QLabel("Tutti shows which instruments sound, and how many at once.")
        self.drop = QLabel("Or drop a sound file anywhere on this window: it plays.")
        for label in (self.line, self.drop):
            label.setProperty("role", "muted")
        for label in (self.title, self.line, self.drop):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        self.open = QPushButton("Open a file")
        self.listen = QPushButton("Listen")
        self.demo = QPushButton("Play the demo")
        self.open.setProperty("primary", True)
        for button, signal, tip in (
            (self.open, self.open_wanted, "A recording or a film (Ctrl+O)"),
            (self.listen, self.listen_wanted, "To an input, or what the computer plays (Ctrl+L)"),
            (self.demo, self.demo_wanted, "36 seconds: piano, guitar, drums, trumpet, then all"),
        ):
            button.setToolTip(tip)
            button.clicked.connect(signal.emit)
        self._buttons = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._buttons.addStretch()
        for button in (self.open, self.listen, self.demo):
            self._buttons.addWidget(button)
        self._buttons.addStretch()
        self._column = QVBoxLayout(self)
        self._column.addStretch(2)
        self._column.addWidget(self.title)
        self._column.addWidget(self.line)
        self._column.addLayout(self._buttons)
        self._column.addWidget(self.drop)
        self._column.addStretch(3)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        px = theme.px
        self._fit()
        for button in (self.open, self.listen, self.demo):
            button.setFont(theme.font(16, bold=True))
            button.setMinimumWidth(px(144))
        for label in (self.line, self.drop):
            label.setFont(theme.font(14))
        self._buttons.setSpacing(px(12))

    def _fit(self) -> None:
        px = self.theme.px
        small = self.width() < px(560)
        tight = self.height() < px(280)
        self.title.setFont(self.theme.font(20 if small or tight else 32, bold=True))
        self._column.setSpacing(px(6 if tight else 20))
        margin = px(8 if small else 24)
        self._column.setContentsMargins(margin, margin // 2, margin, margin // 2)
        way = QBoxLayout.Direction.TopToBottom if small else QBoxLayout.Direction.LeftToRight
        self._buttons.setDirection(way)
        self._buttons.setSpacing(px(6 if small else 12))
        self.drop.setVisible(not tight)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._fit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.theme.colour("panel"))
        painter.end()
