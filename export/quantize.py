"""Float32 ONNX to int8: static, per channel, unsigned activations, signed weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from export.to_onnx import SINC_NODE, STEM_NODE
from realtime.errors import TuttiError

_BATCH = 32


class _Windows(CalibrationDataReader):
    """Feeds calibration windows ``[n, 16000]`` in batches."""

    def __init__(self, windows: NDArray[np.float32]) -> None:
        self._batches: Iterator[NDArray[np.float32]] = iter(
            [windows[i : i + _BATCH] for i in range(0, len(windows), _BATCH)]
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"audio": batch}


def convolutions(graph: onnx.ModelProto) -> list[str]:
    """Names of the convolutions in the order in which sound passes them."""
    return [node.name for node in graph.graph.node if node.op_type == "Conv"]


def quantize(source: Path, target: Path, windows: NDArray[np.float32]) -> None:
    """Quantise every convolution but the sinc filters and the stem, calibrated on ``windows``.

    ``windows``: float32 ``[n, 16000]``, a few hundred of the kind and the levels
    that will be heard. The metadata of ``source`` goes along.
    """
    metadata = {p.key: p.value for p in onnx.load(str(source)).metadata_props}
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        names = convolutions(onnx.load(str(prepared)))
        missing = {SINC_NODE, STEM_NODE} - set(names)
        if missing:
            raise TuttiError(f"{source} has no convolution '{missing.pop()}': export it again.")
        quiet = logging.getLogger().level
        logging.getLogger().setLevel(logging.ERROR)
        try:
            quantize_static(
                str(prepared),
                str(target),
                _Windows(windows),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                op_types_to_quantize=["Conv", "Add", "Relu"],
                nodes_to_exclude=[SINC_NODE, STEM_NODE, *_outside_backbone(prepared)],
            )
        finally:
            logging.getLogger().setLevel(quiet)
    graph = onnx.load(str(target))
    onnx.helper.set_model_props(graph, metadata)
    onnx.save(graph, str(target))


def _outside_backbone(path: Path) -> list[str]:
    """Additions and rectifiers of the level, the logarithm and the pooling stay as they are."""
    graph = onnx.load(str(path)).graph
    return [
        node.name
        for node in graph.node
        if node.op_type in ("Add", "Relu") and "/backbone/" not in node.name
    ]
