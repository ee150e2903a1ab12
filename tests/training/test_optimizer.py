"""The optimisers: what Muon does to a matrix, and that every weight has exactly one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.models.tagger import InstrumentTagger
from training.optimizer import Muon, optimizers, orthogonal
from training.recipe import Recipe


@pytest.mark.parametrize("shape", [(16, 49), (128, 1152), (64, 8)])
def test_all_directions_of_a_step_count_alike(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(shape, generator=generator)
    left, strength, right = torch.linalg.svd(matrix, full_matrices=False)
    stretched = left @ torch.diag(strength * torch.logspace(0, -1.5, len(strength))) @ right
    turned = left.T @ orthogonal(stretched) @ right.T
    assert turned.diagonal().min() > 0.6
    assert turned.diagonal().max() < 1.3
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 1e-3


def test_nothing_to_learn_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(8, 9)), torch.zeros(8, 9))


def test_a_step_is_as_large_as_adamws_whatever_the_gradient() -> None:
    sizes = []
    for scale in (1e-6, 1.0, 1e3):
        weight = nn.Parameter(torch.zeros(32, 16, 3, 3))
        weight.grad = scale * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
        Muon([weight], weight_decay=0.0, lr=0.01).step()
        sizes.append(float(weight.detach().square().mean().sqrt()))
    assert sizes == pytest.approx([0.002] * 3, rel=0.25)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_weight_is_moved_by_one_optimizer(name: str) -> None:
    model = InstrumentTagger()
    held = [
        id(weight)
        for optimizer in optimizers(model, Recipe("any", (), optimizer=name))  # type: ignore[arg-type]
        for group in optimizer.param_groups
        for weight in group["params"]
    ]
    assert sorted(held) == sorted(id(weight) for weight in model.parameters())
