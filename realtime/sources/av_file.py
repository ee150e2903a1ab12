"""What libsndfile refuses or only estimates, by FFmpeg: MP3, M4A, WMA, the sound of films.

FFmpeg comes with PyAV's wheels, which load only when such a file is opened. It is given
bytes, never a name, and only formats that hold sound themselves: a playlist, or a film that
points to other files, can open neither files nor addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources import cut_short
from realtime.sources.mpeg import INFO_BYTES, FrameCount, frames_counted, id3_bytes, last_info

if TYPE_CHECKING:
    import av
    from av.stream import Stream

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,loas,matroska,webm,mlp,"
    "mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,mpegts,mxf,ogg,oma,qoa,rm,tak,truehd,tta,voc,"
    "w64,wav,wv"
)
"""FFmpeg's names of all formats that are opened, whatever a file claims to be."""
STATES_LENGTH = {
    "aiff", "ape", "au", "caf", "dsf", "flac", "flv", "matroska,webm", "tak", "tta",
    "w64", "wav", "wv",
}  # fmt: skip
"""Those whose header says how long they are; elsewhere FFmpeg guesses."""
RESYNCHRONISES = {"aac", "ac3", "dts", "eac3", "loas", "mlp", "mp3", "mpeg", "mpegts", "truehd"}
"""Frames in a row, each found by its own start: what is between them is passed over."""
SLACK_SHARE, MIN_SLACK_S, MAX_SLACK_S = 0.02, 0.05, 0.25
"""How much may be missing from a stated length: it is rounded, and counts what is not heard."""
LOST_BYTES = 65_536
"""More bytes than this between the frames are lost sound."""
HEAD_BYTES = 65_536
OTHER_FRAMES = 4
"""So many frames in a row of another rate are a change; fewer are junk that looks like them."""
SKIPPED_FRAMES = 1 << 18
PREROLL_S = 0.2
"""Read before a place that is jumped to: a frame needs those before it."""
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")


def opened(stream: BinaryIO, name: str) -> AvFile | None:
    """The sound in a stream of bytes, or None where FFmpeg knows nothing like it.

    ``name`` is for what is said of it. The stream need not be able to go back, but
    ``seek`` needs it. It is closed with the file.

    Raises:
        TuttiError: there is no sound in it, or it cannot be read.
    """
    try:
        return AvFile(stream, name)
    except _Nothing:
        stream.close()
        return None
    except BaseException:
        stream.close()
        raise


class AvFile:
    """Sound that FFmpeg decodes, packet by packet, from ``opened``.

    ``frames`` is what the header states or suggests, 0 if nothing; only reading to the end tells.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name
        self._held: NDArray[np.float32]
        self._blocks: Iterator[NDArray[np.float32]]
        self._open()

    def read(self, frames: int) -> NDArray[np.float32]:
        """At most so many frames (frames, channels); none at the end.

        Raises:
            TuttiError: the file cannot be read to its end, or changes its rate.
        """
        parts: list[NDArray[np.float32]] = []
        while frames > 0:
            if not len(self._held):
                block = next(self._blocks, None)
                if block is None:
                    break
                self._held = block
            parts.append(self._held[:frames])
            self._held = self._held[frames:]
            frames -= len(parts[-1])
        return np.concatenate(parts) if parts else self._held[:0]

    def seek(self, frame: int) -> int:
        """Go on reading from there, or from the end; where that is. Then nothing is checked."""
        from av import time_base

        ahead = -1
        try:
            before_s = max(self._first_s, self._first_s + frame / self.sample_rate_hz - PREROLL_S)
            self._container.seek(round(before_s * time_base))
            self._start(is_whole=False)
            ahead = frame - round((self._pts_s - self._first_s) * self.sample_rate_hz)
        except (_Nothing, TuttiError):
            pass
        except _errors():
            pass
        if ahead < 0:  # not every format can jump
            self._container.close()
            self._stream.seek(0)
            self._open()
            ahead = frame
        while ahead > 0 and len(passed := self.read(min(ahead, SKIPPED_FRAMES))):
            ahead -= len(passed)
        return frame - ahead

    def close(self) -> None:
        self._container.close()
        self._stream.close()

    def _open(self) -> None:
        import av

        av.logging.set_level(None)
        self._bytes = _Bytes(self._stream)
        try:
            self._container = av.open(
                self._bytes,
                mode="r",
                options={"format_whitelist": FORMATS, "protocol_whitelist": "none"},
                metadata_errors="ignore",
            )
        except _errors():
            raise _Nothing from None
        self._format = self._container.format.name
        try:
            self._audio = self._default_stream()
            self._start(is_whole=True)
        except BaseException:
            self._container.close()
            raise
        length_s = self._stated_s or (self._container.duration or 0) / av.time_base
        self.frames = max(0, round(length_s * self.sample_rate_hz))

    def _default_stream(self) -> av.AudioStream:
        from av import AudioStream
        from av.stream import Discard

        found = self._container.streams.best("audio")
        if not isinstance(found, AudioStream) or found.codec_context is None:
            raise TuttiError(
                f"{self._name} holds no sound that can be decoded: give it a file with sound."
            )
        found.codec_context.thread_count = 1
        if self._format.startswith("mov"):  # it then passes over the pictures
            for other in self._container.streams:
                if other is not found:
                    other.discard = Discard.all
        return found

    @property
    def _stated_s(self) -> float:
        """Where the header says that the file ends; 0 if it does not."""
        from av import time_base

        audio = self._audio
        if self._format.startswith("mov") and audio.duration and audio.time_base:
            return float(audio.duration * audio.time_base)
        if self._format == "avi" and audio.time_base:  # its duration is what is there
            return float(audio.frames * audio.time_base)
        if self._format in STATES_LENGTH:
            return (self._container.duration or 0) / time_base
        return 0.0

    def _start(self, *, is_whole: bool) -> None:
        """Decode from where the container is; the first frame says what the sound is like."""
        self._is_whole = is_whole
        self._end_s = self._pts_s = 0.0
        self._lost_bytes = self._others = self._tag_until = 0
        self._ended_badly = False
        self._count: FrameCount | None = None
        frames = self._decoded()
        first = next(frames, None)
        if first is None:
            raise TuttiError(
                f"{self._name} holds no sound (its length is zero): record or export it again."
            )
        self.sample_rate_hz: int = first.sample_rate
        self.channels: int = first.layout.nb_channels
        self._pts_s = first.time or 0.0
        if is_whole:
            self._first_s = self._pts_s
        try:
            self._held = self._samples(first)
        except ValueError:  # samples that NumPy has no name for
            raise _Nothing from None
        self._blocks = (self._samples(frame) for frame in frames if self._fits(frame))

    def _decoded(self) -> Iterator[av.AudioFrame]:
        """Every frame; at the end what is missing, if anything is."""
        began = False
        try:
            for packet in self._packets():
                if packet.pts is not None and packet.time_base is not None:
                    end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    self._end_s = max(self._end_s, end_s)
                if packet.stream_index != self._audio.index or self._in_tag(packet):
                    continue
                if packet.is_corrupt and self._format != "wav":  # whose length tells
                    raise self._damaged()
                for frame in self._frames(packet, began):
                    began = True
                    yield frame
        except _errors():
            raise (self._damaged() if began else _Nothing()) from None
        if began and self._is_whole and self._lacks_sound():
            raise self._damaged()

    def _packets(self) -> Iterator[av.Packet[Stream]]:
        try:
            yield from self._container.demux()
        except IndexError:  # PyAV's, at the end, for a stream that the header did not name
            return

    def _frames(self, packet: av.Packet[Stream], began: bool) -> list[av.AudioFrame]:
        """A packet's frames; none of what is only between frames, such as tags."""
        data = bytes(packet)
        if self._format == "mp3":  # or MP2
            self._count = self._count or FrameCount(frames_counted(self._before(packet)) or 0)
            if (counted := frames_counted(data)) is not None:
                self._count.info(counted)
                return []
        try:
            frames = self._audio.decode(packet)
        except _errors():
            if self._format not in RESYNCHRONISES:
                raise
            if self._count is not None:
                self._count.junk(data)
            elif not data.startswith(TAGS):
                self._ended_badly = True
            self._lost_bytes += len(data) if began and not data.startswith(TAGS) else 0
            return []
        if data:
            self._ended_badly = False
            if self._count is not None:
                self._count.frame(data)
        return frames

    def _in_tag(self, packet: av.Packet[Stream]) -> bool:
        """Whether it lies in a tag between joined files, whose pictures may look like frames."""
        if self._format in RESYNCHRONISES and packet.pos is not None:
            head = bytes(packet)[:10]
            if head.startswith(b"ID3") and packet.pos >= self._tag_until:
                self._tag_until = packet.pos + id3_bytes(head)
                return len(head) < packet.size <= id3_bytes(head)
            return packet.pos < self._tag_until
        return False

    def _before(self, packet: av.Packet[Stream]) -> bytes:
        """What FFmpeg passed over just before the first packet: an info frame, if there is one."""
        passed = min(packet.pos or 0, INFO_BYTES)
        return last_info(self._part((packet.pos or 0) - passed, passed))

    def _head(self) -> tuple[bytes, int]:
        """The first bytes, and how many there are in all (at the end of a pipe: were)."""
        return self._part(0, HEAD_BYTES), self._bytes.count or self._container.size

    def _part(self, start: int, count: int) -> bytes:
        if not self._stream.seekable():
            return self._bytes.head[start : start + count]
        at = self._stream.tell()
        self._stream.seek(start)
        part = self._stream.read(count)
        self._stream.seek(at)
        return part

    def _lacks_sound(self) -> bool:
        stated_s = self._stated_s
        slack_s = min(max(SLACK_SHARE * stated_s, MIN_SLACK_S), MAX_SLACK_S)
        return (
            self._end_s < stated_s - slack_s
            or (self._format == "asf" and cut_short.asf_is_cut_short(*self._head()))
            or self._ended_badly
            or self._lost_bytes > LOST_BYTES
            or (self._count is not None and self._count.lacks_frames())
        )

    def _fits(self, frame: av.AudioFrame) -> bool:
        if frame.sample_rate == self.sample_rate_hz:
            self._others = 0
            return True
        self._others += 1
        if self._format in RESYNCHRONISES and self._others < OTHER_FRAMES:
            return False
        raise TuttiError(
            f"{self._name} changes from {self.sample_rate_hz} to {frame.sample_rate} Hz at "
            f"{frame.time or 0.0:.1f} s: cut it there, or export it again as one."
        )

    def _samples(self, frame: av.AudioFrame) -> NDArray[np.float32]:
        """A frame as (frames, channels), in the channels of the first."""
        array = frame.to_ndarray()
        channels = frame.layout.nb_channels
        array = array.T if frame.format.is_planar else array.reshape(-1, channels)
        if self._format.startswith("mov") and frame.time is not None:
            # The last frame is filled up.
            left = round((self._first_s + self._stated_s - frame.time) * self.sample_rate_hz)
            array = array[:left] if 0 < left < len(array) else array
        if array.dtype == np.uint8:
            array = (array.astype(np.float32) - 128) / 128
        elif array.dtype.kind == "i":
            array = array.astype(np.float32) / 2.0 ** (8 * array.itemsize - 1)
        if channels != self.channels:
            if channels != 1:
                array = array.mean(axis=1, keepdims=True)
            array = np.repeat(array, self.channels, axis=1)
        return array.astype(np.float32, copy=False)

    def _damaged(self) -> TuttiError:
        return cut_short.error(self._name, self._end_s)


class _Nothing(Exception):
    """FFmpeg finds nothing that it knows."""


class _Bytes:
    """A stream without its name, whose ending FFmpeg would believe."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0
        self.head = b""
        """The first bytes, of a pipe."""
        self.read: Callable[[int], bytes] = self._read
        if stream.seekable():
            self.read, self.seek, self.tell = stream.read, self._seek, stream.tell

    def _read(self, count: int) -> bytes:
        part = self._stream.read(count)
        self.head += part[: HEAD_BYTES - len(self.head)]
        self.count += len(part)
        return part

    def _seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._stream.seek(offset, whence)
        except (OSError, ValueError):  # a damaged file points before its start
            return -1


@cache
def _errors() -> tuple[type[Exception], ...]:
    """What PyAV raises for a bad file."""
    from av import FFmpegError

    return (FFmpegError, OSError, ValueError, MemoryError, OverflowError)

