"""Tiny banks of synthetic tones for tests: seconds of sound, no soundfonts, no samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.bank.bank import Bank
from training.bank.clips import Clip
from training.bank.writer import BankWriter

RATE_HZ = 16_000
LABELS = ("violin", "piano", "drums", "bass", "voice", "viola", "percussion")


def tone(
    pitch: float, length_s: float, rng: np.random.Generator, harmonics: int = 6
) -> NDArray[np.float32]:
    """A decaying harmonic tone with random partials."""
    time = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    sound = sum(
        rng.uniform(0.2, 1.0) / k * np.sin(2 * np.pi * (k * f0 * time + rng.random()))
        for k in range(1, harmonics + 1)
        if k * f0 < RATE_HZ / 2
    )
    fade = np.minimum(1.0, np.minimum(time, time[-1] - time) / 0.005)
    return np.asarray(sound * np.exp(-time) * fade, np.float32)


def make_bank(
    path: Path,
    *,
    labels: Sequence[str] = LABELS,
    notes: int = 3,
    pieces: int = 2,
    seed: int = 1,
) -> Bank:
    """Writes and opens a bank: per split and label a few notes, plus pieces and noise.

    Every label has two sources in ``train`` and one in ``val`` and ``test``.
    """
    rng = np.random.default_rng(seed)
    with BankWriter(path, seed=seed, recipe={"made by": "tests"}) as writer:
        for split in ("train", "val", "test"):
            for label in labels:
                for source in (f"{split} A", f"{split} B") if split == "train" else (f"{split} A",):
                    for number in range(notes):
                        pitch = 48.0 + 5 * number + float(rng.integers(5))
                        unpitched = label in ("drums", "percussion")
                        writer.append(
                            Clip(
                                samples=rng.standard_normal(4000).astype(np.float32)
                                if unpitched
                                else tone(pitch, float(rng.uniform(0.3, 1.2)), rng),
                                label=label,
                                source=source,
                                split=split,
                                pitch=None if unpitched else pitch,
                                velocity=80,
                                sustain=label in ("violin", "voice", "viola"),
                                licence="CC0-1.0",
                                origin=f"0/{number}:{int(pitch)} {label}",
                            )
                        )
            for piece in range(pieces):
                stems = [
                    Clip(
                        samples=tone(45 + 7 * i, 4.0, rng) * np.float32(0.5**i),
                        label=label,
                        source=f"{split} A",
                        split=split,
                        kind="stem",
                        piece=f"{split}-{piece}",
                        licence="CC0-1.0",
                    )
                    for i, label in enumerate(labels[:4])
                ]
                writer.append_piece(stems)
            hiss = 0.1 * rng.standard_normal(2 * RATE_HZ).astype(np.float32)
            writer.append(Clip(samples=hiss, label="", source="noise", split=split, kind="noise"))
    return Bank.open(path)
