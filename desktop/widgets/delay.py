"""The delay as a headline: how old the sound is that the meters show, and what makes it."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMenu, QToolButton, QWidget

from desktop.heard.bridge import Health
from desktop.looks.theme import Theme


class DelayButton(QToolButton):
    """Says "Delay 1.6 s"; its menu chooses how often the sound is looked at."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setObjectName("delay")
        self.set_theme(theme)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        self.setFont(theme.font(17, bold=True))

    def set_choices(self, menu: QMenu) -> None:
        """The menu that a click opens."""
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def show_health(self, health: Health) -> None:
        text = delay_text(health)
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text or "Delay")
        if self.toolTip() != (hint := delay_hint(health)):
            self.setToolTip(hint)
            self.setAccessibleDescription(hint)
        if self.isHidden() == bool(text):
            self.setVisible(bool(text))


def delay_text(health: Health) -> str:
    """How old the sound is that the meters show, at most."""
    if health.output_latency_s is not None:
        return "In sync"
    if health.latency_s is None:
        return ""
    return f"Delay {health.latency_s:.1f} s"


def delay_hint(health: Health) -> str:
    """The parts that the delay is made of."""
    if health.output_latency_s is not None:
        held_ms = health.output_latency_s * 1000
        return f"The window's length and the output's {held_ms:.0f} ms are taken off"
    parts = " + ".join(f"{name} {part * 1000:.0f} ms" for name, part in health.latency_parts)
    return f"From a sound to the meter that has fully heard it: {parts}" if parts else ""
