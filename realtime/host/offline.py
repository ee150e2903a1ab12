"""A file through a chain into a file, tagged at every tap."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pedalboard.io import AudioFile, WriteableAudioFile

from realtime.errors import TuttiError
from realtime.host.block import BoardBlock
from realtime.host.host import Host
from realtime.levels import to_dbfs
from realtime.sources.file import FileSource
from realtime.timeline import Timeline
from realtime.whole_file import whole_file

BLOCK_FRAMES = 32_768
MAX_TAIL_S = 10.0
SILENCE_DBFS = -90.0
"""A tail ends where the output stays below this."""
QUIET_S = 0.5
MAX_LATENCY_S = 60.0
WHOLE_LATENCY_S = 3.0
"""More than PitchShift withholds at any rate."""
MAX_WHOLE_SAMPLES = 60_000_000
"""Over all channels: ten minutes of stereo at 48 kHz, some 1 GB while it runs."""
OUTPUT_FORMATS = "WAV, AIFF, FLAC, OGG or MP3"
PCM_SUFFIXES = (".wav", ".aiff", ".aif", ".flac")

Progress = Callable[[float, float], None]
"""Called with seconds done and seconds in all."""


@dataclass(frozen=True)
class Rendering:
    """What came of a file.

    ``latency_s``: how far the chain's output lags while it runs; already taken
    out of the result. ``tail_s``: what rings on after the input's end.
    ``speed``: times real time, analysis included.
    """

    input: str
    output: str | None
    sample_rate_hz: int
    channels: int
    duration_s: float
    tail_s: float
    latency_s: float
    peak_dbfs: float
    speed: float
    timelines: dict[str, Timeline]
    problems: tuple[str, ...]


def render(
    host: Host,
    source: Path | str,
    output: Path | str | None = None,
    *,
    max_tail_s: float = MAX_TAIL_S,
    progress: Progress | None = None,
) -> Rendering:
    """Run a file through ``host`` and write the result; None as output only tags it.

    The result begins where the input begins (latency is taken out), has its
    sample rate and channels, and ends when the effects have rung out, at most
    ``max_tail_s`` after the input. It appears under its name only when whole.

    Raises:
        TuttiError: a file cannot be read or written, or the chain cannot take its channels.
    """
    begun_s = time.monotonic()
    host.reset()
    with FileSource(source) as file, ExitStack() as stack:
        if output is not None and Path(output).exists() and Path(output).samefile(file.path):
            raise TuttiError(f"{output} is the input and would be overwritten: name another -o.")
        rate_hz = file.sample_rate_hz
        timelines = {name: stack.enter_context(host.tap(name)) for name in host.chain.taps}
        state = _Ending(rate_hz, max_tail_s)
        with _writer(output, rate_hz, file.channels) as write:
            if host.chain.whole_only:
                frames, latency_frames = _whole(host, file, state, write, max_tail_s)
            else:
                rest = np.zeros((file.channels, 0), np.float32)
                for block in _blocks(file):
                    if block.shape[1] < BLOCK_FRAMES:  # the last: silence follows it
                        rest = block
                        break
                    state.keep(host.process(block, rate_hz), write)
                    if progress is not None:
                        done_s = host.frames_in / rate_hz
                        progress(done_s, max(file.duration_s, done_s))
                frames = file.position
                _ring_out(host, state, write, frames, rest)
                latency_frames = host.withheld_frames
        duration_s = frames / rate_hz
    return Rendering(
        input=str(source),
        output=None if output is None else str(output),
        sample_rate_hz=rate_hz,
        channels=file.channels,
        duration_s=duration_s,
        tail_s=(state.written - frames) / rate_hz,
        latency_s=latency_frames / rate_hz,
        peak_dbfs=to_dbfs(state.peak),
        speed=duration_s / max(1e-9, time.monotonic() - begun_s),
        timelines={
            name: _up_to(timeline, state.written / rate_hz) for name, timeline in timelines.items()
        },
        problems=tuple(host.problems),
    )


class _Ending:
    """Writes what comes out, and knows where its last sound was."""

    def __init__(self, sample_rate_hz: int, max_tail_s: float) -> None:
        self.max_tail_frames = round(max_tail_s * sample_rate_hz)
        self.quiet_frames = round(QUIET_S * sample_rate_hz)
        self.rate_hz = sample_rate_hz
        self.written = 0
        self.last_sound = 0
        self.peak = 0.0

    def keep(self, block: BoardBlock, write: Callable[[BoardBlock], None]) -> None:
        if block.shape[1] == 0:
            return
        loud = np.abs(block).max(axis=0)
        self.peak = max(self.peak, float(loud.max()))
        sounding = np.flatnonzero(loud > 10 ** (SILENCE_DBFS / 20))
        if sounding.size:
            self.last_sound = self.written + int(sounding[-1]) + 1
        write(block)
        self.written += block.shape[1]


def _blocks(file: FileSource) -> Iterator[BoardBlock]:
    """The file in equal blocks (channels, frames): pedalboard forgets when they grow."""
    waiting: list[BoardBlock] = []
    count = 0
    for block in file:
        waiting.append(np.asarray(block, np.float32).T)
        count += len(block)
        while count >= BLOCK_FRAMES:
            whole = np.concatenate(waiting, axis=1)
            yield whole[:, :BLOCK_FRAMES]
            waiting, count = [whole[:, BLOCK_FRAMES:]], count - BLOCK_FRAMES
    if count:
        yield np.concatenate(waiting, axis=1)


def _whole(
    host: Host,
    file: FileSource,
    state: _Ending,
    write: Callable[[BoardBlock], None],
    max_tail_s: float,
) -> tuple[int, int]:
    """All in one call, silence for latency and tail included; (frames, latency in frames)."""
    blocks: list[BoardBlock] = []
    for block in _blocks(file):
        blocks.append(block)
        # What is known of the length beforehand, and what was read: a header may be wrong.
        if max(file.frames, file.position) * file.channels > MAX_WHOLE_SAMPLES:
            label = host.chain.effects[host.chain.whole_only[0]].label
            minutes = MAX_WHOLE_SAMPLES / file.channels / file.sample_rate_hz / 60
            raise TuttiError(
                f"{file.path} is too long for {label}, which must hold it in memory as a whole: "
                f"cut it to {minutes:.0f} minutes."
            )
    audio = np.concatenate(blocks, axis=1)
    frames = audio.shape[1]
    extra = round((WHOLE_LATENCY_S + max_tail_s) * file.sample_rate_hz)
    silence = np.zeros((file.channels, extra), np.float32)
    done = host.process(np.concatenate([audio, silence], axis=1), file.sample_rate_hz)
    done = done[:, : frames + state.max_tail_frames]
    sounding = np.flatnonzero(np.abs(done[:, frames:]).max(axis=0) > 10 ** (SILENCE_DBFS / 20))
    tail = int(sounding[-1]) + 1 if sounding.size else 0
    state.keep(done[:, : frames + tail], write)
    return frames, host.withheld_frames


def _ring_out(
    host: Host, state: _Ending, write: Callable[[BoardBlock], None], frames: int, rest: BoardBlock
) -> None:
    """Push the rest and silence until the latency is made up and the tail has died away.

    The rest is filled up to a block: pedalboard cannot tell a few frames from channels.
    """
    silence = np.zeros((len(rest), BLOCK_FRAMES), np.float32)
    block = silence.copy()
    block[:, : rest.shape[1]] = rest
    longest = frames + state.max_tail_frames
    limit = host.frames_in + state.max_tail_frames + MAX_LATENCY_S * state.rate_hz
    held: list[BoardBlock] = []  # tail that is written only if sound follows it
    end = state.written
    while host.frames_in < limit:
        if end >= frames:
            quiet_since = max(state.last_sound, frames)
            if end >= longest or end - quiet_since >= state.quiet_frames:
                break
        done = host.process(block, state.rate_hz)[:, : longest - end]
        block = silence
        end += done.shape[1]
        held.append(done)
        tail = np.concatenate(held, axis=1)
        sounding = np.flatnonzero(np.abs(tail).max(axis=0) > 10 ** (SILENCE_DBFS / 20))
        keep = max(
            int(sounding[-1]) + 1 if sounding.size else 0,
            min(frames - state.written, tail.shape[1]),
        )
        state.keep(tail[:, :keep], write)
        held = [tail[:, keep:]]


@contextlib.contextmanager
def _writer(
    output: Path | str | None, sample_rate_hz: int, channels: int
) -> Iterator[Callable[[BoardBlock], None]]:
    """A function that appends to the file; the file appears when all went well."""
    if output is None:
        yield lambda block: None
        return
    path = Path(output)
    depth = 24 if path.suffix.lower() in PCM_SUFFIXES else 16
    try:
        with whole_file(path) as partial:
            try:
                file = AudioFile(
                    str(partial), "w", sample_rate_hz, num_channels=channels, bit_depth=depth
                )
            except (ValueError, OSError, RuntimeError) as error:
                raise _cannot_write(path, channels, error) from None
            with file:
                yield lambda block: _write(file, block)
    except (OSError, RuntimeError) as error:
        raise TuttiError(f"{path} cannot be written ({error}): is the disk full?") from None


def _write(file: WriteableAudioFile, block: BoardBlock) -> None:
    if block.shape[0] == block.shape[1]:  # of which pedalboard cannot tell what is what
        for frame in range(block.shape[1]):
            file.write(block[:, frame : frame + 1])
    else:
        file.write(block)


def _cannot_write(path: Path, channels: int, error: Exception) -> TuttiError:
    text = str(error)
    if "file extension" in text:
        return TuttiError(f"{path} has no ending that says its format: use {OUTPUT_FORMATS}.")
    if "sample rate" in text:
        return TuttiError(f"{path} cannot be written: {text.rstrip('.')}; use WAV or FLAC.")
    if not path.parent.is_dir():
        return TuttiError(f"{path} cannot be written: the folder {path.parent} does not exist.")
    if path.suffix.lower() == ".mp3" and channels > 2:
        return TuttiError(f"{path} cannot hold {channels} channels: use WAV or FLAC.")
    return TuttiError(f"{path} cannot be written: check the folder and your permissions.")


def _up_to(timeline: Timeline, end_s: float) -> Timeline:
    """The windows that begin before the end; later ones heard only the silence that flushed."""
    tags = tuple(one for one in timeline.tags if one.start_s < end_s) or timeline.tags[:1]
    return Timeline(tags, timeline.spec, timeline.file, min(end_s, timeline.duration_s))
