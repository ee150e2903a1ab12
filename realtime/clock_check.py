"""Frames against the clock: finds input that was lost without a word."""

from __future__ import annotations

TOLERANCE_S = 0.1
"""What a sound server's scheduling alone may do; smaller losses are found once they add up."""
MAX_DRIFT = 5e-4
"""How far a sound card's clock may run from the computer's: several times a poor crystal."""
PERIOD_S = 1.0
PAUSE_S = 0.9
"""Between two blocks: longer than any device takes."""


class ClockCheck:
    """Compares frames delivered with monotonic time passed.

    The lag (time passed minus audio delivered) jitters with block sizes and
    scheduling, but its *least* value within a second stays put while nothing
    is lost, and steps up by what is lost. Slow drift between the two clocks
    moves it by far less than the tolerance, and is followed.
    """

    def __init__(self, sample_rate_hz: int, tolerance_s: float = TOLERANCE_S) -> None:
        self._rate_hz = sample_rate_hz
        self._tolerance_s = tolerance_s
        self._start_s: float | None = None
        self._position = 0
        self._base_lag_s: float | None = None
        self._period_end_s = 0.0
        self._arrived_s = 0.0
        self._least_lag_s = float("inf")
        self.missing = 0
        """Frames found missing so far, those that came late after all taken off again."""

    @property
    def position_s(self) -> float:
        """Clock time of the end of the newest block, losses included."""
        return (self._start_s or 0.0) + self._position / self._rate_hz

    def arrived(self, frames: int, now_s: float) -> int:
        """Account for a block that came at ``now_s``; returns the change of ``missing``.

        A loss is found within two seconds of the sound that comes after it.
        """
        if self._start_s is None:
            self._start_s = now_s - frames / self._rate_hz
            self._arrived_s = now_s
            self._period_end_s = now_s + PERIOD_S
        if now_s - self._arrived_s > PAUSE_S:
            # It or we were away: what was held comes with the next blocks, so judge after them.
            if self._base_lag_s is None:
                self._base_lag_s = self._least_lag_s
            self._period_end_s, self._least_lag_s = now_s + PERIOD_S, float("inf")
        self._arrived_s = now_s
        self._position += frames
        self._least_lag_s = min(self._least_lag_s, now_s - self.position_s)
        if now_s < self._period_end_s:
            return 0
        period_s = now_s - self._period_end_s + PERIOD_S
        self._period_end_s = now_s + PERIOD_S
        least_s, self._least_lag_s = self._least_lag_s, float("inf")
        base_s = least_s if self._base_lag_s is None else self._base_lag_s
        step_s = least_s - base_s
        change = 0
        if step_s > self._tolerance_s:
            change = round(step_s * self._rate_hz)
        elif step_s < -self._tolerance_s:
            change = -min(self.missing, round(-step_s * self._rate_hz))
        if not change:
            base_s = least_s if step_s < 0 else base_s + min(step_s, MAX_DRIFT * period_s)
        self._base_lag_s = base_s
        self.missing += change
        self._position += change
        return change
