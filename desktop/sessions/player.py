"""Plays a file through the sound card, or silently by the clock, and knows what is heard.

The position is what leaves the loudspeaker now: what was written, less what the output still
holds. Speed works like a tape's: pitch follows.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from realtime.sources.overheard import Tell

if TYPE_CHECKING:
    from realtime.sources.file import FileSource

BLOCK_S = 0.02
OUTPUT_LATENCY_S = 0.1


class Sink(Protocol):
    """Somewhere to write frames ``(frames, channels)`` float32; ``write`` blocks when full."""

    latency_s: float
    note: str

    def start(self) -> None: ...
    def write(self, block: NDArray[np.float32]) -> None: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...


class SilentSink:
    """Takes frames at the rate of the clock and lets them go."""

    latency_s = 0.0

    def __init__(self, sample_rate_hz: int, note: str = "") -> None:
        self.note = note
        self._rate_hz = sample_rate_hz
        self._due_s = 0.0

    def start(self) -> None:
        self._due_s = time.monotonic()

    def write(self, block: NDArray[np.float32]) -> None:
        self._due_s = max(self._due_s, time.monotonic() - 0.2) + len(block) / self._rate_hz
        time.sleep(max(0.0, self._due_s - time.monotonic()))

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


class DeviceSink:
    """The default sound output."""

    note = ""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        import sounddevice

        self._stream = sounddevice.OutputStream(
            samplerate=sample_rate_hz,
            channels=channels,
            dtype="float32",
            latency=OUTPUT_LATENCY_S,
        )
        self.latency_s = float(self._stream.latency)

    def start(self) -> None:
        self._stream.start()

    def write(self, block: NDArray[np.float32]) -> None:
        self._stream.write(np.ascontiguousarray(block))

    def abort(self) -> None:
        self._stream.abort()

    def close(self) -> None:
        self._stream.close()


def open_sink(sample_rate_hz: int, channels: int) -> Sink:
    """The sound card, or the clock with a note that says why."""
    try:
        return DeviceSink(sample_rate_hz, channels)
    except OSError:
        return SilentSink(sample_rate_hz, "Silent: PortAudio is not installed")
    except Exception:  # PortAudio's own error type lives in a module that may not load.
        return SilentSink(sample_rate_hz, "Silent: no sound output found")


OpenSink = Callable[[int, int], Sink]
"""Makes the sink for a sample rate in Hz and a number of channels."""


class _Written(NamedTuple):
    """A block on its way: heard until ``heard_until_s`` (monotonic), file span, speed."""

    heard_until_s: float
    start_s: float
    end_s: float
    speed: float


class Player:
    """Transport of one file. Every method is safe from the UI thread and returns at once.

    ``tell`` gets each block as the file holds it, whatever the volume, when it is played.
    ``duration_s`` may be an estimate, or 0: it plays to where the file truly ends.
    """

    def __init__(
        self,
        path: Path,
        *,
        sample_rate_hz: int,
        channels: int,
        duration_s: float,
        sink: OpenSink = open_sink,
        tell: Tell | None = None,
    ) -> None:
        self.path = path
        self.duration_s = duration_s
        self.note = ""
        self.error = ""
        self._rate_hz = sample_rate_hz
        self._channels = min(channels, 2)
        self._open_sink = sink
        self._tell = tell
        self._changed = threading.Condition()
        self._cursor_s = 0.0
        self._ended = False
        self._playing = False
        self._closing = False
        self._jumped = True
        self._loop: tuple[float, float] | None = None
        self._speed = 1.0
        self._gain = 1.0
        self._written: deque[_Written] = deque()
        self._latency_s = 0.0
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    # -- the transport ---------------------------------------------------------------

    @property
    def playing(self) -> bool:
        return self._playing

    @property
    def latency_s(self) -> float:
        """What the output holds back."""
        return self._latency_s

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def loop(self) -> tuple[float, float] | None:
        return self._loop

    @property
    def position_s(self) -> float:
        """Where in the file the sound that is heard now lies."""
        with self._changed:
            return self._heard_s()

    def _heard_s(self) -> float:
        now_s = time.monotonic()
        while len(self._written) > 1 and self._written[0].heard_until_s < now_s:
            self._written.popleft()
        if not self._written:
            return self._cursor_s
        block = self._written[0]
        heard_s = block.end_s - (block.heard_until_s - now_s) * block.speed
        return min(max(heard_s, block.start_s), block.end_s)

    def play(self) -> None:
        with self._changed:
            if self._ended:
                self._cursor_s, self._ended = 0.0, False
            self._playing, self._jumped = True, True
            self._changed.notify()

    def pause(self) -> None:
        with self._changed:
            self._cursor_s = self._heard_s()
            self._written.clear()
            self._playing, self._jumped = False, True
            self._changed.notify()

    def seek(self, time_s: float) -> None:
        with self._changed:
            self._cursor_s = min(max(time_s, 0.0), self.duration_s)
            self._ended = 0.0 < self.duration_s <= time_s + 0.01
            self._written.clear()
            self._jumped = True
            self._changed.notify()

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        """Repeat a region (start, end) in seconds; None plays on."""
        if loop is not None:
            start_s, end_s = sorted(min(max(t, 0.0), self.duration_s) for t in loop)
            loop = (start_s, end_s) if end_s - start_s >= 0.1 else None
        with self._changed:
            self._loop = loop

    def set_speed(self, speed: float) -> None:
        with self._changed:
            self._cursor_s = self._heard_s()
            self._written.clear()
            self._speed, self._jumped = speed, True
            self._changed.notify()

    def set_volume(self, volume_db: float) -> None:
        self._gain = 0.0 if volume_db <= -60.0 else 10.0 ** (volume_db / 20.0)

    def close(self) -> None:
        """Stop, and let go of file and output soon after."""
        with self._changed:
            self._closing, self._playing = True, False
            self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread after ``close()``; False if it still runs."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # -- the playing thread ----------------------------------------------------------

    def _run(self) -> None:
        try:
            self._play_until_closed()
        except Exception as error:  # A broken output must not take the analysis with it.
            self.error = f"Playback of {self.path.name} stopped ({error})."
            self._playing = False

    def _play_until_closed(self) -> None:
        from realtime.sources.file import FileSource

        sink: Sink | None = None
        # The reader of the analysis, so that both agree on where a sample lies.
        with FileSource(self.path) as file:
            while True:
                with self._changed:
                    while not self._playing and not self._closing:
                        if sink is not None and self._jumped:
                            sink.abort()
                            self._jumped = False
                        self._changed.wait()
                    if self._closing:
                        break
                    jumped, self._jumped = self._jumped, False
                    cursor_s, speed = self._cursor_s, self._speed
                if sink is None:
                    sink = self._open_sink(self._rate_hz, self._channels)
                    self.note, self._latency_s = sink.note, sink.latency_s
                    sink.start()
                elif jumped:
                    sink.abort()
                    sink.start()
                if jumped:
                    resampler = self._resampler(speed)
                if not self._one_block(file, sink, resampler, cursor_s, speed):
                    continue
        if sink is not None:
            sink.abort()
            sink.close()

    def _resampler(self, speed: float) -> Any:
        if speed == 1.0:
            return None
        import soxr

        return soxr.ResampleStream(self._rate_hz * speed, self._rate_hz, self._channels)

    def _one_block(
        self, file: FileSource, sink: Sink, resampler: Any, cursor_s: float, speed: float
    ) -> bool:
        """Read, convert and write one block; False at the end or after a jump."""
        first = round(cursor_s * self._rate_hz)
        count = max(1, round(BLOCK_S * speed * self._rate_hz))
        loop = self._loop if self._in_loop(cursor_s) else None
        if loop:
            count = min(count, max(round(loop[1] * self._rate_hz) - first, 0))
        if first != file.position:
            file.seek(first)
            first = file.position  # the end, where the file is shorter than it claims
        block = file.take(count)
        is_end = len(block) < count
        if len(block):
            if self._tell is not None:
                self._tell(block, self._rate_hz)
            block = np.nan_to_num(block[:, : self._channels]) * np.float32(self._gain)
            out = block if resampler is None else resampler.resample_chunk(block)
            sink.write(out)
        with self._changed:
            if self._jumped:
                return False
            reached_s = (first + len(block)) / self._rate_hz
            if len(block):
                until_s = time.monotonic() + sink.latency_s
                self._written.append(_Written(until_s, cursor_s, reached_s, speed))
            self._cursor_s = reached_s
            self.duration_s = reached_s if is_end else max(self.duration_s, reached_s)
            if loop and (is_end or reached_s >= loop[1] - 0.5 / self._rate_hz):
                self._cursor_s = loop[0]
            elif is_end:
                self._finish()
                return False
        return True

    def _in_loop(self, time_s: float) -> bool:
        return self._loop is not None and self._loop[0] - 0.001 <= time_s < self._loop[1]

    def _finish(self) -> None:
        """The end of the file: stop there, once what is on its way has been heard."""
        self._changed.wait(self._latency_s)
        if not self._jumped:
            self._playing, self._ended = False, True
            self._cursor_s = self.duration_s
            self._written.clear()
            self._jumped = True
