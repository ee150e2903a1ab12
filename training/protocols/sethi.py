"""Sethi et al. (SMC 2018): random General MIDI compositions, noise, AlexNet, the synthesis loop.

Readings taken where the paper is silent or contradicts itself:
- 128 programs are drawn and told apart, though section 5.2 counts l = 127.
- A note is "C2 (MIDI 24)" to "C7 (MIDI 84)": MIDI 24 is C1; the numbers are taken.
- TiMidity++ renders at a rate that is not given; here FluidSynth does, at 24 kHz, which holds the
  10 kHz of the picture.
- The law 0.1 exp(-0.01 epoch) + 1e-7 is for weights of ImageNet; ours are new.
- Algorithm 1 ends where the accuracy gains less than the tolerance, section 4.5 where the loss
  does for 3 epochs, after 100 at most: here after 3 rounds without a gain, or at 100.
- Noise effects run in pedalboard, not in csound; their ranges are ours (``noised``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from realtime.errors import TuttiError
from realtime.taxonomy import GENERAL_MIDI, IRMAS
from training.datasets import irmas
from training.models import alexnet
from training.protocols.heard import Sound, exactly, half_overlapping, mono
from training.protocols.learn import Tell, fit_epochs, stored, table
from training.scoring import metrics
from training.scoring.metrics import Bools
from training.sounds.soundfont import FONTS
from training.sounds.synth import RENDER_RATE_HZ, Event, SoundFont, soundfont

RATE_HZ = 24_000
CLIP_S = 2.0
PROGRAMS = len(GENERAL_MIDI)
MOST = 3
OUTPUTS = MOST + 1 + PROGRAMS
LOW_KEY, HIGH_KEY = 24, 84
NOISES = (
    "reverb", "subtlereverb", "manytrees", "tree", "high pass", "mid high pass", "high high pass",
    "hiss", "whitenoise",
)  # fmt: skip
SAMPLES = round(CLIP_S * RATE_HZ)


@dataclass(frozen=True)
class SethiConfig:
    """The paper's numbers. ``compositions`` a round, half of them noised where ``noisy``."""

    noisy: bool = False
    compositions: int = 10_000
    tested: int = 2_500
    regen: int = 10
    epochs: int = 100
    batch: int = 5
    rate: float = 0.1
    tolerance: float = 1e-4
    patience: int = 3
    hidden: int = 4096
    seed: int = 1


def compose(rng: np.random.Generator) -> dict[int, list[tuple[float, float, int]]]:
    """A bar of two seconds: program to notes (start and length in seconds, key).

    Notes of 1/4 to 1/16 of the clip fill it, one after the other.
    """
    programs = rng.choice(PROGRAMS, size=int(rng.integers(MOST + 1)), replace=False)
    tracks: dict[int, list[tuple[float, float, int]]] = {}
    for program in programs.tolist():
        at, notes = 0.0, []
        while at < CLIP_S - 1e-9:
            length = min(float(rng.choice((4, 8, 16))) ** -1 * CLIP_S, CLIP_S - at)
            notes.append((at, length, int(rng.integers(LOW_KEY, HIGH_KEY + 1))))
            at += length
        tracks[program] = notes
    return tracks


def render(tracks: dict[int, list[tuple[float, float, int]]], font: SoundFont) -> Sound:
    """Two seconds of mono at 24 kHz; what rings on is cut."""
    import soxr

    sound = np.zeros(SAMPLES, np.float32)
    for program, notes in tracks.items():
        events = [Event(start, "on", key, 100) for start, _, key in notes]
        events += [Event(start + length, "off", key) for start, length, key in notes]
        sides = font.render_stereo(0, program, events, CLIP_S)
        track = soxr.resample(sides.mean(axis=0), RENDER_RATE_HZ, RATE_HZ)
        sound += exactly(np.asarray(track, np.float32), SAMPLES)
    return sound


def target(programs: Sequence[int]) -> NDArray[np.float32]:
    """The polyphony, one of 0 to 3, then a place for each program."""
    wanted = np.zeros(OUTPUTS, np.float32)
    wanted[len(programs)] = 1.0
    wanted[[MOST + 1 + program for program in programs]] = 1.0
    return wanted


def noised(sound: Sound, kind: str, rng: np.random.Generator) -> Sound:
    """One of the nine effects, its parameters drawn; the length stays."""
    import pedalboard as pb

    def through(*effects: pb.Plugin) -> Sound:
        return np.asarray(pb.Pedalboard(list(effects))(sound, RATE_HZ)[: len(sound)], np.float32)

    if kind == "reverb":
        size, wet = rng.uniform(0.3, 1.0), rng.uniform(0.3, 0.7)
        return through(pb.Reverb(room_size=size, wet_level=wet, dry_level=1 - wet))
    if kind == "subtlereverb":
        size, wet = rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.2)
        return through(pb.Reverb(room_size=size, wet_level=wet, dry_level=1 - wet))
    if kind == "manytrees":
        return through(*[pb.LowpassFilter(float(rng.uniform(500, 2000))) for _ in range(3)])
    if kind == "tree":
        return through(pb.LowpassFilter(float(rng.uniform(2000, 6000))))
    bands = {"high pass": (50, 4000), "mid high pass": (800, 2000), "high high pass": (2000, 8000)}
    if kind in bands:
        return through(pb.HighpassFilter(float(rng.uniform(*bands[kind]))))
    level = float(np.sqrt(np.mean(np.square(sound)))) or 0.05
    white = rng.standard_normal(len(sound)).astype(np.float32)
    noise = white * np.float32(level * 10 ** (rng.uniform(-30, -6) / 20))
    if kind == "hiss":
        dark = pb.Pedalboard([pb.LowpassFilter(float(rng.uniform(1000, 6000)))])
        noise = np.asarray(dark(noise, RATE_HZ)[: len(sound)], np.float32)
    elif kind != "whitenoise":
        raise ValueError(f"no noise effect is called {kind!r}")
    return np.asarray(sound + noise, np.float32)


def compositions(
    count: int, noisy: bool, font: SoundFont, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Sound ``[count, samples]`` and targets ``[count, 132]``; all noised where ``noisy``."""
    sounds, targets = [], []
    for _ in range(count):
        tracks = compose(rng)
        sound = render(tracks, font)
        if noisy:
            sound = noised(sound, str(rng.choice(NOISES)), rng)
        sounds.append(sound)
        targets.append(target(list(tracks)))
    return torch.from_numpy(np.stack(sounds)), torch.from_numpy(np.stack(targets))


def network(config: SethiConfig) -> nn.Sequential:
    form = alexnet.AlexNetConfig(hidden=config.hidden)
    picture = alexnet.PhasePicture(SAMPLES, RATE_HZ)
    return nn.Sequential(alexnet.Features(form, picture), alexnet.head(form, OUTPUTS))


def loss_of(logits: Tensor, wanted: Tensor) -> Tensor:
    """Binary cross-entropy of the programs, and of the polyphony after its softmax."""
    count = logits[:, : MOST + 1].softmax(dim=1).clamp(1e-7, 1 - 1e-7)
    polyphony = F.binary_cross_entropy(count, wanted[:, : MOST + 1])
    programs = F.binary_cross_entropy_with_logits(logits[:, MOST + 1 :], wanted[:, MOST + 1 :])
    return polyphony + programs


def decode(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The count told ``[n]``, and that many likeliest programs, bool ``[n, 128]``."""
    count = logits[:, : MOST + 1].argmax(dim=1)
    order = logits[:, MOST + 1 :].argsort(dim=1, descending=True)
    ranked = torch.arange(order.shape[1])[None] < count[:, None]
    return count, torch.zeros_like(ranked).scatter(1, order, ranked)


def synthesis_loop(config: SethiConfig, font: SoundFont, out: Path, tell: Tell) -> nn.Module:
    """Algorithm 1: new compositions every ``regen`` epochs, until the accuracy stands still."""
    torch.manual_seed(config.seed)
    model = network(config)
    rng = np.random.default_rng(config.seed)
    name = "noisy" if config.noisy else "clean"

    def fit() -> None:
        sgd = torch.optim.SGD(model.parameters(), lr=config.rate)
        best, waited = 0.0, 0
        for first in range(0, config.epochs, config.regen):
            clean = config.compositions // (2 if config.noisy else 1)
            parts = [compositions(clean, False, font, rng)]
            if config.noisy:  # as many windows as the clean model has, half of them noised
                parts.append(compositions(config.compositions - clean, True, font, rng))
            audio, wanted = (torch.cat(column) for column in zip(*parts, strict=True))
            order = torch.from_numpy(rng.permutation(len(audio)))
            held = max(1, len(order) // 5)
            trains, tests = order[held:], order[:held]

            def loss(
                model: nn.Module, audio: Tensor = audio, wanted: Tensor = wanted,
                trains: Tensor = trains,
            ) -> Tensor:  # fmt: skip
                some = trains[torch.from_numpy(rng.integers(len(trains), size=config.batch))]
                return loss_of(model(audio[some]), wanted[some])

            def law(epoch: float, first: int = first) -> float:
                return config.rate * float(np.exp(-0.01 * (first + int(epoch)))) + 1e-7

            fit_epochs(
                model,
                sgd,
                loss,
                epochs=min(config.regen, config.epochs - first),
                steps=max(1, len(trains) // config.batch),
                law=law,
            )
            tell(name, min(first + config.regen, config.epochs), config.epochs)
            count, _ = decode(said(model, audio[tests]))
            accuracy = float((count == wanted[tests, : MOST + 1].argmax(dim=1)).float().mean())
            waited = 0 if accuracy > best + config.tolerance else waited + 1
            best = max(best, accuracy)
            if waited >= config.patience:
                break

    settings = {"compositions": config.compositions, "epochs": config.epochs, "seed": config.seed}
    stored(out / f"{name}-{config.seed}.pt", settings, model, fit)
    return model


def said(model: nn.Module, audio: Tensor) -> Tensor:
    """Logits of clips, a few at a time."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(some) for some in audio.split(16)])


def score(logits: Tensor, wanted: Tensor) -> dict[str, float]:
    """Precision, recall and F1, micro, of the count and of the programs; F1 of each count."""
    count, programs = decode(logits)
    told = F.one_hot(count, MOST + 1).numpy() > 0
    true = wanted[:, : MOST + 1].numpy() > 0.5
    heard = wanted[:, MOST + 1 :].numpy() > 0.5
    poly = metrics.f1(true, np.ones_like(true), told)
    inst = metrics.f1(heard, np.ones_like(heard), programs.numpy())
    scores: dict[str, float] = {}
    for name, one in (("poly", poly), ("inst", inst)):
        values = one.micro_precision, one.micro_recall, one.micro
        parts = zip(("precision", "recall", "F1"), np.nan_to_num(values), strict=True)
        scores |= {f"{name} {part}": float(value) for part, value in parts}
    return scores | {f"F1 of {k}": float(np.nan_to_num(poly.f1[k])) for k in range(MOST + 1)}


def score_irmas(model: nn.Module, folder: Path) -> list[list[object]]:
    """Tables 3 and 4: two-second windows that overlap by half, each with its excerpt's labels.

    A program is right where it is one of those of a labelled instrument (``GENERAL_MIDI``).
    """
    names = [str(one.instrument) for one in IRMAS.values()]
    of_program = [one.instrument for one in GENERAL_MIDI]
    told, true, counts, said_counts = [], [], [], []
    for clip in irmas.recordings(folder):
        if clip.split != "test":
            continue
        windows = torch.from_numpy(half_overlapping(mono(clip.path, RATE_HZ), SAMPLES))
        count, programs = decode(said(model, windows))
        for k, row in zip(count.tolist(), programs, strict=True):
            heard = {of_program[int(program)] for program in row.nonzero()[:, 0]}
            told.append([name in heard for name in names])
            true.append([name in clip.labels for name in names])
            counts.append(min(len(set(clip.labels)), MOST))
            said_counts.append(k)
    if not true:
        raise TuttiError(f"{folder} holds no IRMAS testing data.")
    rows: list[list[object]] = []
    one_hot = np.eye(MOST + 1, dtype=bool)
    compared: list[tuple[list[str], Bools, Bools]] = [
        ([f"{k} instruments" for k in range(MOST + 1)], one_hot[counts], one_hot[said_counts]),
        (names, np.array(true), np.array(told)),
    ]
    for labels, truth, said_of in compared:
        one = metrics.f1(truth, np.ones_like(truth), said_of)
        for index, label in enumerate(labels):
            if one.support[index]:
                values = one.precision[index], one.recall[index], one.f1[index]
                rows.append([label, *map(float, np.nan_to_num(values))])
    return rows


def run(folders: dict[str, Path], out: Path, config: SethiConfig, tell: Tell) -> str:
    """Tables 1 and 2 of clean and noisy models, and where IRMAS is named tables 3 and 4."""
    from dataclasses import replace

    font = soundfont(FONTS[0].path)
    rng = np.random.default_rng([config.seed, 1])
    tests = {noisy: compositions(config.tested, noisy, font, rng) for noisy in (False, True)}
    name = {False: "Clean", True: "Noisy"}
    models = {
        noisy: synthesis_loop(replace(config, noisy=noisy), font, out, tell) for noisy in tests
    }
    rows: list[list[object]] = []
    columns = ["train-test"]
    for trained, tested in ((False, False), (True, True), (False, True), (True, False)):
        audio, wanted = tests[tested]
        scores = score(said(models[trained], audio), wanted)
        columns = ["train-test", *scores]
        rows.append([f"{name[trained]}-{name[tested]}", *scores.values()])
    text = table(columns, rows)
    if "irmas" in folders:
        for noisy, model in models.items():
            heads = [f"IRMAS, {name[noisy]}", "precision", "recall", "F1"]
            text += "\n" + table(heads, score_irmas(model, folders["irmas"]))
    return text
