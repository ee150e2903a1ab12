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

from realtime.errors import TuttiError

_BATCH = 32
_INT8_STAGES = tuple(f"/encoder/backbone/stages/stages.{index}/" for index in range(3))
"""What becomes int8: three of four stages, where most of the arithmetic is."""
_FLOAT32_BLOCK = _INT8_STAGES[-1] + "blocks.1/"
"""The last block of these stays in float32, as all after it and the filters and stem before.

Measured on real music (``docs/experiments.md``): with the sinc filters in int8 the model
goes deaf; the picture that the stem sees spans too wide a range for 8 bits; and the later
blocks make of the last bit of the input, which the level decides, a difference that is seen.
"""
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


def int8_nodes(graph: onnx.ModelProto) -> list[str]:
    """Names of the nodes that are quantised."""
    return [
        node.name
        for node in graph.graph.node
        if node.op_type in _QUANTISED_OPS
        and node.name.startswith(_INT8_STAGES)
        and not node.name.startswith(_FLOAT32_BLOCK)
    ]


def quantize(source: Path, target: Path, windows: NDArray[np.float32]) -> None:
    """Quantise the inner stages, calibrated on ``windows``.

    ``windows``: float32 ``[n, 16000]``, a few hundred of the kind and the levels
    that will be heard. The metadata of ``source`` goes along.
    """
    metadata = {p.key: p.value for p in onnx.load(str(source)).metadata_props}
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        names = int8_nodes(onnx.load(str(prepared)))
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
