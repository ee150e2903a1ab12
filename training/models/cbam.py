"""CBAM-CNN of Iskender and Özel: a residual network with attention in every block.

Woo et al., "CBAM: Convolutional block attention module", ECCV 2018: each block's output is scaled
by channel, then by place. The paper says "ResNet-like" and 128 mel bands, no sizes: taken are two
basic blocks in each of four stages, of widths 32 to 256.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.headed import Headed
from training.models.network import OUTPUTS, Int8
from training.models.spectrum import LogMel


@dataclass(frozen=True)
class CbamConfig:
    """``widths`` of the stages; ``reduction``: how much narrower the channels' attention is."""

    kind: ClassVar[str] = "cbam"
    widths: tuple[int, ...] = (32, 64, 128, 256)
    reduction: int = 16
    dropout: float = 0.3


class Attention(nn.Module):
    """Channel attention, then spatial attention; the shape stays."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        narrow = max(4, channels // reduction)
        self.channels = nn.Sequential(
            nn.Linear(channels, narrow), nn.ReLU(), nn.Linear(narrow, channels)
        )
        self.place = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.channels(x.mean(dim=(2, 3))) + self.channels(x.amax(dim=(2, 3)))
        x = x * weight.sigmoid()[:, :, None, None]
        summary = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        attended: Tensor = x * self.place(summary).sigmoid()
        return attended


class Block(nn.Module):
    """A basic residual block whose second output is attended to before it is added."""

    def __init__(self, inputs: int, outputs: int, stride: int, reduction: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.attention = Attention(outputs, reduction)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.first(x)))
        return F.relu(self.attention(self.norm2(self.second(y))) + self.shortcut(x))


class Backbone(nn.Module):
    """Audio ``[batch, samples]`` to the mean over the picture, ``[batch, widths[-1]]``."""

    def __init__(self, config: CbamConfig) -> None:
        super().__init__()
        self.picture = LogMel()
        first = config.widths[0]
        layers: list[nn.Module] = [
            nn.Conv2d(1, first, 7, 2, 3, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        ]
        for index, (before, width) in enumerate(
            zip((first, *config.widths[:-1]), config.widths, strict=True)
        ):
            layers += [
                Block(before, width, 1 if index == 0 else 2, config.reduction),
                Block(width, width, 1, config.reduction),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, audio: Tensor) -> Tensor:
        embedding: Tensor = self.layers(self.picture(audio)).mean(dim=(2, 3))
        return embedding


def head(config: CbamConfig, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(config.dropout), nn.Linear(config.widths[-1], outputs))


class CbamCnn(Headed):
    """The network with our outputs."""

    # All convolutions but the first, which sees the picture's whole range.
    int8 = Int8(inside=("/model/trunk/layers/",), outside=("/model/trunk/layers/layers.0/",))

    def __init__(self, config: CbamConfig) -> None:
        super().__init__(
            config, Backbone(config), head(config, sum(OUTPUTS)), config.widths[-1]
        )
