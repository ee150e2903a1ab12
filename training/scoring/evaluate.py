"""Listen to labelled clips exactly as ``tutti tag`` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime.errors import TuttiError
from realtime.sources.file import FileSource
from realtime.spec import ModelSpec
from realtime.tagger import Tagger
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from realtime.timeline import Timeline
from realtime.windows import WindowCutter
from training.datasets.truth import Excerpt, Truth, truth_between
from training.scoring.metrics import Floats

MIN_WINDOW_S = 0.5
"""A window cut shorter by the end of a file is not scored on its own."""


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
class Answers:
    """A model's answers on labelled clips: whole clips, the stretches of clips that change
    and single windows where it is known what sounds in them. Kinds are those of ``Excerpt``.
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
    tagger: Tagger, clips: Sequence[Excerpt], progress: Callable[[int], None] | None = None
) -> Answers:
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
    return Answers(
        clips=whole.items(spec),
        clip_kinds=tuple(clip.kind for clip in clips),
        segments=segments.items(spec),
        windows=windows.items(spec),
        window_kinds=tuple(window_kinds),
    )


def _values(timeline: Timeline) -> Floats:
    """Everything said of each window, (n, 24 + 8 + 7)."""
    return np.hstack([timeline.instruments, timeline.families, timeline.polyphony])


def _window_truth(clip: Excerpt, timeline: Timeline, row: int) -> Truth | None:
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


def embed(checkpoint: Path, clips: Sequence[Excerpt]) -> tuple[Floats, list[str]]:
    """Embeddings (n, 1024) of the windows of steady solos, and their instruments.

    Raises:
        TuttiError: the checkpoint cannot be read, or the clips hold fewer than three such windows.
    """
    import torch

    from training.checkpoint import load_model

    model, _ = load_model(checkpoint)
    points: list[Floats] = []
    labels: list[str] = []
    for clip in clips:
        if not clip.steady or clip.truth.instrument is None:
            continue
        with FileSource(clip.path) as source:
            cutter = WindowCutter(source.sample_rate_hz, source.channels)
            windows = [window for block in source for window in cutter.push(block)]
        if windows:
            with torch.inference_mode():
                batch = torch.from_numpy(np.stack([window.samples for window in windows]))
                points.append(model.embed(batch).float().numpy())
            labels += [clip.truth.instrument] * len(windows)
    if len(labels) < 3:
        raise TuttiError("There are too few solos to draw embeddings of: leave --checkpoint out.")
    return np.concatenate(points), labels
