"""MS-CRNN of Iskender and Özel: convolutions of several sizes side by side, then a BiLSTM.

The paper names the parts and no sizes: taken are three branches of 3x3, 5x5 and 7x7, joined by
channel, two more convolutions, and one bidirectional LSTM over time whose mean is classified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.models.headed import Headed
from training.models.network import OUTPUTS
from training.models.spectrum import LogMel

BANDS = 128


@dataclass(frozen=True)
class MsCrnnConfig:
    """``sizes`` of the branches' kernels, ``width`` of each branch, ``hidden`` of each LSTM."""

    kind: ClassVar[str] = "ms-crnn"
    sizes: tuple[int, ...] = (3, 5, 7)
    width: int = 32
    hidden: int = 128
    dropout: float = 0.3


def _layer(inputs: int, outputs: int, size: int, pool: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(pool),
    )


class Backbone(nn.Module):
    """Audio ``[batch, samples]`` to the mean of the LSTM's states, ``[batch, 2 * hidden]``."""

    def __init__(self, config: MsCrnnConfig) -> None:
        super().__init__()
        self.picture = LogMel(BANDS)
        self.branches = nn.ModuleList(
            _layer(1, config.width, size, (4, 2)) for size in config.sizes
        )
        joined = config.width * len(config.sizes)
        self.layers = nn.Sequential(_layer(joined, 128, 3, (4, 2)), _layer(128, 128, 3, (2, 1)))
        self.lstm = nn.LSTM(
            128 * BANDS // 32, config.hidden, batch_first=True, bidirectional=True
        )

    def forward(self, audio: Tensor) -> Tensor:
        picture = self.picture(audio)
        x = self.layers(torch.cat([branch(picture) for branch in self.branches], dim=1))
        frames = x.flatten(1, 2).transpose(1, 2)
        # In bf16 an LSTM on a processor is slower, and not every build has one.
        with torch.autocast(audio.device.type, enabled=False):
            states, _ = self.lstm(frames.float())
        embedding: Tensor = states.mean(dim=1)
        return embedding


def head(config: MsCrnnConfig, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout(config.dropout), nn.Linear(2 * config.hidden, outputs))


class MsCrnn(Headed):
    """The network with our outputs."""

    def __init__(self, config: MsCrnnConfig) -> None:
        super().__init__(config, Backbone(config), head(config, sum(OUTPUTS)), 2 * config.hidden)
