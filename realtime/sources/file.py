"""Sound files as a stream of blocks: WAV, AIFF, FLAC, Ogg Vorbis and MP3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from pedalboard.io import ReadableAudioFile

from realtime.errors import TuttiError
from realtime.windows import MAX_RATE_HZ, MIN_RATE_HZ

BLOCK_S = 10.0
MAX_BLOCK_SAMPLES = 4_000_000
"""Over all channels: bounds memory whatever the header claims."""
FORMATS = "WAV, AIFF, FLAC, OGG or MP3"


class FileSource:
    """A sound file, read block by block; memory does not grow with its length.

    Raises:
        TuttiError: from ``open()``, ``read()`` or the constructor, naming the
            file: it is missing, a folder, unreadable, empty, not sound, or cut short.
    """

    live = False
    overflows = 0

    def __init__(self, path: Path | str, block_s: float = BLOCK_S) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self._block_s = block_s
        self._file: ReadableAudioFile | None = None
        self.sample_rate_hz = 0
        self.channels = 0
        self.frames = 0
        self.open()

    @property
    def duration_s(self) -> float:
        """Length that the file's header claims."""
        return self.frames / self.sample_rate_hz

    def open(self) -> None:
        """Open, or go back to the start."""
        self.close()
        _check_path(self.path)
        try:
            file = ReadableAudioFile(str(self.path))
        except (ValueError, OSError, RuntimeError):
            raise TuttiError(
                f"{self.path} is not a sound file that Tutti can read, or it is damaged: "
                f"give it a {FORMATS} file."
            ) from None
        self._file = file
        if not MIN_RATE_HZ <= file.samplerate <= MAX_RATE_HZ or file.num_channels < 1:
            raise TuttiError(
                f"{self.path} claims {file.samplerate:g} Hz and {file.num_channels} channels, "
                f"which cannot be right: it may be damaged, so export it again."
            )
        if file.frames <= 0:
            raise TuttiError(f"{self.path} holds no sound (its length is zero): export it again.")
        self.sample_rate_hz = round(file.samplerate)
        self.channels = file.num_channels
        self.frames = file.frames
        by_time = int(self._block_s * file.samplerate)
        self._block_frames = max(1, min(by_time, MAX_BLOCK_SAMPLES // self.channels))

    def read(self, timeout_s: float | None = None) -> NDArray[np.float32] | None:
        """The next block, float32 (frames, channels), or None at the end."""
        if self._file is None:
            raise ValueError("the file is closed")
        try:
            block = self._file.read(self._block_frames)
        except (ValueError, OSError, RuntimeError, MemoryError):
            raise TuttiError(
                f"{self.path} cannot be read to its end: it may be damaged or cut short, "
                "so copy or export it again."
            ) from None
        return block.T if block.shape[1] else None

    def close(self) -> None:
        """Close the file; harmless when closed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        while (block := self.read()) is not None:
            yield block

    def __enter__(self) -> FileSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _check_path(path: Path) -> None:
    """Say what is wrong with a path before a decoder says it worse."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise TuttiError(f"{path} does not exist: check the name.") from None
    except (OSError, ValueError) as error:
        raise TuttiError(f"{path} cannot be read ({error}): check the name.") from None
    if path.is_dir():
        raise TuttiError(f"{path} is a folder: name the files in it, as in {path / '*'}.")
    if not path.is_file():
        raise TuttiError(f"{path} is not a regular file: give it a {FORMATS} file.")
    if not os.access(path, os.R_OK):
        raise TuttiError(f"{path} may not be read by you: change its permissions.")
    if status.st_size == 0:
        raise TuttiError(f"{path} is empty: give it a {FORMATS} file.")
