"""The status bar: state, CPU, losses; and messages."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from desktop.heard.bridge import Health, SessionState
from desktop.looks.theme import Theme
from desktop.widgets.delay import delay_hint, delay_text
from desktop.widgets.text import Text
from realtime.advice import only_zeros

STATE_TEXTS = {
    SessionState.IDLE: ("faint", "○", "Nothing open"),
    SessionState.OPENING: ("muted", "◌", "Opening"),
    SessionState.PLAYING: ("good", "▶", "Playing"),
    SessionState.PAUSED: ("muted", "❚❚", "Paused"),
    SessionState.LISTENING: ("good", "●", "Listening"),
    SessionState.SILENCE: ("muted", "○", "Silence (below −75 dBFS)"),
    SessionState.NO_SIGNAL: ("warn", "▲", "No signal: only exact zeros"),
    SessionState.RECONNECTING: ("warn", "▲", "Reconnecting"),
    SessionState.FAILED: ("bad", "■", "Stopped"),
}
"""Colour, mark and words of each state; the words alone would do."""

_CALM = (SessionState.PLAYING, SessionState.PAUSED, SessionState.LISTENING, SessionState.IDLE)
"""States that can be seen from the rest of the window."""
MESSAGE_MS = 8000


class StatusBar(QWidget):
    """Shows a session's health; every number is named and carries its unit."""

    leave_compact = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.state = QLabel()
        self.enlarge = QToolButton()
        self.enlarge.setText("Full")
        self.enlarge.setAccessibleName("Full window")
        self.enlarge.setToolTip("Back to the full window (C)")
        self.enlarge.clicked.connect(lambda: self.leave_compact.emit())
        self.enlarge.hide()
        self.message = QLabel()
        self.level = Text(
            theme, "RMS −99 dBFS   clipped", 13, colour="muted", align=Qt.AlignmentFlag.AlignRight
        )
        self.latency = QLabel()
        self.latency.hide()
        self.cpu = QLabel()
        self.losses = QLabel()
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.state)
        self._row.addWidget(self.message, 1)
        for label in (self.level, self.latency, self.cpu, self.losses):
            self._row.addWidget(label)
        self._row.addWidget(self.enlarge)
        self._clear = QTimer(self)
        self._clear.setSingleShot(True)
        self._clear.setInterval(MESSAGE_MS)
        self._clear.timeout.connect(lambda: self.say(""))
        self._said = ""
        self._said_colour = "text"
        self._narrow = self._modest = self._lost = False
        self._health = Health()
        self.setAccessibleName("Status")
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.set_narrow(self._narrow)
        self.level.set_theme(theme)
        for label in (self.state, self.message, self.latency, self.cpu, self.losses):
            label.setFont(theme.font(13))
        for label in (self.latency, self.cpu):
            label.setStyleSheet(f"color: {theme.colours.muted}")
        self.show_health(self._health, force=True)

    def set_compact(self, compact: bool) -> None:
        """The way back, and the delay, which has no place on top then; messages stay."""
        self.enlarge.setVisible(compact)
        self.latency.setVisible(compact)
        self.set_narrow(compact)

    def set_narrow(self, narrow: bool) -> None:
        """Only what must be told: the state, and losses where there are any."""
        self._narrow = narrow
        for label in (self.level, self.cpu):
            label.setVisible(not narrow)
        px = self.theme.px
        self._row.setContentsMargins(px(8 if narrow else 16), 0, px(8 if narrow else 16), 0)
        self._row.setSpacing(px(10 if narrow else 24))
        self.setFixedHeight(px(36 if not self.enlarge.isHidden() else 26 if narrow else 32))
        self._show_losses()

    def set_modest(self, modest: bool) -> None:
        """In a very low window: there only while there is something to tell."""
        self._modest = modest
        self._show_or_not()

    def _show_or_not(self) -> None:
        calm = self._health.state in _CALM and not self.message.toolTip() and not self._lost
        self.setVisible(not (self._modest and calm and self.enlarge.isHidden()))

    def say(self, text: str, *, stay: bool = False, trouble: bool = False) -> None:
        """A message to the user; it leaves after 8 s unless it must stay."""
        self._said, self._said_colour = text, "warn" if trouble else "text"
        self._clear.stop()
        if text and not stay:
            self._clear.start()
        self._show_message()

    def show_health(self, health: Health, *, force: bool = False) -> None:
        if health == self._health and not force:
            return
        self._health = health
        colour, mark, words = STATE_TEXTS[health.state]
        self._set(self.state, f"{mark}  {words}")
        self.state.setStyleSheet(f"color: {self.theme.colour(colour).name()}")
        self._set(self.latency, delay_text(health))
        self.latency.setToolTip(delay_hint(health))
        cpu = health.cpu_fraction
        self._set(self.cpu, "" if cpu is None else f"Analysis {cpu * 100:.1f} % of a core")
        self.cpu.setToolTip("CPU time of capture and analysis over time passed")
        self._show_losses()
        self._show_message()

    def _show_losses(self) -> None:
        health = self._health
        lost = health.windows_dropped or health.stalls or health.frames_missing_s >= 0.01
        self._set(self.losses, losses_text(health, short=self._narrow))
        self.losses.setToolTip(losses_text(health))
        self.losses.setStyleSheet(
            f"color: {self.theme.colours.warn if lost else self.theme.colours.muted}"
        )
        self._lost = bool(lost)
        self.latency.setVisible(not self.enlarge.isHidden() and not self._lost)
        self.losses.setVisible(self._lost or not self._narrow)

    def show_level(self, rms_dbfs: float | None, clipped: bool) -> None:
        """The level in words; None where nothing is heard."""
        text = "" if rms_dbfs is None else f"RMS {max(rms_dbfs, -99):.0f} dBFS".replace("-", "−")
        words = f"{text}   clipped" if clipped else text
        self.level.set_text(words, "bad" if clipped else "muted")

    def _show_message(self) -> None:
        text = self._said or self._health.error
        colour = "warn" if self._health.error and not self._said else self._said_colour
        if not text and self._health.state == SessionState.NO_SIGNAL:
            text, colour = only_zeros(), "warn"
        self.message.setStyleSheet(f"color: {self.theme.colour(colour).name()}")
        shown = self.message.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, max(self.message.width(), 80)
        )
        self._set(self.message, shown)
        self.message.setToolTip(text)
        self.message.setAccessibleName(text)
        self._show_or_not()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._show_message()

    @staticmethod
    def _set(label: QLabel, text: str) -> None:
        if label.text() != text:
            label.setText(text)

    def texts(self) -> list[str]:
        """Everything shown, from left to right."""
        return [label.text() for label in self._labels() if label.text()]

    def _labels(self) -> tuple[QLabel | Text, ...]:
        return (self.state, self.message, self.level, self.latency, self.cpu, self.losses)


def losses_text(health: Health, *, short: bool = False) -> str:
    """What was lost; the zeros are shown too, for trust. ``short``: only how much."""
    if short:
        lost_s = health.frames_missing_s
        return f"lost {lost_s:.1f} s" if lost_s >= 0.05 else f"dropped {health.windows_dropped}"
    if health.cpu_fraction is None or health.output_latency_s is not None:
        return ""
    parts = [f"dropped {health.windows_dropped}", f"stalls {health.stalls}"]
    if health.frames_missing_s >= 0.01:
        parts.append(f"missing {health.frames_missing_s:.2f} s")
    if health.reopenings:
        parts.append(f"reopened {health.reopenings}")
    return ", ".join(parts).capitalize()
