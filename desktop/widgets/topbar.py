"""The bar on top: what is heard, and the few buttons."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from desktop.looks.theme import Theme


class TopBar(QWidget):
    """Title of the source on the left, buttons on the right; the window fills their menus."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.kind = QLabel("")
        self.title = QLabel("Tutti")
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.kind)
        self._row.addWidget(self.title, 1)
        self.buttons: list[QToolButton] = []
        self.set_theme(theme)

    def add_button(self, text: str, tip: str, menu: QMenu | None = None) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        if menu is not None:
            button.setMenu(menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._row.addWidget(button)
        self.buttons.append(button)
        return button

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        px = theme.px
        self._row.setContentsMargins(px(16), px(8), px(8), 0)
        self._row.setSpacing(px(8))
        self.setFixedHeight(px(48))
        self.title.setFont(theme.font(18, bold=True))
        self.kind.setFont(theme.font(12, bold=True, spaced=True))
        self._style_kind()
        for button in self.buttons:
            button.setFont(theme.font(14))

    def show_source(self, title: str, is_live: bool | None) -> None:
        """Name what is heard; None for nothing."""
        self.title.setText(title)
        self.kind.setText({True: "LIVE", False: "FILE", None: ""}[is_live])
        self._style_kind()

    def _style_kind(self) -> None:
        c, px = self.theme.colours, self.theme.px
        self.kind.setVisible(bool(self.kind.text()))
        self.kind.setStyleSheet(
            f"color: {c.muted}; border: 1px solid {c.line}; border-radius: {px(4)}px;"
            f"padding: {px(2)}px {px(6)}px;"
        )
        self.kind.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
