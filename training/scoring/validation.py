"""Scores on mixtures of unseen sources while a run goes on, and before a version is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import nn

from training.bank.bank import Bank
from training.bank.clips import SPLITS
from training.mixing.arrangement import ArrangementConfig
from training.mixing.labels import Targets
from training.mixing.mixer import MixConfig, Mixer
from training.mixing.palette import Palette

SPLIT = "val"
_SEED = 20_231
_BATCH = 256
REAL_COLUMNS = {
    "map": "clips: mAP",
    "phrases": "phrases top-1",
    "solo_f1": "micro-F1 at 0.25",
    "solo_f1_best": "at best",
    "mix_f1": "mixtures: micro-F1 at 0.25",
    "mix_f1_best": "at best",
    "mix_at": "which is",
    "mix_lrap": "LRAP",
    "count_solo": "count right, clips",
    "count_mix": "mixtures",
    "count_mix_near": "within one",
}
Models = Sequence[tuple[str, nn.Module]]


class Validation:
    """A fixed set of windows of one split's sources, drawn once.

    Half hold one instrument, half any number.
    """

    def __init__(
        self,
        bank: Bank,
        device: torch.device,
        windows: int,
        split: str = SPLIT,
        *,
        recorded: bool = False,
    ) -> None:
        """``recorded``: of recorded sources only, none of soundfonts."""
        palette = Palette(bank, (split,), device, rendered_weight=0.0 if recorded else 1.0)
        rng = torch.Generator(device).manual_seed(_SEED)
        solo = MixConfig(arrangement=ArrangementConfig(count_weights=(0.0, 1.0)))
        self.batches = []
        self.solos: list[bool] = []
        for config in (solo, MixConfig()):
            mixer = Mixer(palette, config, rng)
            for first in range(0, windows // 2, _BATCH):
                size = min(_BATCH, windows // 2 - first)
                self.batches.append(mixer.batch(size))
                self.solos += [config is solo] * size

    @torch.no_grad()
    def score(self, model: nn.Module) -> dict[str, float]:
        """``map`` over instruments, ``solo_top1``, ``f1`` at 0.5, ``polyphony``."""
        was_training = model.training
        model.eval()
        outputs = [model(batch.audio) for batch in self.batches]
        model.train(was_training)
        probability = torch.cat([o.instruments for o in outputs]).sigmoid().float().cpu().numpy()
        count = torch.cat([o.polyphony for o in outputs]).argmax(dim=1).cpu().numpy()
        return score_windows(probability, count, self._targets(), np.array(self.solos))

    def _targets(self) -> Targets:
        names = vars(self.batches[0].targets)
        return Targets(
            **{
                name: torch.cat([getattr(b.targets, name) for b in self.batches]).cpu()
                for name in names
            }
        )


def score_windows(
    probability: np.ndarray, count: np.ndarray, targets: Targets, solos: np.ndarray
) -> dict[str, float]:
    """Scores of windows; ``probability`` ``[n, 24]``, ``count`` and ``solos`` ``[n]``."""
    truth, known = targets.instruments.numpy() > 0.5, targets.instruments_known.numpy() > 0.5
    precisions = []
    for label in range(truth.shape[1]):
        use = known[:, label]
        if truth[use, label].any():
            score = average_precision_score(truth[use, label], probability[use, label])
            precisions.append(float(score))
    said = (probability >= 0.5) & known
    hits = int((said & truth).sum())
    f1 = 2 * hits / max(1, int(said.sum()) + int((truth & known).sum()))
    one = solos & (truth.sum(axis=1) == 1) & known.all(axis=1)
    top1 = (probability.argmax(axis=1) == truth.argmax(axis=1))[one].mean() if one.any() else 0.0
    certain = targets.polyphony.numpy().max(axis=1) > 0.99
    right = count == targets.polyphony.numpy().argmax(axis=1)
    return {
        "map": float(np.mean(precisions)) if precisions else 0.0,
        "f1": f1,
        "solo_top1": float(top1),
        "polyphony": float(right[certain].mean()) if certain.any() else 0.0,
    }


def print_rendered(bank: Bank, models: Models, windows: int, *, recorded: bool) -> None:
    """A Markdown table: a row for each split and model."""
    device = torch.device("cpu")
    names = ("map", "f1", "solo_top1", "polyphony")
    print("| model | split | " + " | ".join(names) + " |")
    print("|" + "---|" * (2 + len(names)))
    for split in SPLITS:
        validation = Validation(bank, device, windows, split, recorded=recorded)
        for name, model in models:
            scores = validation.score(model)
            cells = " | ".join(f"{scores[key]:.3f}" for key in names)
            print(f"| {name} | {split} | {cells} |", flush=True)


def print_real(scored: Iterable[tuple[str, Mapping[str, float]]]) -> None:
    """A Markdown table of ``RealValidation.score``, a row as soon as it is there."""
    print("| model | " + " | ".join(REAL_COLUMNS.values()) + " |")
    print("|" + "---|" * (1 + len(REAL_COLUMNS)))
    for name, scores in scored:
        values = (scores[key] for key in REAL_COLUMNS)
        cells = " | ".join("" if np.isnan(value) else f"{value:.3f}" for value in values)
        print(f"| {name} | {cells} |", flush=True)
