"""Hand over: checkpoint to a verified, described, int8 ONNX file."""

# Before onnxruntime, torch and matplotlib, which these keep from phoning home and from
# leaving files about.
import realtime  # noqa: F401
import training  # noqa: F401
