"""Hear: audio in, 1-second windows, onnxruntime, smoothed tags out.

Imports neither torch nor Qt, nor any other room of this project.
"""

import os

__version__ = "0.1.0"
"""The program's, here and nowhere else; a model file says its own."""

# onnxruntime 1.29 and later send what they run to their maker, unless this is set before
# they are loaded. Here, because no module of this room, and none that imports one, can be
# loaded without passing by; child processes inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
