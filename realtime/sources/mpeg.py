"""What MPEG audio (MP3) says of its own length: frame by frame, and in its info frames.

An MP3 is a row of frames that need not say how many they are. An encoder may put a frame
without sound in front that counts them (Xing, Info or VBRI), and joined files have one in
front of each part.
"""

from __future__ import annotations

import re
import struct

SAME_STREAM = 0xFFFE_0C00
"""Of a frame's header: sync, version, layer and sample rate, which a stream does not change."""
SLACK_SHARE = 0.05
SLACK_FRAMES = 10
"""Frames that may be missing, at most: encoders count differently."""
INFO_BYTES = 2_881
"""No frame is longer."""

_INFO = re.compile(rb"Xing|Info|VBRI")
_INFO_STARTS = 64
"""The word stands within so many bytes of the frame's start."""
_KBPS = {  # of MPEG 1 and of MPEG 2, by layer (ISO 11172-3 and 13818-3, 2.4.2.3)
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = (44_100, 48_000, 32_000)


def frame_bytes(head: bytes) -> int | None:
    """Length of the frame that begins with these four bytes; None if they begin none."""
    if len(head) < 4:
        return None
    word: int = struct.unpack(">I", head[:4])[0]
    version, layer = word >> 19 & 3, 4 - (word >> 17 & 3)
    rate, kbps = word >> 10 & 3, word >> 12 & 15
    if word >> 21 != 0x7FF or version == 1 or layer == 4 or rate == 3 or kbps in (0, 15):
        return None
    rate_hz = _RATES_HZ[rate] >> (0, 0, 1, 2)[(3, 2, 0).index(version) + 1]
    bits = 1_000 * _KBPS[1 if version == 3 else 2, layer][kbps - 1]
    padding = word >> 9 & 1
    if layer == 1:
        return (12 * bits // rate_hz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // rate_hz + padding


def frames_counted(info: bytes) -> int | None:
    """How many frames follow an info frame; 0 if it does not count, None if it is none."""
    found = _INFO.search(info, 0, _INFO_STARTS)
    if found is None:
        return None
    if found[0] == b"VBRI":
        entry = info[found.end() + 10 : found.end() + 14]
        return struct.unpack(">I", entry)[0] if len(entry) == 4 else 0
    entry = info[found.end() : found.end() + 8]
    flags, count = struct.unpack(">II", entry) if len(entry) == 8 else (0, 0)
    return count if flags & 1 else 0


def id3_bytes(head: bytes) -> int:
    """Length of an ID3v2 tag, from its first ten bytes: four of them with seven bits each."""
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 127
    return 10 + length


def last_info(passed: bytes) -> bytes:
    """The info frame that ends these bytes; empty if none does."""
    found = list(_INFO.finditer(passed))
    return passed[found[-1].start() :] if found else b""


class FrameCount:
    """Watches a stream's frames go by, and tells whether it lacks any."""

    def __init__(self, counted: int = 0) -> None:
        self._seen = 0
        self._due = _due(counted)
        self._lacking = False
        self._kind = 0
        self._last = b""

    def info(self, counted: int) -> None:
        """An info frame went by: what was due before it must have come, so much is due now."""
        self._lacking |= self._is_short()
        self._due = self._seen + _due(counted)

    def frame(self, data: bytes) -> None:
        """A frame that could be decoded."""
        self._seen += 1
        self._last = data
        self._kind = int.from_bytes(data[:4]) & SAME_STREAM

    def junk(self, data: bytes) -> None:
        """What could not be decoded; the start of a frame of this stream counts as the last."""
        if frame_bytes(data) and int.from_bytes(data[:4]) & SAME_STREAM == self._kind:
            self._last = data

    def lacks_frames(self) -> bool:
        """At the end: fewer came than were counted, or the last of them is not whole."""
        return self._lacking or self._is_short() or len(self._last) < (
            frame_bytes(self._last) or 0
        )

    def _is_short(self) -> bool:
        return self._seen < self._due


def _due(counted: int) -> int:
    return counted - min(SLACK_FRAMES, int(SLACK_SHARE * counted))
