"""A slot whose effect is late, or loses blocks: the sound goes on, and the effect comes back."""

import numpy as np
import pytest

from realtime.host.slot import Slot

RATE_HZ = 48_000
BLOCK = 256


class Halving:
    """Halves its input; from block ``first`` on it loses ``lost`` blocks, as a stalled plugin."""

    def __init__(self, first, lost):
        self.lost = range(first, first + lost)
        self.late = False
        self.blocks = 0

    def run(self, block, sample_rate_hz):
        self.late = self.blocks in self.lost
        self.blocks += 1
        return block[:, :0] if self.late else 0.5 * block

    def set_parameter(self, position, name, value):
        raise AssertionError("not asked for")

    def reset(self):
        pass

    def close(self):
        pass


@pytest.mark.parametrize("lost", [1, 3, 40])
def test_an_effect_that_lost_blocks_is_heard_again(lost):
    slot = Slot(Halving(10, lost))
    block = np.ones((2, BLOCK), np.float32)
    outputs = [slot.process(block, RATE_HZ, BLOCK) for _ in range(80)]
    assert all(output.shape == block.shape for output in outputs)
    levels = np.array([output.mean() for output in outputs])
    assert levels[:10] == pytest.approx(0.5)
    assert levels[10 + lost - 1] > 0.5  # the input instead, faded in
    assert levels[10 + lost + 8 :] == pytest.approx(0.5)
    assert np.abs(np.diff(np.hstack(outputs), axis=1)).max() < 0.01
