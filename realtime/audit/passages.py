"""From margins to passages: where a stem sounds and cannot be heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from realtime.audit.ear import STEP_S
from realtime.audit.measure import ABSENT_DB, StemSignal

SOUNDS_DBFS = -70.0
"""The tagger's silence gate."""
SOUNDS_BELOW_LOUD_DB = 30.0
"""Below this under its loud passages a stem is dying away, and nobody misses it."""
LOUD_PERCENTILE = 95.0
BRIDGE_STEPS = 5
"""Rests up to 0.5 s do not end a passage."""
FLICKER_STEPS = 2
"""Nor does being heard for up to 0.2 s in between."""

Reason = Literal["masked", "not in the mix"]
View = Literal["agrees", "disagrees", "cannot tell"]


@dataclass(frozen=True)
class Passage:
    """A stretch in which a stem sounds but cannot be heard.

    ``unheard_s``: seconds of it in which the stem sounds and is not heard.
    ``short_by_db``: by how much it would have to rise to be just heard (median).
    ``model``: whether the tagger agrees, and ``model_says`` why, in words.
    """

    start_s: float
    end_s: float
    unheard_s: float
    reason: Reason
    short_by_db: float
    model: View = "cannot tell"
    model_says: str = ""

    def with_model(self, view: View, says: str) -> Passage:
        return replace(self, model=view, model_says=says)


def sounding(signal: StemSignal) -> NDArray[np.bool_]:
    """Steps in which a stem counts as sounding."""
    level = signal.level_dbfs
    loud = level[level > SOUNDS_DBFS]
    if not len(loud):
        return np.zeros(len(level), bool)
    gate = float(np.percentile(loud, LOUD_PERCENTILE)) - SOUNDS_BELOW_LOUD_DB
    return level >= max(SOUNDS_DBFS, gate)


def passages(signal: StemSignal, min_s: float) -> tuple[Passage, ...]:
    """Passages with at least ``min_s`` seconds of unheard sound, by start."""
    sounds = sounding(signal)
    unheard = sounds & (signal.margin_db < 0.0)
    heard = sounds & ~unheard
    found: list[tuple[int, int]] = []
    for start, end in runs(unheard):
        if found:
            last_start, last_end = found[-1]
            between = slice(last_end, start)
            if start - last_end <= BRIDGE_STEPS and heard[between].sum() <= FLICKER_STEPS:
                found[-1] = (last_start, end)
                continue
        found.append((start, end))
    made = (_passage(signal, unheard, start, end) for start, end in found)
    return tuple(one for one in made if one.unheard_s >= min_s - STEP_S / 2)


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, one past the last) of each stretch in which a mask is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _passage(signal: StemSignal, unheard: NDArray[np.bool_], start: int, end: int) -> Passage:
    steps = np.arange(start, end)[unheard[start:end]]
    absent = not signal.found or float(np.median(signal.in_mix_db[steps])) < -ABSENT_DB
    return Passage(
        start * STEP_S,
        end * STEP_S,
        len(steps) * STEP_S,
        "not in the mix" if absent else "masked",
        float(-np.median(signal.margin_db[steps])),
    )
