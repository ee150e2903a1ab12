"""What the steps of a run teach: mixtures, and music of which teachers say what sounds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from training.losses import mixup, multilabel_loss, single_note_loss
from training.mixing.labels import Targets
from training.mixing.mixer import Batch, Mixer
from training.mixing.music import DOMAINS, MusicBatch, music_batch
from training.models.network import Logits, Network
from training.recipe import Recipe, Stage
from training.teachers.panel import Panel

_AHEAD = {"cuda": 4}
"""Batches mixed at once: a GPU is idle between the many small steps of mixing one."""

Draws = Iterator[tuple[Batch, MusicBatch | None]]


class Student(nn.Module):
    """The tagger, and a linear layer that tells its teachers' features from its embedding."""

    def __init__(self, tagger: Network, features: int) -> None:
        super().__init__()
        self.tagger = tagger
        self.features = nn.Linear(tagger.embedding_size, features) if features else None

    def forward(self, audio: Tensor, music: int = 0) -> tuple[Logits, Tensor | None]:
        """Logits of all windows, features of the last ``music`` of them."""
        embedding = self.tagger.embed(audio)
        logits = self.tagger.classify(embedding)
        if self.features is None or not music:
            return logits, None
        return logits, self.features(embedding[-music:]).float()


class Lessons:
    """Draws what a recipe's steps hear, and says what of it was missed."""

    def __init__(self, recipe: Recipe, panel: Panel | None, fabric: Fabric) -> None:
        """``panel``: the teachers, where the recipe has music."""
        self.recipe, self.panel, self.fabric = recipe, panel, fabric
        wanted = panel is not None and recipe.teacher.feature_weight > 0
        self.features = panel.features if panel is not None and wanted else 0
        """How many features of the teachers' the student is to tell, 0 for none."""
        self.begin()

    def begin(self) -> None:
        """Count anew how far the teachers are from the student."""
        self._apart = torch.zeros(2, len(DOMAINS), device=self.fabric.device)

    def draws(self, mixer: Mixer) -> Draws:
        """Mixtures and music, step after step."""
        size, music = self.recipe.batch, self.recipe.music
        ahead = _AHEAD.get(self.fabric.device.type, 1)
        while True:
            mixtures = mixer.batch(ahead * size).split(size)
            if not music:
                yield from ((batch, None) for batch in mixtures)
                continue
            drawn = music_batch(mixer, self.recipe.unlabelled, ahead * music).split(music)
            yield from zip(mixtures, drawn, strict=True)

    def loss(
        self, student: nn.Module, stage: Stage, draws: Draws, rng: torch.Generator, done: float
    ) -> Tensor:
        """The loss of the next of ``draws``; ``done``: how far the run is, 0 to 1."""
        with torch.no_grad():
            batch, music = next(draws)
            audio, targets = batch.audio, batch.targets
            if stage.mixup_p > 0:
                audio, targets = mixup(audio, targets, stage.mixup_alpha, stage.mixup_p, rng)
        if music is None or self.panel is None:
            return _objective(stage, student(audio)[0], targets)
        size, extra = len(audio), len(music.audio)
        with torch.no_grad(), self.fabric.autocast():
            said, features = self.panel.ask(music.audio)
            taught = self.panel.targets(self.panel.mean(said), music)
        logits, told = student(torch.cat([audio, music.audio]), extra)
        of_mixtures = Logits(*(value[:size] for value in logits))
        of_music = Logits(*(value[size:] for value in logits))
        self._count_apart(of_music, taught, music)
        loss = _objective(stage, of_mixtures, targets)
        loss = loss + math.sqrt(extra / size) * multilabel_loss(of_music, taught)
        if told is not None and features is not None:
            teacher = self.recipe.teacher
            weight = teacher.feature_weight * max(0.0, 1.0 - done / teacher.feature_until)
            loss = loss + weight * F.mse_loss(told, features)
        return loss

    @torch.no_grad()
    def _count_apart(self, logits: Logits, taught: Targets, music: MusicBatch) -> None:
        """Add up how far the student is from what it is taught, by kind of music."""
        target = taught.instruments
        said = F.binary_cross_entropy_with_logits(logits.instruments, target, reduction="none")
        # Less what a perfect student would still have: the targets' own entropy.
        apart = said - F.binary_cross_entropy(target, target, reduction="none")
        self._apart[0].index_add_(0, music.domain, apart.mean(dim=1).float())
        self._apart[1].index_add_(0, music.domain, torch.ones_like(apart[:, 0]))

    def divergence(self) -> dict[str, float] | None:
        """How far the teachers are from the student since ``begin``, by kind of music."""
        if self.panel is None:
            return None
        mean = (self._apart[0] / self._apart[1].clamp(min=1)).tolist()
        return dict(zip(DOMAINS, mean, strict=True))


def _objective(stage: Stage, logits: Logits, targets: Targets) -> Tensor:
    if stage.objective == "single_note":
        return single_note_loss(logits, targets)
    return multilabel_loss(logits, targets)
