"""The whole network: audio in, logits of instruments, families and polyphony out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.models.folded import FoldedFilters
from training.models.network import OUTPUTS, Int8, Logits, Network
from training.models.pooling import PoolingKind, make_pooling
from training.models.sharesnet import ShaResNet
from training.models.sincnet import FrontEnd, FrontEndKind, NormaliseLevel

EMBEDDING_SIZE = 1024


@dataclass(frozen=True)
class NetworkConfig:
    """The choices that make a form of the network; saved with every checkpoint."""

    kind: ClassVar[str] = "sharesnet"
    front_end: FrontEndKind = "pair"
    stem_stride: int = 2
    depths: tuple[int, ...] = (2, 2, 2, 2)
    pooling: PoolingKind = "lde"
    dropout: float = 0.15


@dataclass(frozen=True)
class ResNetConfig(NetworkConfig):
    """The same with a second convolution of its own in every block."""

    kind: ClassVar[str] = "resnet"


class Encoder(nn.Module):
    """Audio ``[batch, 16000]`` to embeddings ``[batch, 1024]``."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.level = NormaliseLevel()
        self.front_end = FrontEnd(config.front_end)
        shared = not isinstance(config, ResNetConfig)
        self.backbone = ShaResNet(config.depths, config.stem_stride, shared)
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
    """The single-head form of Zhong et al., APSIPA 2023: what its protocol trains.

    With 11 classes it has 519,301 parameters, 753,221 at depths 3-3-4-3 and 836,805 at 3-4-6-3: the
    paper's 519K, 753K and 836K. Not ``shared``, depths 3-4-6-3 have 1,348,293, the paper's 1.3M;
    that 836K are 64 % of it, as the paper also says, is not so (62 %).
    """

    def __init__(
        self, classes: int = 11, depths: tuple[int, ...] = (2, 2, 2, 2), *, shared: bool = True
    ) -> None:
        super().__init__()
        form = NetworkConfig if shared else ResNetConfig
        config = form(front_end="paper", stem_stride=1, depths=depths)
        self.encoder = Encoder(config)
        self.head = _head(classes, config.dropout)

    def forward(self, audio: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(audio))
        return logits


_STAGES = tuple(f"/model/encoder/backbone/stages/stages.{index}/" for index in range(3))


class InstrumentTagger(Network):
    """The shipped form: one embedding, three heads that share its normalisation."""

    embedding_size = EMBEDDING_SIZE
    # Three of four stages, where most of the arithmetic is; the last block of these stays in
    # float32, as all after it and the filters and stem before. Measured on real music
    # (docs/experiments.md): with the sinc filters in int8 the model goes deaf; the picture that
    # the stem sees spans too wide a range for 8 bits; and the later blocks make of the last bit
    # of the input, which the level decides, a difference that is seen.
    int8 = Int8(inside=_STAGES, outside=(_STAGES[-1] + "blocks.1/",))

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.encoder = Encoder(self.config)
        self.head = _head(sum(OUTPUTS), self.config.dropout)

    def embed(self, audio: Tensor) -> Tensor:
        embedding: Tensor = self.encoder(audio)
        return embedding

    def classify(self, embedding: Tensor) -> Logits:
        return Logits(*self.head(embedding).float().split(OUTPUTS, dim=1))

    @property
    def last_layer(self) -> nn.Linear:
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        return last

    def in_hertz(self) -> list[nn.Parameter]:
        return list(self.encoder.front_end.filters.parameters())

    def make_constant(self) -> None:
        filters = self.encoder.front_end.filters
        self.encoder.front_end.filters = FoldedFilters(filters)  # type: ignore[assignment]


def parameter_count(module: nn.Module) -> int:
    """Trainable parameters; a shared layer counts once."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
