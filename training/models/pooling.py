"""From a sequence of frame vectors to one embedding."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

PoolingKind = Literal["lde", "mean"]


class LearnableDictionary(nn.Module):
    """Learnable dictionary encoding, ``[batch, frames, dim]`` to ``[batch, centres * dim]``.

    Cai et al., "A novel learnable dictionary encoding layer for end-to-end
    language identification", ICASSP 2018. Each frame is softly assigned to the
    centres by its squared distance, scaled by a learned weight; the assignment
    is normalised over time and the residuals are averaged with it.
    """

    def __init__(self, dim: int = 128, centres: int = 8) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(centres, dim) * 0.5)
        self.scale = nn.Parameter(torch.full((centres,), 0.3))

    def forward(self, frames: Tensor) -> Tensor:
        residual = frames[:, :, None] - self.centres
        distance = (residual * residual).sum(dim=-1)
        assignment = torch.softmax(-(self.scale**2) * distance, dim=-1)
        assignment = assignment / (assignment.sum(dim=1, keepdim=True) + 1e-6)
        pooled = (assignment[..., None] * residual).sum(dim=1)
        return pooled.flatten(1)


class MeanPooling(nn.Module):
    """The mean over time, repeated so that the head keeps its size."""

    def __init__(self, copies: int = 8) -> None:
        super().__init__()
        self.copies = copies

    def forward(self, frames: Tensor) -> Tensor:
        return frames.mean(dim=1).repeat(1, self.copies)


def make_pooling(kind: PoolingKind) -> nn.Module:
    """The pooling layer by name; both give 1,024 values."""
    if kind == "lde":
        return LearnableDictionary()
    if kind == "mean":
        return MeanPooling()
    raise ValueError(f"pooling {kind!r}: choose lde or mean")
