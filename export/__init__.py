"""Hand over: checkpoint to a verified, described, int8 ONNX file."""

import realtime  # noqa: F401  Keeps onnxruntime, which this room imports, from phoning home.
