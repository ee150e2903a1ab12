"""The one loop: what is silent is not inferred, and windows one by one are windows together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from realtime.hearing import Hearing
from realtime.model import TagModel
from realtime.smoothing import Smoothing
from realtime.windows import WindowCutter

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model() -> TagModel:
    return TagModel()


def windows(level: float = 0.1):
    rng = np.random.default_rng(3)
    sound = (level * rng.standard_normal(4 * 16_000)).astype(np.float32)
    sound[16_000:32_000] = 0.0
    cutter = WindowCutter(16_000, 1, hop_s=0.5)
    return [*cutter.push(sound), *cutter.flush()]


def test_windows_one_by_one_are_windows_together(model: TagModel) -> None:
    together = Hearing(model).hear(windows())
    hearing = Hearing(model)
    apart = [tags for window in windows() for tags in hearing.hear([window])]
    assert len(together) == len(apart) == 7
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.instruments, other.instruments, atol=1e-5)
        assert (one.start_s, one.level) == (other.start_s, other.level)


def test_what_is_silent_is_not_inferred(model: TagModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    infer = model.infer
    monkeypatch.setattr(model, "infer", lambda w: asked.append(len(w)) or infer(w))
    tags = Hearing(model).hear(windows())
    silent = [one.level.silent for one in tags]
    assert silent == [False, False, True, False, False, False, False]
    assert asked == [6]
    assert not tags[2].instruments.any()
    assert Hearing(model).hear([]) == []
    assert asked == [6]


def test_times_count_from_where_the_stream_began(model: TagModel) -> None:
    assert [tags.start_s for tags in Hearing(model).hear(windows()[:2], 100.0)] == [100.0, 100.5]


def test_smoothing_again_is_hearing_with_that_smoothing(model: TagModel) -> None:
    slow = Smoothing(attack_s=3.0, release_s=3.0)
    hearing = Hearing(model)
    raw = hearing.listen(windows())
    assert [one.scores is None for one in raw] == [one.level.silent for one in raw]
    again = Hearing(model, slow)
    for heard, expected in zip(raw, Hearing(model, slow).hear(windows()), strict=True):
        np.testing.assert_array_equal(again.smooth(heard).instruments, expected.instruments)


def test_a_new_model_leaves_the_gate_open(model: TagModel) -> None:
    """Sound between the two thresholds of the gate is heard while it is open, and only then."""
    quiet = windows(10 ** (-72.5 / 20))[:1]
    hearing = Hearing(model)
    assert hearing.hear(quiet)[0].level.silent
    hearing.hear(windows()[:1])
    hearing.set_model(TagModel())
    assert not hearing.hear(quiet)[0].level.silent
    hearing.reset()
    assert hearing.hear(quiet)[0].level.silent


def test_nobody_else_holds_such_a_loop() -> None:
    """Windows are read for their level, and scores become tags, in one place of the program."""
    makers = {
        str(path.relative_to(ROOT))
        for room in ("realtime", "desktop")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\b(SilenceGate|Postprocessor)\(", path.read_text(encoding="utf-8"))
    }
    assert makers == {"realtime/hearing.py"}
