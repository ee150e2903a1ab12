"""Which part of a multichannel signal the model hears.

``left``, ``right``: the first or second channel. ``mid``, ``side``: (L+R)/2
and (L-R)/2 of the first two. ``(i, j)``: two channels, numbered from 0, heard
like mono; ``(i, i)`` is one channel alone. ``mono``: all channels.

A plain sum would lose every instrument whose channels are out of phase, and any
rule that switches between sum and difference would jump. So ``mono`` turns
every second channel by 90 degrees (a Hilbert transformer) before it adds: a
source panned anywhere, in either polarity, keeps its level, since
|a + jb|^2 = a^2 + b^2 whatever the signs. It is linear, keeps no decision, and
for a stereo pair the level is the RMS over both channels. The price is a
constant phase turn that neither ear nor model minds. Broadcast used 90 degree
networks for mono for the same reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError

Channel = Literal["mono", "left", "right", "mid", "side"] | tuple[int, int]
CHANNEL_NAMES = ("mono", "left", "right", "mid", "side")

HALF_TAPS = 127
"""At 16 kHz: 8 ms each way; the turn is complete above some 120 Hz, partial below."""


def parse_channel(text: str) -> Channel:
    """Read a ``--channel`` value: a name, or one or two channel numbers from 1 ("3" or "3,4").

    Raises:
        ValueError: it is neither.
    """
    for name in CHANNEL_NAMES:
        if text == name:
            return name  # type: ignore[return-value]
    numbers = [int(part) for part in text.split(",")]
    if not 1 <= len(numbers) <= 2 or min(numbers) < 1:
        raise ValueError(text)
    return numbers[0] - 1, numbers[-1] - 1


def hilbert_taps(half_taps: int = HALF_TAPS) -> NDArray[np.float32]:
    """Odd-length FIR that turns every frequency by 90 degrees (Blackman-windowed 2/(pi n))."""
    n = np.arange(-half_taps, half_taps + 1)
    ideal = np.where(n % 2 == 1, 2.0 / (np.pi * np.where(n == 0, 1, n)), 0.0)
    return (ideal * np.blackman(2 * half_taps + 3)[1:-1]).astype(np.float32)


class Downmix:
    """Two steps around the resampler, which then only runs on the streams it needs.

    Raises:
        TuttiError: the input has no such channel.
    """

    def __init__(self, channels: int, channel: Channel) -> None:
        if channels < 1:
            raise TuttiError("An input with no channels cannot be analysed: choose another.")
        self._matrix = _matrix(channels, channel)
        self.streams: int = self._matrix.shape[1]
        self._taps = hilbert_taps()
        self._tail = np.zeros((HALF_TAPS, 2), np.float32)

    def before(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """(frames, channels) at the input's rate -> (frames, streams)."""
        if self._matrix.shape == (1, 1):
            return block
        if len(self._matrix) == 2 and np.array_equal(self._matrix != 0, np.eye(2)):
            return block * self._matrix.diagonal()
        return block @ self._matrix

    def after(self, streams: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, streams) at 16 kHz -> the mono signal, some ms fewer at first when two streams."""
        if self.streams == 1:
            return streams[:, 0]
        known = np.concatenate((self._tail, streams))
        self._tail = known[-2 * HALF_TAPS :]
        if len(known) <= 2 * HALF_TAPS:
            return np.zeros(0, np.float32)
        turned = np.convolve(known[:, 1], self._taps, mode="valid")
        return known[HALF_TAPS:-HALF_TAPS, 0] + turned

    def flush(self) -> NDArray[np.float32]:
        """The samples that ``after`` still held back."""
        return self.after(np.zeros((HALF_TAPS if self.streams == 2 else 0, self.streams), "f4"))


_PAIR_GAINS = {"left": (1, 0), "right": (0, 1), "mid": (0.5, 0.5), "side": (0.5, -0.5)}


def _matrix(channels: int, channel: Channel) -> NDArray[np.float32]:
    """Gains (channels, streams); the second stream, if any, is the one to turn."""
    if channel == "mono":
        return _sum_of(range(channels), channels)
    if isinstance(channel, tuple):
        missing = [number + 1 for number in channel if not 0 <= number < channels]
        if missing:
            raise TuttiError(
                f"The input has {channels} channel{'s' * (channels > 1)} and no channel "
                f"{missing[0]}: choose one that it has, or mono."
            )
        return _sum_of(list(dict.fromkeys(channel)), channels)
    if channel not in CHANNEL_NAMES:
        raise TuttiError(
            f"'{channel}' is no channel: use {', '.join(CHANNEL_NAMES)}, or channel numbers."
        )
    gains = np.zeros((channels, 1), np.float32)
    if channels == 1:
        if channel == "side":
            raise TuttiError("A mono input has no side signal: choose mono.")
        gains[0] = 1.0
        return gains
    gains[:2, 0] = _PAIR_GAINS[channel]
    return gains


def _sum_of(chosen: Sequence[int], channels: int) -> NDArray[np.float32]:
    gains = np.zeros((channels, min(2, len(chosen))), np.float32)
    for place, number in enumerate(chosen):
        gains[number, place % 2] = 1.0 / np.sqrt(len(chosen))
    return gains
