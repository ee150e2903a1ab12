"""Seven convolutions on a mel picture, of the paper on musical and non-musical mixtures.

Won et al., "Evaluation of CNN-based automatic music tagging models", SMC 2020, whose short-chunk
network the paper adopts; its widths are taken from there (the paper names the last, 512): each
block is a 3x3 convolution, BatchNorm, ReLU and 2x2 max-pooling, then the maximum over time. The
head has one hidden layer of 512 ("fully connected layers, between them batchnorm and dropout").

The paper hears 4 s at 32 kHz, 501 frames; one second at 16 kHz is 63, of which seven poolings
would leave nothing: a pooling rounds up here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from realtime.spec import SAMPLE_RATE_HZ
from training.models.headed import Headed
from training.models.network import OUTPUTS, Int8
from training.models.spectrum import LogMel

WIDTHS = (128, 128, 256, 256, 256, 256, 512)


@dataclass(frozen=True)
class MelCnnConfig:
    """``widths`` of the seven blocks; the last is the embedding's size."""

    kind: ClassVar[str] = "mel-cnn"
    widths: tuple[int, ...] = WIDTHS
    dropout: float = 0.5


class Backbone(nn.Module):
    """Audio ``[batch, samples]`` to ``[batch, widths[-1]]``."""

    def __init__(self, config: MelCnnConfig, sample_rate_hz: int = SAMPLE_RATE_HZ) -> None:
        super().__init__()
        self.picture = LogMel(128, 512, 256, sample_rate_hz)
        blocks: list[nn.Module] = []
        for before, width in zip((1, *config.widths[:-1]), config.widths, strict=True):
            blocks += [
                nn.Conv2d(before, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, audio: Tensor) -> Tensor:
        embedding: Tensor = self.blocks(self.picture(audio)).flatten(2).amax(dim=2)
        return embedding


def head(config: MelCnnConfig, outputs: int) -> nn.Sequential:
    size = config.widths[-1]
    return nn.Sequential(
        nn.Linear(size, size),
        nn.BatchNorm1d(size),
        nn.ReLU(),
        nn.Dropout(config.dropout),
        nn.Linear(size, outputs),
    )


class MelCnn(Headed):
    """The network with our outputs, whose two levels are instruments and families."""

    # All convolutions but the first, which sees the picture's whole range.
    int8 = Int8(inside=("/model/trunk/blocks/",), outside=("/model/trunk/blocks/blocks.0/",))

    def __init__(self, config: MelCnnConfig) -> None:
        super().__init__(
            config, Backbone(config), head(config, sum(OUTPUTS)), config.widths[-1]
        )
