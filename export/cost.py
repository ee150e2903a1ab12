"""What a network costs: its arithmetic, and the memory of its file in use."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from realtime.errors import TuttiError
from realtime.spec import WINDOW_SAMPLES
from training.models.network import Network

_CHILD = """
import sys
import numpy as np
from realtime.model import TagModel
from realtime.runtime import onnxruntime
onnxruntime()
def peak_kib():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
before = peak_kib()
model = TagModel(sys.argv[1])
for _ in range(3):
    model.infer(np.zeros((1, int(sys.argv[2])), np.float32) + 0.1)
print((peak_kib() - before) / 1024)
"""


def million_macs(model: Network) -> float:
    """Multiplications and additions of one window, in millions, front end and head included."""
    counter = FlopCounterMode(display=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oneDNN's switch warns of a GPU that nobody has
        # The LSTM of oneDNN is one call that the counter does not see into.
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), counter:
            model.eval()(torch.zeros(1, WINDOW_SAMPLES))
    return counter.get_total_flops() / 2 / 1e6


def memory_mib(path: Path) -> float:
    """How much a process grows at most when it loads a model file and hears with it.

    NaN where the system does not tell (only Linux does). Raises TuttiError for a file that is no
    model.
    """
    if not Path("/proc/self/status").exists():
        return math.nan
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), str(WINDOW_SAMPLES)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise TuttiError(f"{path} could not be measured: {done.stderr.strip().splitlines()[-1]}.")
    return float(done.stdout)
