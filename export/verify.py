"""Is the exported file the trained model? Compared on sound, never on random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from export.to_onnx import Deployed
from realtime.model import Scores, TagModel
from training.models.network import Network


@dataclass(frozen=True)
class ModelDifference:
    """How far two models' instrument probabilities lie apart on the same windows.

    ``decisions``: share of label decisions, at each label's threshold, that agree.
    """

    largest: float
    mean: float
    decisions: float

    def __str__(self) -> str:
        return (
            f"mean difference {self.mean:.4f}, largest {self.largest:.4f}, "
            f"{100 * self.decisions:.2f} % of decisions agree"
        )


def torch_scores(model: Network, windows: NDArray[np.float32]) -> Scores:
    """Probabilities of the torch model for windows ``[n, 16000]``."""
    deployed = Deployed(model.eval())
    with torch.no_grad():
        parts = [deployed(torch.from_numpy(part)) for part in np.array_split(windows, 8)]
    return Scores(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))


def compare(first: Scores, second: Scores, thresholds: NDArray[np.float32]) -> ModelDifference:
    """Compare two models' scores of the same windows."""
    gap = np.abs(first.instruments - second.instruments)
    same = (first.instruments >= thresholds) == (second.instruments >= thresholds)
    return ModelDifference(float(gap.max()), float(gap.mean()), float(same.mean()))


def onnx_scores(path: Path, windows: NDArray[np.float32]) -> Scores:
    """Probabilities of an exported file, through the engine users run."""
    return TagModel(path).infer(windows)
