"""Sound devices of the live host: an input and an output, opened as two plain streams."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.host.effects import nearest
from realtime.host.fifo import FrameFifo
from realtime.sources.file import FileSource

MAX_DEVICE_CHANNELS = 2
MIN_BUFFER_S = 0.02
BUFFER_BLOCKS = 3
BLOCK_CHOICES = (64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class LiveSettings:
    """Devices and timing of a live session.

    ``input_name``, ``output_name``: a device's name or a part of it; None is
    the system's default. ``sample_rate_hz``: None is the input's own.
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
        how = {
            "linux": "install it with 'sudo apt install libportaudio2'",
            "darwin": "install it with 'brew install portaudio'",
        }.get(sys.platform, "install the sounddevice package again")
        raise TuttiError(
            f"PortAudio, which live sound needs, is missing: {how}; files work without it."
        ) from None
    return sounddevice


def open_streams(settings: LiveSettings) -> Streams:
    """Open input and output; ``Streams.start`` lets them run.

    Raises:
        TuttiError: no such device, or it cannot be opened as asked.
    """
    settings.check()
    sounddevice = load_sounddevice()
    source = _find(sounddevice, settings.input_name, "input")
    target = _find(sounddevice, settings.output_name, "output")
    rate_hz = settings.sample_rate_hz or round(source["default_samplerate"])
    channels = min(source["max_input_channels"], target["max_output_channels"], MAX_DEVICE_CHANNELS)
    options = {
        "samplerate": rate_hz,
        "blocksize": settings.block_frames,
        "channels": channels,
        "dtype": "float32",
        "latency": max(MIN_BUFFER_S, BUFFER_BLOCKS * settings.block_frames / rate_hz),
    }
    opened = []
    try:
        for make, device in (
            (sounddevice.InputStream, source),
            (sounddevice.OutputStream, target),
        ):
            opened.append(make(device=device["index"], **options))
    except (sounddevice.PortAudioError, ValueError) as error:
        for stream in opened:
            stream.close()
        raise TuttiError(
            f"Input '{source['name']}' and output '{target['name']}' cannot be opened at "
            f"{rate_hz} Hz with {channels} channels ({error}): choose another rate or device."
        ) from None
    return Streams(opened[0], opened[1], source["name"], target["name"], rate_hz, channels)


def device_names(kind: str) -> list[str]:
    """Names of the devices of a kind ("input" or "output"), the default one first."""
    sounddevice = load_sounddevice()
    key = f"max_{kind}_channels"
    found = [one for one in sounddevice.query_devices() if one[key] > 0]
    default = sounddevice.default.device[0 if kind == "input" else 1]
    found.sort(key=lambda one: one["index"] != default)
    return list(dict.fromkeys(one["name"] for one in found))


def _find(sounddevice: ModuleType, name: str | None, kind: str) -> dict[str, Any]:
    key = f"max_{kind}_channels"
    devices = [one for one in sounddevice.query_devices() if one[key] > 0]
    if not devices:
        raise TuttiError(f"There is no {kind} device: connect one, or run a file instead.")
    if name is None:
        default = sounddevice.default.device[0 if kind == "input" else 1]
        return next((one for one in devices if one["index"] == default), devices[0])
    for one in devices:
        if one["name"] == name:
            return one
    for one in devices:
        if name.lower() in one["name"].lower():
            return one
    names = [one["name"] for one in devices]
    raise TuttiError(
        f"There is no {kind} device {name!r}{nearest(name, names)}. Known: {', '.join(names)}."
    )


class FileInput:
    """A sound file in an input stream's place; silence after its end. The output sets the pace."""

    latency = 0.0

    def __init__(self, path: Path | str) -> None:
        self._file = FileSource(path, block_s=1.0)
        self.sample_rate_hz = self._file.sample_rate_hz
        self.channels = self._file.channels
        self.duration_s = self._file.duration_s
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
        target = _find(sounddevice, settings.output_name, "output")
        rate_hz, frames = file.sample_rate_hz, settings.block_frames
        output = sounddevice.OutputStream(
            device=target["index"],
            samplerate=rate_hz,
            blocksize=frames,
            channels=file.channels,
            dtype="float32",
            latency=max(MIN_BUFFER_S, BUFFER_BLOCKS * frames / rate_hz),
        )
    except TuttiError:
        file.close()
        raise
    except Exception as error:
        file.close()
        raise TuttiError(
            f"The output '{target['name']}' cannot play {file.channels} channels at {rate_hz} Hz "
            f"({error}): choose another output, or convert the file."
        ) from None
    return Streams(file, output, Path(path).name, target["name"], rate_hz, file.channels)
