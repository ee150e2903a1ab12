"""Starting the window: application, settings, session restore, screenshot."""

from __future__ import annotations

import argparse
import base64
import binascii
import contextlib
import gc
import os
import signal
import sys
import threading
from pathlib import Path

from PyQt6.QtCore import (
    QByteArray,
    QEvent,
    QMessageLogContext,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PyQt6.QtWidgets import QApplication

from desktop import starting
from desktop.controllers.menus import Menus
from desktop.controllers.sending import Sending
from desktop.heard.bridge import ModelLoader
from desktop.kept import settings as stored
from desktop.kept.save import save_picture
from desktop.kept.session_log import SessionLog, logs_folder, tidy
from desktop.looks.dress import dress, first_scale, resolve_theme
from desktop.looks.icons import program_icon
from desktop.looks.style import MonitorStyle
from desktop.sessions.file_session import FileSession
from desktop.sessions.player import SilentSink
from desktop.windows.main_window import MainWindow
from realtime.cli import EXIT_BAD_INPUT, EXIT_INTERRUPTED
from realtime.errors import TuttiError
from realtime.live_outputs.table import asked_for
from realtime.shutdown import ending_signals

WINDOW_SIZE = (1440, 900)

KEEP_MS = 20_000
"""How often changed settings are written, so that a crash forgets little."""

_said: list[str] | None = []
"""What Qt said before there was a window; None once there is one."""
_kept: list[QApplication] = []
"""Qt crashes at exit if the application goes before its widgets: it stays to the very end."""


def application() -> QApplication:
    """The one QApplication, named and styled."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    qInstallMessageHandler(_on_qt_message)
    app = QApplication(sys.argv[:1])
    for line in _said or ():
        print(line, file=sys.stderr)
    app.setApplicationName("tutti")
    app.setApplicationDisplayName("Tutti")
    app.setWindowIcon(program_icon())
    app.setDesktopFileName("tutti")  # by which Wayland finds the icon
    app.setStyle(MonitorStyle())
    _kept.append(app)
    return app


def _on_qt_message(kind: QtMsgType, _context: QMessageLogContext, text: str | None) -> None:
    """Pass on what Qt complains about, but for what the offscreen platform always says.

    Until there is an application it is kept: if Qt then gives up, one sentence is said instead.
    """
    if not text or "does not support propagateSizeHints" in text or kind == QtMsgType.QtDebugMsg:
        return
    line = f"tutti: Qt {kind.name[2:-3].lower()}: {text}"
    if kind == QtMsgType.QtFatalMsg and "Traceback (most recent call last)" in text:
        # An exception of ours that PyQt found in a slot. Ctrl-C while the window is made is one.
        if text.rstrip().endswith("KeyboardInterrupt"):
            os._exit(EXIT_INTERRUPTED)
    elif kind == QtMsgType.QtFatalMsg and _said is not None:
        # Qt aborts when this returns.
        why = starting.why_not([*_said, text], os.environ, starting.missing_library)
        print(f"tutti: {why}", file=sys.stderr, flush=True)
        os._exit(EXIT_BAD_INPUT)
    if _said is not None:
        _said.append(line)
    if _kept:
        print(line, file=sys.stderr)


def _window_is_up() -> None:
    global _said
    _said = None


def run_monitor(args: argparse.Namespace) -> int:
    """Open the window and run until it is closed, or until the screenshot is drawn.

    Raises:
        TuttiError: the screenshot cannot be written.
    """
    # The default of 5 ms would let the analysis hold up a frame for that long.
    sys.setswitchinterval(0.001)
    app = application()
    path = stored.settings_path()
    settings, damage = stored.load(path)
    screen = app.primaryScreen()
    if not path.exists() and screen is not None:
        settings.scale = first_scale(screen.availableGeometry().height())
    loader = ModelLoader(args.model)
    sending = Sending(args, loader.future.result().spec) if asked_for(args) else None
    shooting = args.screenshot is not None
    chosen = args.theme or settings.theme
    theme = resolve_theme(chosen, settings.scale)
    dress(app, theme, follow_system=chosen == "system")
    died = None if shooting else tidy(logs_folder())
    log = None if shooting else SessionLog(logs_folder())
    window = MainWindow(settings, theme, loader.future, log)
    menus = Menus(window)
    window.resize(*(theme.px(side) for side in WINDOW_SIZE))
    if shooting:
        window.sink = _silent
    else:
        _restore_geometry(window)
    window.show()
    _window_is_up()
    if args.compact:
        menus.view.toggle_compact()
    elif settings.on_top and not shooting:
        menus.view.stay_on_top(True)
    _open_source(args, menus)
    if sending is not None:
        sending.attach(window)
    if damage:
        window.status.say(damage, stay=True)
    elif died is not None:
        window.status.say(f"The last session ended without notice; its log is {died}.", stay=True)
    for name in ending_signals():
        signal.signal(name, lambda *_: QTimer.singleShot(0, window.close))
    failure: list[str] = []
    if shooting:
        after_ms = round(args.after * 1000)
        QTimer.singleShot(after_ms, lambda: _shoot(app, window, args.screenshot, failure))
    QTimer.singleShot(0, calm_collector)
    keeper = QTimer(window)
    if not shooting:
        keeper.timeout.connect(lambda: _keep(settings, path))
        keeper.start(KEEP_MS)
    code = app.exec()
    if sending is not None:
        sending.close()
    if not shooting:
        _save_settings(window, menus, path)
    if log is not None:
        log.close()
    if not window.wait_closed(3.0) or (not failure and _work_is_left()):
        # A driver call never came back: an ordinary exit would wait for it. Or an audit is
        # under way: it would hold its resamplers, and their library complain of a leak.
        sys.stdout.flush()
        os._exit(code)
    window.deleteLater()
    app.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    if failure:
        raise TuttiError(failure[0])
    return code


def _work_is_left() -> bool:
    """Whether a thread that nobody waits for still runs."""
    return any(thread.daemon and thread.is_alive() for thread in threading.enumerate())


def calm_collector() -> None:
    """Take what the start left behind out of Python's garbage collection.

    Walking all modules again and again would cost the UI thread up to 60 ms at a time.
    """
    gc.collect()
    gc.freeze()


def _open_source(args: argparse.Namespace, menus: Menus) -> None:
    """What the command line names, else what was open last time."""
    window, settings = menus.window, menus.settings
    if args.file is not None:
        window.open_file(args.file, play=not args.paused)
    elif args.device is not None:
        menus.sources.listen(args.device)
    elif args.screenshot is None and settings.last_source == "live" and settings.device["name"]:
        menus.sources.listen()
    elif args.screenshot is None and settings.last_source == "file" and settings.recent_files:
        last = Path(settings.recent_files[0])
        if last.is_file() and window.open_file(last):
            session = window.session
            if isinstance(session, FileSession):
                session.player.seek(settings.last_position_s)


def _restore_geometry(window: MainWindow) -> None:
    for text, restore in (
        (window.settings.geometry, window.restoreGeometry),
        (window.settings.splitter, window.splitter.restoreState),
    ):
        try:
            state = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if state:
            restore(QByteArray(state))
    _keep_on_screen(window)


def _keep_on_screen(window: MainWindow) -> None:
    """A size that was kept on a larger screen is cut to this one, and the window moved onto it."""
    screen = window.screen()
    if screen is None or window.isMaximized() or window.isFullScreen():
        return
    free = screen.availableGeometry()
    frame = window.frameGeometry().size() - window.size()
    window.resize(window.size().boundedTo(free.size() - frame))
    if window.settings.geometry and not free.contains(window.frameGeometry()):
        left = min(window.x(), free.right() + 1 - window.frameGeometry().width())
        top = min(window.y(), free.bottom() + 1 - window.frameGeometry().height())
        window.move(max(left, free.left()), max(top, free.top()))


def _keep(settings: stored.Settings, path: Path) -> None:
    """Write the settings if they changed since they were read or written last."""
    if stored.load(path)[0] != settings:
        with contextlib.suppress(OSError):  # At the end it is tried again, and told.
            stored.save(settings, path)


def _save_settings(window: MainWindow, menus: Menus, path: Path) -> None:
    settings = window.settings
    if window.compact:
        menus.view.toggle_compact()
    settings.geometry = base64.b64encode(window.saveGeometry().data()).decode()
    settings.splitter = base64.b64encode(window.splitter.saveState().data()).decode()
    try:
        stored.save(settings, path)
    except OSError as error:
        print(f"tutti: the settings were not saved in {path} ({error.strerror}).", file=sys.stderr)


def _silent(sample_rate_hz: int, channels: int) -> SilentSink:
    return SilentSink(sample_rate_hz)


def _shoot(app: QApplication, window: MainWindow, path: Path, failure: list[str]) -> None:
    window.tick()
    try:
        save_picture(window, path)
    except TuttiError as error:
        failure.append(str(error))
    window.close()
    app.quit()
