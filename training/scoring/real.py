"""Real clips and superpositions of them: what versions and thresholds are chosen by.

The clips are the ``val`` split of a folder as ``training.datasets.real`` reads it. The
superpositions are a fixed list: the same folder gives the same ones on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from realtime.levels import LevelReading, SilenceGate
from realtime.model import Scores
from realtime.postprocess import Postprocessor
from realtime.spec import SAMPLE_RATE_HZ, WINDOW_SAMPLES, ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from realtime.windows import Window, WindowCutter
from training.bank.clips import trimmed
from training.datasets.real import RealClip, load, truth_together
from training.datasets.truth import Truth
from training.mixing.labels import FRAME_SAMPLES, audibility
from training.scoring import metrics
from training.scoring.evaluate import MIN_WINDOW_S
from training.scoring.metrics import Bools, Floats
from training.sounds.folder import decode

SPLIT = "val"
MIXTURES = 600
MOST_TOGETHER = 5
MIX_S = 5.0
LEVEL_RANGE_DB = 12.0
LONGEST_S = 10.0
"""Of a longer clip, so much of its beginning is heard."""
COMMON_THRESHOLD = 0.25
"""At which versions are compared before any of them has thresholds of its own."""
GRID: Floats = np.round(np.arange(0.05, 0.96, 0.01), 2)
"""Thresholds that are tried."""
_SEED = 20_231
_TRIES = 4
_PEAK = 0.7
_BATCH = 128
_LOUD_DB = 30.0

Infer = Callable[[NDArray[np.float32]], Scores]
"""Windows ``[n, 16000]`` to probabilities."""


@dataclass(frozen=True)
class MixedClip:
    """A clip in a mixture: its number, the sample it begins at, its level in dB."""

    clip: int
    start: int
    level_db: float


def draw_mixtures(
    clips: Sequence[RealClip],
    sounds: Sequence[NDArray[np.float32]],
    rng: np.random.Generator,
    mixtures: int = MIXTURES,
) -> list[tuple[MixedClip, ...]]:
    """Two to five clips each, as many mixtures of each number.

    Kinds of instrument are drawn by the square root of how many clips they have, then one of
    their sources, then a clip of it. In a mixture no kind and no source comes twice. Clips that
    do not name all that sounds take no part; fewer come together where there are too few.
    """
    usable = [number for number, clip in enumerate(clips) if clip.complete]
    kinds = sorted({"+".join(sorted(clips[number].kinds)) for number in usable})
    members = {
        kind: [n for n in usable if "+".join(sorted(clips[n].kinds)) == kind] for kind in kinds
    }
    drawn = []
    for number in range(mixtures):
        wanted, chosen = 2 + number % (MOST_TOGETHER - 1), list[int]()
        while len(chosen) < wanted:
            free = {
                kind: left
                for kind, all_of_it in members.items()
                if (left := [n for n in all_of_it if _apart(clips, n, chosen)])
            }
            if not free:
                break
            weights = np.sqrt([len(members[kind]) for kind in free])
            left = free[str(rng.choice(list(free), p=weights / weights.sum()))]
            source = rng.choice(sorted({clips[n].source for n in left}))
            chosen.append(int(rng.choice([n for n in left if clips[n].source == source])))
        drawn.append(
            tuple(
                MixedClip(n, _loud_start(sounds[n], rng), float(rng.uniform(-LEVEL_RANGE_DB, 0.0)))
                for n in chosen
            )
        )
    return drawn


def _apart(clips: Sequence[RealClip], number: int, others: list[int]) -> bool:
    one = clips[number]
    return all(
        one.source != clips[other].source and not one.kinds & clips[other].kinds for other in others
    )


def _loud_start(sound: NDArray[np.float32], rng: np.random.Generator) -> int:
    """Where the loudest of a few random stretches begins: rests teach nothing of a mixture."""
    latest = max(0, len(sound) - round(MIX_S * SAMPLE_RATE_HZ))
    starts = rng.integers(0, latest + 1, _TRIES)
    return int(max(starts, key=lambda start: _level(_stretch(sound, int(start)))))


def _stretch(sound: NDArray[np.float32], start: int) -> NDArray[np.float32]:
    """As long as a mixture; what is too short is played again and again."""
    return np.resize(sound[start:], round(MIX_S * SAMPLE_RATE_HZ))


def _level(sound: NDArray[np.float32]) -> float:
    """RMS over the frames of 50 ms that are within 30 dB of the loudest."""
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    power = np.square(frames).mean(axis=1, dtype=np.float64)
    loud = power[power >= power.max() * 10 ** (-_LOUD_DB / 10)]
    return float(np.sqrt(loud.mean()))


@dataclass(frozen=True)
class RealAnswers:
    """What a model said of the clips, then of the mixtures.

    ``instruments`` ``[items, 24]`` and ``families`` ``[items, 8]`` are means over the windows as
    ``tutti tag`` shows them. Of the windows whose ``count`` ``[windows]`` of instruments is
    known: ``item``, ``polyphony`` as shown and ``raw``, as the network gives it, ``[windows, 7]``.
    """

    instruments: Floats
    families: Floats
    item: NDArray[np.int64]
    count: NDArray[np.int64]
    polyphony: Floats
    raw: Floats


class RealValidation:
    """The clips of a folder's ``val`` split and the mixtures of them, decoded once.

    ``truths``: of the clips, then of the mixtures; ``members``: the clips in each of them.
    """

    def __init__(self, folder: Path, mixtures: int = MIXTURES) -> None:
        """Raises TuttiError where the folder cannot be used."""
        self.clips = load(folder, SPLIT)
        longest = round(LONGEST_S * SAMPLE_RATE_HZ)
        self.sounds = [decode(clip.path)[:longest] for clip in self.clips]
        self._cores = [trimmed(sound) for sound in self.sounds]
        rng = np.random.default_rng(_SEED)
        self.mixtures = draw_mixtures(self.clips, self._cores, rng, mixtures)
        singles = [(number,) for number in range(len(self.clips))]
        together = [tuple(part.clip for part in mixture) for mixture in self.mixtures]
        self.members: list[tuple[int, ...]] = [*singles, *together]
        self.truths: list[Truth] = [
            truth_together(tuple(self.clips[number] for number in numbers))
            for numbers in self.members
        ]

    @property
    def singles(self) -> int:
        """How many of the items are clips alone; they come first."""
        return len(self.clips)

    def parts_of(self, mixture: Sequence[MixedClip]) -> NDArray[np.float32]:
        """The clips of a mixture at their levels, ``[parts, samples]``; their sum peaks at 0.7."""
        parts = np.stack([_stretch(self._cores[part.clip], part.start) for part in mixture])
        gains = [
            10 ** (part.level_db / 20) / max(_level(sound), 1e-9)
            for part, sound in zip(mixture, parts, strict=True)
        ]
        parts *= np.array(gains, np.float32)[:, None]
        return parts * np.float32(_PEAK / max(float(np.abs(parts.sum(axis=0)).max()), 1e-9))

    def _items(self) -> Iterator[tuple[NDArray[np.float32], list[frozenset[str]], Floats | None]]:
        """Sound, the kinds of instrument of each part, and the parts where there are several."""
        for clip, sound in zip(self.clips, self.sounds, strict=True):
            yield sound, [clip.kinds], None
        for mixture in self.mixtures:
            parts = self.parts_of(mixture)
            kinds = [self.clips[part.clip].kinds for part in mixture]
            yield parts.sum(axis=0), kinds, parts

    def hear(self, infer: Infer) -> RealAnswers:
        """Tag everything, windows of many items at a time."""
        queue: list[_Item] = []
        waiting = 0
        labels: list[Floats] = []
        windows: list[tuple[int, int, Floats, Floats]] = []

        def finish() -> None:
            nonlocal waiting
            audible = [w.samples for item in queue for w in item.audible]
            scores = infer(np.stack(audible)) if audible else None
            first = 0
            for item in queue:
                shown, count, raw = item.shown(scores, first)
                split = len(INSTRUMENTS) + len(FAMILIES)
                labels.append(shown[:, :split].mean(axis=0, dtype=np.float64))
                number = len(labels) - 1
                windows.extend(
                    (number, of, shown[row, split:], raw[row])
                    for row, of in enumerate(count)
                    if of is not None
                )
                first += len(item.audible)
            queue.clear()
            waiting = 0

        for (sound, kinds, parts), truth in zip(self._items(), self.truths, strict=True):
            queue.append(_Item(sound, kinds, parts, counted=truth.count is not None))
            waiting += len(queue[-1].audible)
            if waiting >= _BATCH:
                finish()
        if queue:
            finish()
        values = np.reshape(labels, (len(labels), -1))
        return RealAnswers(
            instruments=values[:, : len(INSTRUMENTS)],
            families=values[:, len(INSTRUMENTS) :],
            item=np.array([window[0] for window in windows], np.int64),
            count=np.array([window[1] for window in windows], np.int64),
            polyphony=np.reshape([window[2] for window in windows], (len(windows), -1)),
            raw=np.reshape([window[3] for window in windows], (len(windows), -1)),
        )

    def score(self, model: nn.Module) -> dict[str, float]:
        """Scores of a network in evaluation mode; see ``score_heard``."""
        return self.score_heard(self.hear(lambda windows: infer_with(model, windows)))

    def score_heard(self, heard: RealAnswers) -> dict[str, float]:
        """``map`` and ``phrases`` (likeliest instrument right) of the clips alone; ``solo_f1`` and
        ``mix_f1`` at 0.25 and at their best (``_best``, at ``mix_at``); ``mix_lrap``. Of the
        windows: ``count_solo`` and ``count_mix`` right, ``count_mix_near`` right within one.
        """
        target, known = metrics.resolve(self.truths, heard.instruments)
        probability = heard.instruments
        solo, mix = slice(0, self.singles), slice(self.singles, None)
        precision = metrics.average_precision(target[solo], known[solo], probability[solo])
        phrase = [
            (row, INSTRUMENTS.index(clip.instrument))
            for row, clip in enumerate(self.clips)
            if clip.phrase and clip.instrument is not None
        ]
        top1 = [probability[row].argmax() == named for row, named in phrase]
        scores = {"map": metrics.mean(precision), "phrases": float(np.mean(top1 or [np.nan]))}
        for name, rows in (("solo", solo), ("mix", mix)):
            data = target[rows], known[rows], probability[rows]
            best = best_threshold(*data)
            scores[f"{name}_f1"] = f1_at(*data, COMMON_THRESHOLD)
            scores[f"{name}_f1_best"] = f1_at(*data, best)
            scores[f"{name}_at"] = best
        lrap = metrics.ranking_precision(target[mix], known[mix], probability[mix])
        off = np.abs(heard.polyphony.argmax(axis=1) - heard.count)
        of_mix = heard.item >= self.singles
        return scores | {
            "mix_lrap": metrics.mean(lrap),
            "count_solo": _share(off[~of_mix] == 0),
            "count_mix": _share(off[of_mix] == 0),
            "count_mix_near": _share(off[of_mix] <= 1),
        }


class _Item:
    """One sound cut into windows, behind the silence gate."""

    def __init__(
        self,
        sound: NDArray[np.float32],
        kinds: list[frozenset[str]],
        parts: Floats | None,
        *,
        counted: bool,
    ) -> None:
        cutter, meter = WindowCutter(SAMPLE_RATE_HZ, 1), SilenceGate()
        self._windows: list[tuple[Window, LevelReading, int | None]] = []
        for window in (*cutter.push(sound[:, np.newaxis]), *cutter.flush()):
            level = meter.read(window)
            known = counted and not level.silent and window.frames >= MIN_WINDOW_S * SAMPLE_RATE_HZ
            count = _count(window, kinds, parts) if known else None
            self._windows.append((window, level, count))
        self.audible = [window for window, level, _ in self._windows if not level.silent]

    def shown(self, scores: Scores | None, first: int) -> tuple[Floats, list[int | None], Floats]:
        """What a user sees of each window, the true counts, and the network's polyphony.

        ``scores``: row ``first`` is that of the first audible window.
        """
        post = Postprocessor(_SPEC)
        rows, raw = [], []
        for window, level, _ in self._windows:
            end_s = window.start_s + window.frames / SAMPLE_RATE_HZ
            tags = post.step(scores, level, window.start_s, end_s, first)
            rows.append(np.concatenate((tags.instruments, tags.families, tags.polyphony)))
            audible = scores is not None and not level.silent
            raw.append(scores.polyphony[first] if audible and scores else tags.polyphony)
            first += not level.silent
        return np.stack(rows), [count for _, _, count in self._windows], np.stack(raw)


_SPEC = ModelSpec(
    name="real validation",
    version="",
    instruments=INSTRUMENTS,
    families=FAMILIES,
    thresholds=dict.fromkeys(INSTRUMENTS, COMMON_THRESHOLD),
    family_thresholds=dict.fromkeys(FAMILIES, COMMON_THRESHOLD),
)


def _count(window: Window, kinds: list[frozenset[str]], parts: Floats | None) -> int | None:
    """How many instruments are heard in a window; None where one of them is doubtful."""
    if parts is None:
        return len(kinds[0])
    start = round(window.start_s * SAMPLE_RATE_HZ)
    sounds = torch.from_numpy(parts[:, start : start + WINDOW_SAMPLES])
    of_one = torch.zeros(len(parts), dtype=torch.int64)
    heard, doubtful = audibility(sounds, of_one, sounds.sum(dim=0, keepdim=True))
    if doubtful.any():
        return None
    return len(frozenset[str]().union(*(kinds[row] for row in np.flatnonzero(heard.numpy()))))


def infer_with(model: nn.Module, windows: NDArray[np.float32]) -> Scores:
    """Probabilities of a network for windows ``[n, 16000]``."""
    with torch.no_grad():
        out = model(torch.from_numpy(windows))
    return Scores(
        out.instruments.sigmoid().numpy(),
        out.families.sigmoid().numpy(),
        out.polyphony.softmax(dim=1).numpy(),
    )


def f1_at(target: Bools, known: Bools, probability: Floats, threshold: float) -> float:
    """Micro-F1 with one threshold for all labels."""
    return metrics.f1(target, known, probability >= threshold).micro


def best_threshold(target: Bools, known: Bools, probability: Floats) -> float:
    """The one threshold for all labels at which micro-F1 is best."""
    scores = [f1_at(target, known, probability, threshold) for threshold in GRID]
    return float(GRID[int(np.nanargmax(scores))]) if np.isfinite(scores).any() else float("nan")


def _share(right: Bools) -> float:
    return float(right.mean()) if len(right) else float("nan")
