"""What a library keeps of a file: one row of numbers, or a sentence that says why there is none."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from realtime.library.walk import Found

if TYPE_CHECKING:
    from realtime.spec import ModelSpec
    from realtime.timeline import Timeline

Tag = Callable[[str], "Timeline"]
"""A path in, its tags out, or a ``TuttiError``."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file. ``values``: the columns of ``columns``, float32; empty where
    ``error`` says what was wrong."""

    found: Found
    values: bytes = b""
    error: str = ""


def columns(spec: ModelSpec) -> tuple[str, ...]:
    """Names of the numbers of a row.

    ``share_*``: part of the file's time (0 to 1) in which an instrument or a family reaches its
    threshold. ``probability_*``: mean over the file. ``non_finite``: samples that were not
    numbers, and were heard as silence.
    """
    labels = (*spec.instruments, *(f"family_{name}" for name in spec.families))
    return (
        "duration_s",
        "polyphony_mean",
        "non_finite",
        *(f"share_{label}" for label in labels),
        *(f"probability_{label}" for label in labels),
    )


def values_of(timeline: Timeline) -> bytes:
    """The numbers of ``columns``, float32."""
    spec = timeline.spec
    thresholds = [spec.thresholds[name] for name in spec.instruments]
    thresholds += [spec.family_thresholds[name] for name in spec.families]
    probability = np.hstack((timeline.instruments, timeline.families))
    active = probability >= np.array(thresholds, np.float32)
    share = timeline.share_s @ active / timeline.share_s.sum()
    facts = (timeline.duration_s, timeline.polyphony_mean, timeline.non_finite)
    mean = probability.mean(axis=0, dtype=np.float64)
    return array("f", [*facts, *share.tolist(), *mean.tolist()]).tobytes()


def outcome_of(found: Found, tag: Tag) -> Outcome:
    """Tag a file; whatever goes wrong with it is its own error and no one else's."""
    try:
        timeline = tag(found.path)
        now = os.stat(found.path)
    except Exception as error:
        return Outcome(found, error=str(error) or repr(error))
    if (now.st_size, now.st_mtime_ns) != (found.size_bytes, found.mtime_ns):
        return Outcome(
            found, error=f"{found.path} changed while it was read: run the same command again."
        )
    return Outcome(found, values_of(timeline))
