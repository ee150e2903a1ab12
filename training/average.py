"""The mean of several checkpoints' weights, which generalises better than either.

For runs of the same network of which each began where another ended: far from each
other the mean of two networks is none (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from realtime.errors import TuttiError
from training import checkpoint


def average(paths: list[Path]) -> dict[str, Any]:
    """A checkpoint, ready for 'tutti export', of the mean of the averaged weights of several.

    It says of itself what the last of them says, and that it is a mean.

    Raises:
        TuttiError: a file is no checkpoint, or holds another form of the network.
    """
    states = [checkpoint.load(path) for path in paths]
    last = states[-1]
    for path, state in zip(paths, states, strict=True):
        if state["network"] != last["network"]:
            raise TuttiError(f"{path} holds another form of the network than {paths[-1]}.")

    def mean(name: str) -> Tensor:
        values: list[Tensor] = [state["ema"][name] for state in states]
        if not values[0].is_floating_point():
            return values[-1]
        return torch.stack(values).mean(dim=0)

    kept = {name: last[name] for name in ("settings", "network", "seed")}
    return kept | {
        "recipe": f"{last['recipe']}, averaged with {len(paths) - 1} before it",
        "windows": max(state["windows"] for state in states),
        "ema": {name: mean(name) for name in last["ema"]},
    }
