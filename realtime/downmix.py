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
        self._sums, self._gain = _plan(channels, channel)
        self.streams = len(self._sums)
        self._taps = hilbert_taps()[::-2]
        self._tails = [np.zeros(HALF_TAPS, np.float32) for _ in self._sums]

    def before(self, block: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """(frames, channels) at the input's rate -> one or two signals (frames,) to resample."""
        return [_signed_sum(block, terms) for terms in self._sums]

    def after(self, streams: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The signals at 16 kHz -> the mono signal; two signals come out 8 ms late."""
        if self.streams == 1:
            return streams[0] * self._gain
        straight, turned = (np.concatenate(pair) for pair in zip(self._tails, streams, strict=True))
        self._tails = [straight[-2 * HALF_TAPS :], turned[-2 * HALF_TAPS :]]
        if len(turned) <= 2 * HALF_TAPS:
            return np.zeros(0, np.float32)
        total = straight[HALF_TAPS:-HALF_TAPS].copy()
        # Every second tap is zero, so even and odd samples are filtered apart at half the cost.
        for phase in range(min(2, len(total))):
            total[phase::2] += np.correlate(turned[phase::2], self._taps, mode="valid")
        return total * self._gain

    def flush(self) -> NDArray[np.float32]:
        """The samples that ``after`` still held back."""
        held = HALF_TAPS if self.streams == 2 else 0
        return self.after([np.zeros(held, np.float32) for _ in self._sums])


_Terms = tuple[tuple[int, int], ...]
"""A signed sum of channels: (channel, +1 or -1) each."""

_OF_A_PAIR: dict[str, tuple[_Terms, float]] = {
    "left": (((0, 1),), 1.0),
    "right": (((1, 1),), 1.0),
    "mid": (((0, 1), (1, 1)), 0.5),
    "side": (((0, 1), (1, -1)), 0.5),
}


def _plan(channels: int, channel: Channel) -> tuple[list[_Terms], np.float32]:
    """The sums to resample (the second, if any, is the one to turn) and the gain of the result."""
    if isinstance(channel, tuple):
        missing = [number + 1 for number in channel if not 0 <= number < channels]
        if missing:
            has = "1 channel" if channels == 1 else f"{channels} channels"
            raise TuttiError(
                f"The input has {has} and no channel {missing[0]}: choose one it has, or mono."
            )
        chosen = list(dict.fromkeys(channel))
    elif channel == "mono":
        chosen = list(range(channels))
    elif channel not in _OF_A_PAIR:
        raise TuttiError(
            f"'{channel}' is no channel: use {', '.join(CHANNEL_NAMES)}, or channel numbers."
        )
    elif channels > 1:
        terms, gain = _OF_A_PAIR[channel]
        return [terms], np.float32(gain)
    elif channel == "side":
        raise TuttiError("A mono input has no side signal: choose mono.")
    else:
        chosen = [0]
    groups = (chosen[0::2], chosen[1::2])
    sums = [tuple((number, 1) for number in group) for group in groups if group]
    return sums, np.float32(1.0 / np.sqrt(len(chosen)))


def _signed_sum(block: NDArray[np.float32], terms: _Terms) -> NDArray[np.float32]:
    (first, _), *rest = terms
    total = block[:, first]
    for number, sign in rest:
        total = total + block[:, number] if sign > 0 else total - block[:, number]
    return total
