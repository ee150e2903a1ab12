"""Hand over: checkpoint to a verified, described, int8 ONNX file."""
