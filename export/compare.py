"""The bench: systems and designs, each trained from nothing, in one table.

A *system* is a network with its own recipe's batch, optimiser and rate, trained on the windows of
all others: one stage of full seconds mixed from the same bank, as many or for as long as the
budget says. A *design* is the recipe ``compare`` with one line changed and keeps the length that
``docs/experiments.md`` states. A row that is done is not trained again, one that was ended goes on;
``OUT/table.md`` holds all of them.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from export.cost import memory_mib, million_macs
from export.pipeline import export
from realtime.errors import TuttiError
from realtime.tagger import Tagger
from realtime.whole_file import write_whole
from training.bank.bank import Bank
from training.checkpoint import load_model
from training.datasets import DATASETS
from training.fit import Progress, fit
from training.models.kinds import make_network
from training.models.tagger import parameter_count
from training.recipe import Recipe, Stage, load_recipe
from training.scoring.evaluate import hear
from training.scoring.real import RealValidation
from training.scoring.scores import score_heard
from training.scoring.validation import Validation
from training.teachers.panel import Panel, TeacherConfig
from training.teachers.scoring import score_teachers

_CLIPS = 300
_UNSEEN_WINDOWS = 1_024


@dataclass(frozen=True)
class Row:
    """A recipe, what is changed of it, and the seed; a ``system`` trains by the budget."""

    recipe: str = "compare"
    settings: tuple[str, ...] = ()
    seed: int = 1
    system: bool = False


SYSTEMS = {
    "Tutti's own": Row("tutti-cpu-muon", system=True),
    "Zhong ShaResNet18": Row("paper", system=True),
    "Zhong ShaResNet34": Row("sharesnet34", system=True),
    "Zhong ResNet34": Row("resnet34", system=True),
    "Sethi AlexNet": Row("alexnet", system=True),
    "mixtures mel CNN": Row("mel-cnn", system=True),
    "Iskender CBAM-CNN": Row("cbam", system=True),
    "Iskender MS-CRNN": Row("ms-crnn", system=True),
}
DESIGNS = {
    "as shipped": Row(),
    "as shipped, another seed": Row(seed=2),
    "front end: paper": Row(settings=('network.front_end="paper"',)),
    "front end: log": Row(settings=('network.front_end="log"',)),
    "front end: PCEN": Row(settings=('network.front_end="pcen"',)),
    "stem stride 1, equal time": Row(
        settings=("network.stem_stride=1", "stage.windows=11_000")
    ),
    "stem stride 4, equal time": Row(
        settings=("network.stem_stride=4", "stage.windows=60_000")
    ),
    "mean pooling": Row(settings=('network.pooling="mean"',)),
    "no real notes": Row(settings=("recorded_weight=0.0",)),
    "never musical": Row(
        settings=("stage.mix.arrangement.musical_p=0.0", "stage.mix.arrangement.piece_p=0.0")
    ),
    "always musical": Row(settings=("stage.mix.arrangement.musical_p=1.0",)),
    "more composed pieces": Row(settings=("stage.mix.arrangement.piece_p=0.6",)),
    "no effects": Row(settings=("stage.mix.effects=false",)),
    "Muon": Row(settings=('optimizer="muon"',)),
    "Muon, another seed": Row(settings=('optimizer="muon"',), seed=2),
    "mixup": Row(settings=("stage.mixup_p=0.5",)),
}
ROWS = SYSTEMS | DESIGNS
COLUMNS = {
    "windows": "windows",
    "windows_per_s": "training windows/s",
    "parameters": "parameters",
    "mmac": "MMAC",
    "fp32_ms": "fp32 ms",
    "int8_ms": "int8 ms",
    "memory_mib": "memory MiB",
    "unseen_map": "unseen sources, mAP",
    "unseen_top1": "solos top-1",
    "real_map": "real val: clips mAP",
    "real_mix_f1": "mixtures micro-F1 at best",
    "top1": "recordings: solos top-1",
    "lrap": "LRAP",
    "micro_f1": "micro-F1",
}


@dataclass(frozen=True)
class Budget:
    """How long a system trains: so many ``windows``, or ``minutes`` of the clock."""

    windows: int = 300_000
    minutes: float | None = None

    @property
    def text(self) -> str:
        return f"{self.windows} windows" if self.minutes is None else f"{self.minutes:g} minutes"


class Bench:
    """What every row is trained on and scored by, read once."""

    def __init__(
        self,
        bank: Path,
        out: Path,
        budget: Budget,
        *,
        recordings: Path | None = None,
        real: Path | None = None,
        seed: int = 1,
    ) -> None:
        self.bank, self.out, self.budget, self.seed = bank, out, budget, seed
        self.recordings = DATASETS["recordings"](recordings) if recordings else None
        self._real_folder = real

    @cached_property
    def real(self) -> RealValidation | None:
        return RealValidation(self._real_folder) if self._real_folder else None

    @cached_property
    def unseen(self) -> Validation:
        """Windows of the bank's validation sources: no row trains on them or is chosen by them."""
        return Validation(Bank.open(self.bank), torch.device("cpu"), _UNSEEN_WINDOWS)

    def run(self, name: str, tell: Callable[[Progress], None]) -> dict[str, float]:
        """Train a row and score it, or read what it scored.

        Raises:
            TuttiError: the folder holds the row of another budget, or something cannot be used.
        """
        row = ROWS[name]
        folder = self._folder(name)
        done = folder / "row.json"
        recipe = self.recipe(row)
        seed = self.seed if row.system else row.seed
        made_of = {"budget": self.budget.text if row.system else "its own", "seed": seed}
        if done.exists():
            kept = json.loads(done.read_text(encoding="utf-8"))
            if kept["made_of"] != made_of:
                raise TuttiError(
                    f"{folder} holds this row with {kept['made_of']['budget']}, seed "
                    f"{kept['made_of']['seed']}: name another --out, or remove it."
                )
            scores: dict[str, float] = kept["scores"]
            return scores
        checkpoint = fit(
            recipe,
            self.bank,
            folder / "run",
            seed=seed,
            clock_minutes=self.budget.minutes if row.system else None,
            report=tell,
        )
        rates, seen = _logged(folder / "run" / "log.jsonl")
        scores = {"windows": seen[-1], "windows_per_s": float(np.median(rates))}
        scores |= self._score(checkpoint, folder)
        write_whole(done, json.dumps({"made_of": made_of, "scores": scores}, indent=1))
        shutil.rmtree(folder / "run")  # the weights stay in model.pt
        return scores

    def recipe(self, row: Row) -> Recipe:
        """What a row trains: of a system, its own network and rate on the windows of all."""
        recipe = load_recipe(row.recipe, row.settings)
        if not row.system:
            return recipe
        rate = max(s.learning_rate for s in recipe.stages if s.objective == "multilabel")
        stage = Stage("mixtures", max(self.budget.windows, recipe.batch), learning_rate=rate)
        return replace(
            recipe, batch=min(recipe.batch, 128), stages=(stage,), recorded_weight=1.0,
            validation_windows=0, ema_decay=min(recipe.ema_decay, 0.998),
        )  # fmt: skip

    def _score(self, checkpoint: Path, folder: Path) -> dict[str, float]:
        model, _ = load_model(checkpoint)
        unseen = self.unseen.score(model)
        exported = export(
            checkpoint, self.bank, folder / "model", name="compare", version="0", clips=_CLIPS
        )
        fp32, int8 = exported.timings
        scores = {
            "parameters": parameter_count(model),
            "mmac": million_macs(make_network(model.config)),
            "fp32_ms": fp32.p50_ms,
            "int8_ms": int8.p50_ms if model.int8.inside else math.nan,
            "memory_mib": memory_mib(exported.fp32),
            "unseen_map": unseen["map"],
            "unseen_top1": unseen["solo_top1"],
        }
        if self.real is not None:
            real = self.real.score(model)
            scores |= {"real_map": real["map"], "real_mix_f1": real["mix_f1_best"]}
        if self.recordings is not None:
            heard = score_heard(
                hear(Tagger(exported.fp32), self.recordings), np.random.default_rng(0)
            )
            scores |= {
                "top1": heard["solos"]["top1"],
                "lrap": heard["clips"]["lrap"],
                "micro_f1": heard["clips"]["micro_f1"],
            }
        return scores

    def teachers(self, folder: Path, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """What others' taggers score on the real clips, untrained on anything of ours.

        Raises:
            TuttiError: there are no real clips, or a tagger cannot be used.
        """
        if self.real is None:
            raise TuttiError("teachers are scored on real clips: name their folder with --real.")
        config = TeacherConfig(
            taggers=tuple(names), weights=(1.0,) * len(names), head_weight=0.0, own_weight=0.0
        )
        panel = Panel(config, folder, None, None, torch.device("cpu"))
        return {
            f"teacher {name}": {"real_map": scores["map"], "real_mix_f1": scores["mix_f1_best"]}
            for name, scores in score_teachers(panel, self.real).items()
        }

    def table(self, others: dict[str, dict[str, float]]) -> str:
        """The rows that are done, and ``others``, as Markdown."""
        lines = ["| row | " + " | ".join(COLUMNS.values()) + " |"]
        lines.append("|---" * (len(COLUMNS) + 1) + "|")
        found = {}
        for name in ROWS:
            done = self._folder(name) / "row.json"
            if done.exists():
                found[name] = json.loads(done.read_text(encoding="utf-8"))["scores"]
        for name, scores in (found | others).items():
            values = " | ".join(_text(scores.get(key, math.nan)) for key in COLUMNS)
            lines.append(f"| {name} | {values} |")
        return "\n".join(lines) + "\n"

    def _folder(self, name: str) -> Path:
        return self.out / "".join(c if c.isalnum() else "-" for c in name)


def compare(
    names: Sequence[str],
    bench: Bench,
    teachers: Path | None,
    tell: Callable[[str, Progress], None],
) -> Iterator[str]:
    """Train and score rows, and write the table; a line as soon as a row is done."""
    others: dict[str, dict[str, float]] = {}
    if teachers is not None:
        files = [*teachers.glob("*.onnx"), *teachers.glob("*.pt2")]
        others = bench.teachers(teachers, sorted({path.stem for path in files}))
    for name in names:
        scores = bench.run(name, partial(tell, name))
        yield " ".join([name, *(f"{key} {_text(value)}" for key, value in scores.items())])
        write_whole(bench.out / "table.md", bench.table(others))


def _logged(path: Path) -> tuple[list[float], list[int]]:
    """Windows a second and windows of every chunk, those of sessions before included."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line["windows_per_s"] for line in lines], [line["windows"] for line in lines]


def _text(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"
