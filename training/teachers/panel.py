"""Several teachers together, and what is taught of a window of music.

The targets are the mean of our own model before and of the mean of the others; where a
window's instruments are known, they are raised and the rest lowered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from realtime.errors import TuttiError
from realtime.spec import POLYPHONY_LABELS
from training.mixing.labels import Targets
from training.mixing.music import MusicBatch
from training.teachers.head import Head, load_head
from training.teachers.opinion import Opinion, mean_opinion
from training.teachers.outside import OutsideTagger

HEAD = "head"
OWN = "own"


@dataclass(frozen=True)
class TeacherConfig:
    """Who teaches, and how much each counts.

    ``taggers``: files of the folder of teachers, in the order the head was fitted on.
    ``weights``: of ``head`` and of each tagger among each other; ``own_weight``: of the model
    that the run began with, beside all of them. ``known_at_least``: what a known instrument
    is taught as, ``others_scaled``: what the teachers' words on others then count, and
    ``count_known``: the share of the known number. ``feature_weight``: of the taggers'
    features as targets of a linear layer on the embedding, falling to 0 at ``feature_until``.
    """

    taggers: tuple[str, ...] = ()
    weights: tuple[float, ...] = field(default=())
    head_weight: float = 0.45
    own_weight: float = 0.4
    known_at_least: float = 0.85
    others_scaled: float = 0.4
    count_known: float = 0.5
    feature_weight: float = 0.3
    feature_until: float = 0.8


class Panel:
    """The teachers of a run; ``ask`` gives targets and features of a batch of music."""

    def __init__(
        self,
        config: TeacherConfig,
        folder: Path,
        head: Path | None,
        own: nn.Module | None,
        device: torch.device,
    ) -> None:
        """``head``: a file of ``training.teachers.head``; ``own``: a tagger of ours.

        Raises TuttiError where a file is missing, damaged or of another teacher.
        """
        if len(config.weights) != len(config.taggers):
            raise TuttiError("the recipe's teacher needs one weight for each of its taggers.")
        self.config, self.device = config, device
        self.taggers = [OutsideTagger(folder, name, device) for name in config.taggers]
        self.features = sum(tagger.features for tagger in self.taggers)
        self.head: Head | None = None
        if config.head_weight > 0:
            if head is None:
                raise TuttiError("the recipe's teacher has a head: name its file with --head.")
            self.head = load_head(head, self.features, device, config.taggers)
        self.own = own.eval() if own is not None and config.own_weight > 0 else None
        if not self.taggers and self.own is None:
            raise TuttiError("the recipe's teacher names nobody: add taggers or own_weight.")

    @torch.no_grad()
    def ask(self, audio: Tensor) -> tuple[dict[str, Opinion], Tensor | None]:
        """What each says of audio ``[windows, 16000]``, and standardised features."""
        said: dict[str, Opinion] = {}
        features = []
        # In bfloat16 the taggers' probabilities move by up to 0.07.
        with torch.autocast(audio.device.type, enabled=False):
            for tagger in self.taggers:
                its_features, probabilities = tagger(audio)
                features.append(its_features)
                said[tagger.name] = tagger.opinion(probabilities)
            joined = torch.cat(features, dim=1) if features else None
            if self.head is not None and joined is not None:
                said[HEAD] = self.head.opinion(joined)
                joined = self.head.standardise(joined)
        if self.own is not None:
            logits = self.own(audio)
            said[OWN] = Opinion(
                instruments=logits.instruments.sigmoid(),
                families=logits.families.sigmoid(),
                speaks=torch.ones_like(logits.instruments[0], dtype=torch.bool),
                polyphony=logits.polyphony.softmax(dim=1),
            )
        return said, joined

    def mean(self, said: dict[str, Opinion]) -> Opinion:
        """What they say together."""
        names = [HEAD] * (HEAD in said) + [tagger.name for tagger in self.taggers]
        weights = [self.config.head_weight] * (HEAD in said) + list(self.config.weights)
        if not names:
            return said[OWN]
        others = mean_opinion([said[name] for name in names], weights)
        if OWN not in said:
            return others
        share = self.config.own_weight
        return mean_opinion([said[OWN], others], [share, 1.0 - share])

    def targets(self, together: Opinion, batch: MusicBatch) -> Targets:
        """What is taught: the teachers' mean, bent by what is known of each window."""
        config = self.config
        instruments, families = together.instruments, together.families
        scaled = torch.where(batch.sure | batch.open, 1.0, config.others_scaled)
        instruments = torch.where(batch.complete[:, None], instruments * scaled, instruments)
        instruments = torch.where(
            batch.sure, instruments.clamp(min=config.known_at_least), instruments
        )
        claimed = batch.sure_families | batch.open_families
        scaled = torch.where(claimed, 1.0, config.others_scaled)
        families = torch.where(batch.complete[:, None], families * scaled, families)
        families = torch.where(
            batch.sure_families, families.clamp(min=config.known_at_least), families
        )
        size = len(POLYPHONY_LABELS)
        polyphony = together.polyphony
        if polyphony is None:
            polyphony = torch.full((len(instruments), size), 1.0 / size, device=families.device)
        known = (batch.count >= 0)[:, None] * config.count_known
        counted = torch.nn.functional.one_hot(batch.count.clamp(min=0), size)
        return Targets(
            instruments=instruments,
            instruments_known=together.speaks.float().expand_as(instruments),
            families=families,
            families_known=torch.ones_like(families),
            polyphony=polyphony + known * (counted - polyphony),
        )
