"""A window over the tone model, sound files whose content is known, and playback by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pedalboard.io import AudioFile

from desktop.controllers.menus import Menus
from desktop.kept.session_log import SessionLog
from desktop.kept.settings import Settings
from desktop.looks.dress import dress
from desktop.looks.style import MonitorStyle
from desktop.looks.theme import Theme
from desktop.sessions.player import SilentSink
from desktop.windows.main_window import MainWindow
from realtime.model import TagModel

RATE_HZ = 44_100


@pytest.fixture(scope="session")
def qapp_cls():
    """Let pytest-qt use the program's own application."""
    from PyQt6.QtWidgets import QApplication

    return QApplication


@pytest.fixture
def theme(qapp) -> Theme:
    chosen = Theme.named("dark")
    qapp.setStyle(MonitorStyle())
    dress(qapp, chosen)
    return chosen


@pytest.fixture(scope="session")
def model_future(tone_model_path: Path) -> Future[TagModel]:
    future: Future[TagModel] = Future()
    future.set_result(TagModel(tone_model_path))
    return future


@pytest.fixture
def write_sound(tmp_path: Path, tones) -> Callable[..., Path]:
    """``write_sound("a.wav", [(["flute"], 2.0), ([], 1.0)])``: parts with what sounds in each."""

    def write(name: str, parts: list[tuple[list[str], float]], channels: int = 2) -> Path:
        audio = np.concatenate(
            [
                tones(names, seconds, RATE_HZ) if names else np.zeros(round(seconds * RATE_HZ))
                for names, seconds in parts
            ]
        ).astype(np.float32)
        path = tmp_path / name
        with AudioFile(str(path), "w", RATE_HZ, channels) as file:
            file.write(np.tile(audio, (channels, 1)))
        return path

    return write


def silent(sample_rate_hz: int, channels: int) -> SilentSink:
    return SilentSink(sample_rate_hz)


@pytest.fixture
def silent_sink() -> Callable[[int, int], SilentSink]:
    return silent


@pytest.fixture
def opened(qtbot, theme, model_future, tmp_path) -> Iterator[SimpleNamespace]:
    """A shown window with its menus, its settings and its log; closed after the test."""
    settings = Settings()
    log = SessionLog(tmp_path / "logs")
    window = MainWindow(settings, theme, model_future, log)
    window.sink = silent
    menus = Menus(window)
    qtbot.addWidget(window)
    window.resize(1280, 840)
    with qtbot.waitExposed(window):
        window.show()
    yield SimpleNamespace(window=window, menus=menus, settings=settings, log=log)
    window.close()
    log.close()


@pytest.fixture
def wait() -> Callable[..., None]:
    """``wait(condition, "what for", seconds)``: poll without an event loop."""

    def poll(condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
        until_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until_s, f"waited {timeout_s} s in vain for {what}"
            time.sleep(0.005)

    return poll
