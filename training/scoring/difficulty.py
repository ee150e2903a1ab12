"""What makes mixtures of unseen sources hard: the same scores, one difficulty less at a time.

Its first row is what 'tutti evaluate --bank' scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from realtime.spec import SAMPLE_RATE_HZ
from realtime.tagger import Tagger
from training.scoring.evaluate import hear_mixtures
from training.scoring.mixtures import make_mixtures
from training.scoring.scores import score_mixtures

_LONGER: dict[str, Any] = {"seconds": 6}
_BARE: dict[str, Any] = {"effects": False}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "unseen sources, 1 s, as scored": ("test", {}),
    "parts equally loud": ("test", {"level_range_db": 0.0}),
    "no effects, no noise": ("test", _BARE),
    "6 s": ("test", _LONGER),
    "6 s, no effects, no noise": ("test", _LONGER | _BARE),
    "sources it was trained with": ("train", {}),
    "the same, 6 s, no effects, no noise": ("train", _LONGER | _BARE),
}
COLUMNS = {
    "0 to 3: right number": ("polyphony_few", "accuracy"),
    "macro-F1": ("few", "macro_f1"),
    "4 to 6: macro-F1": ("many", "macro_f1"),
    "all: mAP": ("all", "map"),
    "solos": ("solos", "top1"),
}
"""Where in the report's scores a column stands; empty where nothing was scored."""


def rows(bank: Path, model: Path | None, clips: int) -> Iterator[str]:
    """Lines of a Markdown table, each as soon as it is there."""
    tagger = Tagger(model)
    yield "| mixtures | " + " | ".join(COLUMNS) + " |"
    yield "|" + "---|" * (1 + len(COLUMNS))
    for name, (split, changes) in ROWS.items():
        audio, truths = make_mixtures(bank, split, clips, 0, **changes)
        items = hear_mixtures(tagger, audio, SAMPLE_RATE_HZ, truths)
        scores = score_mixtures(items, np.random.default_rng(0))
        cells = [scores[group].get(figure) for group, figure in COLUMNS.values()]
        figures = ("" if cell is None else f"{cell:.3f}" for cell in cells)
        yield f"| {name} | " + " | ".join(figures) + " |"
