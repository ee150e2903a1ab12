"""The mean of several checkpoints' weights, which generalises better than either.

    python -m training.average training/weights/tutti-0.7.0.pt runs/on/last.pt \\
        --out runs/mean/last.pt

For runs of the same network of which each began where another ended: far from each
other the mean of two networks is none (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from realtime.errors import TuttiError
from training import checkpoint
from training.tool import run


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
        values = [state["ema"][name] for state in states]
        if not values[0].is_floating_point():
            return values[-1]
        return torch.stack(values).mean(dim=0)

    kept = {name: last[name] for name in ("settings", "network", "seed")}
    return kept | {
        "recipe": f"{last['recipe']}, averaged with {len(paths) - 1} before it",
        "windows": max(state["windows"] for state in states),
        "ema": {name: mean(name) for name in last["ema"]},
    }


def main(argv: list[str] | None = None) -> int:
    """Writes the mean."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", type=Path, nargs="+", help="the newest last")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    checkpoint.save(args.out, average(args.checkpoints))
    return 0


if __name__ == "__main__":
    run(main)
