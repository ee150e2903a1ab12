"""The window: what lies where, and what happens 30 times a second."""

from __future__ import annotations

import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QBoxLayout,
    QLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.background import Background
from desktop.heard.bridge import Health, Reading, Session
from desktop.heard.expectation import judge
from desktop.heard.follow import ActivityOrder, Follower, Lately, look_back
from desktop.heard.track import INSTRUMENT_COUNT, Track
from desktop.kept.session_log import SessionLog
from desktop.kept.settings import Settings
from desktop.looks.theme import Theme, Themed
from desktop.sessions.file_session import FileSession
from desktop.sessions.live_session import LiveSession
from desktop.sessions.player import OpenSink
from desktop.widgets.expected import ExpectedList
from desktop.widgets.level import LevelMeter
from desktop.widgets.meters import Meters
from desktop.widgets.polyphony import PolyphonyMeter
from desktop.widgets.roll import HistoryRoll
from desktop.widgets.status import StatusBar
from desktop.widgets.topbar import TopBar
from desktop.widgets.welcome import Welcome
from desktop.windows.room import SMALLEST_PX, Room, room_for
from desktop.windows.transport import Transport
from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.smoothing import Smoothing
from realtime.taxonomy import INSTRUMENTS

FRAME_MS = 33
CALM_FRAME_MS = 100
"""While nothing moves."""
HIDDEN_FRAME_MS = 250
SLOW_FRAMES = 8
"""Every so many frames: what needs no 30 looks a second."""


class MainWindow(QWidget):
    """The monitor. Widgets are plain attributes; sessions come and go."""

    session_changed = pyqtSignal()
    closing = pyqtSignal()

    def __init__(
        self,
        settings: Settings,
        theme: Theme,
        model: Future[TagModel],
        log: SessionLog | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.theme = theme
        self.model = model
        self.log = log
        self.session: Session | None = None
        self.reading: Reading | None = None
        """What the meters show; None before anything is heard."""
        self.sink: OpenSink | None = None
        """How playback opens its output; None is the sound card."""
        self.background = Background(self)
        self.follower = Follower()
        self.activity = ActivityOrder()
        self.lately = Lately()
        self.health = Health()
        self.compact = False
        self._closing: list[Session] = []
        self.topbar = TopBar(theme)
        self.meters = Meters(settings, theme)
        self.polyphony = PolyphonyMeter(theme)
        self.level = LevelMeter(theme)
        self.expected = ExpectedList(theme, self.meters.name_of)
        self.roll = HistoryRoll(settings, theme)
        self.transport = Transport(theme)
        self.status = StatusBar(theme)
        self.welcome = Welcome(theme)
        self._room: Room | None = None
        self._time_s = 0.0
        self._looked_back: tuple[int, int, int] | None = None
        self._thresholds = np.full(INSTRUMENT_COUNT, 0.5)
        self._spec_shown = False
        self._last_s = time.monotonic()
        self._frames = 0
        self.setWindowTitle("Tutti")
        self.setAcceptDrops(True)
        self._arrange()
        self._closed_sizes: list[int] | None = None
        self._roomed = False
        self.meters.edited.connect(self._make_room)
        self.roll.jump_wanted.connect(self.transport.seek)
        self.transport.speed_changed.connect(lambda speed: setattr(settings, "speed", speed))
        self.transport.volume_changed.connect(lambda db: setattr(settings, "volume_db", db))
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        self.set_theme(theme)

    # -- layout ----------------------------------------------------------------------

    def _arrange(self) -> None:
        self.scroller = QScrollArea()
        self.scroller.setWidgetResizable(True)
        self.scroller.setFrameShape(QScrollArea.Shape.NoFrame)
        self.scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.scroller.setWidget(self.meters)
        self.side = QWidget()
        self.side_column = QBoxLayout(QBoxLayout.Direction.TopToBottom, self.side)
        self.side_column.setContentsMargins(0, 0, 0, 0)
        self.side_column.addWidget(self.polyphony)
        self.side_column.addWidget(self.level)
        self.side_column.addWidget(self.expected, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.scroller)
        self.splitter.addWidget(self.roll)
        self.splitter.setStretchFactor(0, 4)
        self.splitter.setStretchFactor(1, 3)
        self.splitter.setSizes([400, 300])
        self.splitter.setChildrenCollapsible(False)
        self.halves = QWidget()
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.halves)
        self._halves.setContentsMargins(0, 0, 0, 0)
        self._halves.addWidget(self.splitter, 1)
        self._halves.addWidget(self.side)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.halves)
        self._column = QVBoxLayout(self)
        # What fits is decided by the room there is; the layout's own wish would forbid small ones.
        self._column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._column.addWidget(self.topbar)
        self._column.addWidget(self.pages, 1)
        self._column.addWidget(self.transport)
        self._column.addWidget(self.status)
        self.transport.hide()

    def set_theme(self, theme: Theme) -> None:
        """Take on colours and sizes, everywhere."""
        self.theme = theme
        px = theme.px
        self.side_column.setSpacing(px(8))
        self.setMinimumSize(*(px(side) for side in SMALLEST_PX))
        self._halves.setSpacing(px(8))
        self.splitter.setHandleWidth(px(8))
        for widget in self.themed():
            widget.set_theme(theme)
        self._fit(anew=True)

    def themed(self) -> list[Themed]:
        """The widgets that take a theme."""
        return [
            self.topbar, self.meters, self.polyphony, self.level, self.expected, self.roll,
            self.transport, self.status, self.welcome,
        ]  # fmt: skip

    def set_compact(self, compact: bool) -> None:
        """Only the count, the level and what is heard, one above the other; or everything."""
        self.compact = self.meters.compact = compact
        self.status.set_compact(compact)
        self._fit(anew=True)

    def _fit(self, *, anew: bool = False) -> None:
        """Give the window's room to what matters most; see ``room_for``."""
        px, scale = self.theme.px, self.theme.scale
        room = room_for(self.width() / scale, self.height() / scale, compact=self.compact)
        if room.is_column:
            self.side.setFixedHeight(px(room.side_px))
            self.side.setMinimumWidth(0)
            self.side.setMaximumWidth(16_777_215)
        else:
            self.side.setMinimumHeight(0)
            self.side.setMaximumHeight(16_777_215)
            self.side.setFixedWidth(px(room.side_px))
        self.polyphony.wanted_px = room.count_px
        self.polyphony.setMaximumHeight(px(room.count_px))
        if room.kind == (self._room.kind if self._room else None) and not anew:
            return
        self._room = room
        file = isinstance(self.session, FileSession)
        self.topbar.setVisible(not self.compact)
        self.expected.setVisible(room.expected)
        self.roll.setVisible(room.history)
        self.transport.setVisible(file and not self.compact)
        self.transport.set_slim(room.is_slim)
        self.status.set_narrow(room.is_column)
        self.status.set_modest(room.is_tiny)
        ways = (QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom)
        self.side_column.setDirection(ways[0] if room.is_column else ways[1])
        upwards, across = QBoxLayout.Direction.BottomToTop, QBoxLayout.Direction.LeftToRight
        self._halves.setDirection(upwards if room.is_column else across)
        gap = px(4 if room.is_slim else 8)
        self._column.setSpacing(gap)
        self._column.setContentsMargins(gap, gap if self.compact else 0, gap, 0)
        self.meters.relayout()

    def _make_room(self) -> None:
        """Give the meters of the history's room while the quiet ones are shown too."""
        sizes, needed = self.splitter.sizes(), self.meters.minimumHeight()
        if not self.settings.quiet_open:
            if self._closed_sizes is not None:
                self.splitter.setSizes(self._closed_sizes)
            self._closed_sizes = None
        elif self.roll.isVisible() and sizes[0] < needed:
            self._closed_sizes = self._closed_sizes or sizes
            first = min(needed, sum(sizes) - self.roll.minimumHeight())
            self.splitter.setSizes([first, sum(sizes) - first])

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._fit()

    def _show_page(self) -> None:
        """The meters, or without anything to show three ways to begin."""
        empty = self.session is None and not self.compact
        self.pages.setCurrentWidget(self.welcome if empty else self.halves)
        if not empty:
            self.meters.setFocus(Qt.FocusReason.OtherFocusReason)

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
            self.status.say(str(error), stay=True, trouble=True)
            self._log("refused", file=str(path), reason=str(error))
            return False
        full_path = str(Path(path).resolve())
        self.show_session(session)
        self.settings.remember_file(full_path)
        self.settings.last_source = "file"
        self._log("file", file=full_path)
        if play:
            session.player.play()
        return True

    def close_session(self) -> None:
        """Close what is open; the meters fall."""
        session, self.session = self.session, None
        if session is not None:
            session.close()
            self._closing.append(session)

    def wait_closed(self, timeout_s: float) -> bool:
        """Give devices and threads time to end; False if one never will."""
        until_s = time.monotonic() + timeout_s
        ended = [one.ended(max(until_s - time.monotonic(), 0.0)) for one in self._closing]
        self._closing = []
        return all(ended)

    def show_session(self, session: Session) -> None:
        """Show this one in place of whatever was open."""
        self.close_session()
        self._closing = [one for one in self._closing if not one.ended(0.0)]
        self.session = session
        self.reading = None
        self.follower.reset()
        self.level.clear()
        self._roomed = False
        self.meters.clear_stage()
        self.status.say("")
        file = session if isinstance(session, FileSession) else None
        self.roll.show_source(
            session.track,
            is_live=session.is_live,
            duration_s=file.duration_s if file else None,
            hop_s=self.settings.hop_s,
        )
        self.transport.setVisible(file is not None and not self.compact)
        self._show_page()
        self.transport.show_session(file, self.settings.speed, self.settings.volume_db)
        self.topbar.show_source(session.title, session.is_live)
        self.setWindowTitle(f"{session.title} – Tutti")
        self.session_changed.emit()

    def reset_session(self) -> None:
        """Close what is open and show an empty window."""
        self.close_session()
        self.transport.hide()
        self.roll.show_source(Track(), is_live=True, duration_s=None, hop_s=self.settings.hop_s)
        self.topbar.show_source("Tutti", None)
        self._show_page()
        self.setWindowTitle("Tutti")
        self.settings.last_source = ""
        self.session_changed.emit()

    def _log(self, event: str, **fields: object) -> None:
        if self.log is not None:
            self.log.write(event, **fields)

    def _set_pace(self) -> None:
        """Look 30 times a second while something moves, seldom while nothing does."""
        session = self.session
        still = session is None or (
            isinstance(session, FileSession)
            and not session.player.playing
            and session.analysis.done
        )
        if self.isMinimized():
            pace_ms = HIDDEN_FRAME_MS
        else:
            pace_ms = CALM_FRAME_MS if still and not self.follower.moving else FRAME_MS
        if self._timer.interval() != pace_ms:
            self._timer.setInterval(pace_ms)

    # -- every frame -----------------------------------------------------------------

    def tick(self) -> None:
        """Pull the newest result and show it."""
        now_s = time.monotonic()
        dt_s, self._last_s = min(now_s - self._last_s, 1.0), now_s
        self._frames += 1
        self._set_pace()
        if not self._spec_shown and self.model.done():
            self._show_spec()
        session = self.session
        if session is None:
            self._show_nothing(dt_s)
            return
        self.reading = reading = session.reading()
        if abs(reading.time_s - self._time_s) > 1.5 + dt_s:
            self.meters.clear_stage()  # another place in the file
        self._time_s = reading.time_s
        self.follower.still = self.settings.reduced_motion
        self.follower.peaks.hold_s = self.settings.peak_hold_s
        shown = self.follower.step(reading.values, dt_s)
        self.meters.set_values(shown.instruments, shown.families, shown.peaks)
        if self._frames % SLOW_FRAMES == 0:
            self._look_back(session, reading, now_s)
        known = shown.expected is not None
        if self._frames % 2 == 0:
            self.polyphony.set_values(shown.polyphony if known else None, self.lately.largest)
        level = reading.level
        self.level.set_level(level.rms_dbfs, level.peak_dbfs, level.clipped, dt_s)
        if self._frames % (6 if session.is_live else 3) == 0 and self.roll.isVisible():
            if isinstance(session, FileSession):
                self.roll.set_length(session.duration_s)
            self.roll.set_now(reading.time_s, session.track)
        if self._frames % 3 == 0 and isinstance(session, FileSession):
            self.transport.tick()

    def _look_back(self, session: Session, reading: Reading, now_s: float) -> None:
        # Windows come twice a second: looking back more often tells nothing new.
        looked_at = (id(session.track), session.track.version, round(2 * reading.time_s))
        if looked_at != self._looked_back:
            self._looked_back = looked_at
            time_s, rows = reading.time_s, session.track.rows()
            if session.is_live and reading.values is not None and len(rows):
                time_s = float(rows.centre_s[-1])  # the delay is no silence
            self.lately = look_back(session.track, time_s, self._thresholds)
        order = self.activity.update(self.lately, now_s)
        self.meters.set_activity(order)
        if not self._roomed:
            self._roomed = True
            self._make_room()
        findings = judge(self.lately, self.settings.expected, self.settings.missing_after_s)
        self.expected.set_findings(findings)
        health = session.health()
        if health.state != self.health.state or health.error != self.health.error:
            self._log("state", state=health.state, error=health.error)
        self.health = health
        if isinstance(session, LiveSession):
            self.roll.losses = session.losses.spans
            title = session.source_name()
            if self.topbar.title.text() != title:
                self.topbar.show_source(title, True)
                self.setWindowTitle(f"{title} – Tutti")
        self.status.show_health(health)
        self.topbar.delay.show_health(health)
        level = reading.level
        self.status.show_level(level.rms_dbfs if level.known else None, self.level.clipped)
        if self._frames % (SLOW_FRAMES * 2) == 0:
            self.meters.speak()
        if self._frames % (SLOW_FRAMES * 8) == 0:
            self.roll.setAccessibleDescription(self.roll.summary())
            self.polyphony.setAccessibleDescription(self.polyphony.summary())
            self.level.setAccessibleDescription(self.level.summary())

    def _show_nothing(self, dt_s: float) -> None:
        shown = self.follower.step(None, dt_s)
        self.meters.set_values(shown.instruments, shown.families, shown.peaks)
        self.polyphony.set_values(None, None)
        self.topbar.delay.show_health(Health())
        self.level.set_level(-120.0, -120.0, False, dt_s)
        self.status.show_health(Health())
        self.status.show_level(None, False)
        self.expected.set_findings([])

    def _show_spec(self) -> None:
        """Take over the model's thresholds, or say why there is no model."""
        self._spec_shown = True
        try:
            spec = self.model.result().spec
        except TuttiError as error:
            self.status.say(str(error), stay=True)
            return
        self.use_thresholds()
        self.transport.overview.set_family_thresholds(spec.family_thresholds)

    def use_thresholds(self) -> None:
        """The model's thresholds, and in their place those that the user set."""
        if not self._spec_shown or self.model.exception() is not None:
            return
        self._looked_back = None
        spec = self.model.result().spec
        thresholds = {**spec.thresholds, **self.settings.thresholds}
        self._looked_back = None
        self._thresholds = np.array([thresholds.get(name, 0.5) for name in INSTRUMENTS])
        self.meters.set_thresholds(thresholds, spec.family_thresholds)
        self.roll.set_thresholds(thresholds)

    # -- the system ------------------------------------------------------------------

    def changeEvent(self, event: QEvent | None) -> None:
        """Look less often while minimised; what is recorded does not depend on looking."""
        if event is not None and event.type() == QEvent.Type.WindowStateChange:
            self._set_pace()
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        data = event.mimeData() if event else None
        if event and data and any(url.isLocalFile() for url in data.urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        data = event.mimeData() if event else None
        paths = (
            [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()] if data else []
        )
        if event and paths:
            event.acceptProposedAction()
            self.open_file(paths[0], play=True)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self._timer.stop()
        self.closing.emit()
        if isinstance(self.session, FileSession):
            self.settings.last_position_s = self.session.player.position_s
        self.close_session()
        super().closeEvent(event)
