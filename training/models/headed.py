"""A network made of a trunk that hears and a head that ends in one linear layer."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from training.models.network import OUTPUTS, Logits, Network


class Headed(Network):
    """``trunk``: audio ``[batch, samples]`` to an embedding; ``head``: that to ``sum(OUTPUTS)``.

    The papers' own protocols put another head on the same trunk.
    """

    def __init__(self, config: Any, trunk: nn.Module, head: nn.Sequential, size: int) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = size
        self.trunk = trunk
        self.head = head

    def embed(self, audio: Tensor) -> Tensor:
        embedding: Tensor = self.trunk(audio)
        return embedding

    def classify(self, embedding: Tensor) -> Logits:
        return Logits(*self.head(embedding).float().split(OUTPUTS, dim=1))

    @property
    def last_layer(self) -> nn.Linear:
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        return last
