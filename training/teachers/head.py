"""A small network on the features of others: what they know of real sound, in our labels.

A head trained on rendered mixtures hears real music better than a whole network that was
trained on them (``docs/experiments.md``): the features under it have heard real sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from realtime.errors import TuttiError
from realtime.spec import POLYPHONY_LABELS
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training import checkpoint
from training.models.network import Logits
from training.teachers.opinion import Opinion

SIZES = (len(INSTRUMENTS), len(FAMILIES), len(POLYPHONY_LABELS))
HIDDEN = 512
_DROPOUT = 0.3


class Head(nn.Module):
    """Features ``[windows, k]`` to logits; ``mu`` and ``sd`` ``[k]`` standardise them."""

    mu: Tensor
    sd: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mu", torch.zeros(features))
        self.register_buffer("sd", torch.ones(features))
        self.layers = nn.Sequential(
            nn.Linear(features, HIDDEN),
            nn.ReLU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(HIDDEN, sum(SIZES)),
        )

    def standardise(self, features: Tensor) -> Tensor:
        """Features of about unit variance."""
        return (features - self.mu) / self.sd

    def forward(self, features: Tensor) -> Logits:
        """``features`` as the taggers give them."""
        return Logits(*self.layers(self.standardise(features)).float().split(SIZES, dim=1))

    def opinion(self, features: Tensor) -> Opinion:
        """What the head says."""
        logits = self(features)
        return Opinion(
            instruments=logits.instruments.sigmoid(),
            families=logits.families.sigmoid(),
            speaks=torch.ones(SIZES[0], dtype=torch.bool, device=features.device),
            polyphony=logits.polyphony.softmax(dim=1),
        )


def save_head(path: Path, head: Head, **what_made_it: Any) -> None:
    """Write a head; ``what_made_it`` stands beside its weights."""
    state = {
        "head": {key.replace("layers.", ""): v for key, v in head.layers.state_dict().items()},
        "mu": head.mu,
        "sd": head.sd,
    }
    checkpoint.save(path, state | what_made_it)


def load_head(
    path: Path, features: int, device: torch.device, taggers: Sequence[str] = ()
) -> Head:
    """Read a head for ``taggers``, which give ``features`` features in all.

    Raises TuttiError where the file is missing, damaged, or for other taggers.
    """
    if not path.is_file():
        raise TuttiError(f"{path} is not there: name the file of a head.")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        mu, sd, weights = state["mu"], state["sd"], state["head"]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TuttiError(f"{path} is damaged or not a head ({type(error).__name__}).") from None
    of = list(state.get("taggers", taggers))
    if taggers and of != list(taggers):
        raise TuttiError(
            f"{path} was fitted on {', '.join(of)}, not on {', '.join(taggers)}: name the taggers "
            "it was fitted on, in their order."
        )
    if len(mu) != features:
        raise TuttiError(
            f"{path} was fitted on {len(mu)} features, these taggers give {features}: name the "
            "taggers it was fitted on, in their order."
        )
    head = Head(features).to(device)
    head.mu.copy_(mu)
    head.sd.copy_(sd)
    head.layers.load_state_dict(weights)
    return head.eval()
