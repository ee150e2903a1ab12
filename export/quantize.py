"""Float32 ONNX to int8: static, per channel, unsigned activations, signed weights."""

from __future__ import annotations

import logging
import shutil
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

from realtime.errors import TuttiError
from training.models.network import Int8

_BATCH = 32
_QUANTISED_OPS = ("Conv", "Add", "Relu")


class _Windows(CalibrationDataReader):
    """Feeds calibration windows ``[n, 16000]`` in batches."""

    def __init__(self, windows: NDArray[np.float32]) -> None:
        self._batches: Iterator[NDArray[np.float32]] = iter(
            [windows[i : i + _BATCH] for i in range(0, len(windows), _BATCH)]
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"audio": batch}


def int8_nodes(graph: onnx.ModelProto, int8: Int8) -> list[str]:
    """Names of the nodes that are quantised: convolutions, sums and rectifiers of some modules."""
    return [
        node.name
        for node in graph.graph.node
        if node.op_type in _QUANTISED_OPS
        and node.name.startswith(int8.inside)
        and not node.name.startswith(int8.outside)
    ]


def quantize(source: Path, target: Path, windows: NDArray[np.float32], int8: Int8) -> None:
    """Quantise what a network says may be, calibrated on ``windows``.

    ``windows``: float32 ``[n, 16000]``, a few hundred of the kind and the levels
    that will be heard. The metadata of ``source`` goes along. Of a network of which nothing may
    be int8, ``target`` is the float32 file.
    """
    if not int8.inside:
        shutil.copyfile(source, target)
        return
    metadata = {p.key: p.value for p in onnx.load(str(source)).metadata_props}
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        names = int8_nodes(onnx.load(str(prepared)), int8)
        if not names:
            raise TuttiError(f"{source} is not a graph that 'tutti export' wrote: export it again.")
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
                op_types_to_quantize=list(_QUANTISED_OPS),
                nodes_to_quantize=names,
            )
        finally:
            logging.getLogger().setLevel(quiet)
    graph = onnx.load(str(target))
    onnx.helper.set_model_props(graph, metadata)
    onnx.save(graph, str(target))
