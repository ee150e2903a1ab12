"""Draws every view of the monitor in both themes (``tutti dev screenshots``).

Needs neither a screen nor a sound card. The bundled demo piece is what is heard; the live view
listens to it at the speed it plays. The audibility view needs a mix and its stems, as
``tutti dev demo --stems`` writes them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PyQt6.QtCore import Qt  # noqa: E402
from PyQt6.QtWidgets import QApplication, QWidget  # noqa: E402

from desktop.app import WINDOW_SIZE, application  # noqa: E402
from desktop.controllers.menus import Menus  # noqa: E402
from desktop.heard.bridge import ModelLoader  # noqa: E402
from desktop.kept.save import save_picture  # noqa: E402
from desktop.kept.settings import Settings  # noqa: E402
from desktop.looks.dress import dress  # noqa: E402
from desktop.looks.theme import Theme  # noqa: E402
from desktop.sessions.file_session import FileSession  # noqa: E402
from desktop.sessions.live_session import LiveSession  # noqa: E402
from desktop.sessions.player import SilentSink  # noqa: E402
from desktop.sessions.previews import Previews  # noqa: E402
from desktop.windows.audit import AuditWindow  # noqa: E402
from desktop.windows.chain import ChainWindow  # noqa: E402
from desktop.windows.live_input import LiveInputDialog  # noqa: E402
from desktop.windows.main_window import MainWindow  # noqa: E402
from realtime.errors import TuttiError  # noqa: E402
from realtime.host.chain import EffectStep  # noqa: E402
from realtime.host.devices import FileInput, Streams  # noqa: E402
from realtime.host.reastream_sender import ReaStreamSender  # noqa: E402
from realtime.model import TagModel  # noqa: E402
from realtime.smoothing import Smoothing  # noqa: E402
from realtime.sources.base import Source  # noqa: E402
from realtime.sources.device import Device  # noqa: E402
from realtime.sources.file import FileSource  # noqa: E402
from realtime.sources.paced import PacedSource  # noqa: E402

DEMO = Path(__file__).parent.parent / "realtime" / "assets" / "demo.ogg"
AT_S = 24.0
LIVE_S = 14.0
SMALL_SIZE = (380, 300)
DEVICES = (
    ("Monitor of Built-in Audio Analog Stereo", "PulseAudio", 2, 48_000, True, True),
    ("Scarlett 18i20 USB", "ALSA", 18, 96_000, False, False),
    ("Built-in Audio Analog Stereo", "PulseAudio", 2, 48_000, False, False),
)

DAW_TRACKS = (("drum bus", 0.7), ("keys", 0.1))
"""Identifiers of ReaStream, and gains."""


def draw(folder: Path, piece: Path, session: Path | None) -> Iterator[str]:
    """Draw every view into ``folder``, yielding what was written.

    ``session``: a folder of a mix and its stems. Raises TuttiError where a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    app = application()
    loader = ModelLoader()
    loader.future.result()
    for name in ("dark", "light"):
        theme = Theme.named(name)
        dress(app, theme)
        for view, widget in chain(
            views(app, loader.future, theme, piece),
            effects(app, loader.future, theme, piece),
            audibility(app, loader.future, theme, session),
        ):
            path = folder / f"{view}-{name}.png"
            save_picture(widget, path)
            yield f"{path}  {path.stat().st_size / 1000:.0f} KB"


def views(
    app: QApplication, model: Future[TagModel], theme: Theme, piece: Path
) -> Iterator[tuple[str, QWidget]]:
    """Every view by name; a view is gone once the next is asked for."""
    settings = Settings(theme=theme.name)
    window = MainWindow(settings, theme, model)
    window.sink = lambda sample_rate_hz, channels: SilentSink(sample_rate_hz)
    menus = Menus(window)
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.resize(*WINDOW_SIZE)
    window.show()
    _run(app, 0.5)
    yield "empty", window
    window.open_file(piece)
    session = window.session
    assert isinstance(session, FileSession)
    _until(app, lambda: session.analysis.done)
    settings.expected = ["piano", "bass", "drums", "cymbals", "trumpet"]
    session.player.seek(max(min(AT_S, 0.7 * session.duration_s) - 4.0, 0.0))
    session.player.play()
    _run(app, 4.0)
    window.roll.add_marker(session.player.position_s * 0.5, "second part")
    _run(app, 0.3)
    yield "monitor", window
    settings.pinned = ["voice"]
    menus.metering.toggle_quiet()
    _run(app, 0.6)
    yield "quiet", window
    menus.metering.toggle_quiet()
    settings.pinned = []
    window.meters.relayout()
    window.resize(*SMALL_SIZE)
    _run(app, 0.6)
    yield "small", window
    window.resize(*WINDOW_SIZE)
    menus.view.toggle_compact()
    _run(app, 0.6)
    yield "compact", window
    menus.view.toggle_compact()
    dialog = menus.metering.choose_expected()
    _run(app, 0.2)
    yield "expected", dialog
    dialog.close()
    sheet = menus.show_keys()
    _run(app, 0.2)
    yield "keys", sheet
    sheet.close()
    chooser = LiveInputDialog(settings, window.background, window)
    chooser.levels.previews = Previews(lambda device: _preview(device, piece))
    chooser.show()
    with _tracks_sent(piece):
        _run(app, 2.0)  # what this machine really has is listed first
        chooser._listed([Device(*fields) for fields in DEVICES], None)
        chooser.device.setCurrentIndex(0)
        _run(app, 1.5)
        yield "live-input", chooser
    chooser.close()
    window.resize(*WINDOW_SIZE)
    window.show_session(_live(model, piece, settings))
    _run(app, LIVE_S)
    yield "live", window
    window.close()
    window.wait_closed(3.0)


@contextmanager
def _tracks_sent(piece: Path) -> Iterator[None]:
    """A DAW that sends two tracks by ReaStream, at two levels."""
    over = threading.Event()

    def send(name: str, gain: float) -> None:
        source, sender = PacedSource(FileSource(piece, block_s=1.0)), ReaStreamSender(name)
        source.open()
        while not over.is_set() and (block := source.read(1.0)) is not None:
            sender.send(gain * block, source.sample_rate_hz)
        source.close()
        sender.close()

    tracks = [threading.Thread(target=send, args=each) for each in DAW_TRACKS]
    for track in tracks:
        track.start()
    try:
        yield
    finally:
        over.set()
        for track in tracks:
            track.join()


def effects(
    app: QApplication, model: Future[TagModel], theme: Theme, piece: Path
) -> Iterator[tuple[str, QWidget]]:
    """The chain window, while the piece runs through it."""
    window = ChainWindow(theme, model, open_device=lambda _: _from_file(piece))
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.show()
    window.editor.add_step(EffectStep("HighpassFilter", {"cutoff_frequency_hz": 90.0}))
    window.editor.add_step(EffectStep("Compressor", {"threshold_db": -20.0, "ratio": 3.0}))
    window.editor.add_step(EffectStep("Reverb", {"room_size": 0.3}, mix=0.2))
    window.editor.steps.setCurrentRow(2)
    window.use_file(piece)
    window.session.start()
    _run(app, AT_S)
    yield "effects", window
    window.close()


def audibility(
    app: QApplication, model: Future[TagModel], theme: Theme, session: Path | None
) -> Iterator[tuple[str, QWidget]]:
    """The audibility window with the report on a session."""
    if session is None:
        return
    audit = AuditWindow(theme, model)
    audit.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    audit.show()
    audit.drop(sorted(session.iterdir()))
    audit.compare()
    _until(app, lambda: audit.result is not None)
    _run(app, 0.3)
    yield "audibility", audit
    audit.close()


def _from_file(piece: Path) -> Streams:
    file = FileInput(piece)
    output = _SilentOutput(file.sample_rate_hz)
    return Streams(file, output, "file", "nothing", file.sample_rate_hz, file.channels)


class _SilentOutput:
    """An output stream that takes sound at the speed it plays, and no more."""

    latency = 0.01
    write_available = 1 << 20

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._free_s = time.monotonic()

    def start(self) -> None:
        self._free_s = time.monotonic()

    def write(self, block: NDArray[np.float32]) -> bool:
        self._free_s += len(block) / self._rate_hz
        time.sleep(max(0.0, self._free_s - time.monotonic()))
        return False

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


def _preview(device: Device, piece: Path) -> Source:
    """What a device of the picture gives: the piece where the computer plays, else nothing."""
    from realtime.sources.paced import PacedSource

    if not device.is_loopback:
        raise TuttiError("This machine has no such input.")
    return PacedSource(FileSource(piece, block_s=0.1))


def _live(model: Future[TagModel], piece: Path, settings: Settings) -> LiveSession:
    from realtime.sources.paced import PacedSource

    settings.roll_span_s = 30.0
    return LiveSession(
        "Monitor of Built-in Audio",
        lambda: PacedSource(FileSource(piece, block_s=1.0)),
        model,
        hop_s=settings.hop_s,
        smoothing=Smoothing(),
        channel="mono",
    )


def _run(app: QApplication, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    _until(app, lambda: time.monotonic() >= until_s)


def _until(app: QApplication, condition: Callable[[], object]) -> None:
    while not condition():
        app.processEvents()
        time.sleep(0.005)
