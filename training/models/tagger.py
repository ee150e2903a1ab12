"""The whole network: audio in, logits of instruments, families and polyphony out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from realtime.spec import POLYPHONY_LABELS
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.models.pooling import PoolingKind, make_pooling
from training.models.sharesnet import ShaResNet
from training.models.sincnet import FrontEnd, FrontEndKind, NormaliseLevel

EMBEDDING_SIZE = 1024


class Logits(NamedTuple):
    """``[batch, 24]``, ``[batch, 8]``, ``[batch, 7]``, before sigmoid and softmax."""

    instruments: Tensor
    families: Tensor
    polyphony: Tensor


@dataclass(frozen=True)
class NetworkConfig:
    """The choices that make a form of the network; saved with every checkpoint."""

    front_end: FrontEndKind = "pair"
    stem_stride: int = 2
    depths: tuple[int, ...] = (2, 2, 2, 2)
    pooling: PoolingKind = "lde"
    dropout: float = 0.15


class Encoder(nn.Module):
    """Audio ``[batch, 16000]`` to embeddings ``[batch, 1024]``."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.level = NormaliseLevel()
        self.front_end = FrontEnd(config.front_end)
        self.backbone = ShaResNet(config.depths, config.stem_stride)
        self.pooling = make_pooling(config.pooling)

    def forward(self, audio: Tensor) -> Tensor:
        # Level, filters and pooling stay in float32: their range does not fit bf16.
        with torch.autocast(audio.device.type, enabled=False):
            picture = self.front_end(self.level(audio.float()))
        frames = self.backbone(picture.contiguous(memory_format=torch.channels_last))
        with torch.autocast(audio.device.type, enabled=False):
            embedding: Tensor = self.pooling(frames.float())
        return embedding


def _head(outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        nn.BatchNorm1d(EMBEDDING_SIZE),
        nn.Dropout(dropout),
        nn.Linear(EMBEDDING_SIZE, outputs),
    )


class PaperNetwork(nn.Module):
    """The single-head form of Zhong et al., APSIPA 2023, kept to check sizes.

    With 11 classes it has 519,301 parameters (836,805 at depths 3-4-6-3).
    """

    def __init__(self, classes: int = 11, depths: tuple[int, ...] = (2, 2, 2, 2)) -> None:
        super().__init__()
        config = NetworkConfig(front_end="paper", stem_stride=1, depths=depths)
        self.encoder = Encoder(config)
        self.head = _head(classes, config.dropout)

    def forward(self, audio: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(audio))
        return logits


class InstrumentTagger(nn.Module):
    """The shipped form: one embedding, three heads that share its normalisation."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.encoder = Encoder(self.config)
        self.head_sizes = (len(INSTRUMENTS), len(FAMILIES), len(POLYPHONY_LABELS))
        self.head = _head(sum(self.head_sizes), self.config.dropout)

    def embed(self, audio: Tensor) -> Tensor:
        """Embeddings ``[batch, 1024]`` of audio ``[batch, 16000]`` at 16 kHz."""
        embedding: Tensor = self.encoder(audio)
        return embedding

    def classify(self, embedding: Tensor) -> Logits:
        """Logits of embeddings ``[batch, 1024]``."""
        return Logits(*self.head(embedding).float().split(self.head_sizes, dim=1))

    def forward(self, audio: Tensor) -> Logits:
        return self.classify(self.embed(audio))


def parameter_count(module: nn.Module) -> int:
    """Trainable parameters; a shared layer counts once."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
