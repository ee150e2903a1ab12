"""One packet of ReaStream, the network plug-in of REAPER's makers: packed and parsed.

A packet carries no number and no time: what is lost on the way only the clock tells.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from realtime.windows import MAX_RATE_HZ, MIN_RATE_HZ

PORT = 58_710
"""UDP; the plug-in has no other."""
HEADER = struct.Struct("<4si32sBih")
"""``MRSR``, bytes of the packet, identifier, channels, rate in Hz, bytes of samples."""
AUDIO, MIDI = b"MRSR", b"mRSR"
MAX_BLOCK_BYTES = 1_200
MAX_CHANNELS = 64
NAME_BYTES = 31
"""Of an identifier; a zero ends it."""
SAMPLE_BYTES = 4


class Kind(StrEnum):
    """Why a packet is not heard."""

    MIDI = "MIDI"
    FOREIGN = "foreign"
    """Not ReaStream's at all."""
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Packet:
    """A moment of sound: ``samples`` are float32, all of one channel before those of the next."""

    name: str
    channels: int
    sample_rate_hz: int
    samples: bytes

    @property
    def format(self) -> tuple[int, int]:
        """What must stay as it is within a stream: channels and rate."""
        return self.channels, self.sample_rate_hz

    @property
    def frames(self) -> int:
        return len(self.samples) // (SAMPLE_BYTES * self.channels)

    @property
    def block(self) -> NDArray[np.float32]:
        """The samples as every source gives them: (frames, channels)."""
        return np.frombuffer(self.samples, "<f4").reshape(self.channels, -1).T


@dataclass(frozen=True)
class Refused:
    """A packet that is not sound. ``name`` is its identifier, where it has one."""

    kind: Kind
    reason: str
    name: str = ""


def parse(datagram: bytes) -> Packet | Refused:
    """What a datagram is; never raises, whatever it holds."""
    magic = datagram[:4]
    if magic not in (AUDIO, MIDI):
        return Refused(Kind.FOREIGN, "it does not begin as ReaStream's do")
    if len(datagram) < 40:
        return Refused(Kind.DAMAGED, f"{len(datagram)} bytes are less than a header")
    name = shown(datagram[8:40])
    if magic == MIDI:
        return Refused(Kind.MIDI, "MIDI", name)
    if len(datagram) < HEADER.size:
        return Refused(Kind.DAMAGED, f"{len(datagram)} bytes are less than a header", name)
    _, size, _, channels, rate_hz, block = HEADER.unpack_from(datagram)
    if not size == len(datagram) == HEADER.size + block:
        reason = f"{len(datagram)} bytes that claim {size}, with {block} of sound"
    elif not 1 <= channels <= MAX_CHANNELS:
        reason = f"{channels} channels"
    elif not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        reason = f"a sample rate of {rate_hz} Hz"
    elif not 0 < block <= MAX_BLOCK_BYTES or block % (SAMPLE_BYTES * channels):
        reason = f"{block} bytes of sound in {channels} channels"
    else:
        return Packet(name, channels, rate_hz, datagram[HEADER.size :])
    return Refused(Kind.DAMAGED, reason, name)


def packets(name: str, block: NDArray[np.float32], sample_rate_hz: int) -> Iterator[bytes]:
    """A block (frames, channels) as the plug-in would send it, in as few packets as it needs.

    Raises:
        ValueError: a name, channel count or rate that no packet can carry.
    """
    channels = block.shape[1]
    encoded = name.encode()
    if not 0 < len(encoded) <= NAME_BYTES or b"\0" in encoded:
        raise ValueError(f"'{name}' is no identifier: use 1 to {NAME_BYTES} bytes")
    if not 1 <= channels <= MAX_CHANNELS or not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise ValueError(f"{channels} channels at {sample_rate_hz} Hz fit no packet")
    frames = MAX_BLOCK_BYTES // (SAMPLE_BYTES * channels)
    for start in range(0, len(block), frames):
        samples = block[start : start + frames].T.astype("<f4").tobytes()
        size = HEADER.size + len(samples)
        yield HEADER.pack(AUDIO, size, encoded, channels, sample_rate_hz, len(samples)) + samples


@lru_cache(maxsize=1024)
def shown(identifier: bytes) -> str:
    """An identifier's bytes as text that does a terminal no harm."""
    text = identifier.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
