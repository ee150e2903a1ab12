"""Fitting: it learns, a seed reproduces it, a kill costs nothing, bad input is one sentence."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from realtime.errors import TuttiError
from training import checkpoint, fit
from training.losses import masked_bce, mixup, multilabel_loss, single_note_loss
from training.mixing.arrangement import ArrangementConfig
from training.mixing.labels import Targets
from training.mixing.mixer import MixConfig
from training.models.tagger import Logits, NetworkConfig
from training.recipe import RECIPES, Recipe, Stage, load_recipe

_FACTORY = Path(__file__).parent / "bank_factory.py"
SOLOS = MixConfig(arrangement=ArrangementConfig(count_weights=(0.0, 1.0)))
ON_CPU = fit.Machine(accelerator="cpu", precision="32-true")


def tiny_recipe(**changes) -> Recipe:
    notes = Stage("notes", 32, objective="single_note", window_s=0.5, mixup_p=0.5, mix=SOLOS)
    mixtures = Stage("mixtures", 32, window_s=0.5)
    recipe = Recipe(
        "tiny", (notes, mixtures), batch=8, validate_every=10_000, validation_windows=32
    )
    return dataclasses.replace(recipe, **changes)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("bank_factory", _FACTORY)
    assert spec
    assert spec.loader
    factory = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(factory)
    return factory.make_bank(tmp_path_factory.mktemp("fit") / "bank").path


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "CHUNK_WINDOWS", 32)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(path)["ema"]


def same(first: Path, second: Path) -> bool:
    one, two = weights(first), weights(second)
    return all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def whole_run(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setattr(fit, "CHUNK_WINDOWS", 32)
    run = tmp_path_factory.mktemp("runs") / "whole"
    last = fit.fit(tiny_recipe(), bank, run, seed=3, machine=ON_CPU)
    patch.undo()
    return last


def test_a_seed_reproduces_a_run_and_another_does_not(
    bank: Path, whole_run: Path, tmp_path: Path
) -> None:
    again = fit.fit(tiny_recipe(), bank, tmp_path / "again", seed=3, machine=ON_CPU)
    other = fit.fit(tiny_recipe(), bank, tmp_path / "other", seed=4, machine=ON_CPU)
    assert same(whole_run, again)
    assert not same(whole_run, other)


def test_stopped_and_resumed_is_the_same_run(bank: Path, whole_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "pieces"
    last = fit.fit(tiny_recipe(), bank, run, seed=3, machine=ON_CPU, max_minutes=0.0001)
    assert checkpoint.load(last)["windows"] == 32
    fit.fit(tiny_recipe(), bank, run, seed=3, machine=ON_CPU)
    assert same(whole_run, last)


def test_muon_goes_on_where_it_stopped(bank: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(optimizer="muon")
    last = fit.fit(recipe, bank, tmp_path / "pieces", machine=ON_CPU, max_minutes=0.0001)
    fit.fit(recipe, bank, tmp_path / "pieces", machine=ON_CPU)
    assert same(fit.fit(recipe, bank, tmp_path / "whole", machine=ON_CPU), last)


def test_killed_at_any_moment_it_goes_on(bank: Path, whole_run: Path, tmp_path: Path) -> None:
    """A real process, killed the hard way while it trains."""
    run = tmp_path / "killed"
    program = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('test_fit', {__file__!r})\n"
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)\n"
        "t.fit.CHUNK_WINDOWS = 32\n"
        f"t.fit.fit(t.tiny_recipe(), Path({str(bank)!r}), Path({str(run)!r}), seed=3, "
        "machine=t.ON_CPU)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=RECIPES.parents[1])
    deadline = time.monotonic() + 120
    while not (run / "last.pt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    last = fit.fit(tiny_recipe(), bank, run, seed=3, machine=ON_CPU)
    assert same(whole_run, last)
    assert_nothing_half_written(run)


def assert_nothing_half_written(run: Path) -> None:
    kept = {path.name for path in run.iterdir() if not path.name.startswith("events.")}
    assert kept == {"last.pt", "best.pt", "log.jsonl"}


_KILLED_WHILE_SAVING = """
import os, signal, sys
import torch
from pathlib import Path
from training import checkpoint
whole = torch.save
def half(state, file):
    whole(state, file)
    file.truncate(file.tell() // 2)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
torch.save = half
checkpoint.save(Path(sys.argv[1]), {"step": 2})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_while_it_saves_it_has_the_last_checkpoint_and_the_next_tidies_up(
    tmp_path: Path,
) -> None:
    target = tmp_path / "last.pt"
    checkpoint.save(target, {"step": 1})
    command = [sys.executable, "-c", _KILLED_WHILE_SAVING, str(target)]
    assert subprocess.run(command, cwd=RECIPES.parents[1]).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2, "killed before it had written"
    assert checkpoint.load(target)["step"] == 1
    checkpoint.save(target, {"step": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    assert checkpoint.load(target)["step"] == 3


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_learns(bank: Path, tmp_path: Path, optimizer: str) -> None:
    """On one batch's worth of solos drawn again and again, the loss must fall."""
    losses: list[float] = []
    stage = Stage("solos", 320, "single_note", window_s=0.5, mix=SOLOS, learning_rate=3e-3)
    recipe = tiny_recipe(stages=(stage,), batch=16, optimizer=optimizer)
    fit.fit(
        recipe,
        bank,
        tmp_path / "run",
        machine=ON_CPU,
        report=lambda progress: losses.append(progress.loss),
    )
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_another_recipe_or_seed_does_not_overwrite_a_run(bank: Path, whole_run: Path) -> None:
    with pytest.raises(TuttiError, match="name another --run folder"):
        fit.fit(tiny_recipe(), bank, whole_run.parent, seed=9, machine=ON_CPU)
    with pytest.raises(TuttiError, match="name another --run folder"):
        fit.fit(tiny_recipe(weight_decay=0.5), bank, whole_run.parent, seed=3, machine=ON_CPU)


def test_a_run_can_start_from_weights_of_the_same_network(
    bank: Path, whole_run: Path, tmp_path: Path
) -> None:
    still = Stage("still", 8, window_s=0.5, learning_rate=0.0)
    recipe = tiny_recipe(stages=(still,), ema_decay=0.0)
    run = tmp_path / "warm"
    last = fit.fit(recipe, bank, run, start_from=whole_run, machine=ON_CPU)
    before, after = weights(whole_run), weights(last)
    name = "encoder.backbone.stem.weight"
    assert torch.equal(before[name], after[name])
    state = checkpoint.load(last)
    assert (state["recipe"], state["windows"]) == ("tiny, then tiny", 64 + 8)
    other = tiny_recipe(network=NetworkConfig(pooling="mean"))
    with pytest.raises(TuttiError, match="another form of the network"):
        fit.fit(other, bank, tmp_path / "cold", start_from=whole_run, machine=ON_CPU)


def test_weights_of_another_vocabulary_are_refused(
    bank: Path, whole_run: Path, tmp_path: Path
) -> None:
    state = checkpoint.load(whole_run)
    last = [name for name in state["ema"] if name.startswith("head.")][-1]
    state["ema"][last] = torch.cat([state["ema"][last], torch.zeros(1)])
    checkpoint.save(tmp_path / "more.pt", {k: v for k, v in state.items() if k != "schema"})
    with pytest.raises(TuttiError, match="of another vocabulary or version"):
        fit.fit(
            tiny_recipe(), bank, tmp_path / "on", start_from=tmp_path / "more.pt", machine=ON_CPU
        )


def test_the_log_has_a_line_a_chunk(whole_run: Path) -> None:
    lines = (whole_run.parent / "log.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"map"' in lines[-1]


def test_a_damaged_or_missing_checkpoint_is_one_sentence(tmp_path: Path, whole_run: Path) -> None:
    with pytest.raises(TuttiError, match="train a model first"):
        checkpoint.load(tmp_path / "none.pt")
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(whole_run.read_bytes()[:5000])
    with pytest.raises(TuttiError, match="damaged"):
        checkpoint.load(damaged)


def test_a_full_disk_keeps_the_last_checkpoint(
    whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "last.pt"
    checkpoint.save(target, {"step": 1})

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TuttiError, match=r"last\.pt cannot be written"):
        checkpoint.save(target, {"step": 2})
    monkeypatch.undo()
    assert checkpoint.load(target)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_bundled_recipes_load(path: Path) -> None:
    recipe = load_recipe(path.stem)
    assert recipe.windows > 0
    assert recipe.name == path.stem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stage = 3 =", "not valid TOML"),
        ("batchsize = 3\n[[stage]]\nname='a'\nwindows=1", "did you mean 'batch'"),
        ("batch = 'many'\n[[stage]]\nname='a'\nwindows=1", "not of the kind int"),
        ("batch = 3", "no \\[\\[stage\\]\\]"),
        ("[network]\nfront_end='mel'\n[[stage]]\nname='a'\nwindows=1", "choose one of 'paper'"),
        ("[[stage]]\nname='a'", "windows"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(TuttiError, match=said):
        load_recipe(str(path))


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(TuttiError, match="smoke"):
        load_recipe("nonesuch")


def test_single_lines_of_a_recipe_can_be_changed() -> None:
    plain = load_recipe("tutti-cpu")
    changed = load_recipe(
        "tutti-cpu", ('network.front_end="log"', "stage.mix.effects=false", "batch=7")
    )
    assert (changed.network.front_end, changed.batch) == ("log", 7)
    assert [stage.mix.effects for stage in changed.stages] == [False] * len(plain.stages)
    assert [stage.windows for stage in changed.stages] == [s.windows for s in plain.stages]
    assert changed.network.pooling == plain.network.pooling


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("network.front_end=log", "is not key=value in TOML"),
        ("batch", "is not key=value in TOML"),
        ("batch.size=3", "not a table"),
        ("bacth=3", "did you mean 'batch'"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(setting: str, said: str) -> None:
    with pytest.raises(TuttiError, match=said):
        load_recipe("tutti-cpu", (setting,))


def test_recipes_carry_the_network() -> None:
    assert load_recipe("smoke").network == NetworkConfig()


def targets(n: int = 4) -> Targets:
    """One instrument a window, in turn; no family; a count of 1."""
    instruments = torch.nn.functional.one_hot(torch.arange(n) % 24, 24).float()
    polyphony = torch.zeros(n, 7)
    polyphony[:, 1] = 1
    return Targets(instruments, torch.ones(n, 24), torch.zeros(n, 8), torch.ones(n, 8), polyphony)


def logits(n: int = 4) -> Logits:
    rng = torch.Generator().manual_seed(0)
    return Logits(*(torch.randn(n, k, generator=rng, requires_grad=True) for k in (24, 8, 7)))


def test_what_is_masked_teaches_nothing() -> None:
    known = torch.ones(4, 24)
    known[:, 7] = 0
    said = logits()
    masked_bce(said.instruments, targets().instruments, known).backward()
    gradient = said.instruments.grad
    assert gradient is not None
    assert gradient[:, 7].abs().max() == 0
    assert gradient[:, 6].abs().min() > 0


def test_losses_are_lowest_when_right() -> None:
    truth = targets()
    right = Logits(20 * truth.instruments - 10, 20 * truth.families - 10, 20 * truth.polyphony - 10)
    for loss in (multilabel_loss, single_note_loss):
        assert loss(right, truth) < 0.5 * loss(logits(), truth)


def test_mixup_mixes_sound_and_labels_alike() -> None:
    rng = torch.Generator().manual_seed(0)
    audio = torch.randn(64, 800, generator=rng)
    mixed, soft = mixup(audio, targets(64), 0.3, 1.0, rng)
    assert mixed.shape == audio.shape
    assert torch.allclose(soft.instruments.sum(dim=1), torch.ones(64))
    assert ((soft.instruments > 0).sum(dim=1) == 2).any()
