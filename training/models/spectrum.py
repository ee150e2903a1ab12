"""Short-time spectra and log-mel pictures as convolutions, which ONNX can compute."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.spec import SAMPLE_RATE_HZ
from training.models.sincnet import NormaliseLevel

_LOG_FLOOR = 1e-5


class Spectrum(nn.Module):
    """``[batch, samples]`` to the real and imaginary parts ``[batch, size // 2 + 1, frames]``."""

    kernels: Tensor

    def __init__(self, size: int, hop: int, window: Tensor, *, centred: bool = True) -> None:
        """``size`` and ``hop`` in samples; ``centred``: the first frame's middle is sample 0."""
        super().__init__()
        self.size, self.hop, self.centred = size, hop, centred
        angle = 2 * math.pi * torch.arange(size // 2 + 1)[:, None] * torch.arange(size) / size
        kernels = torch.cat([torch.cos(angle), -torch.sin(angle)]) * window
        self.register_buffer("kernels", kernels[:, None].contiguous(), persistent=False)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        padded = audio[:, None]
        if self.centred:
            padded = F.pad(padded, (self.size // 2, self.size // 2), mode="reflect")
        real, imaginary = F.conv1d(padded, self.kernels, stride=self.hop).chunk(2, dim=1)
        return real, imaginary


class LogMel(nn.Module):
    """Audio ``[batch, samples]`` to a normalised picture ``[batch, 1, bands, frames]``.

    A window of ``size`` samples holds fewer bins than 128 bands want at the low end: those bands
    between two bins are constant, as in the papers' own front ends.
    """

    mel: Tensor

    def __init__(
        self,
        bands: int = 128,
        size: int = 512,
        hop: int = 256,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
    ) -> None:
        super().__init__()
        self.level = NormaliseLevel()
        self.spectrum = Spectrum(size, hop, torch.hann_window(size))
        mel = mel_triangles(bands, size, sample_rate_hz)
        self.register_buffer("mel", mel, persistent=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, audio: Tensor) -> Tensor:
        # In float32: the range of a power does not fit bf16.
        with torch.autocast(audio.device.type, enabled=False):
            real, imaginary = self.spectrum(self.level(audio.float()))
            power = self.mel @ (real * real + imaginary * imaginary)
            picture: Tensor = self.norm(torch.log(power + _LOG_FLOOR)[:, None])
        return picture


def mel_triangles(bands: int, size: int, sample_rate_hz: int) -> Tensor:
    """Triangles evenly spaced on the mel scale of HTK, from 0 Hz up: ``[bands, size // 2 + 1]``."""
    top = 2595.0 * math.log10(1.0 + sample_rate_hz / 2 / 700.0)
    edges = 700.0 * (10.0 ** (torch.linspace(0.0, top, bands + 2) / 2595.0) - 1.0)
    frequency = torch.arange(size // 2 + 1) * sample_rate_hz / size
    rising = (frequency - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequency) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0.0)
