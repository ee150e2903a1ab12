"""Sound files as a stream of blocks: WAV, AIFF, FLAC, Ogg Vorbis, Opus, MP3 and more.

libsndfile decodes (through ``soundfile``, whose wheels bring it along): unlike
JUCE's readers it does not fill up a truncated file with silence, cuts an MP3 to
its exact length, and reads file names that are not UTF-8.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources import cut_short
from realtime.windows import MAX_RATE_HZ, MIN_RATE_HZ

if TYPE_CHECKING:
    import soundfile

BLOCK_S = 10.0
MAX_BLOCK_SAMPLES = 2_000_000
"""Over all channels: bounds memory whatever the header claims."""
UNKNOWN_FRAMES = 2**62
"""libsndfile's answer where a header gives no length is above this."""
FORMATS = "WAV, AIFF, FLAC, OGG or MP3"


class FileSource:
    """A sound file, read block by block; memory does not grow with its length.

    ``sample_rate_hz``, ``channels`` and ``frames`` are the header's (``frames``
    is 0 if it gives no length, and an estimate for some MP3). The constructor opens.

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
        self._file: soundfile.SoundFile | None = None
        self.open()

    @property
    def duration_s(self) -> float:
        """Length that the file's header claims."""
        return self.frames / self.sample_rate_hz

    def open(self) -> None:
        """Open, or go back to the start."""
        self.close()
        _check_path(self.path)
        self._file = file = _open(self.path)
        try:
            self._check(file)
        except TuttiError:
            self.close()
            raise
        self.sample_rate_hz: int = file.samplerate
        self.channels: int = file.channels
        self.frames: int = 0 if file.frames > UNKNOWN_FRAMES else file.frames
        self._frames_read = 0
        by_time = int(self._block_s * file.samplerate)
        self._block_frames = max(1, min(by_time, MAX_BLOCK_SAMPLES // self.channels))

    def read(self, timeout_s: float | None = None) -> NDArray[np.float32] | None:
        """The next block, float32 (frames, channels), or None at the end."""
        if self._file is None:
            raise ValueError("the file is closed")
        try:
            block = self._file.read(self._block_frames, dtype="float32", always_2d=True)
        except (RuntimeError, OSError):
            raise self._damaged() from None
        self._frames_read += len(block)
        # A FLAC cut between two of its frames decodes without complaint; an MP3 only estimates.
        if not len(block) and self._frames_read < self.frames and self._file.format != "MP3":
            raise self._damaged()
        return block if len(block) else None

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

    def _check(self, file: soundfile.SoundFile) -> None:
        if not MIN_RATE_HZ <= file.samplerate <= MAX_RATE_HZ:
            raise TuttiError(
                f"{self.path} claims {file.samplerate} Hz, which cannot be right: "
                "it may be damaged, so export it again."
            )
        is_ogg = file.format == "OGG"
        if cut_short.chunk_is_cut_short(file.extra_info) or (
            is_ogg and cut_short.ogg_is_cut_short(self.path)
        ):
            raise self._damaged()
        if file.frames <= 0:
            raise TuttiError(
                f"{self.path} holds no sound (its length is zero): record or export it again."
            )

    def _damaged(self) -> TuttiError:
        return TuttiError(
            f"{self.path} is cut short or damaged and cannot be read to its end: "
            "copy or export it again."
        )


@cache
def _reader() -> type[soundfile.SoundFile]:
    """soundfile's reader, told that it only goes forwards.

    It would otherwise seek after every block, which costs time, and fails at the
    end of a file whose header gives no length.
    """
    try:
        import soundfile
    except OSError:
        raise TuttiError(
            "Sound files cannot be read because the library libsndfile is missing: "
            "install it (Debian: apt install libsndfile1)."
        ) from None

    class ForwardReader(soundfile.SoundFile):
        def seekable(self) -> bool:
            return False

    return ForwardReader


def _open(path: Path) -> soundfile.SoundFile:
    reader = _reader()
    if path.suffix.lower() == ".mp3":
        # Asked first, because the MP3 decoder would write notes of its own on stderr.
        start = cut_short.mp3_start(path)
        if start is None:
            raise _not_sound(path)
        if cut_short.mp3_is_cut_short(path, start):
            raise TuttiError(f"{path} is cut short: copy or export it again.")
    try:
        # Bytes, because a name need not be UTF-8; Windows has its own way for text.
        return reader(str(path) if sys.platform == "win32" else os.fsencode(path))
    except (RuntimeError, OSError, TypeError, ValueError):
        raise _not_sound(path) from None


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
    if not path.is_file():
        raise TuttiError(f"{path} is not a regular file: give it a {FORMATS} file.")
    if not os.access(path, os.R_OK):
        raise TuttiError(f"{path} may not be read by you: change its permissions.")
    if status.st_size == 0:
        raise TuttiError(f"{path} is empty: give it a {FORMATS} file.")
