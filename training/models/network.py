"""What fitting, teaching and export ask of a network.

A network is a module that derives from ``Network``, a frozen dataclass of its choices whose
``kind`` names it, and a line in ``training.models.kinds``. A recipe's ``[network]`` table then
builds it by that name, and ``tutti train`` and ``tutti export`` do with it what its methods say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from realtime.spec import POLYPHONY_LABELS
from realtime.taxonomy import FAMILIES, INSTRUMENTS

OUTPUTS = (len(INSTRUMENTS), len(FAMILIES), len(POLYPHONY_LABELS))


class Logits(NamedTuple):
    """``[batch, 24]``, ``[batch, 8]``, ``[batch, 7]``, before sigmoid and softmax."""

    instruments: Tensor
    families: Tensor
    polyphony: Tensor


@dataclass(frozen=True)
class Int8:
    """Which nodes of the exported graph become int8: those ``inside`` and not ``outside``.

    Both are beginnings of node names, as the exporter makes them of the modules' names. Nothing
    inside: the network is deployed in float32.
    """

    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


class Network(nn.Module):
    """Audio ``[batch, 16000]`` at 16 kHz to ``Logits``, by way of an embedding."""

    config: Any
    embedding_size: int
    int8: Int8 = Int8()

    def embed(self, audio: Tensor) -> Tensor:
        """Embeddings ``[batch, embedding_size]``; teachers' features are told from them."""
        raise NotImplementedError

    def classify(self, embedding: Tensor) -> Logits:
        """Logits of embeddings, by ``last_layer`` in the end."""
        raise NotImplementedError

    def forward(self, audio: Tensor) -> Logits:
        return self.classify(self.embed(audio))

    @property
    def last_layer(self) -> nn.Linear:
        """Its rows are the instruments, the families, the counts (``OUTPUTS``).

        The correction of the number of instruments goes into its weights.
        """
        raise NotImplementedError

    def in_hertz(self) -> list[nn.Parameter]:
        """Weights whose unit is Hz: they are not decayed, and move faster than the others."""
        return []

    def kernels(self) -> list[Tensor]:
        """Weights that Muon moves, as matrices of their kernels."""
        return [m.weight for m in self.modules() if isinstance(m, nn.Conv2d)]

    def make_constant(self) -> None:
        """Replace, in place, what ONNX cannot compute by what it computes in the end."""
