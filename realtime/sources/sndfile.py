"""WAV, AIFF, FLAC, Ogg Vorbis and Opus: what libsndfile reads to the sample.

It comes along with ``soundfile``'s wheels. Unlike JUCE's readers it does not fill up a
truncated file with silence, and reads file names that are not UTF-8.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources import cut_short

if TYPE_CHECKING:
    import soundfile

UNKNOWN_FRAMES = 2**62
"""libsndfile's answer where a header gives no length is above this."""
_CHUNKED = {b"RIFF": "WAV", b"FORM": "AIFF"}
_MAGIC = (b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS")


class SndFile:
    """An open file, from ``opened``; ``frames`` is 0 where its header gives no length."""

    def __init__(self, path: Path, file: soundfile.SoundFile) -> None:
        self._path = path
        self._file = file
        self.sample_rate_hz: int = file.samplerate
        self.channels: int = file.channels
        self.frames: int = 0 if file.frames > UNKNOWN_FRAMES else file.frames
        self._at = 0

    def read(self, frames: int) -> NDArray[np.float32]:
        """At most so many frames (frames, channels); none at the end."""
        if self.frames:  # whatever follows the sound, such as tags, is not looked at
            frames = min(frames, self.frames - self._at)
        try:
            block: NDArray[np.float32] = self._file.read(frames, dtype="float32", always_2d=True)
        except (RuntimeError, OSError):
            raise self._damaged() from None
        self._at += len(block)
        if len(block) == 0:
            # A FLAC cut between two of its frames decodes without complaint.
            if self._at < self.frames:
                raise self._damaged()
            if self._file.format == "FLAC" and cut_short.flac_goes_on(self._path):
                raise _joined(self._path, "FLAC")
        return block

    def seek(self, frame: int) -> int:
        """Go on reading from there, or from the end; where that is."""
        try:
            self._at = self._file.seek(min(frame, self.frames or frame))
        except (RuntimeError, OSError):
            raise self._damaged() from None
        return self._at

    def close(self) -> None:
        self._file.close()

    def _damaged(self) -> TuttiError:
        return cut_short.error(self._path, self._at / self.sample_rate_hz)


def opened(path: Path) -> SndFile | None:
    """The file, or None where libsndfile refuses it or would only estimate its length.

    Raises:
        TuttiError: it is cut short, or several files in one.
    """
    with path.open("rb") as start:
        magic = start.read(4)
    if magic not in _MAGIC:
        return None
    if magic == b"OggS":
        state = cut_short.ogg_state(path)
        if state == cut_short.OggState.JOINED:  # libsndfile would end with the first
            return None
        if state == cut_short.OggState.CUT:
            raise cut_short.error(path)
    if magic in _CHUNKED and cut_short.chunks_go_on(path):
        raise _joined(path, _CHUNKED[magic])
    try:
        # Bytes, because a name need not be UTF-8; Windows has its own way for text.
        file = _reader()(str(path) if sys.platform == "win32" else os.fsencode(path))
    except (RuntimeError, OSError, TypeError, ValueError):
        if magic == b"RIFF" and cut_short.wav_is_cut_short(path):
            raise cut_short.error(path) from None
        return None
    if cut_short.chunk_is_cut_short(file.extra_info):
        file.close()
        raise cut_short.error(path)
    # A recorder that loses power leaves a length of 0 before the sound.
    if file.frames <= 0 or file.subtype.startswith("MPEG"):
        file.close()
        return None
    return SndFile(path, file)


def _joined(path: Path, kind: str) -> TuttiError:
    return TuttiError(
        f"{path} holds several {kind} streams joined, of which only the first can be read: "
        "export it again as one."
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
