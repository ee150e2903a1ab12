"""Before or after the chain, at equal loudness: louder always sounds better."""

from __future__ import annotations

import numpy as np

from realtime.host.block import BoardBlock
from realtime.host.fifo import FrameFifo

AVERAGE_S = 3.0
"""As the short-term loudness of EBU Tech 3341."""
FADE_S = 0.03
MAX_GAIN = 16.0
QUIETEST = 1e-8
"""Mean square below which (-80 dB) nothing is measured."""



class InputHistory:
    """The newest input, addressed by frame number."""

    def __init__(self, channels: int, keep_frames: int) -> None:
        self._fifo = FrameFifo(channels)
        self._keep_frames = keep_frames

    @property
    def end(self) -> int:
        return self._fifo.end

    def push(self, block: BoardBlock) -> None:
        self._fifo.push(block)

    def take(self, first: int, frames: int) -> BoardBlock | None:
        """Frames ``first`` and on, once, in rising order; None where they are gone or to come."""
        if first < self._fifo.begin or first + frames > self._fifo.end:
            self._fifo.pop(len(self._fifo) - self._keep_frames)
            return None
        self._fifo.pop(first - self._fifo.begin)
        return self._fifo.peek(frames)


class EqualLoudness:
    """Chooses between two signals of the same time, and makes the first as loud as the second.

    Loudness is K-weighted (ITU-R BS.1770: a shelf of +4 dB above 1.7 kHz and a
    high-pass) and averaged over ``AVERAGE_S``; only the first signal's gain
    changes, so that "after" is always the chain's own output.
    """

    def __init__(self, sample_rate_hz: float) -> None:
        import pedalboard

        self.before = False
        self._rate_hz = sample_rate_hz
        self._share = 0.0
        self._gain = 1.0
        self._powers = [0.0, 0.0]
        self._weighting = [
            pedalboard.Pedalboard(
                [
                    pedalboard.HighShelfFilter(min(1682.0, 0.4 * sample_rate_hz), 4.0, 0.7072),
                    pedalboard.HighpassFilter(38.0),
                ]
            )
            for _ in range(2)
        ]

    @property
    def gain_db(self) -> float:
        """What the first signal is raised by."""
        return float(20 * np.log10(self._gain))

    def choose(self, first: BoardBlock | None, second: BoardBlock) -> BoardBlock:
        """The signal to be heard; without a first one, the second."""
        if first is None or second.shape[1] == 0:
            self._share = 0.0
            return second
        frames = second.shape[1]
        old_gain = self._gain
        self._measure(first, second)
        target = float(self.before)
        if self._share == target == 0.0:
            return second
        steps = np.arange(1, frames + 1, dtype=np.float32) / np.float32(FADE_S * self._rate_hz)
        if target >= self._share:
            shares = np.minimum(np.float32(self._share) + steps, np.float32(target))
        else:
            shares = np.maximum(np.float32(self._share) - steps, np.float32(target))
        self._share = float(shares[-1])
        gains = np.linspace(old_gain, self._gain, frames, dtype=np.float32)
        mixed: BoardBlock = first * gains * shares + second * (1 - shares)
        return mixed

    def _measure(self, first: BoardBlock, second: BoardBlock) -> None:
        frames = first.shape[1]
        keep = np.exp(-frames / (AVERAGE_S * self._rate_hz))
        for i, (block, weighting) in enumerate(zip((first, second), self._weighting, strict=True)):
            weighted = weighting.process(block, self._rate_hz, reset=False)
            power = float(np.mean(np.square(weighted, dtype=np.float64)))
            if np.isfinite(power):
                self._powers[i] = keep * self._powers[i] + (1 - keep) * power
        if min(self._powers) > QUIETEST:
            ratio = np.sqrt(self._powers[1] / self._powers[0])
            self._gain = float(np.clip(ratio, 1 / MAX_GAIN, MAX_GAIN))
