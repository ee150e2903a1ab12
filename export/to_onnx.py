"""A trained network as an ONNX graph that ends in probabilities."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from realtime.runtime import SAMPLES_NAME
from realtime.spec import WINDOW_SAMPLES, ModelSpec
from training.models.network import Network

OPSET = 17


class Deployed(nn.Module):
    """The network with probabilities instead of logits; shares the trained weights.

    Outputs ``instruments``, ``families``, ``polyphony`` as ``realtime.spec`` names them.
    """

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = self.model(audio)
        return logits.instruments.sigmoid(), logits.families.sigmoid(), logits.polyphony.softmax(1)


def export_onnx(model: Network, spec: ModelSpec, path: Path) -> None:
    """Write float32 ONNX, batch size and window length free, the specification in its metadata.

    The model is changed in place: what ONNX cannot compute becomes constant.
    """
    model = model.eval()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    model.make_constant()
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
            dynamic_axes={"audio": {0: "batch", 1: SAMPLES_NAME}}
            | {name: {0: "batch"} for name in ("instruments", "families", "polyphony")},
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
