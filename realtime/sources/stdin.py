"""Sound that comes in on stdin, from a pipe: WAV, FLAC, what FFmpeg knows, or raw samples.

It can be read once, forwards, and need not say how long it is.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources.cut_short import UNKNOWN_LENGTH
from realtime.sources.raw import MAX_CHANNELS, RawFormat
from realtime.windows import MAX_RATE_HZ, MIN_RATE_HZ

NAME = "-"
UNKNOWN_FRAMES = 2**62
"""libsndfile's answer where a head gives no length is above this."""
BLOCK_S = 10.0
MAX_BLOCK_SAMPLES = 2_000_000
PIPE_BYTES = 65_536

_RIFF_LIKE = (b"RIFF", b"RF64", b"BW64")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WAV_SAMPLES = {
    (_PCM, 8): "u8",
    (_PCM, 16): "s16le",
    (_PCM, 24): "s24le",
    (_PCM, 32): "s32le",
    (_FLOAT, 32): "f32le",
    (_FLOAT, 64): "f64le",
}


class _Decoder(Protocol):
    sample_rate_hz: int
    channels: int
    frames: int
    """As the stream's head says; 0 if it does not."""

    def read(self, frames: int) -> NDArray[np.float32]:
        """At most so many frames; none at the end."""


class StdinSource:
    """Stdin as blocks of float32 (frames, channels), like a ``FileSource`` that is read once.

    ``raw_format``: what the bytes are; None reads a stream's own head.
    ``stream``: another stream of bytes than stdin.

    Raises:
        TuttiError: from the constructor or ``read()``: there is no pipe, it is empty, not
            sound, or ends too early.
    """

    live = False
    overflows = 0
    name = NAME

    def __init__(self, raw_format: RawFormat | None = None, stream: BinaryIO | None = None) -> None:
        pipe = _Pipe(stream or _stdin())
        head = pipe.peek(4)
        if not head:
            raise TuttiError("Nothing came in on stdin: pipe sound into it.")
        if raw_format is not None:
            self._decoder: _Decoder = _Samples(pipe, raw_format, None)
        elif head in _RIFF_LIKE:
            self._decoder = _wav(pipe)
        elif head == b"fLaC":
            self._decoder = _Flac(pipe)
        else:
            self._decoder = _other(pipe)
        self.sample_rate_hz = self._decoder.sample_rate_hz
        self.channels = self._decoder.channels
        self.frames = self._decoder.frames
        if not MIN_RATE_HZ <= self.sample_rate_hz <= MAX_RATE_HZ:
            raise TuttiError(f"The sound on stdin claims {self.sample_rate_hz} Hz: send it again.")
        by_time = int(BLOCK_S * self.sample_rate_hz)
        self._block_frames = max(1, min(by_time, MAX_BLOCK_SAMPLES // self.channels))
        self._frames_read = 0

    @property
    def duration_s(self) -> float:
        """Length that the stream's head claims; 0 if it does not."""
        return self.frames / self.sample_rate_hz

    def read(self, timeout_s: float | None = None) -> NDArray[np.float32] | None:
        """The next block, or None at the end."""
        block = self._decoder.read(self._block_frames)
        self._frames_read += len(block)
        if len(block):
            return block
        if self._frames_read < self.frames:
            raise _cut_short()
        return None

    def close(self) -> None:
        """Nothing: stdin is the program's."""

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        while (block := self.read()) is not None:
            yield block

    def __enter__(self) -> StdinSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise TuttiError("Stdin is closed: pipe sound into it, or name a file.")
    if sys.stdin.isatty():
        raise TuttiError(
            "Stdin is the keyboard: pipe sound into it, as in: tutti tag - < mix.wav."
        )
    return sys.stdin.buffer


def _cut_short() -> TuttiError:
    return TuttiError("The sound on stdin ends before its head says it does: send it again.")


def _other(pipe: _Pipe) -> _Decoder:
    from realtime.sources import av_file

    # Whether an Ogg is whole shows only in its pages, which a pipe cannot go back to.
    is_ogg = pipe.peek(4) == b"OggS"
    found = None if is_ogg else av_file.opened(cast(BinaryIO, pipe), "The sound on stdin")
    if found is None:
        raise TuttiError(
            "What comes in on stdin is no sound that can be read from a pipe: give it as a file, "
            "or say what its samples are with --raw-format, as in f32le:48000:2."
        )
    found.frames = 0  # an estimate
    return found


class _Pipe:
    """Bytes in order, with a look at what comes next."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""

    def peek(self, count: int) -> bytes:
        self._ahead = self.read(count)
        return self._ahead

    def read(self, count: int) -> bytes:
        """Exactly so many bytes, fewer only at the end."""
        parts = [self._ahead[:count]]
        self._ahead = self._ahead[count:]
        missing = count - len(parts[0])
        while missing > 0:
            try:
                part = self._stream.read(missing)
            except OSError as error:  # a folder on stdin
                raise TuttiError(
                    f"Stdin cannot be read ({error.strerror}): pipe sound into it."
                ) from None
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing: the stream is the caller's."""

    def skip(self, count: int) -> None:
        while count > 0 and (part := self.read(min(count, PIPE_BYTES))):
            count -= len(part)


class _Samples:
    """Samples as they are, ``length`` bytes of them or, with None, until the end."""

    def __init__(self, pipe: _Pipe, raw: RawFormat, length: int | None) -> None:
        self._pipe = pipe
        self._raw = raw
        self.sample_rate_hz = raw.sample_rate_hz
        self.channels = raw.channels
        self.frames = 0 if length is None else length // raw.frame_bytes
        self._left = self.frames if length is not None else None

    def read(self, frames: int) -> NDArray[np.float32]:
        size = self._raw.frame_bytes
        wanted = frames if self._left is None else min(frames, self._left)
        data = self._pipe.read(wanted * size)
        whole = len(data) // size
        if self._left is None:
            if len(data) % size:
                raise TuttiError(
                    f"The sound on stdin ends within a frame of {size} bytes: send it again, "
                    "or check its format."
                )
        else:
            self._left -= whole
            if not self._left:  # the chunks after the sound: who writes them wants a reader
                self._pipe.skip(sys.maxsize)
        return self._raw.decode(data[: whole * size])


def _wav(pipe: _Pipe) -> _Samples:
    """The samples of a RIFF, RF64 or BW64 stream, from its head on."""
    pipe.read(8)
    if pipe.read(4) != b"WAVE":
        raise _not_wav("it is RIFF, but not WAVE")
    raw: RawFormat | None = None
    long_length: int | None = None
    while len(head := pipe.read(8)) == 8:
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind == b"data":
            if raw is None:
                raise _not_wav("it has no 'fmt ' chunk before its sound")
            if size == 0xFFFF_FFFF and long_length:
                size = long_length
            elif size == 0 or size >= UNKNOWN_LENGTH:
                return _Samples(pipe, raw, None)
            return _Samples(pipe, raw, size)
        body = pipe.read(min(size, PIPE_BYTES))
        pipe.skip(size - len(body) + size % 2)
        if kind == b"fmt ":
            raw = _wav_format(body)
        elif kind == b"ds64" and len(body) >= 16:
            long_length = struct.unpack_from("<Q", body, 8)[0]
    raise _not_wav("it ends before its sound")


def _wav_format(body: bytes) -> RawFormat:
    if len(body) < 16:
        raise _not_wav("its 'fmt ' chunk is cut short")
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == _EXTENSIBLE and len(body) >= 26:
        kind = struct.unpack_from("<H", body, 24)[0]
    if (kind, bits) not in _WAV_SAMPLES:
        raise _not_wav(f"its samples have {bits} bits in format {kind}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise _not_wav(f"it claims {channels} channels")
    return RawFormat(_WAV_SAMPLES[kind, bits], rate_hz, channels)


def _not_wav(why: str) -> TuttiError:
    return TuttiError(f"The WAV stream on stdin cannot be read ({why}): give it as a file.")


class _Forward:
    """What libsndfile asks of a file, over a pipe: it looks back a little at the start only."""

    KEPT = 1 << 20
    END = 1 << 62

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self._kept = b""
        self._first = 0  # where in the stream the kept bytes begin
        self._at = 0
        self.error: BaseException | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self.END)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def write(self, data: bytes) -> int:
        return 0

    def readinto(self, buffer: memoryview) -> int:
        """Never raises: it is called from C. What went wrong is in ``error``."""
        try:
            data = self._read(len(buffer))
        except BaseException as error:  # noqa: B036  Ctrl-C too: it is raised again outside
            self.error = error
            return 0
        buffer[: len(data)] = data
        return len(data)

    def _read(self, count: int) -> bytes:
        ahead = self._at + count - self._first - len(self._kept)
        if not self._first <= self._at < self.END - self.KEPT or ahead > self.KEPT:
            return b""
        if ahead > 0:
            self._kept += self._pipe.read(ahead)
        start = self._at - self._first
        data = self._kept[start : start + count]
        self._at += len(data)
        if len(self._kept) > 2 * self.KEPT:
            self._first += self.KEPT
            self._kept = self._kept[self.KEPT :]
        return data


class _Flac:
    """A FLAC stream, by libsndfile."""

    def __init__(self, pipe: _Pipe) -> None:
        try:
            import soundfile
        except OSError:
            raise TuttiError(
                "FLAC on stdin cannot be read because the library libsndfile is missing: "
                "install it (Debian: apt install libsndfile1), or send WAV."
            ) from None

        class Reader(soundfile.SoundFile):
            def seekable(self) -> bool:  # it would look where it is after every block
                return False

        self._forward = _Forward(pipe)
        try:
            self._file = Reader(self._forward)
        except (RuntimeError, OSError, TypeError, ValueError):
            self._raise(TuttiError("The FLAC stream on stdin is damaged: send it again."))
        self.sample_rate_hz: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = 0 if self._file.frames > UNKNOWN_FRAMES else self._file.frames

    def read(self, frames: int) -> NDArray[np.float32]:
        try:
            block: NDArray[np.float32] = self._file.read(frames, dtype="float32", always_2d=True)
        except (RuntimeError, OSError):
            self._raise(_cut_short())
        if self._forward.error is not None:
            self._raise(_cut_short())
        return block

    def _raise(self, otherwise: TuttiError) -> None:
        raise self._forward.error or otherwise from None
