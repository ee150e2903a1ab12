"""Fitting a head: taggers hear mixtures and named music once, the head learns from it many times.

What the taggers said of each part is kept in the run's folder, so that a run that was stopped
goes on with the next part.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from realtime.errors import TuttiError
from realtime.spec import POLYPHONY_LABELS
from training import checkpoint
from training.bank.bank import Bank
from training.losses import multilabel_loss
from training.mixing.labels import Targets
from training.mixing.mixer import Mixer
from training.mixing.music import MusicBatch, music_batch
from training.mixing.palette import Palette
from training.recipe import Recipe
from training.teachers.head import Head, save_head
from training.teachers.outside import OutsideTagger

PART_WINDOWS = 4_096
_EPOCHS = 20
_BATCH = 512
_WEIGHT_DECAY = 0.01
_SMALLEST_SD = 1e-3

Report = Callable[[str, int, int], None]
"""What is done, how far it is, and of how much."""


@dataclass(frozen=True)
class Chunk:
    """``features`` float16 ``[windows, k]`` and what sounds in each window."""

    features: Tensor
    targets: Targets


def fit_head(
    recipe: Recipe,
    bank_path: Path,
    run: Path,
    teachers: Path,
    *,
    seed: int = 0,
    device: torch.device | None = None,
    max_minutes: float | None = None,
    report: Report = lambda what, done, total: None,
) -> Path | None:
    """Fit a head on a recipe's taggers; returns its file, None where ``max_minutes`` came first.

    The recipe's stages say how many windows are heard, its ``batch`` and ``unlabelled`` how many
    of them are mixtures and how many named music.
    Raises TuttiError where the folder holds another recipe's or seed's run, or a tagger is
    missing.
    """
    device = device or torch.device("cpu")
    if not recipe.teacher.taggers:
        raise TuttiError("the recipe's [teacher] names no taggers: a head needs one at least.")
    taggers = [OutsideTagger(teachers, name, device) for name in recipe.teacher.taggers]
    palette = Palette(
        Bank.open(bank_path), recipe.splits, device, recorded_weight=recipe.recorded_weight
    )
    _claim(run, recipe, seed)
    started, parts = time.monotonic(), []
    total = math.ceil(recipe.windows / PART_WINDOWS)
    for number in range(total):
        path = run / f"heard-{number:03d}.pt"
        if not path.is_file():
            if max_minutes is not None and time.monotonic() - started > 60 * max_minutes:
                return None
            _write(path, _hear(recipe, palette, taggers, seed * 1_000_003 + number))
        parts.append(_read(path))
        report("listening", (number + 1) * PART_WINDOWS, total * PART_WINDOWS)
    rate = recipe.stages[0].learning_rate
    head = fit_on(parts, rate, torch.Generator().manual_seed(seed), device, report)
    save_head(
        run / "head.pt",
        head,
        taggers=list(recipe.teacher.taggers),
        recipe=recipe.name,
        seed=seed,
        windows=total * PART_WINDOWS,
    )
    return run / "head.pt"


def fit_on(
    parts: Sequence[Chunk],
    learning_rate: float,
    rng: torch.Generator,
    device: torch.device,
    report: Report = lambda what, done, total: None,
) -> Head:
    """A head fitted on what was heard; ``rng``, of the CPU, decides its weights and the order."""
    features = torch.cat([part.features for part in parts])
    targets = Targets(
        *(
            torch.cat([getattr(part.targets, name) for part in parts])
            for name in vars(parts[0].targets)
        )
    )
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))
        head = Head(features.shape[1])
        whole = features.float()
        head.mu.copy_(whole.mean(dim=0))
        head.sd.copy_(whole.std(dim=0).clamp(min=_SMALLEST_SD))
        del whole
        head.to(device).train()
        optimizer = torch.optim.AdamW(
            head.parameters(), lr=learning_rate, weight_decay=_WEIGHT_DECAY
        )
        steps = math.ceil(len(features) / _BATCH) * _EPOCHS
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for epoch in range(_EPOCHS):
            for rows in torch.randperm(len(features), generator=rng).split(_BATCH):
                taught = Targets(*(v[rows].to(device) for v in vars(targets).values()))
                loss = multilabel_loss(head(features[rows].to(device).float()), taught)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
            report("learning", epoch + 1, _EPOCHS)
    return head.eval()


@torch.no_grad()
def _hear(recipe: Recipe, palette: Palette, taggers: list[OutsideTagger], seed: int) -> Chunk:
    """What the taggers make of one part's windows."""
    rng = torch.Generator(palette.device).manual_seed(seed)
    mixer = Mixer(palette, recipe.stages[0].mix, rng)
    features: list[Tensor] = []
    targets: list[Targets] = []
    heard = 0
    while heard < PART_WINDOWS:
        batch = mixer.batch(recipe.batch)
        audio, known = [batch.audio], [batch.targets]
        if recipe.music:
            music = music_batch(mixer, recipe.unlabelled, recipe.music)
            audio.append(music.audio)
            known.append(named(music))
        sound = torch.cat(audio)
        said = torch.cat([tagger(sound)[0] for tagger in taggers], dim=1)
        features.append(said.half().cpu())
        targets += [one.to(torch.device("cpu")) for one in known]
        heard += len(sound)
    columns = (
        torch.cat([getattr(one, name) for one in targets])[:PART_WINDOWS]
        for name in vars(targets[0])
    )
    return Chunk(torch.cat(features)[:PART_WINDOWS], Targets(*columns))


def named(music: MusicBatch) -> Targets:
    """What is known of windows of music, and nothing more; see ``MusicBatch``."""
    complete = music.complete[:, None]
    top = len(POLYPHONY_LABELS) - 1
    count = torch.arange(top + 1, device=music.count.device)
    exact = count == music.count[:, None]
    # Where not all is named, at least what is.
    possible = count >= music.sure.sum(dim=1).clamp(max=top)[:, None]
    possible = torch.where((music.count >= 0)[:, None], exact, possible)
    return Targets(
        instruments=music.sure.float(),
        instruments_known=(music.sure | (complete & ~music.open)).float(),
        families=music.sure_families.float(),
        families_known=(music.sure_families | (complete & ~music.open_families)).float(),
        polyphony=possible.float() / possible.sum(dim=1, keepdim=True),
    )


def _claim(run: Path, recipe: Recipe, seed: int) -> None:
    """Mark the folder as this run's."""
    mark = run / "run.pt"
    settings = json.dumps(asdict(recipe), sort_keys=True)
    if mark.is_file():
        state = checkpoint.load(mark)
        if state.get("settings") != settings or state.get("seed") != seed:
            raise TuttiError(
                f"{run} holds a run with another recipe or seed: name another --run folder, or "
                "remove it."
            )
    else:
        checkpoint.save(mark, {"settings": settings, "seed": seed})


def _write(path: Path, part: Chunk) -> None:
    checkpoint.save(path, {"features": part.features, "targets": vars(part.targets)})


def _read(path: Path) -> Chunk:
    state = checkpoint.load(path)
    return Chunk(state["features"], Targets(**state["targets"]))
