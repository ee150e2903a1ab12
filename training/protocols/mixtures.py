"""Multi-instrument recognition with musical and non-musical mixtures, and transfer (both versions).

A CNN on mel pictures (``training.models.mel_cnn``) is pre-trained on the 50 tags of MTG-Jamendo and
fitted to mixtures of the stems of MedleyDB, Mixing Secrets and Slakh2100, drawn alike often. With
``p_musical`` the sources of a mixture are of one song and one time, else each of its own song.

Readings taken where the paper is silent or contradicts itself:
- p_musical is 0.6 in the transfer experiment and 0.4 is found best; the sweep is what decides.
- p_single_source is not stated: 0.2. Further sources are 2 to 5, drawn evenly, and never more than
  the song has. Each effect is applied with 0.5, its parameters are audiomentations' own defaults.
- A class is present where one of its sources sounds above -60 dBFS in the four seconds.
- "Every 20 epochs the learning rate was reduced by a constant factor of 0.3": it is multiplied by
  0.3, not by 0.7.
- The threshold (0.35 in the paper, "this value maximizes the F1-score") is chosen on validation.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.errors import TuttiError
from realtime.taxonomy import FINE, TWO_LEVEL_15
from training.datasets import SETS, jamendo
from training.datasets.recording import Recording
from training.models import mel_cnn
from training.protocols.heard import Sound, exactly, length_s, stretch
from training.protocols.learn import Tell, fit_epochs, stored, table
from training.scoring import metrics

RATE_HZ = 32_000
CLIP_S = 4.0
SETS_OF_STEMS = ("medleydb", "mixing-secrets", "slakh")
CLASSES = tuple(TWO_LEVEL_15)
SWEEP = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Values of p_musical."""
MODES = ("from scratch", "frozen backbone", "fine-tuned")
T = TypeVar("T")
_HEARD = 10 ** (-60 / 20)


@dataclass(frozen=True)
class MixturesConfig:
    """The paper's numbers; an epoch is ``steps`` batches, tested on ``test_mixtures``."""

    mode: str = "fine-tuned"
    p_musical: float = 0.6
    p_single_source: float = 0.2
    most_sources: int = 5
    epochs: int = 150
    tag_epochs: int = 20
    steps: int = 120
    batch: int = 16
    test_mixtures: int = 120
    rate: float = 0.01
    backbone_rate: float = 0.0001
    widths: tuple[int, ...] = mel_cnn.WIDTHS
    seed: int = 1


@dataclass(frozen=True)
class Source:
    """A stem and which of the 15 classes it is."""

    path: Path
    classes: NDArray[np.float32]


Songs = list[list[list[Source]]]
"""Sources by data set and song."""


def classes_of(label: str) -> NDArray[np.float32]:
    """The 15 classes of a name of ``taxonomy.FINE``: its family, and its instrument if any."""
    target = FINE[label]
    on = {f"family:{family}" for family in target.families}
    on |= {
        name
        for name, own in TWO_LEVEL_15.items()
        if own.instrument is not None and own.instrument == target.instrument
    }
    return np.array([name in on for name in CLASSES], np.float32)


def songs_of(recordings: Sequence[Sequence[Recording]], split: str) -> Songs:
    """Songs with at least one source, by data set; sets without any are left out."""
    found: Songs = []
    for one_set in recordings:
        songs: dict[str, list[Source]] = {}
        for stem in one_set:
            if stem.split == split:
                source = Source(stem.path, classes_of(stem.labels[0]))
                songs.setdefault(stem.piece, []).append(source)
        if songs:
            found.append(list(songs.values()))
    return found


class Mixing:
    """Mixtures of four seconds, drawn without end."""

    def __init__(self, songs: Songs, config: MixturesConfig, seed: int) -> None:
        if not songs:
            raise TuttiError("no stems of this split are there: name a whole set of stems.")
        self.songs, self.config = songs, config
        self.rng = np.random.default_rng(seed)
        self.samples = round(CLIP_S * RATE_HZ)

    def draw(self) -> tuple[Sound, NDArray[np.float32]]:
        """A mixture and its classes."""
        one_set = self._one(self.songs)
        musical = self.rng.random() < self.config.p_musical
        count = 1
        if self.rng.random() >= self.config.p_single_source:
            count = int(self.rng.integers(2, self.config.most_sources + 1))
        mix = np.zeros(self.samples, np.float32)
        classes = np.zeros(len(CLASSES), np.float32)
        chosen = self._musical(one_set, count) if musical else self._any(one_set, count)
        for source, start in chosen:
            sound = stretch(source.path, start, CLIP_S, RATE_HZ)
            sound = self._with_effects(exactly(sound, self.samples), musical)
            mix += sound
            if np.sqrt(np.mean(np.square(sound))) > _HEARD:
                classes = np.maximum(classes, source.classes)
        return mix, classes

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        drawn = [self.draw() for _ in range(size)]
        audio, classes = (np.stack(column) for column in zip(*drawn, strict=True))
        return torch.from_numpy(audio), torch.from_numpy(classes)

    def _musical(self, one_set: list[list[Source]], count: int) -> list[tuple[Source, float]]:
        """Sources of one song from one time on."""
        song = self._one(one_set)
        start = self._start(song[0])
        return [(song[i], start) for i in self.rng.permutation(len(song))[:count]]

    def _any(self, one_set: list[list[Source]], count: int) -> list[tuple[Source, float]]:
        """Each source of another song, as far as there are so many, from a time of its own."""
        songs = self.rng.permutation(len(one_set))[:count]
        sources = [self._one(one_set[int(i)]) for i in songs]
        return [(source, self._start(source)) for source in sources]

    def _start(self, source: Source) -> float:
        return float(self.rng.uniform(0.0, max(0.0, length_s(source.path) - CLIP_S)))

    def _one(self, some: Sequence[T]) -> T:
        return some[int(self.rng.integers(len(some)))]

    def _with_effects(self, sound: Sound, musical: bool) -> Sound:
        """Gain, filters, and unless the mixture is musical pitch and tempo, in random order."""
        import audiomentations as am

        filters = am.OneOf([am.HighShelfFilter(p=1.0), am.LowShelfFilter(p=1.0),
                            am.PeakingFilter(p=1.0)], p=0.5)  # fmt: skip
        chain = [am.Gain(p=0.5), filters]
        if not musical:
            chain += [am.PitchShift(p=0.5), am.TimeStretch(p=0.5)]
        # audiomentations draws from Python's own generator and numpy's.
        state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(int(self.rng.integers(2**31)))
        np.random.seed(int(self.rng.integers(2**31)))  # noqa: NPY002
        try:
            for index in self.rng.permutation(len(chain)):
                sound = chain[int(index)](sound, sample_rate=RATE_HZ)
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)  # noqa: NPY002
        return exactly(np.asarray(sound, np.float32), self.samples)


def backbone_of_tags(
    tracks: Sequence[jamendo.Track], config: MixturesConfig, out: Path, tell: Tell
) -> nn.Module:
    """The backbone after training on the tags that the tracks have."""
    names = sorted({tag for track in tracks for tag in track.tags})
    training = [track for track in tracks if track.split == "train"]
    if not training:
        raise TuttiError("no track of MTG-Jamendo trains: bring its split 0 whole.")
    rng = np.random.default_rng(config.seed)
    samples = round(CLIP_S * RATE_HZ)
    torch.manual_seed(config.seed)
    model = network(config, len(names))

    def loss(model: nn.Module) -> Tensor:
        some = [training[i] for i in rng.integers(len(training), size=config.batch)]
        sounds = []
        for track in some:
            start = float(rng.uniform(0.0, max(0.0, length_s(track.path) - CLIP_S)))
            sounds.append(exactly(stretch(track.path, start, CLIP_S, RATE_HZ), samples))
        tags = torch.tensor([[name in track.tags for name in names] for track in some])
        return F.binary_cross_entropy_with_logits(
            model(torch.from_numpy(np.stack(sounds))), tags.float()
        )

    def fit() -> None:
        adam = torch.optim.Adam(model.parameters())
        fit_epochs(
            model, adam, loss, epochs=config.tag_epochs,
            steps=max(1, len(training) // config.batch), law=lambda epoch: 1e-3,
            tell=lambda epoch, mean: tell("tags", epoch, config.tag_epochs),
        )  # fmt: skip

    settings = {"epochs": config.tag_epochs, "tracks": len(training), "seed": config.seed}
    stored(out / f"tags-{config.seed}.pt", settings, model, fit)
    return model[0]


def network(config: MixturesConfig, outputs: int) -> nn.Sequential:
    """The backbone at 32 kHz, and a head."""
    form = mel_cnn.MelCnnConfig(widths=config.widths)
    return nn.Sequential(mel_cnn.Backbone(form, RATE_HZ), mel_cnn.head(form, outputs))


def train(
    songs: dict[str, Songs], tagged: nn.Module | None, config: MixturesConfig, out: Path, tell: Tell
) -> nn.Module:
    """A network of one of the ``MODES``; the weights with the least loss on validation mixtures."""
    torch.manual_seed(config.seed)
    model = network(config, len(CLASSES))
    if config.mode != "from scratch":
        assert tagged is not None
        model[0].load_state_dict(tagged.state_dict())
    rates = {"from scratch": 1.0, "fine-tuned": config.backbone_rate / config.rate}
    groups: list[dict[str, Any]] = [{"params": list(model[1].parameters())}]
    if config.mode in rates:
        groups.append({"params": list(model[0].parameters()), "rate": rates[config.mode]})
    else:
        model[0].requires_grad_(False)
    mixing = Mixing(songs["train"], config, config.seed)
    held = Mixing(songs["val"], replace(config, p_musical=1.0), 0).batch(config.test_mixtures)

    def loss(model: nn.Module) -> Tensor:
        if config.mode == "frozen backbone":
            model[0].eval()  # type: ignore[index]
        audio, classes = mixing.batch(config.batch)
        return F.binary_cross_entropy_with_logits(model(audio), classes)

    def validate(model: nn.Module) -> float:
        return float(F.binary_cross_entropy_with_logits(said_of(model, held[0]), held[1]))

    name = f"{config.mode.replace(' ', '-')}-{config.p_musical:g}"

    def fit() -> None:
        fit_epochs(
            model, torch.optim.Adam(groups), loss, epochs=config.epochs, steps=config.steps,
            law=lambda epoch: config.rate * 0.3 ** (int(epoch) // 20), validate=validate,
            keep_best=True, tell=lambda epoch, mean: tell(name, epoch, config.epochs),
        )  # fmt: skip

    settings = {"epochs": config.epochs, "steps": config.steps, "seed": config.seed}
    stored(out / f"{name}-{config.seed}.pt", settings, model, fit)
    return model


def said_of(model: nn.Module, audio: Tensor) -> Tensor:
    """Logits, a few mixtures at a time."""
    with torch.inference_mode():
        return torch.cat([model(some) for some in audio.split(8)])


def score(model: nn.Module, songs: dict[str, Songs], config: MixturesConfig) -> dict[str, float]:
    """ROC-AUC, PR-AUC, the loss and macro F1 on musical test mixtures."""
    musical = replace(config, p_musical=1.0)
    held = Mixing(songs["val"], musical, 0).batch(config.test_mixtures)
    audio, classes = Mixing(songs["test"], musical, 1).batch(config.test_mixtures)
    logits = said_of(model, audio)
    loss = float(F.binary_cross_entropy_with_logits(logits, classes))
    true, probability = classes.numpy() > 0.5, logits.sigmoid().numpy()
    known = np.ones_like(true)
    threshold = _best(held[1].numpy() > 0.5, said_of(model, held[0]).sigmoid().numpy())
    scored = metrics.f1(true, known, probability >= threshold)
    accuracy = ((probability >= threshold) == true).mean(axis=0)
    of_class = {
        f"F1 {name}": float(f1) for name, f1 in zip(CLASSES, scored.f1, strict=True)
    } | {f"accuracy {name}": float(a) for name, a in zip(CLASSES, accuracy, strict=True)}
    return {
        "ROC-AUC": metrics.mean(metrics.roc_auc(true, known, probability)),
        "PR-AUC": metrics.mean(metrics.average_precision(true, known, probability)),
        "test loss": loss,
        "macro F1": scored.macro,
        "threshold": threshold,
    } | of_class


def _best(true: NDArray[np.bool_], probability: NDArray[np.float32]) -> float:
    candidates = np.arange(0.05, 0.96, 0.05)
    scores = [metrics.f1(true, np.ones_like(true), probability >= t).micro for t in candidates]
    return float(candidates[int(np.argmax(np.nan_to_num(scores)))])


def run(folders: dict[str, Path], out: Path, config: MixturesConfig, rows: str, tell: Tell) -> str:
    """The table of transfer, or of p_musical with its picture."""
    present = [name for name in SETS_OF_STEMS if name in folders]
    if not present:
        raise TuttiError(f"name a set of stems: {', '.join(SETS_OF_STEMS)}.")
    read = [SETS[name].recordings for name in present]
    stems = [
        reader(folders[name]) for reader, name in zip(read, present, strict=True) if reader
    ]
    songs = {split: songs_of(stems, split) for split in ("train", "val", "test")}
    tagged = None
    if rows == "transfer" or config.mode != "from scratch":
        tracks = jamendo.tags(folders["jamendo"], "top50tags")
        tagged = backbone_of_tags(tracks, config, out, tell)
    chosen = {
        "transfer": {mode: replace(config, mode=mode) for mode in MODES},
        "p_musical": {
            f"{p:g}": replace(config, p_musical=p) for p in SWEEP
        },
    }[rows]
    scores = {}
    for name, row in chosen.items():
        scores[name] = score(train(songs, tagged, row, out, tell), songs, row)
    main = ["ROC-AUC", "PR-AUC", "test loss"]
    if rows == "p_musical":
        from training.scoring.pictures import curves

        values = {key: [row[key] for row in scores.values()] for key in main}
        curves([float(p) for p in scores], values, "p_musical", "", out / "p_musical.png")
    columns = list(next(iter(scores.values())))
    return table([rows, *columns], [[name, *row.values()] for name, row in scores.items()])
