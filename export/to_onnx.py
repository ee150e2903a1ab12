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


class _BakedFilters(nn.Module):
    """The sinc filters as they stand, as constants: ONNX has no sinc to compute them by."""

    weight: Tensor

    def __init__(self, filters: SincFilters) -> None:
        super().__init__()
        self.stride, self.padding = filters.stride, filters.padding
        self.register_buffer("weight", filters.kernels().detach().clone())

    def forward(self, audio: Tensor) -> Tensor:
        padded = F.pad(audio[:, None], (self.padding, self.padding), mode="reflect")
        return F.conv1d(padded, self.weight, stride=self.stride)


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
    model.encoder.front_end.filters = _BakedFilters(model.encoder.front_end.filters)  # type: ignore[assignment]
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
