"""Windows in, tags out: the one loop that files, live sound, taps and the monitor hear with."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from realtime.levels import LevelReading, SilenceGate
from realtime.model import BATCH_WINDOWS, Scores, TagModel
from realtime.postprocess import Postprocessor, Tags
from realtime.smoothing import Smoothing
from realtime.windows import Window


@dataclass(frozen=True, eq=False)
class Heard:
    """A window before smoothing. Its scores are row ``index`` of ``scores``; None if silent."""

    scores: Scores | None
    index: int
    level: LevelReading
    start_s: float
    end_s: float


_Waiting = deque[tuple[list[Window], list[LevelReading], Future[Scores | None]]]


class Hearing:
    """The gate, the model and the smoothing of one stream, whose windows come in order."""

    def __init__(self, model: TagModel, smoothing: Smoothing | None = None) -> None:
        self._model = model
        self._gate = SilenceGate()
        self._post = Postprocessor(model.spec, smoothing)

    def hear(self, windows: Sequence[Window], offset_s: float = 0.0) -> list[Tags]:
        """Tags of the next windows, whose times count from ``offset_s``."""
        return [self.smooth(one) for one in self.listen(windows, offset_s)]

    def hear_ahead(self, windows: Iterable[Window], pool: Executor, ahead: int) -> Iterator[Tags]:
        """Tags of a whole stream, in order, scored by ``pool`` while windows are still to come.

        At most ``ahead`` batches wait for their scores; a stream of one batch needs no pool.
        """
        waiting: _Waiting = deque()
        rest = iter(windows)
        try:
            while batch := list(islice(rest, BATCH_WINDOWS)):
                if len(batch) < BATCH_WINDOWS and not waiting:
                    yield from self.hear(batch)
                    return
                levels, audible = self._gated(batch)
                waiting.append((batch, levels, pool.submit(self._score, audible)))
                if len(waiting) > ahead:
                    yield from self._first_of(waiting)
            while waiting:
                yield from self._first_of(waiting)
        finally:
            for _, _, scoring in waiting:
                scoring.cancel()

    def _first_of(self, waiting: _Waiting) -> Iterator[Tags]:
        windows, levels, scoring = waiting.popleft()
        for one in _heard(windows, levels, scoring.result()):
            yield self.smooth(one)

    def listen(self, windows: Sequence[Window], offset_s: float = 0.0) -> list[Heard]:
        """Levels and scores of the next windows; those behind the gate are not inferred."""
        levels, audible = self._gated(windows)
        return _heard(windows, levels, self._score(audible), offset_s)

    def _gated(
        self, windows: Sequence[Window]
    ) -> tuple[list[LevelReading], list[NDArray[np.float32]]]:
        """Levels of all, samples of those that the gate lets through."""
        levels = [self._gate.read(window) for window in windows]
        return levels, [
            w.samples for w, level in zip(windows, levels, strict=True) if not level.silent
        ]

    def _score(self, audible: list[NDArray[np.float32]]) -> Scores | None:
        return self._model.infer(np.stack(audible)) if audible else None

    def smooth(self, one: Heard) -> Tags:
        """What a user sees of the next window."""
        return self._post.step(one.scores, one.level, one.start_s, one.end_s, one.index)

    def set_smoothing(self, smoothing: Smoothing) -> None:
        """Change the times from the next window on."""
        self._post.set_smoothing(smoothing)

    def set_model(self, model: TagModel) -> None:
        """Use another model from the next window on; the gate stays as it is."""
        self._model = model
        self._post = Postprocessor(model.spec, self._post.smoothing)

    def reset(self) -> None:
        """Forget the past, as for a new stream."""
        self._post.reset()
        self._gate.reset()


def _heard(
    windows: Sequence[Window],
    levels: Sequence[LevelReading],
    scores: Scores | None,
    offset_s: float = 0.0,
) -> list[Heard]:
    heard, index = [], 0
    for window, level in zip(windows, levels, strict=True):
        times = offset_s + window.start_s, offset_s + window.end_s
        heard.append(Heard(None if level.silent else scores, index, level, *times))
        index += not level.silent
    return heard
