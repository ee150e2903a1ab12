"""Live windows that come together are heard in one call, and one that fails takes no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from realtime.analysis import Analysis
from realtime.bench import Bench
from realtime.feed import Feed, Take
from realtime.model import Scores, TagModel
from realtime.postprocess import Tags
from realtime.smoothing import Smoothing
from realtime.stats import Counters

RATE_HZ = 16_000


def heard_of(model: object, sound: np.ndarray, hop_s: float) -> tuple[list[Tags], Counters]:
    bench = Bench()
    feed, counters, tags = Feed(bench.wake), Counters(), []
    take = Take(RATE_HZ, 1, 0.0, live=False)
    feed.begin(take)
    feed.write(take, sound[:, None])
    feed.end(take)
    feed.close()
    clock = lambda: 0.0  # noqa: E731
    analysis = Analysis(
        bench, feed, counters, model, hop_s, Smoothing(), "mono", tags.append, clock  # type: ignore[arg-type]
    )
    analysis.start()
    assert analysis.join(20)
    return tags, counters


class Watched:
    """A model that says what it was asked, and fails where a window's peak is near ``bad``."""

    def __init__(self, model: TagModel, bad: float = 9.0) -> None:
        self.spec = model.spec
        self._model = model
        self._bad = bad
        self.asked: list[int] = []

    def infer(self, windows: np.ndarray) -> Scores:
        self.asked.append(len(windows))
        if (np.abs(windows).max(axis=1) > self._bad).any():
            raise RuntimeError("too loud")
        return self._model.infer(windows)


@pytest.fixture
def model(tone_model_path: Path) -> TagModel:
    return TagModel(tone_model_path)


def test_windows_that_wait_together_are_one_call(model: TagModel) -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32)
    watched = Watched(model)
    tags, counters = heard_of(watched, sound, 0.05)
    assert counters.windows == len(tags) == 21
    assert max(watched.asked) == 8
    assert len(watched.asked) < 8
    assert [one.start_s for one in tags] == pytest.approx([0.05 * n for n in range(21)])
    alone, _ = heard_of(Watched(model), sound, 0.5)
    np.testing.assert_allclose(alone[0].instruments, tags[0].instruments, atol=1e-5)


def test_one_that_fails_takes_no_other(model: TagModel) -> None:
    sound = np.full(3 * RATE_HZ, 0.0, np.float32)
    sound[:] = np.random.default_rng(2).normal(0, 0.05, len(sound))
    sound[20_000] = 5.0  # in the windows that begin at 0.3 to 1.25 s
    tags, counters = heard_of(Watched(model, bad=2.0), sound, 0.05)
    assert counters.windows_failed == 20
    assert counters.windows == len(tags) == 41 - 20
    assert "too loud" in (counters.last_error or "")
