"""A script's own Pedalboard, with tags: the sound is the same in every way it can be called."""

import numpy as np
import pedalboard as pb
import pytest

from realtime.errors import TuttiError
from realtime.host.effects import EFFECTS
from realtime.host.tap import Tap
from realtime.host.tapped import TappedBoard, copy_effect
from realtime.levels import block_level
from realtime.model import TagModel

RATE_HZ = 44_100
LIGHT = (
    lambda: pb.Compressor(-30, 4),
    lambda: pb.Chorus(),
    lambda: pb.Delay(0.1, 0.3),
    lambda: pb.Reverb(),
)
FILLING = (
    lambda: pb.Compressor(-30, 4),
    lambda: pb.PitchShift(2),
    lambda: pb.Chain([pb.Gain(-3), pb.Delay(0.1)]),
    lambda: pb.MP3Compressor(),
)


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


def noise(seconds, channels=2):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((channels, round(seconds * RATE_HZ)))).astype(np.float32)


@pytest.mark.parametrize("makers", [LIGHT, FILLING], ids=["light", "filling"])
@pytest.mark.parametrize("at", [(), (1, 3)])
def test_the_sound_is_the_boards_in_whole_calls_and_in_blocks(makers, at, model):
    audio = noise(1.5)
    tapped = TappedBoard(pb.Pedalboard([make() for make in makers]), at, model=model)
    alone = pb.Pedalboard([make() for make in makers])
    for _ in range(2):  # the second time must not remember the first
        np.testing.assert_array_equal(tapped(audio, RATE_HZ), alone(audio, RATE_HZ))
    np.testing.assert_array_equal(
        tapped.process(audio, RATE_HZ, 512), alone.process(audio, RATE_HZ, 512)
    )
    tapped.reset()
    alone.reset()
    for size in (8192, 4096, 1, 700, 8192, 5000):
        block, audio = audio[:, :size], audio[:, size:]
        np.testing.assert_array_equal(
            tapped(block, RATE_HZ, reset=False), alone(block, RATE_HZ, reset=False)
        )
    turned = np.ascontiguousarray(noise(0.5).T)
    np.testing.assert_array_equal(tapped(turned, RATE_HZ), alone(turned, RATE_HZ))
    np.testing.assert_array_equal(tapped(turned[:, 0], RATE_HZ), alone(turned[:, 0], RATE_HZ))


@pytest.mark.parametrize("filling", [False, True])
def test_each_tap_hears_its_place(filling, model, tones):
    audio = np.tile(tones(["flute"], 3.0, RATE_HZ), (2, 1))
    effects = [pb.Invert(), pb.Gain(-100), pb.Gain(0)] + [pb.Resample(22_050)] * filling
    board = TappedBoard(pb.Pedalboard(effects), (1, 2), model=model)
    board(audio, RATE_HZ)
    present = {name: one.summary()["flute"].present for name, one in board.timelines.items()}
    assert present == {"input": True, "1": True, "2": False, "output": False}
    assert board.timelines["input"].duration_s == pytest.approx(3.0, abs=0.01)
    board.board[1].gain_db = 0
    with board.tap("2") as later:
        board(audio, RATE_HZ)
    assert later.summary()["flute"].present
    assert later.start_s[0] == 0.0
    assert board.taps["output"].latest.end_s == pytest.approx(6.0, abs=0.01)


def test_copies_are_alike():
    audio = noise(0.4)
    for name in EFFECTS:
        if name == "Convolution":
            continue
        values = {
            one: p.minimum * 0.25 + p.maximum * 0.75
            for one, p in EFFECTS[name].parameters.items()
            if p.kind == "number" and not p.nyquist and p.gliding
        }
        original = getattr(pb, name)(**values)
        expected = original(audio, RATE_HZ)
        np.testing.assert_array_equal(copy_effect(original)(audio, RATE_HZ), expected)


def test_what_cannot_be_is_said(model):
    with pytest.raises(TuttiError, match="before effect 1 to 1 of this board"):
        TappedBoard(pb.Pedalboard([pb.Gain(), pb.Gain()]), 2, model=model)
    response = pb.Convolution(np.ones((1, 8), np.float32), 1.0, RATE_HZ)
    board = pb.Pedalboard([response, pb.PitchShift(1)])
    with pytest.raises(TuttiError, match="copy of Convolution"):
        TappedBoard(board, 1, model=model)
    tapped = TappedBoard(board, model=model)
    with pytest.raises(TuttiError, match="did you mean 'output'"), tapped.tap("outputs"):
        pass


def at_dbfs(dbfs: float, seconds: float) -> np.ndarray:
    """A tone of that RMS level, stereo."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = 10 ** (dbfs / 20) * 2**0.5 * np.sin(2 * np.pi * 300.0 * t)
    return np.tile(tone, (2, 1)).astype(np.float32)


@pytest.mark.parametrize(("dbfs", "silent"), [(-69.0, False), (-71.0, True), (-80.0, True)])
def test_the_meter_of_a_tap_is_the_input_meter(model, dbfs, silent):
    """One reading of a block for all: what is called silence, and the loudest channel counts."""
    tap = Tap("here", model, 0.5)
    block = at_dbfs(dbfs, 0.1)
    block[1] = 0.0
    tap.push(block, RATE_HZ)
    level = tap.level
    assert level == block_level(block.T)
    assert level.rms_dbfs == pytest.approx(dbfs, abs=0.05)
    assert level.silent is silent


def test_the_gate_of_a_tap_opens_at_minus_70_and_closes_below_minus_75(model):
    """What a tap calls silence, window by window, is what listening calls so."""
    tap = Tap("here", model, 1.0)
    heard = []
    tap.subscribe(lambda tags: heard.append(tags.level.silent))
    for dbfs in (-72.5, -69.5, -74.5, -75.5, -74.5, -70.5):
        tap.push(at_dbfs(dbfs, 1.0), RATE_HZ)
    tap.cut()
    assert heard == [True, False, False, True, True, True]
