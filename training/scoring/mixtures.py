"""Mixtures of sources that no training has heard, to score with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.bank.bank import Bank
from training.datasets.truth import Truth
from training.mixing.arrangement import ArrangementConfig
from training.mixing.labels import Targets
from training.mixing.mixer import MixConfig, Mixer
from training.mixing.palette import Palette

COUNT_WEIGHTS = (1.0,) * 7
"""As many clips are drawn for each number of parts, 0 to 6."""
_BATCH_S = 100
_CERTAIN = 0.99


def make_mixtures(
    bank: Path,
    split: str,
    clips: int,
    seed: int,
    *,
    seconds: int = 1,
    effects: bool = True,
    level_range_db: float = MixConfig.level_range_db,
) -> tuple[NDArray[np.float32], list[Truth]]:
    """Clips of a bank's held-out split, float32 ``(clips, 16000 * seconds)`` at 16 kHz.

    What is true of them follows the rule of ``training.mixing.labels``: a part that is too quiet
    to be sure of is neither there nor absent, and then the count is not known.
    """
    rng = torch.Generator().manual_seed(seed)
    palette = Palette(Bank.open(bank), (split,), torch.device("cpu"))
    config = MixConfig(
        arrangement=ArrangementConfig(count_weights=COUNT_WEIGHTS),
        effects=effects,
        level_range_db=level_range_db,
        noise_p=MixConfig.noise_p if effects else 0.0,
    )
    mixer = Mixer(palette, config, rng, SAMPLE_RATE_HZ * seconds)
    audio, truths = [], []
    size = max(1, _BATCH_S // seconds)
    for first in range(0, clips, size):
        batch = mixer.batch(min(size, clips - first))
        audio.append(batch.audio.numpy())
        truths += truths_of(batch.targets)
    return np.concatenate(audio), truths


def truths_of(targets: Targets) -> list[Truth]:
    """What is taught of a batch of windows, window by window, in the words of the evaluation."""
    known = [
        (np.array(labels), values.numpy() > 0.5, mask.numpy() > 0.5)
        for labels, values, mask in (
            (INSTRUMENTS, targets.instruments, targets.instruments_known),
            (FAMILIES, targets.families, targets.families_known),
        )
    ]
    (instruments, sounds, sure), (families, family_sounds, family_sure) = known
    counts = targets.polyphony.numpy()
    return [
        Truth(
            slots=tuple(frozenset([str(name)]) for name in instruments[sounds[row]]),
            unknown=frozenset(map(str, instruments[~sure[row] & ~sounds[row]])),
            families=frozenset(map(str, families[family_sounds[row]])),
            unknown_families=frozenset(map(str, families[~family_sure[row] & ~family_sounds[row]])),
            count=int(counts[row].argmax()) if counts[row].max() > _CERTAIN else None,
        )
        for row in range(len(counts))
    ]
