"""Sound files as a stream of blocks: whatever libsndfile or FFmpeg reads, by one door."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources import sndfile
from realtime.windows import MAX_RATE_HZ, MIN_RATE_HZ

BLOCK_S = 10.0
MAX_BLOCK_SAMPLES = 2_000_000
"""Over all channels: bounds memory whatever the header claims."""
FORMATS = "WAV, AIFF, FLAC, OGG, MP3, M4A, MP4, MKV or similar"
SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".m4a", ".aac",
    ".wma", ".mp4", ".mov", ".webm", ".mkv", ".mka", ".ac3", ".wv", ".caf", ".w64",
)  # fmt: skip
"""Usual endings of files with sound, for dialogs and folders; no ending is believed."""


class Decoder(Protocol):
    """An open file; ``frames`` is the header's word, which may be none (0) or an estimate."""

    sample_rate_hz: int
    channels: int
    frames: int

    def read(self, frames: int) -> NDArray[np.float32]: ...
    def seek(self, frame: int) -> int: ...
    def close(self) -> None: ...


class FileSource:
    """A sound file, read block by block; memory does not grow with its length.

    ``frames`` is the length in the end: before, it is what the header says, which is an
    estimate for MP3 and its like, and 0 where it says nothing. The constructor opens.

    Raises:
        TuttiError: from the constructor, ``open()`` or ``read()``: the file is
            missing, a folder, unreadable, empty, not sound, or cut short.
    """

    live = False
    overflows = 0

    def __init__(self, path: Path | str, block_s: float = BLOCK_S) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self._block_s = block_s
        self._decoder: Decoder | None = None
        self.open()

    @property
    def duration_s(self) -> float:
        """``frames`` as time."""
        return self.frames / self.sample_rate_hz

    def open(self) -> None:
        """Open, or go back to the start."""
        self.close()
        _check_path(self.path)
        self._decoder = decoder = _open(self.path)
        self.sample_rate_hz = decoder.sample_rate_hz
        self.channels = decoder.channels
        self.frames = decoder.frames
        self.position = 0
        """Frame that is read next."""
        by_time = int(self._block_s * self.sample_rate_hz)
        self._block_frames = max(1, min(by_time, MAX_BLOCK_SAMPLES // self.channels))

    def read(self, timeout_s: float | None = None) -> NDArray[np.float32] | None:
        """The next block, float32 (frames, channels), or None at the end."""
        block = self.take(self._block_frames)
        return block if len(block) else None

    def take(self, frames: int) -> NDArray[np.float32]:
        """The next frames, fewer only at the end."""
        if self._decoder is None:
            raise ValueError("the file is closed")
        block = self._decoder.read(frames)
        self.position += len(block)
        if len(block) < frames:
            self.frames = self.position
        return block

    def seek(self, frame: int) -> None:
        """Go on reading from there, or from the end (in films to within a millisecond)."""
        if self._decoder is None:
            raise ValueError("the file is closed")
        self.position = self._decoder.seek(frame)

    def close(self) -> None:
        """Close the file; harmless when closed."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

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


def _open(path: Path) -> Decoder:
    """libsndfile where it reads to the sample, FFmpeg for everything else."""
    found: Decoder | None = sndfile.opened(path)
    if found is None:
        from realtime.sources import av_file

        found = av_file.opened(path.open("rb"), str(path))
    if found is None:
        raise _not_sound(path)
    if not MIN_RATE_HZ <= found.sample_rate_hz <= MAX_RATE_HZ:
        found.close()
        raise TuttiError(
            f"{path} claims {found.sample_rate_hz} Hz, which cannot be right: "
            "it may be damaged, so export it again."
        )
    return found


def _not_sound(path: Path) -> TuttiError:
    return TuttiError(
        f"{path} is not a sound file that Tutti can read, or it is damaged: "
        f"give it a {FORMATS} file."
    )


def _check_path(path: Path) -> None:
    """Say what is wrong with a path before a decoder says it worse."""
    try:
        status = path.stat()
        is_folder = path.is_dir()
    except FileNotFoundError:
        raise TuttiError(f"{path} does not exist: check the name.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TuttiError(f"{path} cannot be read ({reason}): check the name.") from None
    if is_folder:
        raise TuttiError(f"{path} is a folder: name the files in it, as in {path / '*'}.")
    if stat.S_ISFIFO(status.st_mode):
        raise TuttiError(f"{path} is a pipe: read it with 'tutti tag - < {path}'.")
    if not path.is_file():
        raise TuttiError(f"{path} is not a regular file: give it a {FORMATS} file.")
    if not os.access(path, os.R_OK):
        raise TuttiError(f"{path} may not be read by you: change its permissions.")
    if status.st_size == 0:
        raise TuttiError(f"{path} is empty: give it a {FORMATS} file.")
