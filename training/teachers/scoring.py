"""What each teacher scores on real clips, and what they score together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from realtime.model import Scores
from realtime.spec import POLYPHONY_LABELS
from training.scoring.real import RealValidation
from training.teachers.opinion import Opinion
from training.teachers.panel import Panel

TOGETHER = "together"


def score_teachers(panel: Panel, real: RealValidation) -> dict[str, dict[str, float]]:
    """Scores (``RealValidation.score_heard``) by teacher, and of all together.

    A teacher that does not count has NaN where the number of instruments is scored.
    """
    said: list[dict[str, Opinion]] = []

    def listen(windows: NDArray[np.float32]) -> Scores:
        opinions, _ = panel.ask(torch.from_numpy(windows).to(panel.device))
        said.append(opinions | {TOGETHER: panel.mean(opinions)})
        return _scores(said[-1][TOGETHER])

    # The windows are the same each time, so each is heard by the networks only once.
    rows = {TOGETHER: real.score_heard(real.hear(listen))}
    for name in said[0]:
        if name != TOGETHER:
            rows[name] = real.score_heard(real.hear(_replay(iter(said), name)))
        if said[0][name].polyphony is None:
            rows[name] |= {key: float("nan") for key in rows[name] if key.startswith("count_")}
    return {name: rows[name] for name in said[0]}


def _replay(said: Iterator[dict[str, Opinion]], name: str) -> Callable[..., Scores]:
    return lambda windows: _scores(next(said)[name])


def _scores(opinion: Opinion) -> Scores:
    instruments, families = (
        values.float().cpu().numpy() for values in (opinion.instruments, opinion.families)
    )
    count = opinion.polyphony
    if count is None:
        shape = (len(instruments), len(POLYPHONY_LABELS))
        count = torch.full(shape, 1.0 / len(POLYPHONY_LABELS))
    return Scores(instruments, families, count.float().cpu().numpy())
