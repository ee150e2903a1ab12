"""Measures the monitor's own figures (``tutti dev measure``).

Cold start to a painted window, CPU of the whole program while it listens and draws, memory with
an hour of history, the UI thread's longest stretch of work while a file is analysed, and the
time of one frame. Needs neither a screen nor a sound card; the CPU figure includes painting into
memory, not showing it on a screen.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from desktop.controllers.menus import Menus
    from desktop.sessions.live_session import LiveSession

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")

DEMO = Path(__file__).parent.parent / "realtime" / "assets" / "demo.ogg"
STARTS = 5
HOUR_S = 3600


def measure(parts: Sequence[str], seconds_of_cpu: float) -> None:
    """Print the figures of some of the parts."""
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"load average when it began: {load:.1f}")
    for part in parts:
        if part == "start":
            print(_cold_start())
        else:
            # Each in a process of its own, so that none inherits another's memory.
            command = [sys.executable, "-c", _CALL, part, str(seconds_of_cpu)]
            subprocess.run(command, check=True)


_CALL = """
import os, sys
from desktop import benchmark
print(getattr(benchmark, "measure_" + sys.argv[1])(float(sys.argv[2])), flush=True)
os._exit(0)  # what still runs holds resamplers, and their library would complain of a leak
"""

_START = """
import time, os
from desktop.app import application
from desktop.heard.bridge import ModelLoader
from desktop.looks.dress import dress
from desktop.windows.main_window import MainWindow
from desktop.controllers.menus import Menus
from desktop.kept.settings import Settings
from desktop.looks.theme import Theme
app = application()
dress(app, Theme.named("dark"))
window = MainWindow(Settings(), Theme.named("dark"), ModelLoader().future)
menus = Menus(window)
window.resize(1440, 900)
window.show()
app.processEvents()
window.grab()
print(time.time(), time.process_time())
"""


def _cold_start() -> str:
    walls, cpus = [], []
    for _ in range(STARTS):
        began_s = time.time()
        done = subprocess.run(
            [sys.executable, "-c", _START], check=True, capture_output=True, text=True
        )
        painted_s, cpu_s = map(float, done.stdout.split())
        walls.append(painted_s - began_s)
        cpus.append(cpu_s)
    return (
        f"start to a painted window: {sorted(walls)[STARTS // 2]:.2f} s "
        f"(median of {STARTS}; CPU {sorted(cpus)[STARTS // 2]:.2f} s)"
    )


def _window() -> tuple[QApplication, Any, Menus]:
    from desktop.app import application, calm_collector
    from desktop.controllers.menus import Menus
    from desktop.heard.bridge import ModelLoader
    from desktop.kept.settings import Settings
    from desktop.looks.dress import dress
    from desktop.looks.theme import Theme
    from desktop.sessions.player import SilentSink
    from desktop.windows.main_window import MainWindow

    sys.setswitchinterval(0.001)
    app = application()
    theme = Theme.named("dark")
    dress(app, theme)
    loader = ModelLoader()
    window = MainWindow(Settings(), theme, loader.future)
    window.sink = lambda sample_rate_hz, channels: SilentSink(sample_rate_hz)
    menus = Menus(window)
    window.resize(1440, 900)
    window.show()
    loader.future.result()
    calm_collector()
    return app, window, menus


def _run(app: QApplication, seconds: float) -> None:
    from PyQt6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def _cpu_of(app: QApplication, window: Any, seconds: float) -> tuple[float, float]:
    """CPU share of one core and frames a second, over a stretch of event loop."""
    _run(app, 3.0)
    frames, cpu_s, wall_s = window._frames, time.process_time(), time.monotonic()
    _run(app, seconds)
    passed_s = time.monotonic() - wall_s
    return (time.process_time() - cpu_s) / passed_s, (window._frames - frames) / passed_s


def measure_file(seconds: float) -> str:
    """CPU while a file plays, once it is analysed; the demo piece in a loop."""
    app, window, _ = _window()
    window.open_file(DEMO)
    session = window.session
    while not session.analysis.done:
        _run(app, 0.1)
    session.player.set_loop((0.0, session.duration_s))
    session.player.play()
    share, fps = _cpu_of(app, window, seconds)
    window.close()
    return f"CPU, file playing, {fps:.0f} frames/s: {share * 100:.1f} % of one core"


def measure_live(seconds: float) -> str:
    """CPU while listening at two windows a second: capture, analysis, painting, log."""
    app, window, _ = _window()
    window.show_session(_live(window))
    share, fps = _cpu_of(app, window, seconds)
    analysis = window.session.health().cpu_fraction or 0.0
    window.close()
    return (
        f"CPU, listening at 2 windows/s, {fps:.0f} frames/s: {share * 100:.1f} % of one core "
        f"(capture and analysis {analysis * 100:.1f} %)"
    )


def _live(window: Any) -> LiveSession:
    from desktop.sessions.live_session import LiveSession
    from realtime.sources.file import FileSource
    from realtime.sources.paced import PacedSource

    return LiveSession(
        "demo", lambda: PacedSource(FileSource(DEMO, block_s=1.0)), window.model,
        hop_s=0.5, smoothing=window.smoothing(), channel="mono",
    )  # fmt: skip


def measure_hour(seconds: float) -> str:
    """Memory with an hour of history at two windows a second, drawn at a span of 10 min."""
    import numpy as np
    import psutil

    from realtime.levels import LevelReading
    from realtime.postprocess import Tags

    app, window, _ = _window()
    session = _live(window)
    window.show_session(session)
    _run(app, 3.0)
    before = psutil.Process().memory_info().rss
    rng = np.random.default_rng(0)
    level = LevelReading(-20.0, -10.0, False, False, False)
    for i in range(2 * HOUR_S):
        labels, families, count = (rng.random(n).astype(np.float32) for n in (24, 8, 7))
        session._started_s -= 0.5
        session._take(Tags(i * 0.5, i * 0.5 + 1.0, labels, families, count, 3.0, level))
    window.roll.set_span(600.0)
    _run(app, 3.0)
    after = psutil.Process().memory_info().rss
    window.close()
    return (
        f"memory (RSS) with an hour of history: {after / 1e6:.0f} MB "
        f"(an hour adds {(after - before) / 1e6:.1f} MB)"
    )


def measure_frame(seconds: float) -> str:
    """Time of one frame with every meter moving, and of the meters alone."""
    import numpy as np

    app, window, _ = _window()
    rng = np.random.default_rng(0)
    _run(app, 0.5)

    def cpu_ms(work: Callable[[], object], times: int = 200) -> float:
        began_s = time.thread_time()
        for _ in range(times):
            work()
        return (time.thread_time() - began_s) / times * 1000

    def meters() -> None:
        window.meters.set_values(rng.random(24), rng.random(8), rng.random(24))
        app.processEvents()

    window._timer.stop()
    meters_ms = cpu_ms(meters)
    window.meters.set_values(None, None, None)
    window.show_session(_live(window))
    _run(app, 6.0)

    def roll() -> None:
        window.roll._picture.forget()
        window.roll.repaint()

    text = (
        f"meters, all 24 moving: {meters_ms:.2f} ms a frame; history redrawn: {cpu_ms(roll):.2f} ms"
    )
    window.close()
    return text


def measure_analysis(seconds: float) -> str:
    """UI thread while a long file is analysed: its longest stretch of work between two sleeps."""
    import tempfile

    import numpy as np
    from pedalboard.io import AudioFile
    from PyQt6.QtCore import QAbstractEventDispatcher, Qt, QTimer

    app, window, _ = _window()
    _run(app, 1.0)
    with AudioFile(str(DEMO)) as file:
        rate_hz, audio = file.samplerate, file.read(file.frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        with AudioFile(str(path), "w", rate_hz, len(audio)) as out:
            for _ in range(15):
                out.write(audio)
        length_s = 15 * audio.shape[1] / rate_hz
        dispatcher = QAbstractEventDispatcher.instance()
        assert dispatcher is not None
        assert dispatcher is not None
        cpu: list[float] = []
        gaps: list[float] = []
        last = [0.0, 0.0]

        def to_sleep() -> None:
            # Sleeping costs no CPU time: from one sleep to the next is one round of work.
            now_s = time.thread_time()
            cpu.append(now_s - last[0])
            last[0] = now_s

        def beat() -> None:
            now_s = time.monotonic()
            gaps.append(now_s - last[1])
            last[1] = now_s

        heart = QTimer()
        heart.setTimerType(Qt.TimerType.PreciseTimer)
        heart.timeout.connect(beat)

        window.open_file(path)
        window.session.player.play()
        _run(app, 0.1)
        last[:] = [time.thread_time(), time.monotonic()]
        heart.start(2)
        dispatcher.aboutToBlock.connect(to_sleep)
        analysis = window.session.analysis
        while not analysis.done:
            _run(app, 0.05)
        window.close()
        window.wait_closed(3.0)
    return (
        f"a file of {length_s / 60:.0f} min analysed at {analysis.speed:.0f}x real time; meanwhile "
        f"the UI thread worked at most {max(cpu) * 1000:.1f} ms at a stretch "
        f"(99 %: {float(np.percentile(cpu, 99)) * 1000:.1f} ms of CPU time); a 2-ms heartbeat came "
        f"at most {max(gaps) * 1000:.0f} ms apart (99 %: "
        f"{float(np.percentile(gaps, 99)) * 1000:.0f} ms)"
    )
