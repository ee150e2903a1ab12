"""Whether a sound file ends before it says it does; decoders tell only some of it.

A truncated download or an interrupted copy would otherwise pass as a shorter
piece. FLAC needs nothing here: its decoder fails.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

UNKNOWN_LENGTH = 0x7FFF_0000
"""A chunk of at least this size was written to a pipe and means: until the end of the file."""
OGG_LONGEST_PAGE = 65_307
MP3_SEARCH = 65_536
MP3_SLACK_SHARE = 0.02
MP3_SLACK = 4_096
"""An MP3 may miss this share of its bytes, at most this many: encoders count differently."""

_CHUNK = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


def chunk_is_cut_short(decoder_log: str) -> bool:
    """WAV and AIFF, from libsndfile's log: the sound chunk is longer than the file."""
    found = _CHUNK.search(decoder_log)
    return found is not None and int(found[2]) < int(found[1]) < UNKNOWN_LENGTH


def ogg_is_cut_short(path: Path) -> bool:
    """The last page is incomplete (RFC 3533, section 6)."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 2 * OGG_LONGEST_PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS\0") :] if b"OggS\0" in tail else tail[:0]
    if len(page) < 27:
        return True
    lacing = page[27 : 27 + page[26]]
    return len(page) < 27 + page[26] + sum(lacing)


def mp3_start(path: Path) -> bytes | None:
    """The bytes from the first MPEG audio frame on (some 64 kB); None if there is no frame."""
    with path.open("rb") as file:
        tag = file.read(10)
        if tag[:3] == b"ID3" and len(tag) == 10:
            # ID3v2: its length is in four bytes of seven bits.
            file.seek(
                10
                + sum(
                    (byte & 0x7F) << shift
                    for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)
                )
            )
        else:
            file.seek(0)
        head = file.read(MP3_SEARCH)
    at = -1
    while (at := head.find(b"\xff", at + 1)) >= 0:
        if _is_mp3_header(head[at : at + 4]):
            return head[at:]
    return None


def _is_mp3_header(header: bytes) -> bool:
    """Sync, no reserved version, layer, bit rate or sample rate (ISO 11172-3, 2.4.1.3)."""
    return (
        len(header) == 4
        and header[1] & 0xE0 == 0xE0
        and header[1] & 0x18 != 0x08
        and header[1] & 0x06 != 0x00
        and header[2] & 0xF0 not in (0x00, 0xF0)
        and header[2] & 0x0C != 0x0C
    )


def mp3_is_cut_short(path: Path, start: bytes) -> bool:
    """Shorter than its Xing or Info header counts; an MP3 without one cannot tell."""
    found = re.search(rb"Xing|Info", start[:200])
    if found is None:
        return False
    entry = start[found.end() : found.end() + 12]
    if len(entry) < 12:
        return True
    flags, first, second = struct.unpack(">III", entry)
    if not flags & 2:
        return False
    counted = second if flags & 1 else first
    return path.stat().st_size < counted - min(MP3_SLACK, MP3_SLACK_SHARE * counted)
