"""Checkpoints that are whole or not there, and that know what made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from realtime.errors import TuttiError
from realtime.whole_file import whole_file
from training.models.kinds import DEFAULT, network_of
from training.models.network import Network

CHECKPOINT_SCHEMA = 1


def save(path: Path, state: dict[str, Any]) -> None:
    """Write beside and rename, so that a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            torch.save({"schema": CHECKPOINT_SCHEMA, **state}, file)
    except (OSError, RuntimeError) as error:
        raise TuttiError(
            f"{path} cannot be written ({error}); free some space and start again, the last "
            "checkpoint is kept."
        ) from error


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint; TuttiError where it is missing, damaged or of another schema."""
    if not path.is_file():
        raise TuttiError(f"{path} is not there: train a model first with 'tutti train'.")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TuttiError(
            f"{path} is damaged or not a checkpoint ({type(error).__name__})."
        ) from None
    if not isinstance(state, dict) or state.get("schema") != CHECKPOINT_SCHEMA:
        raise TuttiError(f"{path} is not a checkpoint of this version: train again.")
    if "network" in state:
        state["network"] = {"kind": DEFAULT} | state["network"]  # none before 0.11 names its kind
    return state


def load_model(path: Path) -> tuple[Network, dict[str, Any]]:
    """The averaged weights of a checkpoint as an evaluation-mode model, and its state."""
    state = load(path)
    model = network_of(state["network"])
    model.load_state_dict(state["ema"])
    return model.eval(), state
