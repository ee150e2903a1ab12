"""One loop that every protocol is fitted by: epochs, a learning-rate law, validation, patience."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from realtime.errors import TuttiError
from training import checkpoint

Tell = Callable[[str, float, float], None]
"""What is done, how far it is, and of how much."""
Loss = Callable[[nn.Module], Tensor]
"""Draws the next batch and says what the network missed of it."""


def fit_epochs(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    *,
    epochs: int,
    steps: int,
    law: Callable[[float], float],
    validate: Callable[[nn.Module], float] | None = None,
    patience: int = 0,
    tolerance: float = 0.0,
    keep_best: bool = False,
    tell: Callable[[int, float], None] = lambda epoch, mean: None,
) -> list[float]:
    """Train ``epochs`` of ``steps`` batches; the mean loss of each.

    ``law``: epochs that are over to the learning rate, times a group's own ``rate``. ``validate``
    gives the loss on held-out data after an epoch: after ``patience`` epochs (0: never) that do not
    lower it by more than ``tolerance`` the run ends; ``keep_best`` gives back the best weights.

    Raises:
        TuttiError: the loss is no number any more.
    """
    best, waited, kept = math.inf, 0, copy.deepcopy(model.state_dict())
    means = []
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = law(epoch + step / steps) * group.get("rate", 1.0)
            missed = loss(model)
            optimizer.zero_grad(set_to_none=True)
            missed.backward()
            optimizer.step()
            total += float(missed.detach())
        means.append(total / steps)
        if not math.isfinite(means[-1]):
            raise TuttiError(
                f"the loss became {means[-1]} in epoch {epoch + 1}: begin anew with another --seed."
            )
        tell(epoch + 1, means[-1])
        if validate is None:
            continue
        model.eval()
        with torch.no_grad():
            held = validate(model)
        if held < best - tolerance:
            best, waited, kept = held, 0, copy.deepcopy(model.state_dict())
        else:
            waited += 1
            if patience and waited >= patience:
                break
    if keep_best and validate is not None:
        model.load_state_dict(kept)
    model.eval()
    return means


def warm_cosine(highest: float, warm: float, epochs: float) -> Callable[[float], float]:
    """From zero to ``highest`` in ``warm`` epochs, then to zero along a cosine."""

    def law(epoch: float) -> float:
        if epoch < warm:
            return highest * epoch / warm
        return highest * 0.5 * (1 + math.cos(math.pi * (epoch - warm) / max(1e-9, epochs - warm)))

    return law


def stored(path: Path, settings: dict[str, Any], model: nn.Module, make: Callable[[], Any]) -> None:
    """Fit a model by ``make``, or take its weights from ``path``, where it was fitted before.

    Raises:
        TuttiError: the file was made with other settings.
    """
    if path.exists():
        state = checkpoint.load(path)
        if state["settings"] != settings:
            raise TuttiError(f"{path} was made with other settings: name another --out folder.")
        model.load_state_dict(state["model"])
        model.eval()
        return
    make()
    checkpoint.save(path, {"settings": settings, "model": model.state_dict()})


def table(columns: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; numbers with three places."""

    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"
