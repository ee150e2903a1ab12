"""Windows in, tags out: the one loop that files, live sound, taps and the monitor hear with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.levels import LevelReading, SilenceGate
from realtime.model import Scores, TagModel
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


class Hearing:
    """The gate, the model and the smoothing of one stream, whose windows come in order."""

    def __init__(self, model: TagModel, smoothing: Smoothing | None = None) -> None:
        self._model = model
        self._gate = SilenceGate()
        self._post = Postprocessor(model.spec, smoothing)

    def hear(self, windows: Sequence[Window], offset_s: float = 0.0) -> list[Tags]:
        """Tags of the next windows, whose times count from ``offset_s``."""
        return [self.smooth(one) for one in self.listen(windows, offset_s)]

    def listen(self, windows: Sequence[Window], offset_s: float = 0.0) -> list[Heard]:
        """Levels and scores of the next windows; those behind the gate are not inferred."""
        levels = [self._gate.read(window) for window in windows]
        audible = [w.samples for w, level in zip(windows, levels, strict=True) if not level.silent]
        scores = self._model.infer(np.stack(audible)) if audible else None
        heard, index = [], 0
        for window, level in zip(windows, levels, strict=True):
            times = offset_s + window.start_s, offset_s + window.end_s
            heard.append(Heard(None if level.silent else scores, index, level, *times))
            index += not level.silent
        return heard

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
