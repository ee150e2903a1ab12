"""Sound without a header: what its bytes are, and how they become samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.windows import MAX_RATE_HZ, MIN_RATE_HZ

SAMPLES = {
    "u8": "u1",
    "s16le": "<i2",
    "s16be": ">i2",
    "s24le": "<i3",
    "s24be": ">i3",
    "s32le": "<i4",
    "s32be": ">i4",
    "f32le": "<f4",
    "f32be": ">f4",
    "f64le": "<f8",
    "f64be": ">f8",
}
"""ffmpeg's names, and what numpy calls them; numpy has no integers of three bytes."""
MAX_CHANNELS = 1024


@dataclass(frozen=True)
class RawFormat:
    """Interleaved samples: ``samples`` is a key of ``SAMPLES``."""

    samples: str
    sample_rate_hz: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        return int(SAMPLES[self.samples][-1]) * self.channels

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Whole frames of bytes as float32 (frames, channels), full scale 1.0."""
        code = SAMPLES[self.samples]
        samples: NDArray[np.floating]
        if code[1:] == "i3":
            octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
            wide = np.zeros((len(octets), 4), np.uint8)  # as 32 bits whose last 8 are 0
            wide[:, 1:] = octets if code[0] == "<" else octets[:, ::-1]
            samples = wide.view("<i4")[:, 0] / 2.0**31
        elif code == "u1":
            samples = (np.frombuffer(data, np.uint8) - 128.0) / 128.0
        elif code[1] == "i":
            samples = np.frombuffer(data, code) / 2.0 ** (8 * int(code[2]) - 1)
        else:
            samples = np.frombuffer(data, code)
        return samples.astype(np.float32).reshape(-1, self.channels)


def parse_raw_format(text: str) -> RawFormat:
    """``f32le:48000:2``: samples, rate in Hz, channels.

    Raises:
        ValueError: it is not of that form, or outside what can be heard.
    """
    samples, rate, channels = text.split(":")
    found = RawFormat(samples.lower(), int(rate), int(channels))
    if found.samples not in SAMPLES or not MIN_RATE_HZ <= found.sample_rate_hz <= MAX_RATE_HZ:
        raise ValueError(text)
    if not 1 <= found.channels <= MAX_CHANNELS:
        raise ValueError(text)
    return found
