"""The tags of a whole file, and the JSON document that ``tutti tag`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.postprocess import Tags
from realtime.segments import Segment, stretches
from realtime.spec import ModelSpec

if TYPE_CHECKING:
    import pandas

SCHEMA = 1
"""Version of the JSON document."""


@dataclass(frozen=True)
class InstrumentSummary:
    """One instrument over a whole file.

    ``probability``: mean over the windows. ``present``: that mean reaches the
    model's threshold. ``active_s``: seconds at or above the threshold.
    """

    probability: float
    present: bool
    active_s: float


@dataclass(frozen=True, eq=False)
class Timeline:
    """Tags of successive windows of a file (or array; then ``file`` is as the caller named it).

    ``non_finite``: samples that were not numbers, and were heard as silence.
    """

    tags: tuple[Tags, ...]
    spec: ModelSpec
    file: str
    duration_s: float
    non_finite: int = 0

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def start_s(self) -> NDArray[np.float64]:
        """Start of each window (n,)."""
        return np.array([tags.start_s for tags in self.tags])

    @property
    def end_s(self) -> NDArray[np.float64]:
        """End of the audio in each window (n,)."""
        return np.array([tags.end_s for tags in self.tags])

    @property
    def share_s(self) -> NDArray[np.float64]:
        """Seconds that each window stands for (n,): up to the next window's start.

        They add up to the duration, so overlapping windows count no second twice.
        """
        return np.diff(self.start_s, append=max(self.duration_s, self.start_s[-1]))

    @property
    def instruments(self) -> NDArray[np.float32]:
        """Probabilities (n, 24)."""
        return np.stack([tags.instruments for tags in self.tags])

    @property
    def families(self) -> NDArray[np.float32]:
        """Probabilities (n, 8)."""
        return np.stack([tags.families for tags in self.tags])

    @property
    def polyphony(self) -> NDArray[np.float32]:
        """Probabilities (n, 7) of 0 to 5 and of 6 or more instruments."""
        return np.stack([tags.polyphony for tags in self.tags])

    @property
    def polyphony_expected(self) -> NDArray[np.float64]:
        """Mean number of instruments in each window (n,)."""
        return np.array([tags.polyphony_expected for tags in self.tags])

    @property
    def polyphony_mean(self) -> float:
        """Mean over the windows of the expected number of instruments."""
        return float(self.polyphony_expected.mean())

    def active(self) -> NDArray[np.bool_]:
        """Where each instrument reaches its threshold (n, 24)."""
        thresholds = [self.spec.thresholds[name] for name in self.spec.instruments]
        return self.instruments >= np.array(thresholds, dtype=np.float32)

    def summary(self) -> dict[str, InstrumentSummary]:
        """Each instrument over the whole file, in vocabulary order."""
        probability = self.instruments.mean(axis=0, dtype=np.float64)
        active_s = self.share_s @ self.active()
        return {
            name: InstrumentSummary(
                probability=float(probability[i]),
                present=bool(probability[i] >= self.spec.thresholds[name]),
                active_s=float(active_s[i]),
            )
            for i, name in enumerate(self.spec.instruments)
        }

    def segments(self, min_s: float = 0.0, hysteresis_s: float = 0.0) -> list[Segment]:
        """Stretches in which an instrument is at or above its threshold, by start.

        A pause shorter than ``hysteresis_s`` seconds ends none, and what is then shorter than
        ``min_s`` seconds is left out. Times are seconds.

        Raises:
            ValueError: a time is negative or no number.
        """
        for name, value in (("min_s", min_s), ("hysteresis_s", hysteresis_s)):
            if not value >= 0.0:
                raise ValueError(f"{name} must be 0 or more seconds, not {value}")
        if not self.tags:
            return []
        start_s, end_s = self.start_s, self.start_s + self.share_s
        end_s[:-1] = np.minimum(end_s[:-1], self.end_s[:-1])  # live sound may have gaps
        found = []
        rows = zip(self.spec.instruments, self.active().T, self.instruments.T, strict=True)
        for name, active, probability in rows:
            for first, last in stretches(active, start_s, end_s, min_s, hysteresis_s):
                mean = float(probability[first : last + 1].mean(dtype=np.float64))
                found.append(Segment(float(start_s[first]), float(end_s[last]), name, mean))
        return sorted(found, key=lambda one: (one.start_s, one.end_s))

    def columns(self) -> dict[str, NDArray[Any]]:
        """The numbers as columns (n,), by the names that the CSV has: ``start_s`` and ``end_s`` in
        seconds, each instrument's probability, then ``family_*`` and ``polyphony_*``, and
        ``polyphony_expected``, the mean number of instruments."""
        tables: tuple[tuple[str, tuple[str, ...], NDArray[np.float32]], ...] = (
            ("", self.spec.instruments, self.instruments),
            ("family_", self.spec.families, self.families),
            ("polyphony_", self.spec.polyphony, self.polyphony),
        )
        found: dict[str, NDArray[Any]] = {"start_s": self.start_s, "end_s": self.end_s}
        for prefix, labels, values in tables:
            found |= {f"{prefix}{label}": values[:, i] for i, label in enumerate(labels)}
        return found | {"polyphony_expected": self.polyphony_expected}

    def to_dataframe(self) -> pandas.DataFrame:
        """A ``pandas.DataFrame`` with a row a window, and the columns of ``columns``.

        Raises:
            TuttiError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise TuttiError("A data frame needs pandas: pip install pandas.") from None
        return pandas.DataFrame(self.columns())

    def to_document(self) -> dict[str, Any]:
        """The JSON document, schema 1; every label always present, numbers to 4 decimals."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "duration_s": _round(self.duration_s),
            "model": {"name": self.spec.name, "version": self.spec.version},
            "windows": [window_document(tags, self.spec) for tags in self.tags],
            "summary": {
                "instruments": {
                    name: {
                        "probability": _round(one.probability),
                        "present": one.present,
                        "active_s": _round(one.active_s),
                    }
                    for name, one in self.summary().items()
                },
                "polyphony_mean": _round(self.polyphony_mean),
            },
        }


def window_document(tags: Tags, spec: ModelSpec) -> dict[str, Any]:
    """One window as it stands in the document's ``windows``."""
    return {
        "start_s": _round(tags.start_s),
        "end_s": _round(tags.end_s),
        "instruments": _named(spec.instruments, tags.instruments),
        "families": _named(spec.families, tags.families),
        "polyphony": _named(spec.polyphony, tags.polyphony),
        "polyphony_expected": _round(tags.polyphony_expected),
    }


def live_document(tags: Tags, spec: ModelSpec) -> dict[str, Any]:
    """One window as it is told while it is heard: with its level."""
    level = tags.level
    return window_document(tags, spec) | {
        "level": {
            "rms_dbfs": round(level.rms_dbfs, 2),
            "peak_dbfs": round(level.peak_dbfs, 2),
            "clipped": level.clipped,
            "silent": level.silent,
        }
    }


def _named(labels: tuple[str, ...], values: NDArray[np.float32]) -> Mapping[str, float]:
    return {label: _round(value) for label, value in zip(labels, values.tolist(), strict=True)}


def _round(value: float) -> float:
    return round(float(value), 4)
