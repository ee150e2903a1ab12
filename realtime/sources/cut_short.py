"""Whether a sound file ends before it says it does; decoders tell only some of it.

A truncated download or an interrupted copy would otherwise pass as a shorter
piece, and joined files as the first of them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from realtime.errors import TuttiError

UNKNOWN_LENGTH = 0x7FFF_0000
"""A chunk of at least this size was written to a pipe and means: until the end of the file."""

_CHUNK = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_STREAMED = 1
_ASF_SHARE = 0.95
"""Editors of tags change a file by a little without telling its header."""
_OGG_FIRST_PAGE = 2
_STEP = 1 << 20


class OggState(StrEnum):
    """How an Ogg file ends."""

    WHOLE = "whole"
    CUT = "cut"
    """Within a page."""
    JOINED = "joined"
    """Several streams, one after the other."""


def error(name: Path | str, read_s: float | None = None) -> TuttiError:
    """What to say of such a file; ``read_s`` is where reading ended, if it began."""
    where = "" if read_s is None else f" (it ended after {read_s:.1f} s)"
    return TuttiError(
        f"{name} is cut short or damaged and cannot be read to its end{where}: "
        "copy or export it again."
    )


def chunk_is_cut_short(decoder_log: str) -> bool:
    """WAV and AIFF, from libsndfile's log: the sound chunk is longer than the file."""
    found = _CHUNK.search(decoder_log)
    return found is not None and int(found[2]) < int(found[1]) < UNKNOWN_LENGTH


def wav_is_cut_short(path: Path) -> bool:
    """A WAV that libsndfile does not open, from its chunks; a length of 0 promises nothing."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                return length < UNKNOWN_LENGTH and file.tell() + length > size
            file.seek(length + length % 2, 1)
    return False


def asf_is_cut_short(head: bytes, size: int) -> bool:
    """WMA, from its first bytes: the file is much smaller than its properties say."""
    at = head.find(_ASF_PROPERTIES)
    stated = int.from_bytes(head[at + 40 : at + 48], "little")
    is_streamed = bool(head[at + 88 : at + 89] > b"" and head[at + 88] & _ASF_STREAMED)
    return at >= 0 and not is_streamed and size < _ASF_SHARE * stated


def ogg_state(path: Path) -> OggState:
    """Whether it ends where its pages say it does (RFC 3533, section 6)."""
    state, began = OggState.WHOLE, False
    size = path.stat().st_size
    with path.open("rb") as file:
        while (at := file.tell()) < size:
            head = file.read(27)
            if at and head[:4] != b"OggS"[: len(head)]:
                return state  # something else follows the sound
            if len(head) < 27:
                return OggState.CUT
            lacing = file.read(head[26])
            if len(lacing) < head[26] or file.seek(sum(lacing), 1) > size:
                return OggState.CUT
            is_first = bool(head[5] & _OGG_FIRST_PAGE)
            if is_first and began:
                state = OggState.JOINED
            began = not is_first
    return state


def chunks_go_on(path: Path) -> bool:
    """WAV and AIFF: whether another such file begins where the first one ends."""
    with path.open("rb") as file:
        magic = file.read(4)
        length = int.from_bytes(file.read(4), "big" if magic == b"FORM" else "little")
        file.seek(8 + length + length % 2)
        return file.read(4) == magic


def flac_goes_on(path: Path) -> bool:
    """Whether the file holds another stream after its first one."""
    with path.open("rb") as file:
        file.seek(4)
        kept = b""
        while part := file.read(_STEP):
            if _FLAC_START.search(kept + part):
                return True
            kept = part[-7:]
    return False
