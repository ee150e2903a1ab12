"""Live: input device -> chain -> output device, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from realtime.clock_check import ClockCheck
from realtime.errors import TuttiError
from realtime.host.block import BoardBlock
from realtime.host.devices import LiveSettings, Streams, open_streams
from realtime.host.equal_loudness import EqualLoudness, InputHistory
from realtime.host.fifo import FrameFifo
from realtime.host.host import Host
from realtime.log import event

SETTLE_S = 0.3
"""Xruns while the streams fill up are no fault."""
STALL_S = 5.0
"""A sound server may take seconds to wake a device up."""
SWAP_S = 0.02
LOSS_S = 0.02
"""Blocks come steadily to this loop: a loss as short as this stands out."""
HISTORY_S = 4
"""How long input is kept for comparison: more than chains withhold."""


class LiveState(StrEnum):
    """How a live host does."""

    WAITING = "waiting"
    """Not started."""
    RUNNING = "running"
    STALLED = "stalled"
    """The device gives nothing."""
    STOPPED = "stopped"


@dataclass(frozen=True)
class LiveStats:
    """How a live session does.

    ``input_overflows``, ``output_underflows``: xruns that the system
    reported. ``gaps``: blocks of silence that had to be put in because the
    chain gave out too little. ``missing_s``: input that never came, by the
    clock; systems lose some without saying so. ``load``: share of a block's
    duration that the chain takes, smoothed. ``device_latency_s``: as the
    system says; ``chain_latency_s``: what the effects withhold.
    """

    state: LiveState
    seconds: float
    input_overflows: int
    output_underflows: int
    gaps: int
    missing_s: float
    tap_blocks_dropped: int
    load: float
    device_latency_s: float
    chain_latency_s: float
    error: str | None

    @property
    def xruns(self) -> int:
        return self.input_overflows + self.output_underflows + self.gaps


class LiveHost:
    """Runs a host, made with ``live=True``, between two devices until stopped.

    One thread reads, processes and writes; blocking calls lose less than
    callbacks do when other Python threads are busy. ``open_device`` opens the
    streams. ``on_output`` is given each block (channels, frames) that is played, and
    its rate; it must not wait.
    """

    def __init__(
        self,
        host: Host,
        settings: LiveSettings | None = None,
        open_device: Callable[[LiveSettings], Streams] = open_streams,
        on_output: Callable[[BoardBlock, int], None] | None = None,
    ) -> None:
        self.settings = settings or LiveSettings()
        self.settings.check()
        self.abandoned = False
        """The device never returned: do not wait for the sound system's own exit."""
        self._host = host
        self._open_device = open_device
        self._on_output = on_output
        self._streams: Streams | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # of what waits and what is done with
        self._next: Host | None = None
        self._superseded: list[Host] = []
        self._filling: Host | None = None
        self._comparison: EqualLoudness | None = None
        self._before = False
        self._error: str | None = None
        self._overflows = self._underflows = self._gaps = 0
        self._frames = 0
        self._missing_s = 0.0
        self._load = 0.0
        self._last_block_s = 0.0

    @property
    def host(self) -> Host:
        """The host whose sound is heard."""
        return self._host

    @property
    def streams(self) -> Streams | None:
        """The open devices."""
        return self._streams

    def start(self) -> None:
        """Open the devices and begin.

        Raises:
            TuttiError: a device cannot be opened, or the chain cannot take its channels.
        """
        self.stop()
        streams = self._open_device(self.settings)
        try:
            _warm_up(self._host, streams, self.settings.block_frames)
        except BaseException:
            streams.close()
            raise
        self._streams = streams
        self._error = None
        self._overflows = self._underflows = self._gaps = self._frames = 0
        self._missing_s = 0.0
        self._last_block_s = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(streams, self._stopping), name="tutti-host", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the sound and free the devices; harmless when stopped."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(1.0)
            if self._thread.is_alive():
                self.abandoned = True  # a driver that hangs keeps its thread
            self._thread = None
        with self._lock:
            self._streams = None
            if self._next is not None:
                self._superseded.append(self._next)
                self._next = None
        self._close_superseded()

    def warm_up(self, host: Host) -> None:
        """Let everything be allocated and checked before sound depends on it; may take a while.

        Raises:
            TuttiError: the chain cannot take the channels or the rate of the devices.
        """
        streams = self._streams
        if streams is not None:
            _warm_up(host, streams, self.settings.block_frames)

    def change_chain(self, host: Host) -> None:
        """Cross-fade to another host, best warmed up before; the last call wins.

        Returns at once; the old host is closed when it is no longer heard.
        """
        with self._lock:
            if self._streams is not None:
                if self._next is not None:
                    self._superseded.append(self._next)
                self._next = host
                return
            self._superseded.append(self._host)
            self._host = host
        self._close_superseded()

    def listen_before(self, before: bool) -> None:
        """Hear the input, aligned and as loud as the output (True), or the output (False)."""
        self._before = before

    @property
    def matching_gain_db(self) -> float:
        """By how much "before" is raised to be as loud as "after"."""
        comparison = self._comparison
        return comparison.gain_db if comparison else 0.0

    def stats(self) -> LiveStats:
        """How it does now; cheap."""
        streams, thread = self._streams, self._thread
        rate_hz = streams.sample_rate_hz if streams else 1
        if thread is None:
            is_new = self._error is None and not self._frames
            state = LiveState.WAITING if is_new else LiveState.STOPPED
        elif not thread.is_alive():
            state = LiveState.STOPPED
        elif time.monotonic() - self._last_block_s > STALL_S:
            state = LiveState.STALLED
        else:
            state = LiveState.RUNNING
        return LiveStats(
            state,
            self._frames / rate_hz,
            self._overflows,
            self._underflows,
            self._gaps,
            self._missing_s,
            self._host.tap_blocks_dropped,
            self._load,
            streams.reported_latency_s if streams else 0.0,
            self._host.withheld_frames / rate_hz,
            self._error,
        )

    def _run(self, streams: Streams, stopping: threading.Event) -> None:
        try:
            self._loop(streams, stopping)
        except TuttiError as error:
            self._error = str(error)
        except Exception as error:
            self._error = f"The sound stopped: the chain failed ({error!r})."
        finally:
            if self._error:
                event(logging.ERROR, "live host stopped", error=self._error)
            streams.close()

    def _loop(self, streams: Streams, stopping: threading.Event) -> None:
        frames, rate_hz = self.settings.block_frames, streams.sample_rate_hz
        settle_frames = round(SETTLE_S * rate_hz)
        ready = FrameFifo(streams.channels)
        history = InputHistory(streams.channels, HISTORY_S * rate_hz)
        comparison = self._comparison = EqualLoudness(rate_hz)
        flowing = False
        following: FrameFifo | None = None
        clock = ClockCheck(rate_hz, LOSS_S)
        streams.start(frames)
        while not stopping.is_set():
            block, overflowed = streams.read(frames)
            begun_s = self._last_block_s = time.monotonic()
            history.push(block)
            ready.push(self._host.process(block, rate_hz))
            following = self._feed_next(block, following, rate_hz, history.end - frames)
            if len(ready) >= frames:
                flowing = True
                dry = history.take(ready.begin, frames)
                output = ready.pop(frames)
                if following is not None and len(following) >= frames and self._take_over():
                    output, ready = _swap(output, following, frames, rate_hz), following
                    following = None
                comparison.before = self._before
                output = comparison.choose(dry, output)
            else:
                output = np.zeros((streams.channels, frames), np.float32)
                self._gaps += flowing
            if self._on_output is not None:
                self._on_output(output, rate_hz)
            busy_s = time.monotonic() - begun_s
            underflowed = streams.write(output)
            self._frames += frames
            if self._frames > settle_frames:
                self._overflows += overflowed
                self._underflows += underflowed
                clock.arrived(frames, begun_s)
                self._missing_s = clock.missing / rate_hz
            self._load += 0.02 * (busy_s * rate_hz / frames - self._load)

    def _feed_next(
        self, block: BoardBlock, following: FrameFifo | None, rate_hz: int, first_frame: int
    ) -> FrameFifo | None:
        """Let a host that is to take over fill up beside the one that is heard."""
        self._close_superseded()  # none of them is used from here on
        coming = self._next
        if coming is not self._filling:
            self._filling = coming
            following = FrameFifo(block.shape[0], first_frame) if coming else None
        if coming is not None and following is not None:
            following.push(coming.process(block, rate_hz))
        return following

    def _take_over(self) -> bool:
        """Make the host that has filled up the one that is heard, unless a newer one came."""
        with self._lock:
            if self._filling is None or self._next is not self._filling:
                return False
            self._superseded.append(self._host)
            self._host, self._next, self._filling = self._filling, None, None
        return True

    def _close_superseded(self) -> None:
        with self._lock:
            superseded, self._superseded = self._superseded, []
        for host in superseded:
            threading.Thread(target=host.close, daemon=True).start()  # may wait for a plugin


def _warm_up(host: Host, streams: Streams, frames: int) -> None:
    host.process(np.zeros((streams.channels, frames), np.float32), streams.sample_rate_hz)
    host.reset()


def _swap(output: BoardBlock, following: FrameFifo, frames: int, rate_hz: int) -> BoardBlock:
    """The block in which one host fades into the next."""
    fade = min(frames, round(SWAP_S * rate_hz))
    weights = np.ones(frames, np.float32)
    weights[:fade] = np.arange(1, fade + 1, dtype=np.float32) / fade
    return output * (1 - weights) + following.pop(frames) * weights
