"""What is known of a bank's stretches of real music: which instruments surely sound, which may.

Recorded phrases of one instrument belong here as well as in the mixtures: they are real
playing in a real room, and a teacher may speak of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from realtime.spec import POLYPHONY_LABELS
from realtime.taxonomy import FAMILIES, FINE, INSTRUMENTS, Target
from training.bank.clips import COMPLETE


class Music:
    """Clips that sound as music does, and what is known of each. Tensors, a row a clip.

    ``clip``: its place in the palette. ``sure`` and ``open`` bool ``[rows, 24]``: the
    instruments that sound, and those that may. ``sure_families`` and ``open_families`` the
    same ``[rows, 8]``. ``complete`` bool: nothing sounds but ``sure`` and ``open``. ``count``:
    how many instruments are named, a drum kit as one. ``unlabelled`` and ``labelled``: odds of
    each row where music without or with a name is drawn: by length, and by the square roots
    of how common its label and its source are.
    """

    def __init__(
        self, columns: Mapping[str, np.ndarray], recorded: np.ndarray, device: torch.device
    ) -> None:
        """``columns`` of the palette's clips, ``recorded`` bool for each of them."""
        kind, label = columns["kind"], columns["label"]
        phrase = (kind == "phrase") & recorded & (label != "")
        rows = np.flatnonzero((kind == "music") | phrase)
        names = [tuple(filter(None, str(text).split(";"))) for text in label[rows]]
        targets = [[FINE[name] for name in several] for several in names]
        complete = phrase[rows] | (columns["articulation"][rows] == COMPLETE)

        def flags(labels: tuple[str, ...], members: Iterable[set[str]]) -> Tensor:
            table = [[name in group for name in labels] for group in members]
            size = (len(rows), len(labels))
            return torch.tensor(table, dtype=torch.bool, device=device).reshape(size)

        def union(attribute: str) -> list[set[str]]:
            return [
                {name for target in several for name in getattr(target, attribute)}
                for several in targets
            ]

        sure = [{t.instrument for t in several if t.instrument} for several in targets]
        self.clip = torch.tensor(rows, device=device)
        self.sure = flags(INSTRUMENTS, sure)
        self.open = flags(INSTRUMENTS, union("unknown"))
        self.sure_families = flags(FAMILIES, union("families"))
        self.open_families = flags(FAMILIES, union("maybe_families"))
        self.complete = torch.tensor(complete, dtype=torch.bool, device=device)
        counts = [min(_count(several), len(POLYPHONY_LABELS) - 1) for several in names]
        self.count = torch.tensor(counts, dtype=torch.int64, device=device)
        named = np.array([bool(several) for several in names], dtype=bool)
        length = columns["length"][rows].astype(np.float64)
        self.unlabelled = torch.tensor(np.where(named, 0.0, length), device=device).float()
        odds = _balanced(names, columns["source"][rows].tolist()) * named
        self.labelled = torch.tensor(odds, device=device).float()

    def __len__(self) -> int:
        return len(self.clip)


def _count(names: Iterable[str]) -> int:
    """How many instruments are named; drums and cymbals are one kit."""
    return len({_counted(FINE[name], name) for name in names})


def _counted(target: Target, name: str) -> str:
    instrument = target.instrument or name
    return "drums" if instrument == "cymbals" else instrument


def _balanced(names: list[tuple[str, ...]], sources: list[str]) -> np.ndarray:
    """Odds that fall with the square roots of how common a clip's label and source are."""
    labels = [_counted(FINE[several[0]], several[0]) if several else "" for several in names]
    of_label, of_source = Counter(labels), Counter(zip(labels, sources, strict=True))
    return np.array(
        [
            (of_label[label] * of_source[label, source]) ** -0.5
            for label, source in zip(labels, sources, strict=True)
        ]
    )
