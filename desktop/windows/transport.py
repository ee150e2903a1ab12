"""Transport of a file: play, position, overview, loop, speed, volume, progress of the analysis."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QWidget,
)

from desktop.kept.settings import SPEEDS
from desktop.looks.icons import icon
from desktop.looks.theme import Theme
from desktop.sessions.file_session import FileSession
from desktop.widgets.overview import Overview
from desktop.widgets.text import Text
from desktop.widgets.volume import VolumeSlider
from realtime.clock_time import clock_time


class Transport(QWidget):
    """Controls one file session at a time."""

    speed_changed = pyqtSignal(float)
    volume_changed = pyqtSignal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.session: FileSession | None = None
        self.overview = Overview(theme, self)
        self.play = self._button("Play or pause (Space)")
        self.loop = self._button("Loop: drag over the waveform to set it (L)")
        self.loop.setCheckable(True)
        self.speed = QComboBox()
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Speed; the pitch follows, like a tape")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g}×", speed)
        self.volume = VolumeSlider(theme)
        self.is_slim = False
        self.volume_label = QLabel("Volume")
        self.position = Text(theme, "00:00.0", 22, bold=True)
        self.length = QLabel("")
        self.progress = QLabel("")
        for label in (self.length, self.progress, self.volume_label):
            label.setProperty("role", "muted")
        self.progress.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.play.clicked.connect(self.toggle_play)
        self.loop.clicked.connect(self._loop_clicked)
        self.speed.currentIndexChanged.connect(self._speed_picked)
        self.volume.valueChanged.connect(self._volume_moved)
        self.overview.seek_wanted.connect(self.seek)
        self.overview.loop_wanted.connect(self.set_loop)
        self._arrange()
        self.set_theme(theme)

    def _button(self, text: str) -> QToolButton:
        button = QToolButton()
        button.setToolTip(text)
        button.setAccessibleName(text)
        return button

    def _arrange(self) -> None:
        left = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        left.setContentsMargins(0, 0, 0, 0)
        buttons = QHBoxLayout()
        buttons.addWidget(self.play)
        buttons.addWidget(self.loop)
        buttons.addWidget(self.speed)
        buttons.addStretch()
        times = QHBoxLayout()
        times.addWidget(self.position)
        times.addWidget(self.length)
        times.addStretch()
        left.addLayout(times)
        left.addLayout(buttons)
        loudness = QHBoxLayout()
        loudness.addWidget(self.volume_label)
        loudness.addWidget(self.volume, 1)
        left.addLayout(loudness)
        self._rows = (buttons, times, loudness)
        self._left = left
        self._row = QHBoxLayout(self)
        holder = QWidget()
        holder.setLayout(left)
        self._holder = holder
        self._row.addWidget(holder)
        right = QGridLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.overview, 0, 0)
        right.addWidget(self.progress, 1, 0)
        self._row.addLayout(right, 1)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        px = theme.px
        for row in self._rows:
            row.setSpacing(px(8))
        for button in (self.play, self.loop):
            button.setIconSize(QSize(px(16), px(16)))
        self.speed.setFont(theme.font(14))
        self.speed.setMinimumWidth(QFontMetrics(theme.font(14)).horizontalAdvance("0.75×") + px(56))
        self.volume.set_theme(theme)
        self.position.set_theme(theme)
        self.length.setFont(theme.font(14))
        self.progress.setFont(theme.font(12))
        self.volume_label.setFont(theme.font(12))
        self.progress.setFixedHeight(px(20))
        self.overview.set_theme(theme)
        self._show_playing(force=True)
        self.loop.setIcon(icon("loop", theme))
        self.set_slim(self.is_slim)

    def set_slim(self, slim: bool) -> None:
        """One low row for a small window: play, place, and the whole file; or everything."""
        self.is_slim = slim
        px = self.theme.px
        for widget in (self.loop, self.speed, self.volume, self.volume_label, self.length,
                       self.progress):  # fmt: skip
            widget.setVisible(not slim)
        direction = QBoxLayout.Direction.RightToLeft if slim else QBoxLayout.Direction.TopToBottom
        self._left.setDirection(direction)
        self._left.setSpacing(px(8 if slim else 6))
        edge = px(8) if slim else px(16)
        self._row.setContentsMargins(edge, px(2 if slim else 12), edge, px(2 if slim else 8))
        self._row.setSpacing(px(8 if slim else 16))
        self._holder.setMinimumWidth(0 if slim else px(216))
        self.position.set_size(14 if slim else 22)
        self.overview.set_low(slim)
        self.overview.setMinimumHeight(px(32 if slim else 72))

    # -- session ---------------------------------------------------------------------

    def show_session(self, session: FileSession | None, speed: float, volume_db: float) -> None:
        self.session = session
        self.overview.show_analysis(session.analysis if session else None)
        self.speed.setCurrentIndex(max(self.speed.findData(speed), 0))
        self.volume.setValue(round(volume_db))
        if session:
            session.player.set_speed(speed)
            session.player.set_volume(volume_db)
        self.loop.setChecked(False)
        self.tick()

    def tick(self) -> None:
        """Follow the player; called by the window's timer."""
        session = self.session
        if session is None:
            return
        length = f"/ {clock_time(session.duration_s)}"  # which the header may only have estimated
        if length != self.length.text():
            self.length.setText(length)
            self.position.set_widest(clock_time(session.duration_s, tenths=True))
        position_s = session.player.position_s
        text = clock_time(position_s, tenths=True)
        self.position.set_text(text)
        self.overview.set_position(position_s, session.player.loop)
        self._show_playing()
        progress = self._progress_text(session)
        if progress != self.progress.text():
            self.progress.setText(progress)

    def _progress_text(self, session: FileSession) -> str:
        analysis = session.analysis
        if analysis.error:
            return analysis.error
        if not analysis.done:
            return f"Analysing {analysis.progress * 100:.0f} %"
        parts = [session.facts, f"analysed at {analysis.speed:.0f}× real time"]
        if session.player.note:
            parts.insert(0, session.player.note)
        return "   ·   ".join(parts)

    def _show_playing(self, force: bool = False) -> None:
        playing = self.session is not None and self.session.player.playing
        if force or playing != getattr(self, "_was_playing", None):
            self._was_playing = playing
            self.play.setIcon(icon("pause" if playing else "play", self.theme))
            self.play.setAccessibleName("Pause" if playing else "Play")
        looped = self.session is not None and self.session.player.loop is not None
        if self.loop.isChecked() != looped:
            self.loop.setChecked(looped)

    # -- hands -----------------------------------------------------------------------

    def toggle_play(self) -> None:
        if self.session is None:
            return
        if self.session.player.playing:
            self.session.player.pause()
        else:
            self.session.player.play()
        self.tick()

    def seek(self, time_s: float) -> None:
        if self.session is not None:
            self.session.player.seek(time_s)
            self.tick()

    def step(self, seconds: float) -> None:
        if self.session is not None:
            self.seek(self.session.player.position_s + seconds)

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        if self.session is not None:
            self.session.player.set_loop(loop)
            self.tick()

    def toggle_loop(self) -> None:
        """Off if a loop is set; else the 8 seconds from here."""
        if self.session is None:
            return
        if self.session.player.loop is not None:
            self.set_loop(None)
        else:
            start_s = min(self.session.player.position_s, max(self.session.duration_s - 8.0, 0.0))
            self.set_loop((start_s, start_s + 8.0))

    def _loop_clicked(self) -> None:
        self.toggle_loop()

    def change_speed(self, steps: int) -> None:
        index = self.speed.currentIndex() + steps
        self.speed.setCurrentIndex(max(0, min(self.speed.count() - 1, index)))

    def _speed_picked(self) -> None:
        speed = float(self.speed.currentData())
        if self.session is not None and self.session.player.speed != speed:
            self.session.player.set_speed(speed)
        self.speed_changed.emit(speed)

    def _volume_moved(self, volume_db: int) -> None:
        if self.session is not None:
            self.session.player.set_volume(volume_db)
        self.volume.setToolTip("Muted" if volume_db <= -60 else f"Volume {volume_db} dB")
        self.volume_changed.emit(float(volume_db))
