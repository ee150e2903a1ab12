"""Learnable band-pass filters (SincNet) and what is made of their output.

SincNet: Ravanelli and Bengio, "Speaker recognition from raw waveform with
SincNet", SLT 2018, in the form of Zhong et al., APSIPA 2023, section III.A.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.spec import SAMPLE_RATE_HZ, WINDOW_SAMPLES

FrontEndKind = Literal["paper", "log", "pair", "pcen"]
FRONT_ENDS: tuple[str, ...] = get_args(FrontEndKind)

_LOG_FLOOR = 1e-3
"""Added before the logarithm; the window is normalised to an RMS of 1."""


def mel_edges_hz(n_filters: int, low_hz: float, high_hz: float) -> Tensor:
    """``n_filters + 1`` frequencies evenly spaced on the mel scale."""

    def to_mel(hz: float) -> float:
        return 2595.0 * math.log10(1.0 + hz / 700.0)

    mel = torch.linspace(to_mel(low_hz), to_mel(high_hz), n_filters + 1)
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


class SincFilters(nn.Module):
    """A bank of band-pass filters with learnable edges.

    ``forward`` maps ``[batch, samples]`` to ``[batch, n_filters, frames]``, or to
    ``[batch, 2 * n_filters, frames]`` with ``quadrature``, where the second half
    holds the same bands shifted by 90 degrees.
    """

    time_s: Tensor
    window: Tensor

    def __init__(
        self,
        n_filters: int = 128,
        taps: int = 801,
        stride: int = 192,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        min_low_hz: float = 5.0,
        min_band_hz: float = 5.0,
        quadrature: bool = False,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.padding = taps // 2
        self.nyquist_hz = sample_rate_hz / 2
        self.min_low_hz = min_low_hz
        self.min_band_hz = min_band_hz
        self.quadrature = quadrature
        edges = mel_edges_hz(n_filters, min_low_hz, self.nyquist_hz - min_low_hz - min_band_hz)
        self.low_hz = nn.Parameter(edges[:-1, None].clone())
        self.band_hz = nn.Parameter(edges.diff()[:, None].clone())
        time_s = (torch.arange(taps) - taps // 2).float()[None] / sample_rate_hz
        self.register_buffer("time_s", time_s, persistent=False)
        window = torch.hamming_window(taps, periodic=False)[None]
        self.register_buffer("window", window, persistent=False)

    def kernels(self) -> Tensor:
        """The filters as they stand: ``[n_filters or 2 * n_filters, 1, taps]``."""
        low = self.min_low_hz + self.low_hz.abs()
        high = (low + self.min_band_hz + self.band_hz.abs()).clamp(max=self.nyquist_hz)
        band = high - low
        angle_low = 2 * math.pi * low * self.time_s
        angle_high = 2 * math.pi * high * self.time_s
        centre = self.time_s.shape[1] // 2
        denominator = math.pi * self.time_s.clone()
        denominator[:, centre] = 1.0
        # The left half is mirrored in the original; the closed form is the same filter.
        even = (torch.sin(angle_high) - torch.sin(angle_low)) / denominator
        even = torch.cat([even[:, :centre], 2 * band, even[:, centre + 1 :]], dim=1)
        filters = even
        if self.quadrature:
            odd = (torch.cos(angle_low) - torch.cos(angle_high)) / denominator
            filters = torch.cat([even, odd], dim=0)
            band = torch.cat([band, band], dim=0)
        return (filters / (2 * band) * self.window)[:, None]

    def forward(self, audio: Tensor) -> Tensor:
        padded = F.pad(audio[:, None], (self.padding, self.padding), mode="reflect")
        kernels = self.kernels().to(padded.dtype)
        if not padded.is_cuda:
            return F.conv1d(padded, kernels, stride=self.stride)
        # On a GPU one matrix product is several times faster than so long a convolution.
        frames = padded[:, 0].unfold(1, kernels.shape[2], self.stride)
        return (frames @ kernels[:, 0].T).transpose(1, 2)


class Pcen(nn.Module):
    """Per-channel energy normalisation (Wang et al., ICASSP 2017), learnable.

    ``[batch, bands, frames]`` of magnitudes in and out. The smoother is a
    first-order low-pass of ``time_s``, started at the first frame.
    """

    smoother: Tensor

    def __init__(self, bands: int, frames: int, time_s: float = 0.1, hop_s: float = 0.012) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.full((bands, 1), 0.8))
        self.log_delta = nn.Parameter(torch.full((bands, 1), math.log(0.5)))
        self.root = nn.Parameter(torch.full((bands, 1), 0.3))
        keep = math.exp(-hop_s / time_s)
        lag = (torch.arange(frames)[:, None] - torch.arange(frames)[None]).clamp(min=0)
        weights = torch.tril((1 - keep) * keep**lag)
        weights[:, 0] = keep ** torch.arange(frames)
        self.register_buffer("smoother", weights.T.contiguous(), persistent=False)

    def forward(self, magnitude: Tensor) -> Tensor:
        frames = magnitude.shape[-1]
        smooth = magnitude @ self.smoother[:frames, :frames]
        delta = self.log_delta.exp()
        gained = magnitude * (smooth + 1e-3) ** -self.alpha
        return (gained + delta) ** self.root - delta**self.root


class FrontEnd(nn.Module):
    """Level-normalised audio ``[batch, 16000]`` to a picture ``[batch, 1, 128, 84]``.

    ``paper``: the signed filter output. ``log``: log magnitude of it.
    ``pair``: log magnitude of the band's cosine and sine pair, which does not
    depend on phase and does not alias at 83 frames a second. ``pcen``: the pair's
    magnitude through per-channel energy normalisation.
    """

    def __init__(self, kind: FrontEndKind) -> None:
        super().__init__()
        if kind not in FRONT_ENDS:
            raise ValueError(f"front end {kind!r}: choose one of {', '.join(FRONT_ENDS)}")
        self.kind = kind
        self.bands = 128
        self.filters = SincFilters(self.bands, quadrature=kind in ("pair", "pcen"))
        frames = 1 + (WINDOW_SAMPLES - 1) // self.filters.stride
        self.pcen = Pcen(self.bands, frames) if kind == "pcen" else None
        self.norm = nn.BatchNorm2d(1)

    def forward(self, audio: Tensor) -> Tensor:
        bands: Tensor = self.filters(audio)
        if self.kind in ("pair", "pcen"):
            even, odd = bands.split(self.bands, dim=1)
            bands = torch.sqrt(even * even + odd * odd + 1e-9)
        if self.kind in ("log", "pair"):
            bands = torch.log(bands.abs() + _LOG_FLOOR)
        if self.pcen is not None:
            bands = self.pcen(bands)
        picture: Tensor = self.norm(bands[:, None])
        return picture


class NormaliseLevel(nn.Module):
    """Remove the mean and bring each window to an RMS of 1; silence stays near 0.

    Music at -60 dBFS gives the same picture as at -12 dBFS: the floor is -100 dBFS.
    """

    floor = 1e-5

    def forward(self, audio: Tensor) -> Tensor:
        centred = audio - audio.mean(dim=1, keepdim=True)
        power = (centred * centred).mean(dim=1, keepdim=True)
        return centred / torch.sqrt(power + self.floor**2)
