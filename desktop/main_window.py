"""The window: what lies where, and what happens 30 times a second."""

from __future__ import annotations

import time
from concurrent.futures import Future
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QScrollArea, QSplitter, QVBoxLayout, QWidget

from desktop.bridge import Health, Session
from desktop.file_session import FileSession
from desktop.follow import Follower, largest_count
from desktop.live_session import LiveSession
from desktop.settings import Settings
from desktop.theme import Theme
from desktop.widgets.level import LevelMeter
from desktop.widgets.meters import Meters
from desktop.widgets.polyphony import PolyphonyMeter
from desktop.widgets.roll import HistoryRoll
from desktop.widgets.status import StatusBar
from desktop.widgets.topbar import TopBar
from desktop.widgets.transport import Transport
from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.smoothing import Smoothing

FRAME_MS = 33
HIDDEN_FRAME_MS = 250


class MainWindow(QWidget):
    """The monitor. Widgets are plain attributes; sessions come and go."""

    def __init__(self, settings: Settings, theme: Theme, model: Future[TagModel]) -> None:
        super().__init__()
        self.settings = settings
        self.theme = theme
        self.model = model
        self.session: Session | None = None
        self.sink = None
        """How playback opens its output; None is the sound card."""
        self.follower = Follower()
        self.topbar = TopBar(theme)
        self.meters = Meters(settings, theme)
        self.polyphony = PolyphonyMeter(theme)
        self.level = LevelMeter(theme)
        self.roll = HistoryRoll(settings, theme)
        self.transport = Transport(theme)
        self.status = StatusBar(theme)
        self._spec_shown = False
        self._last_s = time.monotonic()
        self._frames = 0
        self._largest: int | None = None
        self.setWindowTitle("Tutti")
        self.setAcceptDrops(True)
        self._arrange()
        self.roll.jump_wanted.connect(self.transport.seek)
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        self.set_theme(theme)

    # -- layout ----------------------------------------------------------------------

    def _arrange(self) -> None:
        self.scroll = QScrollArea()
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroll.setWidget(self.meters)
        self.side = QWidget()
        self.side_column = QVBoxLayout(self.side)
        self.side_column.setContentsMargins(0, 0, 0, 0)
        self.side_column.addWidget(self.polyphony)
        self.side_column.addWidget(self.level)
        self.side_column.addStretch(1)
        self.upper = QSplitter(Qt.Orientation.Horizontal)
        self.upper.addWidget(self.scroll)
        self.upper.addWidget(self.side)
        self.upper.setStretchFactor(0, 1)
        self.upper.setCollapsible(0, False)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.upper)
        self.splitter.addWidget(self.roll)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.topbar)
        self._column.addWidget(self.splitter, 1)
        self._column.addWidget(self.transport)
        self._column.addWidget(self.status)
        self.transport.hide()

    def set_theme(self, theme: Theme) -> None:
        """Take on colours and sizes, everywhere."""
        self.theme = theme
        px = theme.px
        self._column.setContentsMargins(px(8), 0, px(8), 0)
        self._column.setSpacing(px(8))
        self.side_column.setSpacing(px(8))
        self.side.setFixedWidth(px(304))
        for splitter in (self.splitter, self.upper):
            splitter.setHandleWidth(px(8))
        for widget in self.themed():
            widget.set_theme(theme)

    def themed(self) -> list:
        """The widgets that take a theme."""
        return [
            self.topbar, self.meters, self.polyphony, self.level, self.roll, self.transport,
            self.status,
        ]  # fmt: skip

    # -- sessions --------------------------------------------------------------------

    def smoothing(self) -> Smoothing:
        s = self.settings
        return Smoothing(s.attack_s, s.release_s, s.hold_s)

    def open_file(self, path: Path, *, play: bool = False) -> bool:
        """Open a sound file; a bad one is named in the status bar and changes nothing."""
        try:
            session = FileSession(
                Path(path), self.model, hop_s=self.settings.hop_s, smoothing=self.smoothing(),
                sink=self.sink,
            )  # fmt: skip
        except TuttiError as error:
            self.status.say(str(error), stay=True)
            return False
        self._show_session(session)
        self.settings.remember_file(str(Path(path).resolve()))
        self.settings.last_source = "file"
        if play:
            session.player.play()
        return True

    def open_live(self, session: LiveSession) -> None:
        """Listen to a live session in place of whatever was open."""
        self._show_session(session)
        self.settings.last_source = "live"

    def close_session(self) -> None:
        """Close what is open; the meters fall."""
        session, self.session = self.session, None
        if session is not None:
            session.close()

    def _show_session(self, session: Session) -> None:
        self.close_session()
        self.session = session
        self.follower.reset()
        self.level.clear()
        self.status.say("")
        is_file = isinstance(session, FileSession)
        self.roll.show_source(
            session.track,
            is_live=session.is_live,
            duration_s=session.duration_s if is_file else None,
            hop_s=self.settings.hop_s,
        )
        self.transport.setVisible(is_file)
        self.transport.show_session(
            session if is_file else None, self.settings.speed, self.settings.volume_db
        )
        self.topbar.show_source(session.title, session.is_live)
        self.setWindowTitle(f"{session.title} – Tutti")

    # -- every frame -----------------------------------------------------------------

    def tick(self) -> None:
        """Pull the newest result and show it."""
        now_s = time.monotonic()
        dt_s, self._last_s = min(now_s - self._last_s, 1.0), now_s
        self._frames += 1
        if not self._spec_shown and self.model.done():
            self._show_spec()
        session = self.session
        if session is None:
            self._show_nothing(dt_s)
            return
        reading = session.reading()
        self.follower.peaks.hold_s = self.settings.peak_hold_s
        shown = self.follower.step(reading.values, dt_s)
        self.meters.set_values(shown.instruments, shown.families, shown.peaks)
        if self._frames % 8 == 0:
            self._largest = largest_count(session.track, reading.time_s)
            self.meters.set_activity(self.follower.order, self.follower.active)
            self.status.show_health(session.health())
        self.polyphony.set_values(shown.polyphony, shown.expected, self._largest)
        level = reading.level
        self.level.set_level(level.rms_dbfs, level.peak_dbfs, level.clipped, dt_s)
        if self._frames % 3 == 0:
            self.roll.set_now(reading.time_s, session.track)
        if not session.is_live:
            self.transport.tick()

    def _show_nothing(self, dt_s: float) -> None:
        shown = self.follower.step(None, dt_s)
        self.meters.set_values(shown.instruments, shown.families, shown.peaks)
        self.polyphony.set_values(None, None, None)
        self.level.set_level(-120.0, -120.0, False, dt_s)
        self.status.show_health(Health())

    def _show_spec(self) -> None:
        """Take over the model's thresholds, or say why there is no model."""
        self._spec_shown = True
        try:
            spec = self.model.result().spec
        except TuttiError as error:
            self.status.say(str(error), stay=True)
            return
        self.meters.set_thresholds(spec.thresholds)
        self.follower.set_thresholds(spec.thresholds)
        self.roll.set_thresholds(spec.thresholds)
        self.transport.overview.set_family_thresholds(spec.family_thresholds)

    # -- the system ------------------------------------------------------------------

    def changeEvent(self, event) -> None:
        """Look less often while minimised; what is recorded does not depend on looking."""
        if hasattr(self, "_timer"):
            self._timer.setInterval(HIDDEN_FRAME_MS if self.isMinimized() else FRAME_MS)
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event and event.mimeData() and event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        if event is None or event.mimeData() is None:
            return
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_file(paths[0])

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self._timer.stop()
        self.close_session()
        super().closeEvent(event)
