"""The whole way: checkpoint, fp32, thresholds, int8, proof, timing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from export.bench.windows import Times, time_model
from export.calibrate import Examples, choose_thresholds, with_thresholds
from export.polyphony import correction_that_holds, fold
from export.quantize import quantize
from export.to_onnx import export_onnx, write_spec
from export.verify import ModelDifference, compare, onnx_scores, torch_scores
from realtime.errors import TuttiError
from realtime.model import Scores, TagModel
from realtime.spec import WINDOW_SAMPLES, ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.bank.bank import Bank
from training.checkpoint import load_model, save
from training.datasets.real import truth_together
from training.mixing.arrangement import ArrangementConfig
from training.mixing.labels import Targets
from training.mixing.mixer import MixConfig, Mixer
from training.mixing.palette import Palette
from training.models.network import Network
from training.scoring import metrics
from training.scoring.real import RealAnswers, RealValidation, infer_with
from training.scoring.validation import SPLIT

_SEED = 4_711
_BATCH = 50
CLIP_SAMPLES = 3 * WINDOW_SAMPLES
_CALIBRATION_WINDOWS = 400
_MAX_FP32_DIFFERENCE = 1e-3
# Thresholds are for music as people record it, not for what training does to it.
_MIXES = MixConfig(effects=False, noise_p=0.2)
_SOLOS = replace(_MIXES, arrangement=ArrangementConfig(count_weights=(0.0, 1.0)))


@dataclass(frozen=True)
class Exported:
    """What was written and how it compares."""

    fp32: Path
    int8: Path
    parity: ModelDifference
    quantised: ModelDifference
    timings: tuple[Times, Times]
    spec: ModelSpec

    def lines(self) -> Iterator[str]:
        """The result as text, a line a fact."""
        for path, timing in zip((self.fp32, self.int8), self.timings, strict=True):
            size = path.stat().st_size / 2**20
            yield f"{path}: {size:.2f} MiB, {timing.p50_ms:.2f} ms a window on one thread"
        yield f"fp32 file against torch: {self.parity}"
        yield f"int8 against fp32: {self.quantised}"
        yield f"thresholds of int8: {_briefly(self.spec.thresholds)}"
        yield f"of families: {_briefly(self.spec.family_thresholds)}"
        yield f"chosen on {self.spec.calibrated_on}"


def _briefly(thresholds: Mapping[str, float]) -> str:
    """The common threshold, and the labels that have another."""
    common, _ = Counter(thresholds.values()).most_common(1)[0]
    others = [f"{name} {value:.2f}" for name, value in thresholds.items() if value != common]
    return ", ".join([f"{common:.2f} for all", *others])


def draw_clips(bank: Bank, clips: int) -> tuple[NDArray[np.float32], Targets]:
    """Clips of validation sources, 3 s each, half of them solos: ``[clips, 48000]``, targets."""
    palette = Palette(bank, (SPLIT,), torch.device("cpu"))
    rng = torch.Generator().manual_seed(_SEED)
    batches = []
    for config in (_SOLOS, _MIXES):
        mixer = Mixer(palette, config, rng, CLIP_SAMPLES)
        batches += [mixer.batch(_BATCH) for _ in range(max(1, clips // 2 // _BATCH))]
    names = vars(batches[0].targets)
    joined = {name: torch.cat([getattr(b.targets, name) for b in batches]) for name in names}
    return torch.cat([b.audio for b in batches]).numpy(), Targets(**joined)


def windows_of(clips: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-overlapping windows of clips, clip after clip: ``[clips * 5, 16000]``."""
    starts = range(0, CLIP_SAMPLES - WINDOW_SAMPLES + 1, WINDOW_SAMPLES // 2)
    cut = [clips[:, start : start + WINDOW_SAMPLES] for start in starts]
    return np.stack(cut, axis=1).reshape(-1, WINDOW_SAMPLES)


def calibration_windows(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Some of the windows, and a third of those again where sound begins or ends in silence.

    Such windows hold the loudest sound beside the deepest silence: left out, they
    overflow the ranges that int8 was given (``docs/experiments.md``).
    """
    some = windows[:: max(1, len(windows) // _CALIBRATION_WINDOWS)]
    rng = np.random.default_rng(_SEED)
    edges = some[::3].copy()
    for window, heard_s in zip(edges, rng.uniform(0.03, 0.3, len(edges)), strict=True):
        silent = round((1 - heard_s) * WINDOW_SAMPLES)
        if rng.random() < 0.5:
            window[:silent] = 0.0
        else:
            window[-silent:] = 0.0
    return np.concatenate([some, edges])


def _on_rendered(spec: ModelSpec, scores: Scores, targets: Targets) -> ModelSpec:
    """Choose thresholds as they are used: on the mean probability of a clip's windows."""
    chosen = []
    for kind in ("instruments", "families"):
        windows = getattr(scores, kind)
        per_clip = windows.reshape(len(targets.polyphony), -1, windows.shape[1]).mean(axis=1)
        truth = getattr(targets, kind).numpy() > 0.5
        known = getattr(targets, f"{kind}_known").numpy() > 0.5
        nobody = np.full(truth.shape, -1)
        chosen.append(_choose(Examples(per_clip, truth, known, nobody)))
    said = f"{len(targets.polyphony)} rendered mixtures of sources held out"
    return replace(with_thresholds(spec, *chosen), calibrated_on=said)


def _on_real(spec: ModelSpec, heard: RealAnswers, real: RealValidation) -> ModelSpec:
    """The same on real clips and mixtures of them."""
    alone = [truth_together((clip,)) for clip in real.clips]
    definite = metrics.resolve(alone, heard.instruments[: real.singles])[0]
    sounding = definite, metrics.family_truth(alone)[0]
    truths = metrics.resolve(real.truths, heard.instruments), metrics.family_truth(real.truths)
    sources = tuple(clip.source for clip in real.clips)
    chosen = []
    for probability, (truth, known), carries in zip(
        (heard.instruments, heard.families), truths, sounding, strict=True
    ):
        carrier = np.full(truth.shape, -1)
        for row, numbers in enumerate(real.members):
            for number in reversed(numbers):
                carrier[row, carries[number]] = number
        carrier[~truth] = -1
        chosen.append(_choose(Examples(probability, truth, known, carrier, sources)))
    said = (
        f"{real.singles} real clips of {len(set(sources))} sources held out and "
        f"{len(real.mixtures)} superpositions of them"
    )
    return replace(with_thresholds(spec, *chosen), calibrated_on=said)


def _choose(examples: Examples) -> list[float]:
    rng = np.random.default_rng(_SEED)  # the same draws for every file: only scores differ
    return choose_thresholds(examples, rng)


def _correct_count(model: Network, heard: RealAnswers, real: RealValidation) -> None:
    """Put a correction of the number of instruments into the network, where one holds."""
    sources = [
        frozenset(real.clips[number].source for number in real.members[item])
        for item in heard.item.tolist()
    ]
    rng = np.random.default_rng(_SEED)
    correction = correction_that_holds(heard.raw, heard.count, sources, rng)
    if correction is not None:
        fold(model, correction)


def export(
    checkpoint: Path,
    bank_path: Path,
    out: Path,
    *,
    name: str,
    version: str,
    clips: int,
    real: Path | None = None,
    step: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Write ``OUT.fp32.onnx``, ``OUT.int8.onnx`` and the weights alone, ``OUT.pt``.

    ``real``: a folder of real clips. Thresholds then come from its held-out ones, and the number
    of instruments is corrected in the ONNX files; ``OUT.pt`` stays as it was trained.

    Raises:
        TuttiError: the checkpoint, bank or folder cannot be used, or the file written
            does not compute what the torch model computes.
    """
    model, state = load_model(checkpoint)
    bank = Bank.open(bank_path)
    fp32, int8 = (out.with_name(f"{out.name}.{kind}.onnx") for kind in ("fp32", "int8"))
    validation = RealValidation(real) if real else None
    spec = _spec(state, bank, name, version)
    if validation is not None:
        step("Hearing real clips")
        heard = validation.hear(lambda windows: infer_with(model, windows))
        spec = _on_real(spec, heard, validation)
        _correct_count(model, heard, validation)
    step("Drawing validation mixtures")
    audio, targets = draw_clips(bank, clips)
    audio = windows_of(audio)
    step("Scoring them with the trained network")
    reference = torch_scores(model, audio)
    if validation is None:
        spec = _on_rendered(spec, reference, targets)
    step("Writing fp32")
    export_onnx(model, spec, fp32)
    thresholds = np.array([spec.thresholds[label] for label in spec.instruments], np.float32)
    plain = onnx_scores(fp32, audio)
    parity = compare(reference, plain, thresholds)
    if parity.largest > _MAX_FP32_DIFFERENCE:
        raise TuttiError(f"{fp32} does not compute what {checkpoint} computes: {parity}.")
    step("Quantising to int8")
    quantize(fp32, int8, calibration_windows(audio), model.int8)
    quantised = onnx_scores(int8, audio)
    # int8 shifts probabilities a little: its thresholds are its own.
    how = "int8 (QDQ, per channel) in most convolutions" if model.int8.inside else "none"
    described = replace(spec, quantisation=how)
    if validation is None:
        described = _on_rendered(described, quantised, targets)
    else:
        step("Hearing real clips with int8")
        described = _on_real(described, validation.hear(TagModel(int8).infer), validation)
    write_spec(int8, described)
    kept = ("recipe", "settings", "network", "seed", "windows", "ema")
    save(out.with_name(f"{out.name}.pt"), {key: state[key] for key in kept})
    step("Timing")
    return Exported(
        fp32,
        int8,
        parity,
        compare(plain, quantised, thresholds),
        (time_model(fp32), time_model(int8)),
        described,
    )


def _spec(state: dict[str, Any], bank: Bank, name: str, version: str) -> ModelSpec:
    heard = sorted(set(bank.source[bank.split == "train"].tolist()))
    return ModelSpec(
        name=name,
        version=version,
        instruments=INSTRUMENTS,
        families=FAMILIES,
        thresholds=dict.fromkeys(INSTRUMENTS, 0.5),
        family_thresholds=dict.fromkeys(FAMILIES, 0.5),
        recipe=f"{state['recipe']}, seed {state['seed']}",
        windows_seen=state["windows"],
        data_sources=tuple(heard),
    )
