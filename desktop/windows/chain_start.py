"""What an empty chain shows in place of parameters: what it is for, and four ways to begin."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.looks.theme import Theme

BEGINNINGS = (
    ("Compressor", "Does the compressor hide the quiet ones?"),
    ("HighpassFilter", "What does the low cut take from the bass?"),
    ("Reverb", "How much reverb until the voice is lost?"),
)
"""Effects to begin with, and the question that each answers."""


class ChainStart(QWidget):
    """Invites to add the first effect; a plugin and a chain file are at hand too."""

    effect_wanted = pyqtSignal(str)
    plugin_wanted = pyqtSignal()
    file_wanted = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.title = QLabel("What does your chain do\nto the instruments?")
        self.text = QLabel(
            "Sound runs through the effects; the meters listen at the taps before and after, "
            "and show who gains and who is lost. Begin with:"
        )
        self.text.setWordWrap(True)
        self.text.setProperty("role", "muted")
        self.buttons: dict[str, QPushButton] = {}
        self._questions: list[QLabel] = []
        self._column = QVBoxLayout(self)
        self._column.addStretch(1)
        self._column.addWidget(self.title)
        self._column.addWidget(self.text)
        for name, question in BEGINNINGS:
            words = QLabel(question)
            words.setProperty("role", "muted")
            words.setWordWrap(True)
            self._questions.append(words)
            button = self._button(_spaced(name))
            button.clicked.connect(lambda _on=False, n=name: self.effect_wanted.emit(n))
            self._column.addWidget(words)
        self._button("A VST3 plugin…").clicked.connect(lambda: self.plugin_wanted.emit())
        self._button("A chain file…").clicked.connect(lambda: self.file_wanted.emit())
        self._column.addStretch(2)
        self.set_theme(theme)

    def _button(self, text: str) -> QPushButton:
        button = QPushButton(text)
        self.buttons[text] = button
        self._column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        return button

    def set_theme(self, theme: Theme) -> None:
        px = theme.px
        self._column.setContentsMargins(px(24), px(8), px(24), px(8))
        self._column.setSpacing(px(8))
        self.title.setFont(theme.font(22, bold=True))
        self.text.setFont(theme.font(15))
        self.text.setContentsMargins(0, 0, 0, px(12))
        for words in self._questions:
            words.setFont(theme.font(14))
            words.setContentsMargins(0, 0, 0, px(8))
        for button in self.buttons.values():
            button.setFont(theme.font(15))
            button.setMinimumWidth(px(184))


def _spaced(name: str) -> str:
    """``HighpassFilter`` -> ``Highpass filter``."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return words.strip().capitalize()
