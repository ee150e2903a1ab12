"""The comparison that decides the design: one row a choice, each trained from nothing.

Every row is the recipe ``compare`` with one line changed, so any of them can also be
had by ``tutti train compare --set ...``. Rows that are done are not trained again; the
table of all of them is written to ``OUT/table.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.pipeline import export
from realtime.tagger import Tagger
from realtime.whole_file import write_whole
from training.datasets import DATASETS
from training.fit import Progress, fit
from training.recipe import load_recipe
from training.scoring.evaluate import hear
from training.scoring.scores import score_heard

RECIPE = "compare"
_CLIPS = 300


@dataclass(frozen=True)
class Row:
    """What is changed of the recipe, and the seed."""

    settings: tuple[str, ...] = ()
    seed: int = 1


ROWS = {
    "as shipped": Row(),
    "as shipped, another seed": Row(seed=2),
    "front end: paper": Row(('network.front_end="paper"',)),
    "front end: log": Row(('network.front_end="log"',)),
    "front end: PCEN": Row(('network.front_end="pcen"',)),
    "stem stride 1, equal time": Row(("network.stem_stride=1", "stage.windows=11_000")),
    "stem stride 4, equal time": Row(("network.stem_stride=4", "stage.windows=60_000")),
    "mean pooling": Row(('network.pooling="mean"',)),
    "no real notes": Row(("recorded_weight=0.0",)),
    "never musical": Row(
        ("stage.mix.arrangement.musical_p=0.0", "stage.mix.arrangement.piece_p=0.0")
    ),
    "always musical": Row(("stage.mix.arrangement.musical_p=1.0",)),
    "more composed pieces": Row(("stage.mix.arrangement.piece_p=0.6",)),
    "no effects": Row(("stage.mix.effects=false",)),
    "Muon": Row(('optimizer="muon"',)),
    "Muon, another seed": Row(('optimizer="muon"',), seed=2),
    "mixup": Row(("stage.mixup_p=0.5",)),
}
COLUMNS = {
    "windows": "windows",
    "windows_per_s": "windows/s",
    "validation_map": "validation mAP",
    "validation_top1": "validation solos",
    "top1": "recordings, solos top-1",
    "lrap": "recordings, LRAP",
    "micro_f1": "recordings, micro-F1",
}


def run_row(name: str, row: Row, bank: Path, recordings: Path, out: Path) -> dict[str, float]:
    """Train one row and score it: validation windows, unseen mixtures, recordings."""
    folder = _folder(out, name)
    done = folder / "row.json"
    if done.exists():
        scores: dict[str, float] = json.loads(done.read_text())
        return scores
    recipe = load_recipe(RECIPE, row.settings)
    last_scores: dict[str, float] = {}
    rates: list[float] = []

    def report(progress: Progress) -> None:
        rates.append(progress.windows_per_s)
        last_scores.update(progress.scores or {})

    checkpoint = fit(recipe, bank, folder, seed=row.seed, report=report)
    exported = export(checkpoint, bank, folder / "model", name="compare", version="0", clips=_CLIPS)
    tagger = Tagger(exported.fp32)
    heard = score_heard(hear(tagger, DATASETS["recordings"](recordings)), np.random.default_rng(0))
    scores = {
        "windows": recipe.windows,
        "windows_per_s": float(np.mean(rates)),
        "validation_map": last_scores["map"],
        "validation_top1": last_scores["solo_top1"],
        "top1": heard["solos"]["top1"],
        "lrap": heard["clips"]["lrap"],
        "micro_f1": heard["clips"]["micro_f1"],
    }
    write_whole(done, json.dumps(scores, indent=1))
    return scores


def table(out: Path) -> str:
    """The rows that are done, as Markdown."""
    lines = [
        "| row | changed | " + " | ".join(COLUMNS.values()) + " |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for name, row in ROWS.items():
        done = _folder(out, name) / "row.json"
        if done.exists():
            scores = json.loads(done.read_text())
            changed = ", ".join(f"`{setting}`" for setting in row.settings) or "nothing"
            values = " | ".join(_text(scores[key]) for key in COLUMNS)
            lines.append(f"| {name} (seed {row.seed}) | {changed} | {values} |")
    return "\n".join(lines) + "\n"


def _folder(out: Path, name: str) -> Path:
    return out / name.replace(" ", "-").replace(",", "").replace(":", "")


def _text(value: float) -> str:
    return f"{value:,.0f}" if value > 1 else f"{value:.3f}"


def compare(names: Sequence[str], bank: Path, recordings: Path, out: Path) -> Iterator[str]:
    """Train and score rows, and write the table; a line as soon as a row is done."""
    for name in names:
        scores = run_row(name, ROWS[name], bank, recordings, out)
        yield " ".join([name, *(f"{key} {_text(value)}" for key, value in scores.items())])
        write_whole(out / "table.md", table(out))
