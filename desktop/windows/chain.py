"""The chain window: the chain, the sound that runs through it, and what it does to the tags."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.background import Background
from desktop.looks.theme import Theme
from desktop.sessions.chain_session import ChainSession, OpenDevice
from desktop.widgets.tap_meters import TapMeters
from desktop.windows.chain_editor import ChainEditor, scrolling
from desktop.windows.chain_undo import ChainUndo
from desktop.windows.sound_dialog import ask_sound
from realtime.errors import TuttiError
from realtime.host import chain as chains
from realtime.host.chain import TapStep
from realtime.host.devices import BLOCK_CHOICES
from realtime.host.live import LiveStats
from realtime.host.tap import Tap
from realtime.model import TagModel

TICK_MS = 50
CHAIN_FILES = "Chain files (*.toml)"
START_HINT = (
    "Press Start, and play something: what is heard before and after the chain appears here, "
    "with the difference."
)
STARTER = chains.Chain((TapStep("before"), TapStep("after")))


class ChainWindow(QWidget):
    """A window of its own beside the monitor; closing it ends its sound."""

    def __init__(
        self,
        theme: Theme,
        model: Future[TagModel],
        parent: QWidget | None = None,
        open_device: OpenDevice | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Effects chain – Tutti")
        self.theme = theme
        self.background = Background(self)
        self.session = ChainSession(model, self.background, self.say, self.refresh, open_device)
        self.session.chain = STARTER
        self.editor = ChainEditor(theme, self.session, self.say)
        self.meters = TapMeters(theme)
        self._model: Future[TagModel] | None = model
        """Until its thresholds were taken over."""
        self.editor.start.file_wanted.connect(self.choose_load)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.status = QLabel()
        self.status.setProperty("role", "muted")
        self.undo = ChainUndo(self.session, self.editor.show_anew, self)
        self._make_buttons()
        self._arrange()
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        self.refresh()
        self.tick()
        self.resize(theme.px(1360), theme.px(860))

    # -- layout ----------------------------------------------------------------------

    def _make_buttons(self) -> None:
        self.load_button = QPushButton("Load…")
        self.load_button.clicked.connect(self.choose_load)
        self.save_button = QPushButton("Save…")
        self.save_button.clicked.connect(self.choose_save)
        self.source = QComboBox()
        self.source.setAccessibleName("What goes into the chain")
        self.source.addItems(["Live input", "Sound file…"])
        self.source.activated.connect(self._choose_source)
        self.block = QComboBox()
        self.block.setAccessibleName("Block size")
        self.block.addItems([f"{frames} frames" for frames in BLOCK_CHOICES])
        self.block.setCurrentIndex(BLOCK_CHOICES.index(self.session.settings.block_frames))
        self.block.currentIndexChanged.connect(self._choose_block)
        self.run_button = QPushButton("Start")
        self.run_button.setProperty("primary", "true")
        self.run_button.clicked.connect(self.toggle_run)
        self.measure_button = QPushButton("Measure round trip")
        self.measure_button.clicked.connect(lambda: self.session.measure())
        self.before = QPushButton("Before")
        self.after = QPushButton("After")
        for button, before in ((self.before, True), (self.after, False)):
            button.setCheckable(True)
            button.setToolTip("Hear the sound before or after the chain, equally loud")
            button.clicked.connect(lambda _on=False, b=before: self.listen_before(b))
        self.after.setChecked(True)

    def _arrange(self) -> None:
        px = self.theme.px
        top = QHBoxLayout()
        top.addWidget(self.load_button)
        top.addWidget(self.save_button)
        top.addSpacing(px(16))
        top.addWidget(self.undo)
        top.addStretch()
        top.addWidget(self.source)
        top.addWidget(self.block)
        top.addWidget(self.measure_button)
        top.addWidget(self.run_button)
        listen = QHBoxLayout()
        self.heading = QLabel("Listen to")
        self.heading.setProperty("role", "muted")
        self.matching = QLabel()
        self.matching.setProperty("role", "muted")
        listen.addWidget(self.heading)
        listen.addWidget(self.before)
        listen.addWidget(self.after)
        listen.addWidget(self.matching)
        listen.addStretch()
        right = QVBoxLayout()
        right.addLayout(listen)
        right.addWidget(scrolling(self.meters), 1)
        middle = QHBoxLayout()
        middle.setSpacing(px(16))
        middle.addWidget(self.editor, 9)
        middle.addLayout(right, 10)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(16), px(16), px(12))
        column.setSpacing(px(12))
        column.addLayout(top)
        column.addLayout(middle, 1)
        column.addWidget(self.message)
        column.addWidget(self.status)
        self.message.hide()
        self._dress()

    def set_theme(self, theme: Theme) -> None:
        """Take on another theme."""
        self.theme = theme
        self.editor.set_theme(theme)
        self.meters.set_theme(theme)
        self._dress()

    def _dress(self) -> None:
        for label in (self.message, self.status, self.matching, self.heading):
            label.setFont(self.theme.font(15))

    # -- files -----------------------------------------------------------------------

    def choose_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a chain", "", CHAIN_FILES)
        if path:
            self.load(Path(path))

    def load(self, path: Path) -> None:
        """Take over a chain file; a bad one is named and changes nothing."""
        try:
            self.session.set_chain(chains.load(path))
            self.say("")
        except TuttiError as error:
            self.say(str(error))

    def choose_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the chain", "chain.toml", CHAIN_FILES)
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the chain, with what plugins were set to in their own windows."""
        try:
            chain = self.session.with_values()
            chains.check(chain)
            chains.save(chain, path)
            self.say(f"Saved {path.name}.")
        except TuttiError as error:
            self.say(str(error))

    # -- sound -----------------------------------------------------------------------

    def toggle_run(self) -> None:
        if self.session.running:
            self.session.stop()
        else:
            self.say("Starting…")
            self.session.start()

    def listen_before(self, before: bool) -> None:
        """A or B."""
        self.before.setChecked(before)
        self.after.setChecked(not before)
        self.session.listen_before(before)

    def use_file(self, path: Path | None) -> None:
        """Take a sound file as input, or the input device."""
        self.session.file = path
        self.source.setItemText(1, path.name if path else "Sound file…")
        self.source.setCurrentIndex(1 if path else 0)
        if self.session.running:
            self.session.start()

    def _choose_source(self, index: int) -> None:
        if index == 0:
            self.use_file(None)
            return
        self.use_file(ask_sound(self, "Sound file") or self.session.file)

    def _choose_block(self, index: int) -> None:
        settings = dataclasses.replace(self.session.settings, block_frames=BLOCK_CHOICES[index])
        self.session.settings = settings
        if self.session.running:
            self.session.start()

    # -- showing ---------------------------------------------------------------------

    def say(self, text: str) -> None:
        """One line for the user; empty hides it."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def refresh(self) -> None:
        """Show the chain as it is now."""
        self.editor.refresh()
        self.run_button.setText("Stop" if self.session.running else "Start")
        self.measure_button.setEnabled(not self.session.running)

    def tick(self) -> None:
        """Pull the newest results, and follow the monitor's theme."""
        theme = getattr(self.parentWidget(), "theme", self.theme)
        if theme is not self.theme:
            self.set_theme(theme)
        stats = self.session.look()
        if self._model is not None and self._model.done():
            self._take_thresholds(self._model)
            self._model = None
        self.meters.set_hint("Listening…" if self.session.running else START_HINT)
        host = self.session.host
        taps = list(host.taps.values()) if host else []
        if len(taps) >= 2:
            first, last = taps[0], taps[-1]
            values = None
            if first.latest is not None and last.latest is not None:
                values = first.latest.instruments, last.latest.instruments
            self.meters.set_taps((first.name, last.name), values, (_level(first), _level(last)))
        elif self.meters.values is not None:
            self.meters.set_taps(self.meters.names, None, (None, None))
        gain_db = self.session.matching_gain_db
        matched = f"“Before” at {gain_db:+.1f} dB, equally loud" if abs(gain_db) >= 0.05 else ""
        self.matching.setText(matched.replace("-", "−"))
        self.status.setText(self._status(stats))
        self.meters.setAccessibleDescription(self.meters.summary())

    def _take_thresholds(self, model: Future[TagModel]) -> None:
        if model.exception() is None:  # the monitor tells what is wrong with it
            self.meters.set_thresholds(model.result().spec.thresholds)

    def _status(self, stats: LiveStats | None) -> str:
        trip = self.session.round_trip
        measured = f"round trip {1000 * trip.latency_s:.1f} ms" if trip else ""
        if stats is None:
            return measured or "Stopped"
        devices = measured or f"devices {1000 * stats.device_latency_s:.0f} ms (by their own word)"
        parts = [
            devices,
            f"chain {1000 * stats.chain_latency_s:.1f} ms",
            f"{stats.xruns} xruns",
            f"{stats.missing_s:.1f} s missing" if stats.missing_s else "",
            f"load {100 * stats.load:.0f} %",
            f"{stats.tap_blocks_dropped} tap blocks dropped" if stats.tap_blocks_dropped else "",
        ]
        return " · ".join(part for part in parts if part)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self._timer.stop()
        self.session.close()
        super().closeEvent(event)


def _level(tap: Tap) -> float | None:
    level = tap.level
    return None if level is None else level.rms_dbfs
