"""What a teacher says of a batch of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from realtime.taxonomy import FAMILIES, FAMILY_OF, INSTRUMENTS


@dataclass(frozen=True)
class Opinion:
    """Probabilities: ``instruments`` ``[windows, 24]``, ``families`` ``[windows, 8]``, and
    ``polyphony`` ``[windows, 7]`` where the teacher counts.

    ``speaks`` bool ``[24]``: the instruments it has a name for; of the others it says nothing.
    """

    instruments: Tensor
    families: Tensor
    speaks: Tensor
    polyphony: Tensor | None = None


def likeliest_member(instruments: Tensor) -> Tensor:
    """Families ``[windows, 8]``: each as likely as its likeliest instrument."""
    columns = [
        instruments[:, [i for i, name in enumerate(INSTRUMENTS) if FAMILY_OF[name] == family]]
        for family in FAMILIES
    ]
    return torch.stack([column.amax(dim=1) for column in columns], dim=1)


def mean_opinion(opinions: Sequence[Opinion], weights: Sequence[float]) -> Opinion:
    """The weighted mean; where a teacher has no name for an instrument, that of the others."""
    first = opinions[0]
    total = torch.zeros_like(first.instruments)
    weight = torch.zeros_like(first.instruments[0])
    for opinion, share in zip(opinions, weights, strict=True):
        heard = share * opinion.speaks
        total += heard * opinion.instruments
        weight += heard
    families = sum(
        share * opinion.families for opinion, share in zip(opinions, weights, strict=True)
    ) / sum(weights)
    counting = [
        (opinion.polyphony, share)
        for opinion, share in zip(opinions, weights, strict=True)
        if opinion.polyphony is not None
    ]
    return Opinion(
        instruments=total / weight.clamp(min=1e-6),
        families=torch.as_tensor(families),
        speaks=weight > 0,
        polyphony=(
            torch.stack([share * said for said, share in counting]).sum(dim=0)
            / sum(share for _, share in counting)
            if counting
            else None
        ),
    )
