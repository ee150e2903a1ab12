"""The sinc filters as constants: what an exported file computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.spec import WINDOW_SAMPLES
from training.models.sincnet import SincFilters

_BLOCK = 32
"""Samples; divides the filters' stride."""


class FoldedFilters(nn.Module):
    """The sinc filters as they stand, as constants: ONNX has no sinc to compute them by.

    Each filter is symmetric or, a quarter period later, antisymmetric about its centre;
    so the sound is folded there first, and half the multiplications are left.
    """

    even: Tensor
    odd: Tensor
    rows: Tensor

    def __init__(self, filters: SincFilters) -> None:
        super().__init__()
        reach = filters.padding + 1
        kernels = filters.kernels().detach()[:, 0]
        half = kernels[:, filters.padding :].T.clone()
        half[0] /= 2  # the centre sample is met from both sides
        # Frames are put together of whole blocks, which are fewer to copy than samples.
        blocks_a_frame = -(-reach // _BLOCK)
        half = F.pad(half, (0, 0, 0, blocks_a_frame * _BLOCK - reach))
        even, odd = half.chunk(2, dim=1) if filters.quadrature else (half, half[:, :0])
        self.register_buffer("even", even.contiguous())
        self.register_buffer("odd", odd.contiguous())
        first_blocks = torch.arange(0, WINDOW_SAMPLES, filters.stride) // _BLOCK
        self.register_buffer("rows", first_blocks[:, None] + torch.arange(blocks_a_frame))
        self.stride = filters.stride
        self.beyond = (int(self.rows.max()) + 1) * _BLOCK - WINDOW_SAMPLES
        """Samples that the last frame of a whole window reaches beyond its end."""

    def forward(self, audio: Tensor) -> Tensor:
        """``audio`` is a whole window or a shorter one, of whole blocks.

        Its length is free in the file. Who runs it says once which it is, and all that follows
        from it here becomes constant: computed for every window it took longer than the filters.
        """
        samples = audio.shape[1]
        frames = (samples - 1) // self.stride + 1
        last_centre = (frames - 1) * self.stride
        length = samples + self.beyond
        rows = self.rows[:frames]
        mirrored = audio[:, -1 - self.beyond : -1].flip(1)
        ahead = self._cut(torch.cat([audio, mirrored], dim=1), rows)
        # Reversed sound meets its frames in reversed order, the last frame's centre first.
        backwards = audio[:, : last_centre + 1].flip(1)
        mirrored = audio[:, 1 : length - last_centre]
        behind = self._cut(torch.cat([backwards, mirrored], dim=1), rows.flip(0))
        bands = (ahead + behind) @ self.even
        if self.odd.shape[1]:
            bands = torch.cat([bands, (ahead - behind) @ self.odd], dim=2)
        return bands.transpose(1, 2)

    def _cut(self, sound: Tensor, rows: Tensor) -> Tensor:
        """Overlapping frames ``[batch, frames, samples]``, copied in blocks."""
        blocks = sound.reshape(-1, sound.shape[1] // _BLOCK, _BLOCK)[:, rows]
        return blocks.reshape(-1, rows.shape[0], rows.shape[1] * _BLOCK)
