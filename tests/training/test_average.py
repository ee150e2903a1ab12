"""The mean of checkpoints: its weights, what it says of itself, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from realtime.cli import main
from realtime.errors import TuttiError
from training import checkpoint
from training.average import average
from training.models.kinds import settings_of
from training.models.tagger import InstrumentTagger, NetworkConfig


def made(path: Path, seed: int, windows: int, stem_stride: int = 2) -> Path:
    torch.manual_seed(seed)
    config = NetworkConfig(stem_stride=stem_stride)
    state = {
        "recipe": f"recipe {seed}", "settings": "{}", "seed": seed, "windows": windows,
        "network": settings_of(config),
        "ema": InstrumentTagger(config).state_dict(), "optimizers": [],
    }  # fmt: skip
    checkpoint.save(path, state)
    return path


def test_the_mean_is_a_model_and_says_what_it_is(tmp_path: Path) -> None:
    paths = [made(tmp_path / f"{n}.pt", n, 100 * n) for n in (1, 2, 3)]
    out = tmp_path / "mean" / "last.pt"
    assert main(["dev", "average", *map(str, paths), "--out", str(out)]) == 0
    model, state = checkpoint.load_model(out)
    assert state["windows"] == 300
    assert state["seed"] == 3
    assert state["recipe"] == "recipe 3, averaged with 2 before it"
    parts = [checkpoint.load(path)["ema"] for path in paths]
    stem = next(name for name in parts[0] if name.endswith("stem.weight"))
    assert not torch.equal(parts[0][stem], parts[1][stem])
    torch.testing.assert_close(
        model.state_dict()[stem], (parts[0][stem] + parts[1][stem] + parts[2][stem]) / 3
    )


def test_another_network_is_refused(tmp_path: Path) -> None:
    paths = [made(tmp_path / f"{n}.pt", n, 1, stem_stride=n) for n in (1, 2)]
    with pytest.raises(TuttiError, match="another form"):
        average(paths)
