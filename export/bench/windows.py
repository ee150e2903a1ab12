"""How long a window takes: ours and others', in turns, so that a busy machine slows all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bench.taggers import Call, Timeable, open_model

BATCH = 32
SLEEPS = {0.05: 5, 0.5: 20}
"""Seconds between live windows, at 20 and at 2 a second; of the warm runs one in so many."""
_WARM_UP = 10
_TURN = 5
"""Calls of one file before the next has its turn."""


@dataclass(frozen=True)
class Times:
    """Milliseconds a window: the middle, and what one of a hundred exceeds."""

    p50_ms: float
    p99_ms: float
    runs: int


@dataclass(frozen=True)
class Measured:
    """What is measured of a file.

    ``warm``: processor time, one thread, a window right after the other. ``cold``: the same
    where the thread sleeps before each, by the sleep in seconds. ``two_threads``: time passed.
    ``batch``: processor time of each of ``BATCH`` windows in a call, None where a file takes one
    only.
    """

    name: str
    window_s: float
    size_bytes: int
    warm: Times
    cold: dict[float, Times]
    two_threads: Times
    batch: Times | None


def measure(files: Sequence[Timeable], runs: int) -> list[Measured]:
    """Rows of all files; ``runs`` warm windows each, and fewer of the slower kinds."""
    single = _calls(files, 1, 1)
    warm = in_turns(single, runs)
    cold = {s: in_turns(single, max(3, runs // share), s) for s, share in SLEEPS.items()}
    double = in_turns(_calls(files, 2, 1), max(3, runs // 3), passed=True)
    batch = in_turns(_calls(files, 1, BATCH), max(3, runs // BATCH), windows=BATCH)
    return [
        Measured(
            one.name,
            one.window_s,
            one.size_bytes,
            warm[number],
            {sleep_s: times[number] for sleep_s, times in cold.items()},
            double[number],
            batch.get(number),
        )
        for number, one in enumerate(files)
    ]


def _calls(files: Sequence[Timeable], threads: int, batch: int) -> dict[int, Call]:
    """By the file's number; those that can be made."""
    made = {number: one.make(threads, batch) for number, one in enumerate(files)}
    return {number: call for number, call in made.items() if call is not None}


def in_turns(
    calls: Mapping[int, Call],
    runs: int,
    sleep_s: float = 0.0,
    *,
    windows: int = 1,
    passed: bool = False,
) -> dict[int, Times]:
    """Times of each call, all of them interleaved.

    ``windows``: that one call scores. ``passed``: the time on the wall instead of the processor's.
    """
    clock = time.perf_counter if passed else time.process_time
    for call in calls.values():
        for _ in range(1 if windows > 1 else _WARM_UP):
            call()
    spent: dict[int, list[float]] = {number: [] for number in calls}
    for begun in range(0, runs, _TURN):
        for number, call in calls.items():
            for _ in range(min(_TURN, runs - begun)):
                if sleep_s:
                    time.sleep(sleep_s)
                start = clock()
                call()
                spent[number].append(1000 * (clock() - start) / windows)
    return {number: _times(np.array(times)) for number, times in spent.items()}


def _times(spent: NDArray[np.float64]) -> Times:
    p50, p99 = np.percentile(spent, (50, 99))
    return Times(float(p50), float(p99), len(spent))


def time_model(path: Path, runs: int = 200) -> Times:
    """Processor time of a window of one of our files, on one thread."""
    return in_turns(_calls([open_model(path)], 1, 1), runs)[0]
