"""From takes of audio to tags: cuts, infers and tells the listeners, on a bench's thread."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable

from realtime.bench import Bench
from realtime.downmix import Channel
from realtime.errors import TuttiError
from realtime.feed import Feed, Take
from realtime.hearing import Hearing
from realtime.log import event
from realtime.model import BATCH_WINDOWS, TagModel
from realtime.postprocess import Tags
from realtime.smoothing import Smoothing
from realtime.stats import Counters
from realtime.windows import Window, WindowCutter

BACKLOG_S = 4.0
"""Windows that wait longer than this give way to newer ones."""
PIECE_S = 0.5
"""Read at a time, so that catching up takes no more memory than keeping up."""
LEAST_WAIT_S = 0.02
RESAMPLER_DELAY_S = 0.01
CPU_PERIOD_S = 2.0

Listener = Callable[[Tags], None]


class Analysis:
    """Takes turns at a bench until its feed is closed and analysed to the end."""

    def __init__(
        self,
        bench: Bench,
        feed: Feed,
        counters: Counters,
        model: TagModel,
        hop_s: float,
        smoothing: Smoothing,
        channel: Channel,
        publish: Listener,
        now_s: Callable[[], float],
    ) -> None:
        self._bench = bench
        self._feed = feed
        self._counters = counters
        self._publish = publish
        self._now_s = now_s
        self._channel: Channel = channel
        self._window_s = model.spec.window_s
        self._hearing = Hearing(model, smoothing)
        self._changes: deque[Callable[[], None]] = deque()
        self._take: Take | None = None
        self._cutter: WindowCutter | None = None
        self._cut_from = 0
        self._next_frame = 0
        self._next_start_s = 0.0
        self._skipped_s = 0.0
        self._pending: deque[tuple[float, Window]] = deque()
        self._cpu_mark = (time.monotonic(), 0.0)
        self._hurry = False
        self._over = threading.Event()
        self._apply_hop(hop_s)

    def start(self) -> None:
        self._bench.add(self)

    def join(self, timeout_s: float | None) -> bool:
        """Wait until everything captured was analysed; False if it takes longer."""
        if self._bench.is_mine:
            return False
        if not self._over.wait(timeout_s):
            return False
        self._bench.settle()
        return True

    def give_up(self) -> None:
        """Drop what still waits, at the next window."""
        self._hurry = True

    @property
    def alive(self) -> bool:
        return not self._over.is_set()

    def set_hop(self, hop_s: float) -> None:
        self._change(lambda: self._apply_hop(hop_s))

    def set_smoothing(self, smoothing: Smoothing) -> None:
        self._change(lambda: self._hearing.set_smoothing(smoothing))

    def set_model(self, model: TagModel) -> None:
        self._change(lambda: self._hearing.set_model(model))

    def _change(self, apply: Callable[[], None]) -> None:
        self._changes.append(apply)
        self._feed.wake()

    def _apply_hop(self, hop_s: float) -> None:
        self._hop_s = hop_s
        if self._cutter is not None:
            self._cutter.set_hop(hop_s)

    def turn(self) -> bool:
        """Analyse the oldest windows that wait; False if there are none."""
        began_s = time.thread_time()
        did = self._step()
        self._counters.analysis_cpu_s += time.thread_time() - began_s
        return did

    def rest(self) -> bool:
        """Nothing waits; False if nothing will ever."""
        self._measure_cpu()
        return bool(self._pending) or not self._feed.exhausted

    def ended(self) -> None:
        self._over.set()

    def _step(self) -> bool:
        """Analyse the oldest windows that wait; False if there are none."""
        while self._changes:
            self._changes.popleft()()
        try:
            self._cut()
        except Exception as error:
            self._abandon_take(error)
        if self._hurry:
            self._counters.windows_dropped += len(self._pending)
            self._pending.clear()
        if not self._pending:
            return False
        offset_s = self._pending[0][0]
        windows: list[Window] = []
        # Sound comes every 100 ms, and at 20 windows a second two windows with it: heard in one
        # call they take less than apart.
        while self._pending and self._pending[0][0] == offset_s and len(windows) < BATCH_WINDOWS:
            windows.append(self._pending.popleft()[1])
        self._analyse(offset_s, windows)
        return True

    def _cut(self) -> None:
        """Move captured audio into windows; the oldest beyond the backlog give way."""
        if self._feed.skipped_s != self._skipped_s:
            self._drop(self._feed.skipped_s - self._skipped_s)
            self._skipped_s = self._feed.skipped_s
        while (take := self._feed.oldest()) is not None:
            if not take.live and self._pending:
                return
            ended = take.ended  # before the read: what is read then is all there will be
            cutter = self._cutter
            if take is not self._take or cutter is None:
                cutter = self._begin(take, 0)
            limit = round(PIECE_S * take.sample_rate_hz)
            first, frames = take.ring.read(limit)
            if first != self._next_frame:
                self._drop((first - self._next_frame) / take.sample_rate_hz)
                self._add(cutter.flush(), take)
                cutter = self._begin(take, first)
            self._next_frame = first + len(frames)
            self._add(cutter.push(frames), take)
            if len(frames) == limit:
                continue  # more may wait
            if not ended:
                self._ask_for_next(take)
                return
            self._add(cutter.flush(), take)
            self._feed.finish(take)
            self._take = None

    def _begin(self, take: Take, frame: int) -> WindowCutter:
        cutter = WindowCutter(
            take.sample_rate_hz, take.channels, self._hop_s, self._channel, self._window_s
        )
        self._take, self._cutter = take, cutter
        self._cut_from = self._next_frame = frame
        self._next_start_s = 0.0
        return cutter

    def _add(self, windows: list[Window], take: Take) -> None:
        offset_s = take.start_s + self._cut_from / take.sample_rate_hz
        self._pending.extend((offset_s, window) for window in windows)
        if windows:
            self._next_start_s = windows[-1].start_s + self._hop_s
        excess = len(self._pending) - math.ceil(BACKLOG_S / self._hop_s)
        if take.live and excess > 0:
            for _ in range(excess):
                self._pending.popleft()
            self._counters.windows_dropped += excess
            event(logging.WARNING, "windows dropped", count=excess)

    def _ask_for_next(self, take: Take) -> None:
        """Let capture wake this thread when the next window can be cut, not for every block."""
        captured_s = (self._next_frame - self._cut_from) / take.sample_rate_hz
        needed_s = self._next_start_s + self._window_s + RESAMPLER_DELAY_S
        self._feed.wanted_s = max(LEAST_WAIT_S, needed_s - captured_s)

    def _drop(self, lost_s: float) -> None:
        count = math.ceil(lost_s / self._hop_s)
        self._counters.windows_dropped += count
        event(logging.WARNING, "windows dropped", count=count, lost_s=lost_s)

    def _abandon_take(self, error: Exception) -> None:
        """A take that cannot be cut (an impossible rate or channel) must not stop the rest."""
        take = self._feed.oldest()
        self._take = self._cutter = None
        self._fail(error)
        if take is not None:
            take.ring.read()
            if take.ended:
                self._feed.finish(take)

    def _analyse(self, offset_s: float, windows: list[Window]) -> None:
        counters = self._counters
        try:
            heard = self._hearing.hear(windows, offset_s)
        except Exception as error:
            if len(windows) > 1:  # only the one that fails is lost
                for window in windows:
                    self._analyse(offset_s, [window])
                return
            counters.windows_failed += 1
            self._fail(error)
            return
        for tags in heard:
            counters.windows += 1
            counters.latency_s = self._now_s() - tags.end_s
            self._publish(tags)

    def _fail(self, error: Exception) -> None:
        text = str(error) if isinstance(error, TuttiError) else f"Analysis failed: {error!r}"
        if text != self._counters.last_error:
            event(logging.ERROR, "analysis failed", error=text)
        self._counters.last_error = text

    def _measure_cpu(self) -> None:
        counters, now_s = self._counters, time.monotonic()
        then_s, cpu_then_s = self._cpu_mark
        if now_s - then_s >= CPU_PERIOD_S:
            cpu_s = counters.analysis_cpu_s + counters.capture_cpu_s
            counters.cpu_fraction = max(0.0, cpu_s - cpu_then_s) / (now_s - then_s)
            self._cpu_mark = (now_s, cpu_s)
