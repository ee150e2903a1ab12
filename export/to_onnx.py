"""A trained network as an ONNX graph that ends in probabilities."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.spec import WINDOW_SAMPLES, ModelSpec
from training.models.sincnet import SincFilters
from training.models.tagger import InstrumentTagger

OPSET = 17
_BLOCK = 32
"""Samples; divides the filters' stride."""


class _FoldedFilters(nn.Module):
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
        rows = first_blocks[:, None] + torch.arange(blocks_a_frame)
        self.register_buffer("rows", rows)
        self.last_centre = (len(rows) - 1) * filters.stride
        self.length = (int(rows.max()) + 1) * _BLOCK

    def forward(self, audio: Tensor) -> Tensor:
        # Sizes are constants here: computing them in the graph took longer than the filters.
        beyond = self.length - WINDOW_SAMPLES
        mirrored = audio[:, WINDOW_SAMPLES - 1 - beyond : WINDOW_SAMPLES - 1].flip(1)
        ahead = self._cut(torch.cat([audio, mirrored], dim=1), self.rows)
        # Reversed sound meets its frames in reversed order, the last frame's centre first.
        backwards = audio[:, : self.last_centre + 1].flip(1)
        mirrored = audio[:, 1 : self.length - self.last_centre]
        behind = self._cut(torch.cat([backwards, mirrored], dim=1), self.rows.flip(0))
        bands = (ahead + behind) @ self.even
        if self.odd.shape[1]:
            bands = torch.cat([bands, (ahead - behind) @ self.odd], dim=2)
        return bands.transpose(1, 2)

    def _cut(self, sound: Tensor, rows: Tensor) -> Tensor:
        """Overlapping frames ``[batch, frames, samples]``, copied in blocks."""
        blocks = sound.reshape(-1, self.length // _BLOCK, _BLOCK)[:, rows]
        return blocks.reshape(-1, len(rows), rows.shape[1] * _BLOCK)


class Deployed(nn.Module):
    """The network with probabilities instead of logits; shares the trained weights.

    Outputs ``instruments``, ``families``, ``polyphony`` as ``realtime.spec`` names them.
    """

    def __init__(self, model: InstrumentTagger) -> None:
        super().__init__()
        self.encoder = model.encoder
        self.head = model.head
        self.sizes = model.head_sizes

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        instruments, families, polyphony = self.head(self.encoder(audio)).split(self.sizes, dim=1)
        return instruments.sigmoid(), families.sigmoid(), polyphony.softmax(dim=1)


def export_onnx(model: InstrumentTagger, spec: ModelSpec, path: Path) -> None:
    """Write float32 ONNX, batch size free, the specification in its metadata.

    The model is changed in place: its filters become constants.
    """
    model = model.eval()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    model.encoder.front_end.filters = _FoldedFilters(model.encoder.front_end.filters)  # type: ignore[assignment]
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # The TorchScript exporter folds batch norms and names nodes by module; it says it is old.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Deployed(model),
            (torch.zeros(2, WINDOW_SAMPLES),),
            str(path),
            input_names=["audio"],
            output_names=["instruments", "families", "polyphony"],
            dynamic_axes={
                name: {0: "batch"} for name in ("audio", "instruments", "families", "polyphony")
            },
            opset_version=OPSET,
            dynamo=False,
        )
    write_spec(path, spec)


def write_spec(path: Path, spec: ModelSpec) -> None:
    """Put the specification into an ONNX file's metadata, replacing what is there."""
    graph = onnx.load(str(path))
    onnx.helper.set_model_props(graph, spec.to_metadata())
    graph.producer_name = "tutti"
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, str(path))
