"""How long a window takes on one thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime.model import TagModel
from realtime.spec import WINDOW_SAMPLES


@dataclass(frozen=True)
class Timing:
    """Processor time of one window, one at a time as in live use."""

    median_ms: float
    fastest_ms: float
    runs: int


def time_model(path: Path | None, runs: int = 200, hop_s: float = 0.0) -> Timing:
    """Time ``runs`` inferences of one window each after a warm-up.

    With ``hop_s`` the thread sleeps so long before each, as it does live: caches are
    cold then, and the processor may have slowed down.
    """
    model = TagModel(path)
    rng = np.random.default_rng(0)
    window = rng.normal(0.0, 0.1, (1, WINDOW_SAMPLES)).astype(np.float32)
    for _ in range(10):
        model.infer(window)
    spent = []
    for _ in range(runs):
        if hop_s:
            time.sleep(hop_s)
        start = time.thread_time()
        model.infer(window)
        spent.append(1000 * (time.thread_time() - start))
    return Timing(float(np.median(spent)), float(np.min(spent)), runs)
