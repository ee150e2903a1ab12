"""Taps: what the tagger hears at one place of a chain, without touching the sound there."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections import deque
from collections.abc import Callable

from realtime.downmix import Channel
from realtime.hearing import Hearing
from realtime.host.block import BoardBlock
from realtime.levels import LevelReading, block_level
from realtime.log import event
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.priority import lower_this_thread
from realtime.smoothing import Smoothing
from realtime.spec import ModelSpec
from realtime.timeline import Timeline
from realtime.windows import Window, WindowCutter

Listener = Callable[[Tags], None]
QUEUE_S = 4.0
"""Audio that may wait for a busy analysis thread; the oldest gives way."""


class TapTimeline(Timeline):
    """A timeline that grows while its tap is recorded; times count from its beginning."""

    def __init__(self, spec: ModelSpec, name: str, begin_s: float) -> None:
        object.__setattr__(self, "spec", spec)
        object.__setattr__(self, "file", name)
        self._begin_s = begin_s
        self._end_s = begin_s
        self._tags: list[Tags] = []

    def add(self, tags: Tags) -> None:
        """One more window, on the host's clock."""
        self._end_s = max(self._end_s, tags.end_s)
        self._tags.append(
            dataclasses.replace(
                tags, start_s=tags.start_s - self._begin_s, end_s=tags.end_s - self._begin_s
            )
        )

    @property
    def tags(self) -> tuple[Tags, ...]:
        return tuple(self._tags)

    @property
    def duration_s(self) -> float:
        return self._end_s - self._begin_s


class Tap:
    """Analyses the audio that passes one place; used by one thread at a time.

    Time counts in frames that passed here, so that taps before and after an
    effect with latency stay aligned.
    """

    def __init__(
        self,
        name: str,
        model: TagModel,
        hop_s: float,
        channel: Channel = "mono",
        smoothing: Smoothing | None = None,
    ) -> None:
        self.name = name
        self.latest: Tags | None = None
        self._newest: BoardBlock | None = None
        self._hop_s = hop_s
        self._channel: Channel = channel
        self._hearing = Hearing(model, smoothing)
        self._window_s = model.spec.window_s
        self._listeners: list[Listener] = []
        self._cutter: WindowCutter | None = None
        self._cut_from_s = 0.0
        self._next_frame = 0
        self._rate_hz = 0.0

    @property
    def now_s(self) -> float:
        """Seconds of audio that passed."""
        return self._next_frame / self._rate_hz if self._rate_hz else 0.0

    @property
    def level(self) -> LevelReading | None:
        """Of the newest block, for an input meter."""
        newest = self._newest
        return None if newest is None else block_level(newest.T)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each window's tags; returns how to stop that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def push(
        self, block: BoardBlock, sample_rate_hz: float, first_frame: int | None = None
    ) -> None:
        """Hear the next block; a jump in ``first_frame`` is audio that was dropped."""
        if block.shape[1] == 0:
            return
        if first_frame is not None and first_frame != self._next_frame:
            self.cut()
            self._next_frame = first_frame
        if self._cutter is None:
            self._rate_hz = sample_rate_hz
            self._cut_from_s = self._next_frame / sample_rate_hz
            self._cutter = WindowCutter(
                sample_rate_hz, block.shape[0], self._hop_s, self._channel, self._window_s
            )
        self._next_frame += block.shape[1]
        self._newest = block
        self._analyse(self._cutter.push(block.T))

    def cut(self) -> None:
        """End the current stretch: its last windows are given out; what follows starts afresh."""
        if self._cutter is not None:
            self._analyse(self._cutter.flush())
            self._cutter = None

    def reset(self) -> None:
        """Begin a new stream: what was under way is forgotten, time starts at 0."""
        self._cutter = None
        self._next_frame = 0
        self.latest = self._newest = None
        self._hearing.reset()

    def _analyse(self, windows: list[Window]) -> None:
        for tags in self._hearing.hear(windows, self._cut_from_s):
            self.latest = tags
            for listener in tuple(self._listeners):
                listener(tags)


class TapThread:
    """Analyses taps on a thread of its own, so that sound never waits for them.

    The queue is bounded: where analysis falls behind, the oldest audio gives
    way and is counted in ``blocks_dropped``.
    """

    def __init__(self) -> None:
        self.blocks_dropped = 0
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._queued_s = 0.0
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tutti-taps", daemon=True)
        self._thread.start()

    def push(self, tap: Tap, block: BoardBlock, sample_rate_hz: float, first_frame: int) -> None:
        """Take a copy of a block; never waits for analysis."""
        copy = block.copy()
        self._add(
            block.shape[1] / sample_rate_hz, lambda: tap.push(copy, sample_rate_hz, first_frame)
        )

    def call(self, function: Callable[[], None], timeout_s: float = 10.0) -> None:
        """Run ``function`` on the thread, after all that was pushed before, and wait for it."""
        done = threading.Event()

        def run() -> None:
            function()
            done.set()

        self._add(0.0, run)
        done.wait(timeout_s)

    def close(self) -> None:
        """Drop what waits, and end the thread."""
        with self._wake:
            self._closing = True
            self._queue.clear()
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _add(self, duration_s: float, job: Callable[[], None]) -> None:
        with self._wake:
            self._queue.append((duration_s, job))
            self._queued_s += duration_s
            # Jobs without a duration are calls that somebody waits for.
            while self._queued_s > QUEUE_S:
                oldest = next(i for i, (length_s, _) in enumerate(self._queue) if length_s)
                self._queued_s -= self._queue[oldest][0]
                del self._queue[oldest]
                self.blocks_dropped += 1
            self._wake.notify()

    def _run(self) -> None:
        lower_this_thread()
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._closing)
                if self._closing:
                    return
                duration_s, job = self._queue.popleft()
                self._queued_s -= duration_s
            try:
                job()
            except Exception as error:
                # Whatever one listener or window does, the other taps go on.
                event(logging.ERROR, "tap analysis failed", error=repr(error))
