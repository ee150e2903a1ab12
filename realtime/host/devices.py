"""Sound devices of the live host: an input and an output, opened as two plain streams.

PortAudio runs in this process here, not in a child as for listening (``sources.portaudio``):
whoever plays hears every wait, and a pipe to another process and one back would add theirs to
each block. The price is that a driver that hangs keeps this thread (``LiveHost.abandoned``).
What devices there are, which one is meant and what is said of them is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.host.fifo import FrameFifo
from realtime.sources import portaudio, recorder
from realtime.sources.device import Device, cannot_open, find_device, titled
from realtime.sources.file import FileSource

MAX_DEVICE_CHANNELS = 2
MIN_BUFFER_S = 0.02
BUFFER_BLOCKS = 3
BLOCK_CHOICES = (64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class LiveSettings:
    """Devices and timing of a live session.

    ``input_name``, ``output_name``: a device's name or a part of it that fits
    no other; None is the system's default. ``sample_rate_hz``: None is the input's own.
    """

    input_name: str | None = None
    output_name: str | None = None
    sample_rate_hz: int | None = None
    block_frames: int = 256

    def check(self) -> None:
        """Raise TuttiError where the block size cannot be."""
        if not 16 <= self.block_frames <= 8192:
            raise TuttiError(
                f"A block of {self.block_frames} frames cannot be used: take 16 to 8192, "
                f"as {', '.join(map(str, BLOCK_CHOICES))}."
            )


@dataclass
class Streams:
    """Two open streams. A duplex one would tie devices together that need not be one."""

    input: Any
    output: Any
    input_name: str
    output_name: str
    sample_rate_hz: int
    channels: int
    _cushion_frames: int = 0

    @property
    def reported_latency_s(self) -> float:
        """What the system says that input and output take together."""
        return float(self.input.latency + self.output.latency)

    def start(self, frames: int) -> None:
        """Begin: the output starts once the input has given its first block of ``frames``."""
        self._cushion_frames = max(
            BUFFER_BLOCKS * frames, round(MIN_BUFFER_S * self.sample_rate_hz)
        )
        self.input.start()
        if not isinstance(self.input, FileInput):
            self.input.read(frames)  # a sound server may take a second to wake the device up
        self.output.start()
        self._cushion()

    def read(self, frames: int) -> tuple[NDArray[np.float32], bool]:
        """The next block (channels, frames), and whether input was lost before it."""
        try:
            block, overflowed = self.input.read(frames)
        except Exception as error:  # PortAudioError, and whatever a vanishing device makes
            raise self._gone(error) from None
        return np.ascontiguousarray(block.T), bool(overflowed)

    def write(self, block: NDArray[np.float32]) -> bool:
        """Play a block (channels, frames); True if the output had run dry before it.

        It is then given a cushion of silence once: without one it would run dry
        again with every block that comes a little late.
        """
        try:
            underflowed = bool(self.output.write(np.ascontiguousarray(block.T)))
            if underflowed:
                self._cushion()
        except Exception as error:
            raise self._gone(error) from None
        return underflowed

    def _gone(self, error: Exception) -> TuttiError:
        if isinstance(error, TuttiError):
            return error  # a file that cannot be read to its end says so itself
        return TuttiError(
            f"The sound stopped: '{self.input_name}' or '{self.output_name}' is gone or broke "
            f"({error}). Connect it, and start again."
        )

    def _cushion(self) -> None:
        frames = min(self._cushion_frames, self.output.write_available)
        if frames > 0:
            self.output.write(np.zeros((frames, self.channels), np.float32))

    def close(self) -> None:
        """Close both; an error then no longer matters."""
        for stream in (self.input, self.output):
            try:
                stream.abort()
                stream.close()
            except Exception:
                continue


def load_sounddevice() -> ModuleType:
    """The sounddevice module, or TuttiError saying how to get PortAudio."""
    try:
        import sounddevice
    except OSError:
        raise portaudio.missing() from None
    module: ModuleType = sounddevice
    return module


def open_streams(settings: LiveSettings) -> Streams:
    """Open input and output; ``Streams.start`` lets them run.

    Raises:
        TuttiError: no such device, or it cannot be opened as asked.
    """
    settings.check()
    sounddevice = load_sounddevice()
    source, source_index = _find(sounddevice, settings.input_name, "input")
    target, target_index = _find(sounddevice, settings.output_name, "output")
    rate_hz = settings.sample_rate_hz or source.sample_rate_hz
    channels = min(source.channels, target.channels, MAX_DEVICE_CHANNELS)
    options = _options(rate_hz, settings.block_frames, channels)
    asked = f"{channels} channels at {rate_hz} Hz"
    with _refused(source, asked, "input"):
        opened = sounddevice.InputStream(device=source_index, **options)
    try:
        with _refused(target, asked, "output"):
            output = sounddevice.OutputStream(device=target_index, **options)
    except BaseException:
        opened.close()
        raise
    return Streams(opened, output, source.label, target.label, rate_hz, channels)


def _options(rate_hz: int, frames: int, channels: int) -> dict[str, Any]:
    return {
        "samplerate": rate_hz,
        "blocksize": frames,
        "channels": channels,
        "dtype": "float32",
        "latency": max(MIN_BUFFER_S, BUFFER_BLOCKS * frames / rate_hz),
    }


@contextmanager
def _refused(device: Device, asked: str, kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # PortAudioError, ValueError, and what a vanishing device makes
        raise cannot_open(device.label, f"{asked}: {error}", kind) from None


def _find(sounddevice: ModuleType, wanted: str | None, kind: str) -> tuple[Device, int]:
    """The device, found as every input is, and PortAudio's number for it now."""
    try:
        entries = recorder.list_devices(sounddevice, kind)
    except Exception:
        raise portaudio.no_answer(kind) from None
    devices = titled(portaudio.devices_of(entries))
    device = find_device(wanted, devices, kind)
    return device, entries[devices.index(device)]["index"]


class FileInput:
    """A sound file in an input stream's place; silence after its end. The output sets the pace."""

    latency = 0.0

    def __init__(self, path: Path | str) -> None:
        self._file = FileSource(path, block_s=1.0)
        self.sample_rate_hz = self._file.sample_rate_hz
        self.channels = self._file.channels
        self.frames_read = 0
        self._fifo = FrameFifo(self.channels)
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether all of it was read."""
        return self._ended and not len(self._fifo)

    def start(self) -> None:
        pass

    def read(self, frames: int) -> tuple[NDArray[np.float32], bool]:
        while len(self._fifo) < frames and not self._ended:
            block = self._file.read()
            if block is None:
                self._ended = True
            else:
                self._fifo.push(np.asarray(block, np.float32).T)
        block = self._fifo.pop(frames)
        self.frames_read += block.shape[1]
        return np.pad(block, ((0, 0), (0, frames - block.shape[1]))).T, False

    def abort(self) -> None:
        pass

    def close(self) -> None:
        self._file.close()


def open_file_streams(path: Path | str, settings: LiveSettings) -> Streams:
    """A file as the input, and a device as the output.

    Raises:
        TuttiError: the file cannot be read, or the device cannot play its rate and channels.
    """
    settings.check()
    file = FileInput(path)
    try:
        sounddevice = load_sounddevice()
        target, index = _find(sounddevice, settings.output_name, "output")
        rate_hz = file.sample_rate_hz
        with _refused(target, f"{file.channels} channels at {rate_hz} Hz", "output"):
            output = sounddevice.OutputStream(
                device=index, **_options(rate_hz, settings.block_frames, file.channels)
            )
    except BaseException:
        file.close()
        raise
    return Streams(file, output, Path(path).name, target.label, rate_hz, file.channels)
