"""AlexNet on a picture of amplitude, phase and phase gradient (Sethi et al., SMC 2018).

The network is the one of Krizhevsky et al. (NIPS 2012) in its single-tower form with grouped
convolutions, which has 60,965,224 parameters at ImageNet's 1,000 classes. The paper begins with
weights of ImageNet; here it is trained from nothing.

What the paper leaves open or contradicts, and what is taken: 256 frames of 512 samples cover the
clip, whatever its length (a second of ours, two of the paper's); frequencies go from 100 Hz to
10 kHz or half the sample rate, if that is less; both axes are brought to 227 by interpolation ("a
227x227 image, scaled down from 256x256", while 512 samples have at most 257 bins); the phase
gradient is the phase that a frame gains on the one before, less what its bin's centre gains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.spec import SAMPLE_RATE_HZ, WINDOW_SAMPLES
from training.models.headed import Headed
from training.models.network import OUTPUTS, Int8
from training.models.sincnet import NormaliseLevel
from training.models.spectrum import Spectrum

FRAMES = 256
SIZE = 512
SIDE = 227
LOW_HZ, HIGH_HZ = 100.0, 10_000.0
_FEATURES = 256 * 6 * 6


@dataclass(frozen=True)
class AlexNetConfig:
    """``hidden``: width of the two dense layers."""

    kind: ClassVar[str] = "alexnet"
    hidden: int = 4096
    dropout: float = 0.5


class PhasePicture(nn.Module):
    """Audio ``[batch, samples]`` to ``[batch, 3, 227, 227]``: amplitude, phase, its gradient.

    Low frequencies come first; every channel lies near -1 to 1.
    """

    advance: Tensor

    def __init__(
        self, samples: int = WINDOW_SAMPLES, sample_rate_hz: int = SAMPLE_RATE_HZ
    ) -> None:
        super().__init__()
        hop = (samples - SIZE) // (FRAMES - 1)
        self.level = NormaliseLevel()
        self.spectrum = Spectrum(SIZE, hop, torch.hamming_window(SIZE), centred=False)
        step_hz = sample_rate_hz / SIZE
        self.low = math.ceil(LOW_HZ / step_hz)
        self.high = math.floor(min(HIGH_HZ, sample_rate_hz / 2) / step_hz) + 1
        bins = torch.arange(self.low, self.high)
        advance = torch.remainder(2 * math.pi * bins * hop / SIZE, 2 * math.pi)
        self.register_buffer("advance", advance[:, None], persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        with torch.autocast(audio.device.type, enabled=False):
            real, imaginary = self.spectrum(self.level(audio.float()))
            real = real[:, self.low : self.high, :FRAMES]
            imaginary = imaginary[:, self.low : self.high, :FRAMES]
            # The level is 1: a full-scale sine's line has the window's sum, about 48 dB.
            amplitude = (torch.log(real * real + imaginary * imaginary + 1e-4) - 1.0) / 10.0
            phase = torch.atan2(imaginary, real + 1e-12) / math.pi
            gradient = self._gradient(real, imaginary)
            picture = torch.stack([amplitude, phase, gradient], dim=1)
            return F.interpolate(picture, (SIDE, SIDE), mode="bilinear", align_corners=False)

    def _gradient(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Phase gained since the frame before, beside that of the bin's centre; in half turns."""
        before_r, before_i = real[..., :-1], imaginary[..., :-1]
        after_r, after_i = real[..., 1:], imaginary[..., 1:]
        turned_r = after_r * before_r + after_i * before_i
        turned_i = after_i * before_r - after_r * before_i
        cos, sin = torch.cos(self.advance), torch.sin(self.advance)
        left_r = turned_r * cos + turned_i * sin
        left_i = turned_i * cos - turned_r * sin
        gained = torch.atan2(left_i, left_r + 1e-12) / math.pi
        return F.pad(gained, (1, 0))


class Features(nn.Module):
    """Audio to what the last dense layer but one gives, ``[batch, hidden]``."""

    def __init__(self, config: AlexNetConfig, picture: PhasePicture | None = None) -> None:
        super().__init__()
        self.picture = picture or PhasePicture()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4),
            nn.ReLU(),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2),
            nn.ReLU(),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.dense = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(_FEATURES, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
        )

    def forward(self, audio: Tensor) -> Tensor:
        dense: Tensor = self.dense(self.layers(self.picture(audio)).flatten(1))
        return dense


def head(config: AlexNetConfig, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(config.hidden, outputs))


class AlexNet(Headed):
    """The network with our outputs: instruments, families, and the count as its own softmax."""

    # All convolutions but the first, which sees the picture's whole range.
    int8 = Int8(inside=("/model/trunk/layers/",), outside=("/model/trunk/layers/layers.0/",))

    def __init__(self, config: AlexNetConfig) -> None:
        super().__init__(config, Features(config), head(config, sum(OUTPUTS)), config.hidden)
