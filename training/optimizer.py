"""What moves the weights: AdamW, or Muon for the convolutions and AdamW for the rest.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) makes each
step of a matrix nearly orthogonal, so that no direction of it is left behind; a
convolution counts as the matrix of its kernels. The steps are scaled to the size
of AdamW's, so that both take one learning rate (Liu et al. 2025, "Muon is scalable
for LLM training", section 2.2). torch has Muon too, but for matrices only and in
bfloat16, which takes 16 times as long on a processor that does not compute in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from training.models.network import Network
from training.recipe import Recipe

_MOMENTUM = 0.95
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_ADAMW_RMS = 0.2
"""The root mean square of AdamW's steps, at a learning rate of 1."""


def optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """One or two optimisers; together they hold every weight once.

    No decay on norms, biases and what has Hz as its unit; which weights Muon moves, the networks
    in ``model`` say.
    """
    networks = [m for m in model.modules() if isinstance(m, Network)]
    filters = [edge for network in networks for edge in network.in_hertz()]
    kernels = [kernel for network in networks for kernel in network.kernels()]
    apart = filters + (kernels if recipe.optimizer == "muon" else [])
    known = {id(weight) for weight in apart}
    rest = [weight for weight in model.parameters() if id(weight) not in known]
    groups: list[dict[str, Any]] = [
        {"params": [w for w in rest if w.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [w for w in rest if w.ndim <= 1], "weight_decay": 0.0},
        {"params": filters, "weight_decay": 0.0, "rate": recipe.filter_rate},
    ]
    adamw = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98))
    return [adamw, Muon(kernels, recipe.weight_decay)] if recipe.optimizer == "muon" else [adamw]


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are orthogonalised; weights of two axes or more."""

    def __init__(self, weights: Iterable[Tensor], weight_decay: float, lr: float = 1e-3) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                momentum = state["momentum"].lerp_(weight.grad, 1 - _MOMENTUM)
                ahead = weight.grad.lerp(momentum, _MOMENTUM).flatten(1)
                direction = orthogonal(ahead) * (_ADAMW_RMS * max(ahead.shape) ** 0.5)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(direction.view_as(weight), alpha=-group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with its singular values brought near 1 (0.7 to 1.2), by Newton-Schulz steps."""
    a, b, c = _NEWTON_SCHULZ
    tall = matrix.size(0) > matrix.size(1)
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
