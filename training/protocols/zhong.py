"""Zhong et al. (APSIPA 2023): pre-training on single notes of NSynth, fine-tuning on IRMAS.

Readings taken where the paper is silent or contradicts itself:
- Loudness is not normalised to -12 LUFS: the network brings every window to one level.
- Mixup levels sounds by RMS, not LUFS; the effects (noise, delay and reverb, filters, gain, pitch)
  are this program's, each drawn with the paper's 0.3 ("the effect augmentation ratio").
- "We compute the scores under a range of thresholds and report the optimal ones" chooses them on
  the testing data. Both are given: ``test`` so, and ``validation``, chosen on the validation songs.
- Macro F1 is the harmonic mean of the mean precision and the mean recall (equation 11), not the
  mean of the labels' F1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ, WINDOW_SAMPLES
from realtime.taxonomy import IRMAS
from training.bank.clips import trimmed
from training.datasets import irmas, nsynth
from training.datasets.recording import Recording
from training.losses import convex_mixture
from training.mixing import effects as fx
from training.mixing.arrangement import chance, uniform
from training.models.tagger import PaperNetwork
from training.protocols.heard import exactly, half_overlapping, mono
from training.protocols.learn import Tell, fit_epochs, stored, table, warm_cosine
from training.scoring import metrics
from training.scoring.metrics import Bools, Floats
from training.sounds.labelled import nearly_silent

CODES = tuple(IRMAS)
LABELS = tuple(str(target.instrument) for target in IRMAS.values())
NOTE_BATCH, TUNE_BATCH = 128, 64
LABEL_SMOOTHING = 0.05
THRESHOLDS = np.linspace(0.02, 0.98, 49)


@dataclass(frozen=True)
class Augmentation:
    """What is done to notes, with the paper's odds; 0 leaves one out, as in its ablation."""

    mixup_p: float = 0.5
    concatenate_p: float = 0.5
    effect_p: float = 0.3


ABLATION = {
    "all": Augmentation(),
    "- mixup": Augmentation(mixup_p=0.0),
    "- audio effect": Augmentation(effect_p=0.0),
    "- both": Augmentation(mixup_p=0.0, effect_p=0.0),
    "- concatenation": Augmentation(concatenate_p=0.0),
}


@dataclass(frozen=True)
class ZhongConfig:
    """The paper's numbers. ``scale`` shortens the epochs of both phases."""

    depths: tuple[int, ...] = (3, 4, 6, 3)
    shared: bool = False
    augmentation: str = "all"
    pre_trained: bool = True
    share_of_irmas: float = 1.0
    note_epochs: int = 30
    tune_epochs: int = 40
    scale: float = 1.0
    seed: int = 1


class Notes:
    """Windows of notes, augmented as they are drawn."""

    def __init__(self, notes: Sequence[Recording], how: Augmentation, seed: int) -> None:
        names = sorted({one.source for one in notes})
        self.classes = len(names)
        self.paths = [one.path for one in notes]
        self.label = np.array([names.index(one.source) for one in notes])
        self.of_label = [np.flatnonzero(self.label == label) for label in range(self.classes)]
        self.how = how
        self.rng = np.random.default_rng(seed)
        self.torch_rng = torch.Generator().manual_seed(seed)
        self.rooms = fx.Rooms(WINDOW_SAMPLES, 32, self.torch_rng)

    def loss(self, model: nn.Module) -> Tensor:
        """Cross-entropy of the next batch, with soft labels."""
        chosen = self.rng.integers(len(self.paths), size=min(NOTE_BATCH, 2 * len(self.paths)))
        audio = torch.from_numpy(np.stack([self._window(int(index)) for index in chosen]))
        labels = F.one_hot(torch.from_numpy(self.label[chosen]), self.classes).float()
        with torch.no_grad():
            mixed, ratio, other = convex_mixture(audio, 0.3, self.how.mixup_p, self.torch_rng)
            soft = ratio * labels + (1 - ratio) * labels[other]
            mixed = self._with_effects(mixed)
        return F.cross_entropy(model(mixed), soft, label_smoothing=LABEL_SMOOTHING)

    def _window(self, index: int) -> np.ndarray:
        """The first second of a note, or of two of its instrument one after the other."""
        sound = mono(self.paths[index], SAMPLE_RATE_HZ)
        if self.rng.random() < self.how.concatenate_p:
            other = int(self.rng.choice(self.of_label[self.label[index]]))
            length = int(self.rng.uniform(0.1, 0.9) * WINDOW_SAMPLES)
            rest = trimmed(mono(self.paths[other], SAMPLE_RATE_HZ))
            sound = np.concatenate((trimmed(sound)[:length], rest))
        return exactly(sound, WINDOW_SAMPLES)

    def _with_effects(self, audio: Tensor) -> Tensor:
        """Noise, filter, reverb with delay, gain and a shift of pitch, each for itself."""
        n, rng, p = len(audio), self.torch_rng, self.how.effect_p
        if p == 0:
            return audio
        audio = fx.on_some(audio, chance(n, p, rng), _shifted, uniform(n, -4.0, 4.0, rng))
        curve = fx.equaliser(
            n, fx.bins_of(self.rooms), rng, depth_db=0.0, high_cut_p=0.5, low_cut_p=0.5
        )
        curve = torch.where(chance(n, p, rng)[:, None], curve, torch.ones_like(curve))
        room = torch.randint(32, (n,), generator=rng)
        room = torch.where(chance(n, p, rng), room, -1)
        audio = fx.filter_and_reverb(audio, curve, self.rooms, room)
        noise = fx.coloured_noise(n, WINDOW_SAMPLES, rng) * fx.rms(audio)
        level = fx.db(uniform(n, -40.0, -10.0, rng)) * chance(n, p, rng)
        gain = torch.where(chance(n, p, rng), fx.db(uniform(n, -12.0, 6.0, rng)), 1.0)
        return (audio + level[:, None] * noise) * gain[:, None]


def _shifted(audio: Tensor, semitones: Tensor) -> Tensor:
    """Played faster or slower from its start on, by ``semitones``; silence where it ran out."""
    samples = audio.shape[1]
    position = torch.arange(samples) * 2.0 ** (semitones[:, None] / 12)
    inside = position < samples - 1
    whole = position.clamp(max=samples - 2).floor()
    index = whole.long()
    moved = torch.lerp(
        audio.gather(1, index), audio.gather(1, index + 1), (position - whole).clamp(max=1.0)
    )
    return moved * inside


def pre_train(notes: Sequence[Recording], config: ZhongConfig, out: Path, tell: Tell) -> nn.Module:
    """The network with a class for each instrument of NSynth, trained on notes, without its head.

    Raises:
        TuttiError: every note is silent.
    """
    audible = [one for one in notes if not nearly_silent(mono(one.path, SAMPLE_RATE_HZ))]
    training = [one for one in audible if one.split == "train"]
    if not training:
        raise TuttiError(f"all {len(notes)} notes of NSynth are silent or held out.")
    drawn = Notes(training, ABLATION[config.augmentation], config.seed)
    torch.manual_seed(config.seed)
    model = PaperNetwork(drawn.classes, config.depths, shared=config.shared)
    epochs = max(1, round(config.note_epochs * config.scale))
    adam = torch.optim.Adam(model.parameters(), weight_decay=5e-4)
    name = f"notes-{config.augmentation.replace(' ', '')}-{_form(config)}"

    def fit() -> None:
        fit_epochs(
            model,
            adam,
            drawn.loss,
            epochs=epochs,
            steps=max(1, len(training) // NOTE_BATCH),
            law=warm_cosine(1e-3, 0.1 * epochs, epochs),
            tell=lambda epoch, mean: tell(name, epoch, epochs),
        )

    settings = {"epochs": epochs, "notes": len(training), "seed": config.seed}
    stored(out / f"{name}-{config.seed}.pt", settings, model, fit)
    return model.encoder


def _form(config: ZhongConfig) -> str:
    return ("sha" if config.shared else "") + "resnet" + "".join(map(str, config.depths))


def fine_tune(
    clips: Sequence[Recording],
    encoder: nn.Module | None,
    config: ZhongConfig,
    out: Path,
    tell: Tell,
) -> PaperNetwork:
    """The network with the eleven labels; from nothing where there is no ``encoder``."""
    training = [one for one in clips if one.split == "train"]
    rng = np.random.default_rng(config.seed)
    kept = max(1, round(config.share_of_irmas * len(training)))
    training = [training[i] for i in rng.permutation(len(training))[:kept]]
    windows = np.concatenate(
        [exactly(mono(c.path, SAMPLE_RATE_HZ), 3 * WINDOW_SAMPLES).reshape(3, -1) for c in training]
    )
    labels = np.repeat([LABELS.index(one.labels[0]) for one in training], 3)
    torch.manual_seed(config.seed)
    model = PaperNetwork(len(LABELS), config.depths, shared=config.shared)
    if encoder is not None:
        model.encoder.load_state_dict(encoder.state_dict())
    epochs = max(1, round(config.tune_epochs * config.scale))
    adam = torch.optim.Adam(model.parameters(), weight_decay=5e-4)

    def loss(model: nn.Module) -> Tensor:
        some = rng.integers(len(windows), size=TUNE_BATCH)
        target = F.one_hot(torch.from_numpy(labels[some]), len(LABELS)).float()
        return F.binary_cross_entropy_with_logits(model(torch.from_numpy(windows[some])), target)

    name = f"irmas-{'notes' if encoder is not None else 'scratch'}-{_form(config)}"
    name += f"-{config.augmentation.replace(' ', '')}-{config.share_of_irmas:g}"

    def fit() -> None:
        highest = 2.5e-4 if encoder is not None else 3.5e-3
        fit_epochs(
            model,
            adam,
            loss,
            epochs=epochs,
            steps=max(1, len(windows) // TUNE_BATCH),
            law=warm_cosine(highest, 0.125 * epochs, epochs),
            tell=lambda epoch, mean: tell(name, epoch, epochs),
        )

    settings = {"epochs": epochs, "clips": len(training), "seed": config.seed}
    stored(out / f"{name}-{config.seed}.pt", settings, model, fit)
    return model


def hear(model: nn.Module, clips: Sequence[Recording]) -> tuple[Bools, Floats]:
    """Truth and probabilities ``[clips, 11]``, of the mean logits of half-overlapping windows."""
    truth = np.array([[name in one.labels for name in LABELS] for one in clips], bool)
    rows = []
    with torch.inference_mode():
        for one in clips:
            windows = half_overlapping(mono(one.path, SAMPLE_RATE_HZ), WINDOW_SAMPLES)
            rows.append(model(torch.from_numpy(windows)).mean(dim=0).sigmoid().numpy())
    return truth.reshape(-1, len(LABELS)), np.reshape(rows, (-1, len(LABELS)))


def f1_at(truth: Bools, probability: Floats, threshold: float) -> tuple[float, float]:
    """Micro F1, and macro F1 by equation 11; a label without a prediction has precision 0."""
    scored = metrics.f1(truth, np.ones_like(truth), probability > threshold)
    precision, recall = (np.nan_to_num(v).mean() for v in (scored.precision, scored.recall))
    both = precision + recall
    return scored.micro, float(2 * precision * recall / both) if both else 0.0


def sweep(truth: Bools, probability: Floats) -> float:
    """The threshold with the highest micro F1."""
    scores = [np.nan_to_num(f1_at(truth, probability, t)[0]) for t in THRESHOLDS]
    return float(THRESHOLDS[int(np.argmax(scores))])


def score(model: nn.Module, clips: Sequence[Recording]) -> dict[str, float]:
    """Both readings of the threshold, and LRAP, on the testing data."""
    held = hear(model, [one for one in clips if one.split == "val"])
    tested = hear(model, [one for one in clips if one.split == "test"])
    scores: dict[str, float] = {}
    for reading, chosen_on in (("validation", held), ("test", tested)):
        threshold = sweep(*chosen_on)
        micro, macro = f1_at(*tested, threshold)
        scores |= {f"{reading}_micro": micro, f"{reading}_macro": macro, f"{reading}_at": threshold}
    truth, probability = tested
    ranking = metrics.ranking_precision(truth, np.ones_like(truth), probability)
    return scores | {"lrap": metrics.mean(ranking)}


def run(folders: dict[str, Path], out: Path, config: ZhongConfig, rows: str, tell: Tell) -> str:
    """Train and score the rows of a table of the paper, and write it as Markdown."""
    clips = irmas.recordings(folders["irmas"])
    lines: list[list[object]] = []
    for name, row in table_rows(config)[rows].items():
        encoder = None
        if row.pre_trained:
            notes = nsynth.repartition(nsynth.recordings(folders["nsynth"]), row.seed)
            encoder = pre_train(notes, row, out, tell)
        scores = score(fine_tune(clips, encoder, row, out, tell), clips)
        lines.append([name, *scores.values()])
    columns = [
        "row", "micro, threshold of validation", "macro", "threshold",
        "micro, best threshold on test (the paper's)", "macro", "threshold", "LRAP",
    ]  # fmt: skip
    return table(columns, lines)


def table_rows(config: ZhongConfig) -> dict[str, dict[str, ZhongConfig]]:
    """The paper's tables and figures, by what is changed a row."""
    from dataclasses import replace

    depths = {"34": (3, 4, 6, 3), "28": (3, 3, 4, 3), "18": (2, 2, 2, 2)}
    return {
        "initialization": {
            "random": replace(config, pre_trained=False),
            "NSynth": config,
        },
        "ablation": {name: replace(config, augmentation=name) for name in ABLATION},
        "less data": {
            f"{share:.0%}, {'NSynth' if notes else 'random'}": replace(
                config, share_of_irmas=share, pre_trained=notes
            )
            for share in (0.1, 0.25, 0.5, 0.75, 1.0)
            for notes in (False, True)
        },
        "parameters": {
            f"{'Sha' if shared else ''}ResNet{size}": replace(config, depths=form, shared=shared)
            for size, form in depths.items()
            for shared in (False, True)
        },
    }
