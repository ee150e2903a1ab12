"""A bank's clips of some splits, in device memory, with tables to draw from.

Draws are even over labels, then over sources within a label, then over the
timbres of a source (a soundfont preset, a sampled instrument), so that one rich
library does not drown the others.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, FINE, INSTRUMENTS, Target
from training.bank.bank import AUDIO_FILE, COLUMNS, Bank
from training.mixing.known import Music

KINDS = ("note", "phrase", "stem")
_MASKED_WEIGHT = 0.3
"""Draw weight of a label outside the vocabulary (viola, tuba...) beside 1 for one of ours."""
_FULL_WEIGHT_CLIPS = 30
"""A source with fewer clips than this is drawn less, by the square root."""
MAX_STEMS = 12
_RECORDED = re.compile(r"\.(ogg|flac|wav|mp3|aiff?)$|/recorded ", re.I)
"""Origin of a recording: a file of its own, or a recorded instrument that plays in a piece."""
_PRESET = re.compile(r"\d+/\d+(?=:)")
"""Bank and program at the start of a soundfont clip's origin (``0/40:64 Violin``)."""


@dataclass(frozen=True)
class SoundClass:
    """What a part is drawn and labelled as: one of ours, or a finer masked name."""

    name: str
    target: Target


@dataclass(frozen=True)
class ChoiceTable:
    """Rows of alternatives with cumulative probabilities, padded to one width."""

    choices: Tensor
    cumulative: Tensor

    def draw(self, rows: Tensor, uniform: Tensor) -> Tensor:
        """One choice for each row index; ``uniform`` in 0..1 decides."""
        position = torch.searchsorted(self.cumulative[rows], uniform[:, None].contiguous())
        last = self.choices.shape[1] - 1
        return self.choices[rows, position[:, 0].clamp(max=last)]


def _class_name(label: str) -> str:
    """The class of a label: its instrument, unless something may sound beside that."""
    target = FINE[label]
    return label if target.maybe or not target.instrument else target.instrument


def _choice_table(rows: list[list[tuple[int, float]]], device: torch.device) -> ChoiceTable:
    width = max((len(row) for row in rows), default=0) or 1
    choices = np.full((len(rows), width), -1, dtype=np.int64)
    cumulative = np.ones((len(rows), width), dtype=np.float32)
    for index, row in enumerate(rows):
        if not row:
            continue
        weights = np.array([weight for _, weight in row])
        choices[index] = row[-1][0]
        choices[index, : len(row)] = [choice for choice, _ in row]
        cumulative[index, : len(row)] = np.cumsum(weights) / weights.sum()
        cumulative[index, len(row) - 1 :] = 1.0
    return ChoiceTable(
        torch.tensor(choices, device=device), torch.tensor(cumulative, device=device)
    )


def timbre_of(source: str, label: str, origin: str) -> str:
    """Clips that may follow each other in one phrase: same label, source and preset."""
    preset = _PRESET.match(origin)
    return f"{label}|{source}|{preset[0] if preset else ''}"


class Palette:
    """The clips of some splits and the tables of what can be drawn.

    Attributes are tensors on ``device``: ``audio`` int16 ``[samples]``, ``start``
    and ``length`` int64 ``[clips]``, ``pitch`` float ``[clips]`` (NaN: unpitched),
    ``sustain`` and ``clip_class`` ``[clips]``.
    """

    def __init__(
        self,
        bank: Bank,
        splits: tuple[str, ...],
        device: torch.device,
        *,
        recorded_weight: float = 1.0,
        rendered_weight: float = 1.0,
    ) -> None:
        """The weights say how often recorded sources and soundfonts are drawn; 0: never.

        A composed piece counts by the mean of its parts, and once at least.
        Raises TuttiError where nothing is left to draw.
        """
        self.device = device
        chosen = np.flatnonzero(np.isin(bank.split, splits))
        columns = {name: getattr(bank, name)[chosen] for name in COLUMNS}
        weight = np.array(
            [
                recorded_weight if _RECORDED.search(str(origin)) else rendered_weight
                for origin in columns["origin"]
            ]
        )
        apart = np.isin(columns["kind"], ("noise", "music"))
        if not (~apart & (weight > 0)).any():
            raise TuttiError(
                f"{bank.path} has no sounds of split {' or '.join(splits)} to draw from: build the "
                "bank again, or add some with 'tutti bank add'."
            )
        kept = apart | (weight > 0)
        columns = {name: values[kept] for name, values in columns.items()}
        self._weight = weight[kept]
        self._load_audio(bank, columns)
        self._index_classes(columns)
        self._index_timbres(columns)
        self._index_pieces(columns)
        noise = np.flatnonzero(columns["kind"] == "noise")
        self.noise = torch.tensor(noise, device=device)
        recorded = np.array([bool(_RECORDED.search(str(origin))) for origin in columns["origin"]])
        self.music = Music(columns, recorded, device)

    def _load_audio(self, bank: Bank, columns: dict[str, np.ndarray]) -> None:
        """The bank's file itself: on a processor it is mapped, and processes share it."""
        audio = torch.from_file(
            str(bank.path / AUDIO_FILE), shared=False, size=len(bank.audio), dtype=torch.int16
        )
        self.audio = audio.to(self.device)
        self.start = torch.tensor(columns["start"].astype(np.int64), device=self.device)
        self.length = torch.tensor(columns["length"].astype(np.int64), device=self.device)
        self.pitch = torch.tensor(columns["pitch"].astype(np.float32), device=self.device)
        self.sustain = torch.tensor(columns["sustain"].astype(np.int64) > 0, device=self.device)

    def _index_classes(self, columns: dict[str, np.ndarray]) -> None:
        names: dict[str, Target] = {name: FINE[name] for name in INSTRUMENTS}
        self._class_of_label: dict[str, int] = {}
        labels = columns["label"][np.isin(columns["kind"], KINDS)].tolist()
        for label in sorted(set(labels) - {""}):
            target = FINE[label]
            names.setdefault(_class_name(label), target)
        self.classes = [SoundClass(name, target) for name, target in names.items()]
        position = {name: index for index, name in enumerate(names)}
        for label in set(labels) - {""}:
            self._class_of_label[label] = position[_class_name(label)]
        of_clip = [self._class_of_label.get(label, -1) for label in columns["label"].tolist()]
        self.clip_class = torch.tensor(of_clip, device=self.device)
        # Drums and cymbals are one kit where instruments are counted.
        counted = [
            position["drums"] if sound.name in ("cymbals", "drum_kit") else index
            for index, sound in enumerate(self.classes)
        ]
        self.counted_as = torch.tensor(counted, device=self.device)

        def rows(labels: tuple[str, ...], members: Sequence[tuple[str, ...]]) -> Tensor:
            table = [[label in group for label in labels] for group in members]
            return torch.tensor(table, device=self.device)

        targets = [sound.target for sound in self.classes]
        sure = [(t.instrument,) if t.instrument else () for t in targets]
        self.class_instruments = rows(INSTRUMENTS, sure)
        self.class_unknown = rows(INSTRUMENTS, [t.unknown for t in targets])
        self.class_families = rows(FAMILIES, [t.families for t in targets])
        self.class_maybe_families = rows(FAMILIES, [t.maybe_families for t in targets])

    def _index_timbres(self, columns: dict[str, np.ndarray]) -> None:
        members: dict[tuple[int, str, str, str], list[int]] = defaultdict(list)
        for index, (label, source, origin, kind) in enumerate(
            zip(
                columns["label"].tolist(),
                columns["source"].tolist(),
                columns["origin"].tolist(),
                columns["kind"].tolist(),
                strict=True,
            )
        ):
            if kind in KINDS and label:
                key = (self._class_of_label[label], kind, source, timbre_of(source, label, origin))
                members[key].append(index)
        keys = list(members)
        self.timbre_clips = _choice_table(
            [[(i, 1.0) for i in members[k]] for k in keys], self.device
        )
        by_class: dict[str, list[list[tuple[int, float]]]] = {
            kind: [[] for _ in self.classes] for kind in KINDS
        }
        in_source: dict[tuple[int, str, str], list[int]] = defaultdict(list)
        for number, (class_index, kind, source, _) in enumerate(keys):
            in_source[class_index, kind, source].append(number)
        for (class_index, kind, _), numbers in in_source.items():
            clips = sum(len(members[keys[number]]) for number in numbers)
            weight = min(1.0, clips / _FULL_WEIGHT_CLIPS) ** 0.5
            # Takes of a recorded speaker count as he does: his recording comes first.
            weight *= self._weight[members[keys[numbers[0]]][0]]
            by_class[kind][class_index] += [(n, weight / len(numbers)) for n in numbers]
        self.timbres = {kind: _choice_table(rows, self.device) for kind, rows in by_class.items()}
        has = {kind: [bool(row) for row in rows] for kind, rows in by_class.items()}
        self.class_has = {kind: torch.tensor(row, device=self.device) for kind, row in has.items()}
        drawable = [any(has[kind][index] for kind in KINDS) for index in range(len(self.classes))]
        weights = [
            float(can) * (1.0 if sound.target.instrument else _MASKED_WEIGHT)
            for can, sound in zip(drawable, self.classes, strict=True)
        ]
        self.class_weight = torch.tensor(weights, device=self.device)
        self._index_pitches([members[key] for key in keys])

    def _index_pitches(self, members: list[list[int]], alternatives: int = 4) -> None:
        """For each timbre and MIDI pitch, up to four clips nearest in pitch."""
        pitch = self.pitch.cpu().numpy()
        nearest = np.full((len(members), 128, alternatives), -1, dtype=np.int64)
        low = np.zeros(len(members), dtype=np.float32)
        high = np.zeros(len(members), dtype=np.float32)
        rng = np.random.default_rng(0)
        for row, clips in enumerate(members):
            pitched = np.array([clip for clip in clips if np.isfinite(pitch[clip])])
            if len(pitched) == 0:
                continue
            low[row], high[row] = pitch[pitched].min() - 2, pitch[pitched].max() + 2
            pitched = rng.permutation(pitched)
            distance = np.abs(pitch[pitched][None] - np.arange(128)[:, None])
            order = np.argsort(distance, axis=1, kind="stable")[:, :alternatives]
            near = np.take_along_axis(distance, order, axis=1)
            # An alternative more than 2 semitones further than the nearest is not one.
            order = np.where(near <= near[:, :1] + 2, order, order[:, :1])
            nearest[row, :, : order.shape[1]] = pitched[order]
            nearest[row, :, order.shape[1] :] = nearest[row, :, :1]
        self.timbre_nearest = torch.tensor(nearest, device=self.device)
        self.timbre_low = torch.tensor(low, device=self.device)
        self.timbre_high = torch.tensor(high, device=self.device)
        self.timbre_pitched = self.timbre_nearest[:, 0, 0] >= 0

    def _index_pieces(self, columns: dict[str, np.ndarray]) -> None:
        pieces: dict[str, list[int]] = defaultdict(list)
        for index, (kind, piece) in enumerate(
            zip(columns["kind"].tolist(), columns["piece"].tolist(), strict=True)
        ):
            if kind == "stem" and piece:
                pieces[piece].append(index)
        rows = [
            clips[:MAX_STEMS]
            for clips in pieces.values()
            for _ in range(max(1, round(self._weight[clips].mean())))
        ]
        table = np.full((len(rows), MAX_STEMS), -1, dtype=np.int64)
        for row, clips in enumerate(rows):
            table[row, : len(clips)] = clips
        self.pieces = torch.tensor(table, device=self.device)
