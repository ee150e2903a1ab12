"""The bar on top: what is heard, how old it is, and the few buttons."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from desktop.looks.theme import Theme
from desktop.widgets.delay import DelayButton
from desktop.widgets.text import Elided

_NARROW_PX = 760
"""Below it the buttons are one menu."""


class TopBar(QWidget):
    """Title of the source on the left, buttons on the right; the window fills their menus."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.kind = QLabel("")
        self.title = Elided(theme, "Tutti", 18, bold=True)
        self.delay = DelayButton(theme)
        self._all = QMenu(self)
        self.menu_button = QToolButton()
        self.menu_button.setText("Menu")
        self.menu_button.setAccessibleName("Menu")
        self.menu_button.setMenu(self._all)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.is_narrow = False
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.kind)
        self._row.addWidget(self.title, 1)
        self._row.addWidget(self.delay)
        self._row.addWidget(self.menu_button)
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
            menu.setTitle(text)
            self._all.addMenu(menu)
        else:
            action = self._all.addAction(tip if len(text) < 2 else text)
            if action is not None:
                action.triggered.connect(button.click)
        self._row.addWidget(button)
        self.buttons.append(button)
        button.setVisible(not self.is_narrow)
        return button

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        px = theme.px
        self._row.setSpacing(px(8))
        self.title.set_theme(theme)
        self.delay.set_theme(theme)
        self._fit()
        self.kind.setFont(theme.font(12, bold=True, spaced=True))
        self._style_kind()
        for button in (*self.buttons, self.menu_button):
            button.setFont(theme.font(14))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._fit()

    def _fit(self) -> None:
        """Where there is no room for all buttons they are one menu."""
        px = self.theme.px
        self.is_narrow = self.width() < px(_NARROW_PX)
        self._row.setContentsMargins(px(8 if self.is_narrow else 16), px(4), px(8), 0)
        self.setFixedHeight(px(40 if self.is_narrow else 48))
        self.menu_button.setVisible(self.is_narrow)
        for button in self.buttons:
            button.setVisible(not self.is_narrow)
        self.kind.setVisible(bool(self.kind.text()) and not self.is_narrow)

    def show_source(self, title: str, is_live: bool | None) -> None:
        """Name what is heard; None for nothing."""
        self.title.set_text(title)
        self.kind.setText({True: "LIVE", False: "FILE", None: ""}[is_live])
        self._style_kind()

    def _style_kind(self) -> None:
        c, px = self.theme.colours, self.theme.px
        self.kind.setVisible(bool(self.kind.text()) and not self.is_narrow)
        self.kind.setStyleSheet(
            f"color: {c.muted}; border: 1px solid {c.line}; border-radius: {px(4)}px;"
            f"padding: {px(2)}px {px(6)}px;"
        )
        self.kind.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
