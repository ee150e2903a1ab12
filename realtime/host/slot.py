"""One place of a chain: an effect, its bypass and mix, and changes without clicks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from realtime.host.block import BoardBlock
from realtime.host.board import Runner
from realtime.host.effects import Value
from realtime.host.fifo import FrameFifo

FADE_S = 0.02
"""Length of cross-fades."""
GLIDE_S = 0.05
GLIDE_FRAMES = 8
"""A gliding parameter moves once in so many frames: a step of 20 dB then makes 300 of 0.07 dB."""



@dataclass
class _Glide:
    position: int
    name: str
    start: float
    end: float
    logarithmic: bool
    done_frames: int = 0
    value: float = 0.0

    def at(self, share: float) -> float:
        if self.logarithmic and self.start > 0 and self.end > 0:
            return float(self.start * (self.end / self.start) ** share)
        return self.start + (self.end - self.start) * share


class Slot:
    """Runs one runner, mixes its output with its own input, and survives its failures.

    The input waits in a queue until the effect has given out the frames of the
    same time, so that dry and wet stay aligned whatever the effect withholds.
    With mix 1 and no bypass the output is the effect's, bit for bit.

    After an interruption (a failure, a change of effect) as many frames come
    out as go in: sound goes on with the input until the effect has caught up.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        mix: float = 1.0,
        bypass: bool = False,
        always_run: bool = False,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        self.runner = runner
        self.mix = mix
        self.bypass = bypass
        self._idle = bypass and not always_run
        self._failed = failed or (lambda text: None)
        self._weight = self._target
        self._dry: FrameFifo | None = None
        self._wet: FrameFifo | None = None
        self._steady = False
        """Give out as many frames as come in, whatever the effect does."""
        self._late_start: FrameFifo | None = None
        self._started = False
        self._last: BoardBlock | None = None
        self._step_down: BoardBlock | None = None
        self._glides: list[_Glide] = []
        self._next: Runner | None = None
        self._next_wet: FrameFifo | None = None
        self._next_weight = 0.0

    @property
    def _target(self) -> float:
        return 0.0 if self.bypass else self.mix

    @property
    def withheld_frames(self) -> int:
        """Frames that went in and have not come out yet."""
        held = len(self._late_start) if self._late_start else 0
        return held + (len(self._dry) if self._dry else 0)

    def set_bypass(self, bypass: bool) -> None:
        """Switch over with a cross-fade."""
        self.bypass = bypass
        if self._idle and not bypass:
            self._idle = False
            self._steady = True

    def glide(self, position: int, name: str, start: float, end: float, logarithmic: bool) -> None:
        """Move a parameter from ``start`` to ``end`` in small steps."""
        for old in self._glides:
            if (old.position, old.name) == (position, name) and old.done_frames:
                start = old.value
        self._glides = [g for g in self._glides if (g.position, g.name) != (position, name)]
        self._glides.append(_Glide(position, name, start, end, logarithmic))

    def set_now(self, position: int, name: str, value: Value) -> None:
        """Set a parameter at once."""
        self.runner.set_parameter(position, name, value)

    def swap(self, runner: Runner) -> None:
        """Cross-fade to another runner as soon as it has filled up."""
        self._next = runner
        self._next_wet = None
        self._next_weight = 0.0

    def process(self, block: BoardBlock, sample_rate_hz: float, host_frames: int) -> BoardBlock:
        """Audio (channels, frames) through this slot.

        ``host_frames``: what the host was given. pedalboard forgets an effect's
        past when a larger block than ever comes in, so a first block that an
        earlier effect cut short waits until it is as long as the next ones.
        """
        if self._idle or block.shape[1] == 0:
            return block
        if not self._started:
            if self._late_start is None and block.shape[1] < host_frames:
                self._late_start = FrameFifo(block.shape[0])
            if self._late_start is not None:
                self._late_start.push(block)
                if len(self._late_start) < host_frames:
                    return block[:, :0]
                block = self._late_start.pop(len(self._late_start))
                self._late_start = None
            self._started = True
        return self._process(block, sample_rate_hz)

    def release(self, sample_rate_hz: float) -> BoardBlock | None:
        """What still waits for a longer block, at the end of a stream."""
        if self._late_start is None:
            return None
        block = self._late_start.pop(len(self._late_start))
        self._late_start = None
        self._started = True
        return self._process(block, sample_rate_hz)

    def reset(self) -> None:
        """Begin a new stream."""
        if self._next is not None:
            self.runner.close()
            self.runner, self._next, self._next_wet = self._next, None, None
        self.runner.reset()
        self._dry = self._wet = self._late_start = self._last = self._step_down = None
        self._started = self._steady = False
        self._weight = self._target

    def close(self) -> None:
        self.runner.close()

    def _process(self, block: BoardBlock, sample_rate_hz: float) -> BoardBlock:
        if self._dry is None or self._wet is None:
            self._dry, self._wet = FrameFifo(block.shape[0]), FrameFifo(block.shape[0])
        fade_frames = max(1, round(FADE_S * sample_rate_hz))
        begin = self._dry.end
        self._dry.push(block)
        wet = self._run(block, sample_rate_hz)
        if wet is None:
            self._interrupt()
        else:
            self._wet.push(wet)
            self._steady |= self.runner.late
        first = self._dry.begin
        frames = block.shape[1] if self._steady else self._wet.end - first
        produced = wet is not None and wet.shape[1] > 0
        ready = _align(self._wet, first, frames, produced and self._steady)
        dry = self._dry.pop(frames)
        heard = self._wet.pop(frames) if ready else None
        if heard is not None:
            heard = self._towards_next(block, begin, first, heard, sample_rate_hz, fade_frames)
        output = self._mix(dry, heard, fade_frames)
        if output.shape[1]:
            self._last = output[:, -1:]
        return output

    def _run(self, block: BoardBlock, sample_rate_hz: float) -> BoardBlock | None:
        glide_frames = max(1, round(GLIDE_S * sample_rate_hz))
        parts: list[BoardBlock] = []
        at = 0
        while self._glides and at < block.shape[1]:
            piece = block[:, at : at + GLIDE_FRAMES]
            at += piece.shape[1]
            for glide in self._glides:
                glide.done_frames += piece.shape[1]
                share = min(1.0, glide.done_frames / glide_frames)
                glide.value = glide.at(share)
                self.runner.set_parameter(glide.position, glide.name, glide.value)
            self._glides = [g for g in self._glides if g.done_frames < glide_frames]
            done = self.runner.run(piece, sample_rate_hz)
            if done is None:
                return None
            parts.append(done)
        if at < block.shape[1]:
            done = self.runner.run(block[:, at:], sample_rate_hz)
            if done is None:
                return None
            parts.append(done)
        wet = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        if wet.size and not np.isfinite(wet.sum(dtype=np.float64)):
            self._failed("gave out NaN or infinity; its input is heard instead while it restarts")
            self.runner.reset()
            return None
        return wet

    def _interrupt(self) -> None:
        """What the effect gives out from now on belongs to what goes in from now on."""
        assert self._dry is not None
        self._steady = True
        self._wet = FrameFifo(self._dry.channels, self._dry.end)

    def _towards_next(
        self,
        block: BoardBlock,
        begin: int,
        first: int,
        heard: BoardBlock,
        sample_rate_hz: float,
        fade_frames: int,
    ) -> BoardBlock:
        """Cross-fade to the runner that is to take over, once it keeps up."""
        if self._next is None:
            return heard
        if self._next_wet is None:
            self._next_wet = FrameFifo(block.shape[0], begin)
        new = self._next.run(block, sample_rate_hz)
        if new is None:
            return heard
        self._next_wet.push(new)
        frames = heard.shape[1]
        if frames == 0 or not _align(self._next_wet, first, frames, new.shape[1] > 0):
            return heard
        weights = self._ramp(self._next_weight, 1.0, frames, fade_frames)
        self._next_weight = float(weights[-1])
        mixed = heard * (1 - weights) + self._next_wet.pop(frames) * weights
        if self._next_weight >= 1.0:
            self.runner.close()
            self.runner, self._wet, self._steady = self._next, self._next_wet, True
            self._next = self._next_wet = None
        return mixed

    def _mix(self, dry: BoardBlock, wet: BoardBlock | None, fade_frames: int) -> BoardBlock:
        frames = dry.shape[1]
        if frames == 0:
            return dry
        if wet is None:
            if self._weight > 0.0 and self._last is not None:
                self._step_down = np.repeat(self._last - dry[:, :1], fade_frames, axis=1)
                self._step_down *= np.linspace(1.0, 0.0, fade_frames, dtype=np.float32)
            self._weight = 0.0
            return self._bend(dry)
        if self._weight == self._target == 1.0 and self._step_down is None:
            return wet
        weights = self._ramp(self._weight, self._target, frames, fade_frames)
        self._weight = float(weights[-1])
        return self._bend(dry * (1 - weights) + wet * weights)

    def _bend(self, output: BoardBlock) -> BoardBlock:
        """After a failure, begin where the output stopped, and go back to it in a fade."""
        if self._step_down is None:
            return output
        count = min(output.shape[1], self._step_down.shape[1])
        output = output.copy()
        output[:, :count] += self._step_down[:, :count]
        rest = self._step_down[:, count:]
        self._step_down = rest if rest.shape[1] else None
        return output

    def _ramp(self, start: float, end: float, frames: int, fade_frames: int) -> BoardBlock:
        """Weights (frames,) that move from ``start`` towards ``end``, 1 in ``fade_frames``."""
        steps = np.arange(1, frames + 1, dtype=np.float32) / np.float32(fade_frames)
        if end >= start:
            weights: BoardBlock = np.minimum(np.float32(start) + steps, np.float32(end))
        else:
            weights = np.maximum(np.float32(start) - steps, np.float32(end))
        return weights


def _align(wet: FrameFifo, first: int, frames: int, may_shift: bool) -> bool:
    """Make ``wet`` begin at frame ``first``; False where it does not cover the frames yet.

    ``may_shift``: an effect that withholds more than its predecessor, or lost blocks,
    would never catch up; its audio is then taken as it comes, later than the input's.
    """
    if may_shift and wet.end <= first:
        _shift(wet, first + frames - wet.end)
    if wet.begin > first:
        return False
    wet.pop(first - wet.begin)
    missing = first + frames - wet.end
    if missing > 0 and may_shift and len(wet) > 0:
        _shift(wet, missing)
        return wet.begin <= first
    return missing <= 0


def _shift(wet: FrameFifo, frames: int) -> None:
    wet.begin += frames
    wet.end += frames
