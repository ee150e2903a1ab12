"""The policies of training, each seen from outside: a run that breaks one fails its test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bank_factory import make_bank
from lightning_fabric import Fabric
from torch.optim.optimizer import register_optimizer_step_pre_hook

from training import checkpoint, fit
from training.losses import multilabel_loss
from training.mixing.labels import Targets
from training.models.kinds import settings_of
from training.models.network import Logits
from training.models.tagger import InstrumentTagger, NetworkConfig
from training.recipe import Recipe, Stage
from training.scoring.validation import Validation

NETWORK = NetworkConfig(stem_stride=4, depths=(1, 1, 1, 1))
BATCH = 4
Optimizer = torch.optim.Optimizer


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bank(tmp_path_factory.mktemp("policies") / "bank").path


def run(bank: Path, folder: Path, steps: int, **changes: Any) -> Path:
    """A run of so many steps; ``changes`` are of the recipe, or of its one stage."""
    stage = {"learning_rate": 1e-3, "warmup": 0.1, "window_s": 0.3}
    stage |= {name: changes.pop(name) for name in list(changes) if name in Stage.__annotations__}
    start_from = changes.pop("start_from", None)
    values = {"optimizer": "adamw", "validation_windows": 4, "ema_decay": 0.0} | changes
    recipe = Recipe("policy", (Stage("one", steps * BATCH, **stage),), NETWORK, BATCH, **values)
    machine = fit.Machine(accelerator="cpu", precision="32-true")
    return fit.fit(recipe, bank, folder, machine=machine, start_from=start_from)


@pytest.fixture
def at_each_step() -> Iterator[Callable[[Callable[[Optimizer], None]], None]]:
    """``at_each_step(look)``: called with every optimiser just before it moves the weights."""
    handles = []

    def add(look: Callable[[Optimizer], None]) -> None:
        handles.append(register_optimizer_step_pre_hook(lambda optimizer, *_: look(optimizer)))

    yield add
    for handle in handles:
        handle.remove()


def weights_of(optimizer: Optimizer) -> list[torch.Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def gradients_times(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """As if the data had given gradients so many times as large."""
    backward = Fabric.backward
    monkeypatch.setattr(
        Fabric, "backward", lambda self, loss, *args, **names: backward(self, factor * loss)
    )


def test_a_gradient_is_clipped_to_5(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_each_step: Any
) -> None:
    norms = []

    def look(optimizer: Optimizer) -> None:
        gradients = [w.grad for w in weights_of(optimizer) if w.grad is not None]
        norms.append(math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients)))

    at_each_step(look)
    gradients_times(monkeypatch, 1e4)
    run(bank, tmp_path / "run", 2)
    assert norms == pytest.approx([5.0, 5.0], rel=1e-3)


def test_the_rate_warms_up_and_ends_at_a_hundredth_and_filters_go_faster(
    bank: Path, tmp_path: Path, at_each_step: Any
) -> None:
    rates = []
    at_each_step(lambda optimizer: rates.append([group["lr"] for group in optimizer.param_groups]))
    run(bank, tmp_path / "run", 40, learning_rate=2e-3, filter_rate=7.0)
    matrices, vectors, filters = np.array(rates).T
    np.testing.assert_array_equal(matrices, vectors)
    np.testing.assert_allclose(filters, 7.0 * matrices)
    peak = int(np.argmax(matrices))
    assert peak == 4, "a tenth of the way"
    assert matrices[peak] == pytest.approx(2e-3)
    assert matrices[0] < 0.02 * 2e-3
    assert (np.diff(matrices[: peak + 1]) > 0).all()
    assert (np.diff(matrices[peak:]) < 0).all()
    middle = 4 + 18
    assert matrices[middle] == pytest.approx(0.505 * 2e-3, rel=0.01)
    assert 0.01 * 2e-3 < matrices[-1] < 0.013 * 2e-3


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_only_matrices_are_decayed_not_norms_biases_or_filter_edges(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_each_step: Any, optimizer: str
) -> None:
    """Without a gradient, decay alone moves a weight."""
    rng = torch.Generator().manual_seed(1)
    model = InstrumentTagger(NETWORK)
    filters = {id(weight) for weight in model.encoder.front_end.filters.parameters()}
    with torch.no_grad():
        for weight in model.parameters():
            if id(weight) not in filters and weight.ndim <= 1:
                weight.copy_(0.5 + torch.rand(weight.shape, generator=rng))
    state = {"recipe": "start", "windows": 0, "ema": model.state_dict()}
    start = tmp_path / "start.pt"
    checkpoint.save(start, state | {"network": settings_of(NETWORK)})
    gradients_times(monkeypatch, 0.0)
    rates: list[float] = []
    at_each_step(lambda its: rates.append(its.param_groups[0]["lr"]))
    last = run(
        bank, tmp_path / "run", 3,
        optimizer=optimizer, weight_decay=20.0, learning_rate=1e-2, start_from=start,
    )  # fmt: skip
    after = checkpoint.load(last)["ema"]
    kept = math.prod(1 - 20.0 * rate for rate in rates[:: len(rates) // 3])
    assert kept < 0.8
    for name, before in model.named_parameters():
        decays = before.ndim > 1 and id(before) not in filters
        expected = before.detach() * (kept if decays else 1.0)
        torch.testing.assert_close(after[name], expected, rtol=1e-4, atol=1e-5, msg=name)


def test_families_and_the_count_are_taught(bank: Path, tmp_path: Path, at_each_step: Any) -> None:
    """The rows of the last layer: 24 instruments, 8 families, 7 counts."""
    taught: list[list[float]] = []

    def look(optimizer: Optimizer) -> None:
        (last,) = (w for w in weights_of(optimizer) if w.ndim == 2 and len(w) == 24 + 8 + 7)
        assert last.grad is not None
        taught.append([float(part.norm()) for part in last.grad.split((24, 8, 7))])

    at_each_step(look)
    run(bank, tmp_path / "mixtures", 1)
    run(bank, tmp_path / "notes", 1, objective="single_note")
    mixtures, notes = taught
    assert min(mixtures) > 0.02 * max(mixtures)
    assert notes[0] > 0
    assert notes[1:] == [0, 0], "single notes teach instruments alone"


def test_the_loss_weighs_families_and_count_by_half() -> None:
    rng = np.random.default_rng(1)
    scores = [rng.normal(size=(5, width)) for width in (24, 8, 7)]
    truth = [(rng.random((5, width)) < 0.3).astype(float) for width in (24, 8)]
    known = [(rng.random((5, width)) < 0.7).astype(float) for width in (24, 8)]
    count = rng.dirichlet(np.ones(7), 5)

    def entropy(said: np.ndarray, true: np.ndarray, use: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-said))
        return float(-((true * np.log(p) + (1 - true) * np.log(1 - p)) * use).sum() / use.sum())

    instruments, families = (entropy(*one) for one in zip(scores[:2], truth, known, strict=True))
    logs = scores[2] - np.log(np.exp(scores[2]).sum(axis=1, keepdims=True))
    polyphony = float(-(count * logs).sum(axis=1).mean()) / 7
    targets = [truth[0], known[0], truth[1], known[1], count]
    found = multilabel_loss(
        Logits(*map(torch.from_numpy, scores)), Targets(*map(torch.from_numpy, targets))
    )
    assert float(found) == pytest.approx(instruments + 0.5 * (families + polyphony))


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``validations(*scores)``: what the next validations say, one after each step."""

    def say(*scores: float) -> None:
        left = iter(scores)
        names = ("f1", "solo_top1", "polyphony")
        monkeypatch.setattr(fit, "CHUNK_WINDOWS", BATCH)
        monkeypatch.setattr(
            Validation, "score", lambda self, model: dict.fromkeys(names, 0.0) | {"map": next(left)}
        )

    return say


def test_the_best_checkpoint_is_of_the_best_validation(
    bank: Path, tmp_path: Path, validations: Callable[..., None]
) -> None:
    validations(0.3, 0.6, 0.2, 0.6, 0.5)
    last = run(bank, tmp_path / "run", 5, validate_every=BATCH)
    best = checkpoint.load(last.with_name("best.pt"))
    assert (best["step"], best["best"]) == (2, 0.6)
    end = checkpoint.load(last)
    assert (end["step"], end["best"], end["waited"]) == (5, 0.6, 3)
    assert not all(torch.equal(best["ema"][name], end["ema"][name]) for name in end["ema"])


@pytest.mark.parametrize(
    ("patience", "scores", "steps"),
    [
        (2, (0.5, 0.4, 0.5, 0.9, 0.9, 0.9), 3),
        (2, (0.5, 0.4, 0.6, 0.5, 0.6, 0.9), 5),
        (0, (0.5, 0.4, 0.3, 0.2, 0.1, 0.0), 6),
    ],
)
def test_a_run_ends_when_its_patience_does(
    bank: Path, tmp_path: Path, validations: Callable[..., None],
    patience: int, scores: tuple[float, ...], steps: int,
) -> None:  # fmt: skip
    validations(*scores)
    last = run(bank, tmp_path / "run", 6, validate_every=BATCH, patience=patience)
    assert checkpoint.load(last)["step"] == steps


def test_validations_come_as_often_as_the_recipe_says_and_at_the_end(
    bank: Path, tmp_path: Path, validations: Callable[..., None]
) -> None:
    validations(0.1, 0.2, 0.3)
    last = run(bank, tmp_path / "run", 5, validate_every=2 * BATCH)
    assert checkpoint.load(last)["best"] == 0.3
    scored = ['"map"' in line for line in last.with_name("log.jsonl").read_text().splitlines()]
    assert scored == [False, True, False, True, True]
