"""What changed between two taps: by instrument, by time, and in sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.clock_time import rounded_time
from realtime.taxonomy import display_name
from realtime.timeline import Timeline

NOTABLE_CHANGE = 0.1
MAX_FINDINGS = 12
MIN_FINDING_S = 1.0


@dataclass(frozen=True)
class Change:
    """One instrument between two taps, over windows both have.

    ``before``, ``after``: mean probability. ``largest``: the largest change in
    one window, which begins at ``at_s``.
    """

    before: float
    after: float
    largest: float
    at_s: float

    @property
    def change(self) -> float:
        return self.after - self.before


@dataclass(frozen=True)
class TapDifference:
    """Two taps compared; arrays have a row for each window that both have."""

    first: str
    second: str
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    instruments: dict[str, Change]
    polyphony_before: float
    polyphony_after: float
    level_before_dbfs: float
    level_after_dbfs: float
    findings: tuple[str, ...]


def compare(first: Timeline, second: Timeline, until_s: float) -> TapDifference:
    """Compare two taps of one rendering, window by window, up to the input's end.

    What rings on after it has nothing to be compared with.
    """
    count = min(len(first), len(second))
    count = max(1, int(np.count_nonzero(first.start_s[:count] < until_s)))
    before, after = first.instruments[:count], second.instruments[:count]
    start_s = first.start_s[:count]
    end_s = np.append(start_s[1:], max(until_s, start_s[-1]))
    names = first.spec.instruments
    changes = {}
    for column, name in enumerate(names):
        steps = after[:, column] - before[:, column]
        row = int(np.argmax(np.abs(steps)))
        changes[name] = Change(
            float(before[:, column].mean()),
            float(after[:, column].mean()),
            float(steps[row]),
            float(start_s[row]),
        )
    thresholds = np.array([first.spec.thresholds[name] for name in names], np.float32)
    return TapDifference(
        first.file,
        second.file,
        start_s,
        end_s,
        before,
        after,
        changes,
        float(first.polyphony_expected[:count].mean()),
        float(second.polyphony_expected[:count].mean()),
        _level(first, count),
        _level(second, count),
        _findings(names, before, after, thresholds, start_s, end_s),
    )


def pairs(timelines: dict[str, Timeline], until_s: float) -> list[TapDifference]:
    """Each tap against the next, and the first against the last where others lie between."""
    ordered = list(timelines.values())
    differences = [compare(a, b, until_s) for a, b in zip(ordered, ordered[1:], strict=False)]
    if len(ordered) > 2:
        differences.append(compare(ordered[0], ordered[-1], until_s))
    return differences


def _level(timeline: Timeline, count: int) -> float:
    power = [10 ** (tags.level.rms_dbfs / 10) for tags in timeline.tags[:count]]
    return float(10 * np.log10(np.mean(power)))


def _findings(
    names: tuple[str, ...],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
) -> tuple[str, ...]:
    """The longest stretches in which an instrument is heard at one tap only."""
    found = []
    was, now = before >= thresholds, after >= thresholds
    for column, name in enumerate(names):
        for mask, verb in ((was & ~now, "is no longer heard"), (now & ~was, "appears")):
            steps = np.abs(after[:, column] - before[:, column])
            for begin, end in _runs(mask[:, column]):
                length_s = float(end_s[end - 1] - start_s[begin])
                rows = slice(begin, end)
                if length_s < MIN_FINDING_S or steps[rows].max() < NOTABLE_CHANGE:
                    continue
                a = before[rows, column].mean()
                b = after[rows, column].mean()
                begins = rounded_time(start_s[begin], tenths=True)
                ends = rounded_time(end_s[end - 1], tenths=True)
                text = (
                    f"{display_name(name)} {verb} from {begins} to {ends} "
                    f"({a:.2f} before, {b:.2f} after)."
                )
                found.append((length_s * abs(b - a), text))
    found.sort(key=lambda one: -one[0])
    return tuple(text for _, text in found[:MAX_FINDINGS])


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a mask is true: (first, one past the last) of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
