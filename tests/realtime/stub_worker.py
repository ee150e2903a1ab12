"""A plugin process whose plugin does what its parameter ``trouble`` says; started by tests."""

import os
import signal
import sys
import time
from types import SimpleNamespace

import numpy as np

from realtime.host import plugin_worker

TROUBLE = ("none", "hang", "crash", "exit", "nan", "slow", "raise", "stop")


def parameter(kind, **more):
    return SimpleNamespace(**({"type": kind, "units": None} | more))


class Stub:
    """Gain with a delay line's latency: with ``latency`` it withholds that many frames."""

    name = "Stub"
    is_effect = True

    def __init__(self):
        self.gain = 0.5
        self.trouble = "none"
        self.inverted = False
        self.parameters = {
            "gain": parameter(float, range=(0.0, 2.0, None), units="x"),
            "trouble": parameter(str, valid_values=list(TROUBLE)),
            "inverted": parameter(bool),
        }
        self._withheld = None

    def load_preset(self, path):
        with open(path) as file:
            self.gain = float(file.read())

    def reset(self):
        self._withheld = None

    def process(self, block, rate_hz, reset=True):
        if len(block) not in (1, 2):
            raise ValueError("Plugin 'Stub' does not support this")
        if self.trouble == "hang":
            time.sleep(1000)
        elif self.trouble == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif self.trouble == "exit":
            os._exit(3)
        elif self.trouble == "slow":
            time.sleep(0.05)
        elif self.trouble == "raise":
            raise RuntimeError("it does not feel like it")
        sign = -1 if self.inverted else 1
        output = block * np.float32(self.gain * sign)
        return np.full_like(block, np.nan) if self.trouble == "nan" else output


class Late(Stub):
    """Withholds its first 1000 frames."""

    def process(self, block, rate_hz, reset=True):
        output = super().process(block, rate_hz, reset)
        held = np.zeros((len(block), 0), np.float32) if self._withheld is None else self._withheld
        both = np.concatenate([held, output], axis=1)
        ready = max(0, both.shape[1] - 1000)
        self._withheld = both[:, ready:]
        return both[:, :ready]


def load(order):
    if "broken" in order["path"]:
        raise ImportError("Unable to load plugin: no such luck")
    if "fatal" in order["path"]:
        os.kill(os.getpid(), signal.SIGSEGV)
    return Late() if "late" in order["path"] else Stub()


if __name__ == "__main__":
    plugin_worker.main(sys.argv[1:], load)
