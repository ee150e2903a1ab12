"""Audibility: for each stem of a session, when it sounds but cannot be heard in the mix.

Two pieces of evidence, kept apart: masking, worked out from the signals
(``measure``, ``ear``), decides the passages; the model's own view of stem and
mix (``recognition``) is said beside each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from realtime.audit.ear import STEP_S
from realtime.audit.measure import Measurement, Progress, StemSignal, measure
from realtime.audit.passages import Passage, passages, sounding
from realtime.audit.recognition import Recognition, judge, recognise
from realtime.errors import TuttiError
from realtime.smoothing import NO_SMOOTHING

if TYPE_CHECKING:
    from realtime.model import TagModel

DEFAULT_MIN_S = 1.0
POOR_FIT_DB = -10.0
"""A residual above this means that the stems do not explain the mix."""
NOTABLE_OFFSET_S = 0.001
NOTABLE_LENGTH_S = 0.5


@dataclass(frozen=True, eq=False)
class StemAudit:
    """One stem: what the signals say, what the model says, and the passages."""

    name: str
    file: str
    signal: StemSignal
    view: Recognition
    sounds: NDArray[np.bool_]
    passages: tuple[Passage, ...]
    notes: tuple[str, ...]

    @property
    def sounds_s(self) -> float:
        """Seconds in which the stem sounds."""
        return float(self.sounds.sum()) * STEP_S

    @property
    def unheard_s(self) -> float:
        """Of these, the seconds in the passages reported."""
        return sum(one.unheard_s for one in self.passages)


@dataclass(frozen=True, eq=False)
class Audit:
    """A session's audibility report."""

    mix: str
    duration_s: float
    residual_db: float
    stems: tuple[StemAudit, ...]
    notes: tuple[str, ...]
    model: str
    min_s: float


def audit(
    mix: Path | str,
    stems: Sequence[Path | str],
    model: TagModel | Path | str | None = None,
    min_s: float = DEFAULT_MIN_S,
    progress: Progress = lambda what, done_s, total_s: None,
) -> Audit:
    """Compare stems with their mix.

    ``min_s``: the shortest passage to report.

    Raises:
        TuttiError: a file cannot be read, is named twice, or the mix is silent.
    """
    from realtime.tagger import Tagger

    mix, paths = Path(mix), [Path(stem) for stem in stems]
    names = _names(mix, paths)
    # The model first: a bad model file should not be found out after minutes.
    tagger = Tagger(model, smoothing=NO_SMOOTHING)
    measured = measure(mix, paths, progress)
    timelines = [
        tagger.tag(path, progress=lambda done_s, all_s: progress("Listening", done_s, all_s))
        for path in (mix, *paths)
    ]
    views = recognise(timelines[0], timelines[1:], names)
    complete = measured.residual_db <= POOR_FIT_DB
    found = []
    for name, file, signal, view in zip(names, paths, measured.stems, views, strict=True):
        ranges = tuple(judge(one, view, complete) for one in passages(signal, min_s))
        sounds = sounding(signal)
        notes = _stem_notes(signal, sounds, measured)
        found.append(StemAudit(name, str(file), signal, view, sounds, ranges, notes))
    spec = timelines[0].spec
    return Audit(
        str(mix),
        measured.duration_s,
        measured.residual_db,
        tuple(found),
        _notes(measured),
        f"{spec.name} {spec.version}",
        min_s,
    )


def _names(mix: Path, stems: list[Path]) -> list[str]:
    """Names to show: the files' without ending, longer where two are the same."""
    for number, stem in enumerate(stems):
        for other in (mix, *stems[:number]):
            if stem == other or (stem.exists() and other.exists() and stem.samefile(other)):
                what = "the mix" if other is mix else "another stem"
                raise TuttiError(f"{stem} is named twice, as a stem and as {what}: name it once.")
    short = [stem.stem for stem in stems]
    return [
        one if short.count(one) == 1 else str(stem) for one, stem in zip(short, stems, strict=True)
    ]


def _notes(measured: Measurement) -> tuple[str, ...]:
    notes = []
    share = 100.0 * (1.0 - 10.0 ** (measured.residual_db / 10.0))
    if measured.residual_db > POOR_FIT_DB:
        notes.append(
            f"The stems do not add up to the mix: they explain {max(share, 0.0):.0f} % of its "
            "power, so take the result as a hint. A stem is missing, or the stems were "
            "exported before much of the processing (reverb, say)."
        )
    if measured.non_finite:
        notes.append(
            f"The mix holds {measured.non_finite} samples that are not numbers; "
            "they were heard as silence."
        )
    return tuple(notes)


def _stem_notes(
    signal: StemSignal, sounds: NDArray[np.bool_], measured: Measurement
) -> tuple[str, ...]:
    notes = []
    if not sounds.any():
        notes.append("silent")
    elif not signal.found:
        notes.append("not found in the mix: muted there, or processed beyond recognition")
    elif abs(signal.late_s) >= NOTABLE_OFFSET_S:
        where = "later" if signal.late_s > 0 else "earlier"
        notes.append(f"{abs(signal.late_s) * 1000:.0f} ms {where} in the mix")
    difference_s = signal.duration_s - measured.duration_s
    if difference_s > NOTABLE_LENGTH_S:
        notes.append(f"{difference_s:.1f} s longer than the mix: the rest was not compared")
    if signal.non_finite:
        notes.append(f"{signal.non_finite} samples are not numbers, heard as silence")
    return tuple(notes)
