"""Listen to labelled clips exactly as ``tutti tag`` does, and score what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.spec import ModelSpec
from realtime.tagger import Tagger
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from realtime.timeline import Timeline
from training import metrics
from training.datasets.truth import Clip, Truth, truth_between
from training.metrics import Floats

MIN_WINDOW_S = 0.5
"""A window cut shorter by the end of a file is not scored on its own."""

Scores = dict[str, Any]
"""Numbers, and dictionaries of numbers, that go into the JSON report as they are."""


@dataclass(frozen=True)
class Items:
    """n scored things (clips, segments or windows) and what was said of them.

    ``probability`` (n, 24) and ``margin`` (n, 24), its distance from the label's threshold;
    ``family_margin`` (n, 8); ``polyphony`` (n, 7). A label is predicted where its margin >= 0.
    """

    truths: tuple[Truth, ...]
    groups: tuple[str, ...]
    probability: Floats
    margin: Floats
    family_margin: Floats
    polyphony: Floats

    def __len__(self) -> int:
        return len(self.truths)

    def where(self, keep: Iterable[bool]) -> Items:
        """The chosen items."""
        rows = np.flatnonzero(list(keep))
        return Items(
            tuple(self.truths[row] for row in rows),
            tuple(self.groups[row] for row in rows),
            self.probability[rows],
            self.margin[rows],
            self.family_margin[rows],
            self.polyphony[rows],
        )


class _Collector:
    """Gathers means over windows, then makes ``Items`` of them."""

    def __init__(self) -> None:
        self._truths: list[Truth] = []
        self._groups: list[str] = []
        self._rows: list[Floats] = []

    def add(self, truth: Truth, group: str, values: Floats) -> None:
        """One item from windows (m, 24 + 8 + 7)."""
        self._truths.append(truth)
        self._groups.append(group)
        self._rows.append(values.mean(axis=0, dtype=np.float64))

    def items(self, spec: ModelSpec) -> Items:
        split = len(INSTRUMENTS), len(INSTRUMENTS) + len(FAMILIES)
        rows = np.reshape(self._rows, (-1, split[1] + len(spec.polyphony)))
        probability, families, polyphony = np.split(rows, split, axis=1)
        return Items(
            tuple(self._truths),
            tuple(self._groups),
            probability,
            probability - [spec.thresholds[name] for name in spec.instruments],
            families - [spec.family_thresholds[name] for name in spec.families],
            polyphony,
        )


@dataclass(frozen=True)
class Heard:
    """A model's answers on labelled clips: whole clips, the stretches of clips that change
    and single windows where it is known what sounds in them. Kinds are those of ``Clip``.
    """

    clips: Items
    clip_kinds: tuple[str, ...]
    segments: Items
    windows: Items
    window_kinds: tuple[str, ...]


def check_vocabulary(spec: ModelSpec) -> None:
    """Refuse a model whose labels are not ours: its scores would be of other things.

    Raises:
        TuttiError: they are not.
    """
    if spec.instruments != INSTRUMENTS or spec.families != FAMILIES:
        raise TuttiError(
            f"The model {spec.name} {spec.version} names other instruments than this version of "
            "Tutti: evaluate it with the version that exported it."
        )


def hear(
    tagger: Tagger, clips: Sequence[Clip], progress: Callable[[int], None] | None = None
) -> Heard:
    """Tag every clip. A solo's windows are scored unless they are silent.

    Raises:
        TuttiError: the model has another vocabulary, or a clip cannot be read.
    """
    spec = tagger.model.spec
    check_vocabulary(spec)
    whole, segments, windows = _Collector(), _Collector(), _Collector()
    window_kinds: list[str] = []
    for done, clip in enumerate(clips):
        timeline = tagger.tag(clip.path)
        values = _values(timeline)
        whole.add(clip.truth, clip.group, values)
        long_enough = timeline.end_s - timeline.start_s >= MIN_WINDOW_S
        for row in np.flatnonzero(long_enough):
            truth = _window_truth(clip, timeline, int(row))
            if truth is not None:
                windows.add(truth, clip.group, values[row : row + 1])
                window_kinds.append(clip.kind)
        for segment in clip.segments:
            inside = (timeline.start_s >= segment.start_s - 0.05) & (
                timeline.end_s <= segment.end_s + 0.05
            )
            if segment.end_s - segment.start_s > 1.5 and inside.any():
                segments.add(segment.truth, clip.group, values[inside])
        if progress is not None:
            progress(done + 1)
    return Heard(
        clips=whole.items(spec),
        clip_kinds=tuple(clip.kind for clip in clips),
        segments=segments.items(spec),
        windows=windows.items(spec),
        window_kinds=tuple(window_kinds),
    )


def _values(timeline: Timeline) -> Floats:
    """Everything said of each window, (n, 24 + 8 + 7)."""
    return np.hstack([timeline.instruments, timeline.families, timeline.polyphony])


def _window_truth(clip: Clip, timeline: Timeline, row: int) -> Truth | None:
    tags = timeline.tags[row]
    if clip.segments:
        return truth_between(clip.segments, tags.start_s, tags.end_s)
    return clip.truth if clip.steady and not tags.level.silent else None


def hear_mixtures(
    tagger: Tagger, audio: Floats, sample_rate_hz: int, truths: Sequence[Truth]
) -> Items:
    """Tag mixtures, ``audio`` (n, samples), each as a file of its own; scored as whole clips."""
    check_vocabulary(tagger.model.spec)
    collector = _Collector()
    for number, (samples, truth) in enumerate(zip(audio, truths, strict=True)):
        collector.add(truth, str(number), _values(tagger.tag(samples, sample_rate_hz)))
    return collector.items(tagger.model.spec)


def score(items: Items, rng: np.random.Generator) -> Scores:
    """Every multi-label score of some items, with 95 % intervals over groups."""
    if not len(items):
        return {"items": 0}
    target, known = metrics.resolve(items.truths, items.margin)
    ranked = metrics.resolve(items.truths, items.probability)
    predicted = items.margin >= 0
    whole = metrics.f1(target, known, predicted)
    grouped = metrics.f1(target, known, predicted, metrics.group_weights(items.groups))
    families = metrics.f1(*metrics.family_truth(items.truths), items.family_margin >= 0)
    ranking = metrics.ranking_precision(*ranked, items.probability)
    precision = metrics.average_precision(*ranked, items.probability)
    area = metrics.roc_auc(*ranked, items.probability)

    def f1_of(name: str) -> Callable[[Floats], float]:
        return lambda weights: getattr(metrics.f1(target, known, predicted, weights), name)

    return {
        "items": len(items),
        "groups": len(set(items.groups)),
        "labels": int(whole.support.sum()),
        "micro_f1": whole.micro,
        "micro_f1_interval": metrics.interval(f1_of("micro"), items.groups, rng),
        "micro_precision": whole.micro_precision,
        "micro_recall": whole.micro_recall,
        "macro_f1": whole.macro,
        "macro_f1_interval": metrics.interval(f1_of("macro"), items.groups, rng),
        "group_micro_f1": grouped.micro,
        "group_macro_f1": grouped.macro,
        "family_micro_f1": families.micro,
        "family_macro_f1": families.macro,
        "lrap": metrics.mean(ranking),
        "lrap_interval": metrics.interval(
            lambda weights: metrics.weighted_mean(ranking, weights), items.groups, rng
        ),
        "map": metrics.mean(precision),
        "roc_auc": metrics.mean(area),
        "calibration_error": metrics.calibration_error(*ranked, items.probability),
        "per_label": {
            name: {
                "precision": whole.precision[label],
                "recall": whole.recall[label],
                "f1": whole.f1[label],
                "average_precision": precision[label],
                "roc_auc": area[label],
                "support": int(whole.support[label]),
                "predicted": int((predicted & known)[:, label].sum()),
            }
            for label, name in enumerate(INSTRUMENTS)
        },
        "per_family": {
            name: {
                "precision": families.precision[label],
                "recall": families.recall[label],
                "f1": families.f1[label],
                "support": int(families.support[label]),
            }
            for label, name in enumerate(FAMILIES)
        },
    }


def score_solos(items: Items, rng: np.random.Generator) -> Scores:
    """Top-1 of items that hold one named instrument, and what is taken for what (24, 24)."""
    solos = items.where(truth.instrument is not None for truth in items.truths)
    if not len(solos):
        return {"solos": 0}
    named = np.array([INSTRUMENTS.index(str(truth.instrument)) for truth in solos.truths])
    told = solos.probability.argmax(axis=1)
    right = (named == told).astype(float)
    confusion = np.zeros((len(INSTRUMENTS), len(INSTRUMENTS)), int)
    np.add.at(confusion, (named, told), 1)
    return {
        "solos": len(solos),
        "top1": float(right.mean()),
        "top1_interval": metrics.interval(
            lambda weights: metrics.weighted_mean(right, weights), solos.groups, rng
        ),
        "right": int(right.sum()),
        "confusion": confusion.tolist(),
    }


def score_polyphony(items: Items) -> Scores:
    """How well the number of instruments is told, where it is known."""
    counted = items.where(truth.count is not None for truth in items.truths)
    if not len(counted):
        return {"items": 0}
    count = np.array([truth.count for truth in counted.truths], int)
    found = metrics.polyphony(count, counted.polyphony)
    return {
        "items": len(counted),
        "accuracy": found.accuracy,
        "mean_absolute_error": found.mean_absolute_error,
        "f1_per_count": found.f1.tolist(),
        "support_per_count": found.support.tolist(),
        "confusion": found.confusion.tolist(),
    }


def score_heard(heard: Heard, rng: np.random.Generator) -> Scores:
    """The whole account of one data set."""
    solos = heard.clips.where(kind == "solo" for kind in heard.clip_kinds)
    mixes = heard.clips.where(kind == "mix" for kind in heard.clip_kinds)
    solo_windows = heard.windows.where(kind == "solo" for kind in heard.window_kinds)
    mix_windows = heard.windows.where(kind == "mix" for kind in heard.window_kinds)
    return {
        "clips": score(heard.clips, rng),
        "solo_clips": score(solos, rng),
        "mix_clips": score(mixes, rng),
        "windows": score(heard.windows, rng),
        "solos": score_solos(solos, rng),
        "solo_segments": score_solos(heard.segments, rng),
        "polyphony_solo_windows": score_polyphony(solo_windows),
        "polyphony_mix_windows": score_polyphony(mix_windows),
    }


def score_mixtures(items: Items, rng: np.random.Generator) -> Scores:
    """Mixtures of unseen sources: all, few (0 to 3) and many (4 to 6) instruments."""
    counts = [truth.count for truth in items.truths]
    few = items.where(count is not None and count <= 3 for count in counts)
    many = items.where(count is not None and 4 <= count <= 6 for count in counts)
    return {
        "all": score(items, rng),
        "few": score(few, rng),
        "many": score(many, rng),
        "solos": score_solos(items, rng),
        "polyphony": score_polyphony(items),
        "polyphony_few": score_polyphony(few),
        "polyphony_many": score_polyphony(many),
        "macro_f1_per_count": {
            str(count): _macro_f1(items.where(c == count for c in counts))
            for count in sorted({c for c in counts if c is not None})
        },
    }


def _macro_f1(items: Items) -> float:
    target, known = metrics.resolve(items.truths, items.margin)
    return metrics.f1(target, known, items.margin >= 0).macro
