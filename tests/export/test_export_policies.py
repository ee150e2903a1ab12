"""The policies of an export, each seen from outside: ``export()`` on a tiny bank."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from bank_factory import make_bank

from export import pipeline
from export.calibrate import Examples, choose_thresholds
from export.pipeline import Exported, export
from export.verify import onnx_scores, torch_scores
from realtime.errors import TuttiError
from realtime.spec import ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training import checkpoint
from training.models.kinds import settings_of
from training.models.tagger import InstrumentTagger, NetworkConfig

SHIFT = 1.5
"""Logits by which the second network says everything louder."""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bank(tmp_path_factory.mktemp("export") / "bank").path


@pytest.fixture(autouse=True)
def _few_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_BATCH", 8)


def save(path: Path, model: InstrumentTagger) -> Path:
    state = {
        "recipe": "tiny", "settings": "{}", "seed": 7, "windows": 1234, "step": 9,
        "network": settings_of(model.config), "ema": model.state_dict(),
        "model": {}, "optimizers": [],
    }  # fmt: skip
    checkpoint.save(path, state)
    return path


def sound(n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    tones = np.sin(2 * np.pi * rng.uniform(80, 4000, (n, 1)) * np.arange(16_000) / 16_000)
    return (0.1 * tones + 0.02 * rng.normal(size=(n, 16_000))).astype(np.float32)


@pytest.fixture(scope="module")
def networks() -> tuple[InstrumentTagger, InstrumentTagger]:
    """One with settled norms, and the same that gives instruments and families more."""
    torch.manual_seed(0)
    quiet = InstrumentTagger(NetworkConfig())
    with torch.no_grad():
        for _ in range(3):
            quiet(torch.from_numpy(sound(16)))
        quiet.head[-1].bias[:32] -= 1.0
    loud = copy.deepcopy(quiet)
    with torch.no_grad():
        loud.head[-1].bias[:32] += SHIFT
    return quiet.eval(), loud.eval()


@pytest.fixture(scope="module")
def exported(
    bank: Path, networks: tuple[InstrumentTagger, InstrumentTagger], tmp_path_factory: Any
) -> list[Exported]:
    folder = tmp_path_factory.mktemp("models")
    patch = pytest.MonkeyPatch()
    patch.setattr(pipeline, "_BATCH", 8)
    made = [
        export(save(folder / f"{n}.last.pt", network), bank, folder / f"{n}",
               name="tiny", version="1.2.3", clips=16)
        for n, network in enumerate(networks)
    ]  # fmt: skip
    patch.undo()
    return made


def spec_of(path: Path) -> ModelSpec:
    metadata = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    return ModelSpec.from_metadata(metadata, str(path))


def test_an_export_is_the_network_in_three_files(
    exported: list[Exported], networks: tuple[InstrumentTagger, InstrumentTagger]
) -> None:
    one, network = exported[0], networks[0]
    assert [one.fp32.name, one.int8.name] == ["0.fp32.onnx", "0.int8.onnx"]
    wanted = torch_scores(network, sound(24)).instruments
    np.testing.assert_allclose(onnx_scores(one.fp32, sound(24)).instruments, wanted, atol=1e-3)
    assert np.abs(onnx_scores(one.int8, sound(24)).instruments - wanted).mean() < 0.05
    assert one.parity.largest < 1e-3
    weights, state = checkpoint.load_model(one.fp32.with_name("0.pt"))
    np.testing.assert_array_equal(torch_scores(weights, sound(24)).instruments, wanted)
    assert "optimizers" not in state, "weights alone"


def test_the_files_say_what_they_are(exported: list[Exported]) -> None:
    for path in (exported[0].fp32, exported[0].int8):
        spec = spec_of(path)
        assert (spec.name, spec.version) == ("tiny", "1.2.3")
        assert (spec.recipe, spec.windows_seen) == ("tiny, seed 7", 1234)
        assert spec.data_sources == ("noise", "train A", "train B"), "what training heard"
        assert ("int8" in spec.quantisation) == (path == exported[0].int8)


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_thresholds_follow_what_the_network_says(exported: list[Exported], kind: str) -> None:
    """A network that gives everything more has thresholds as much higher."""
    quiet, loud = (spec_of(getattr(one, kind)) for one in exported)
    for name, labels in (("thresholds", INSTRUMENTS), ("family_thresholds", FAMILIES)):
        low, high = (
            np.array([getattr(spec, name)[label] for label in labels]) for spec in (quiet, loud)
        )
        moved = np.log(high / (1 - high)) - np.log(low / (1 - low))
        assert moved.min() > 0.3 * SHIFT, name
        assert moved.max() < 1.7 * SHIFT, name


def test_a_file_that_computes_something_else_is_refused(
    bank: Path,
    networks: tuple[InstrumentTagger, InstrumentTagger],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a hundredth of a logit."""
    faithful = pipeline.export_onnx

    def unfaithful(model: InstrumentTagger, *rest: Any) -> None:
        other = copy.deepcopy(model)
        with torch.no_grad():
            other.head[-1].bias[3] += 0.01
        faithful(other, *rest)

    monkeypatch.setattr(pipeline, "export_onnx", unfaithful)
    last = save(tmp_path / "last.pt", networks[0])
    with pytest.raises(TuttiError, match=r"m\.fp32\.onnx does not compute what .*last\.pt"):
        export(last, bank, tmp_path / "m", name="m", version="1", clips=16)
    assert not (tmp_path / "m.int8.onnx").exists()
    assert not (tmp_path / "m.pt").exists()


def f_beta(beta: float, threshold: float, probability: np.ndarray, truth: np.ndarray) -> float:
    said = probability >= threshold
    precision, recall = truth[said].mean(), said[truth].mean()
    return float((1 + beta**2) * precision * recall / (beta**2 * precision + recall))


def test_thresholds_are_best_for_f1_and_not_for_another_f() -> None:
    """What sounds and what does not overlap, so that each F has an optimum of its own."""
    rng = np.random.default_rng(2)
    truth = rng.random((20_000, 1)) < 0.3
    probability = 1 / (1 + np.exp(-rng.normal(np.where(truth, 0.7, -0.7), 1.0)))
    nobody = np.full(truth.shape, -1)
    examples = Examples(probability, truth, np.ones_like(truth), nobody)
    (chosen,) = choose_thresholds(examples, np.random.default_rng(0))
    grid = np.arange(0.05, 0.95, 0.005)
    best = {
        beta: grid[np.argmax([f_beta(beta, t, probability[:, 0], truth[:, 0]) for t in grid])]
        for beta in (0.5, 0.8, 1.0, 1.25, 2.0)
    }
    assert chosen == pytest.approx(best[1.0], abs=0.02)
    for beta in (0.5, 0.8, 1.25, 2.0):
        assert abs(best[beta] - best[1.0]) > 0.04, "the optima lie apart"
