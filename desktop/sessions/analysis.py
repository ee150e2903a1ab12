"""Analysis of a whole file in the background, many times faster than real time.

Heard as ``tutti tag`` hears (``realtime.hearing``), plus the waveform.
Raw scores are kept, so that new smoothing times cost no second analysis.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from desktop.heard.track import Track, row_of
from desktop.heard.waveform import Waveform
from realtime.errors import TuttiError
from realtime.hearing import Heard, Hearing
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.priority import lower_this_thread
from realtime.smoothing import Smoothing
from realtime.spec import DEFAULT_HOP_S, WINDOW_S
from realtime.timeline import Timeline
from realtime.windows import Window, WindowCutter

BLOCK_S = 2.0
"""Short enough that no numpy call keeps the interpreter from the UI thread for long."""


class FileAnalysis:
    """One file's analysis; construct, then ``start()``. Reading it needs no lock.

    ``on_done`` is called once on the analysis thread, whether it went well or not.
    """

    def __init__(
        self,
        path: Path,
        model: Future[TagModel],
        *,
        sample_rate_hz: int,
        duration_s: float,
        hop_s: float = DEFAULT_HOP_S,
        smoothing: Smoothing | None = None,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self.hop_s = hop_s
        self.duration_s = duration_s
        self.track = Track()
        self.waveform = Waveform(sample_rate_hz)
        self.error = ""
        self.done = False
        self.speed = 0.0
        """Seconds of sound analysed in one second, once done."""
        self.cpu_s = 0.0
        self._smoothing = smoothing or Smoothing()
        self._model = model
        self._on_done = on_done
        self._raw: list[Heard] = []
        self._tags: list[Tags] = []
        self._analysed_s = 0.0
        self._model_heard: TagModel | None = None
        self._cancelled = threading.Event()
        self._redo = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="file analysis", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Stop as soon as possible; what is there stays readable."""
        self._cancelled.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if it still runs."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def progress(self) -> float:
        """0 to 1, as far as the file's header tells."""
        if self.done:
            return 1.0
        return min(self._analysed_s / self.duration_s, 1.0) if self.duration_s else 0.0

    def timeline(self) -> Timeline | None:
        """Everything analysed so far, as ``tutti tag`` would give it; None before the first."""
        tags = tuple(self._tags)
        if not tags or self._model_heard is None:
            return None
        return Timeline(tags, self._model_heard.spec, str(self.path), self._analysed_s)

    def set_smoothing(self, smoothing: Smoothing) -> None:
        """Smooth the finished analysis anew, in the background; a running one goes on with it."""
        self._smoothing = smoothing
        if self.done and self._model_heard is not None:
            threading.Thread(target=self._smooth_again, name="smoothing", daemon=True).start()

    def _smooth_again(self) -> None:
        with self._redo:
            assert self._model_heard is not None
            smoothing, track, tags = self._smoothing, Track(), []
            hearing = Hearing(self._model_heard, smoothing)
            for heard in list(self._raw):
                tags.append(hearing.smooth(heard))
                track.append(heard.start_s + WINDOW_S / 2, *row_of(tags[-1]))
            if smoothing == self._smoothing:
                track.version = self.track.version + 1
                self.track, self._tags = track, tags

    def _run(self) -> None:
        lower_this_thread()
        started_s, cpu_s = time.monotonic(), time.thread_time()
        try:
            self._analyse(self._model.result())
        except TuttiError as error:
            self.error = str(error)
        except Exception as error:  # The window must say so rather than wait for ever.
            self.error = f"{self.path.name} could not be analysed ({error!r})."
        self.cpu_s = time.thread_time() - cpu_s
        self.speed = self._analysed_s / max(time.monotonic() - started_s, 1e-6)
        self.done = True
        self._on_done()

    def _analyse(self, model: TagModel) -> None:
        from realtime.sources.file import FileSource

        with FileSource(self.path, block_s=BLOCK_S) as source:
            cutter = WindowCutter(source.sample_rate_hz, source.channels, self.hop_s)
            smoothing = self._smoothing
            hearing = Hearing(model, smoothing)
            self._model_heard = model
            while not self._cancelled.is_set():
                block = source.read()
                if block is None:
                    self.waveform.flush()
                    self._hear(hearing, cutter.flush())
                    self.duration_s = cutter.duration_s
                    if smoothing != self._smoothing:
                        self._smooth_again()
                    return
                self.waveform.push(block)
                self._hear(hearing, cutter.push(block))
                self._analysed_s = cutter.duration_s
                self.duration_s = max(self.duration_s, cutter.duration_s)

    def _hear(self, hearing: Hearing, windows: list[Window]) -> None:
        for heard in hearing.listen(windows):
            tags = hearing.smooth(heard)
            self._raw.append(heard)
            self._tags.append(tags)
            self.track.append(tags.start_s + WINDOW_S / 2, *row_of(tags))
