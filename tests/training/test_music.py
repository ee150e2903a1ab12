"""Windows of real music: what is known of them; a run with teachers learns and resumes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training import checkpoint, fit
from training.bank.bank import Bank
from training.bank.clips import Clip
from training.bank.writer import BankWriter
from training.mixing.mixer import MixConfig, Mixer
from training.mixing.music import DOMAINS, MusicConfig, music_batch
from training.mixing.palette import Palette
from training.recipe import Recipe, Stage
from training.teachers.panel import TeacherConfig

ON_CPU = fit.Machine(accelerator="cpu", precision="32-true")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("music") / "bank"

    def noise(seconds: float) -> np.ndarray:
        return rng.standard_normal(round(seconds * 16_000)).astype(np.float32)

    def clip(label: str, kind: str, **more: str) -> Clip:
        return Clip(noise(2.5), label, "here", "train", kind=kind, origin="a.ogg", **more)

    with BankWriter(path, seed=1) as writer:
        for label in ("piano", "violin"):
            writer.append(clip(label, "note"))
            writer.append(dataclasses.replace(clip(label, "note"), split="val"))
        writer.append(clip("piano", "phrase"))
        writer.append(clip("drums;cymbals;voice", "music", articulation="complete"))
        writer.append(clip("cello", "music"))
        writer.append(clip("", "music"))
    return path


def mixer(bank: Path) -> Mixer:
    palette = Palette(Bank.open(bank), ("train",), torch.device("cpu"))
    return Mixer(palette, MixConfig(noise_p=0.0), torch.Generator().manual_seed(5))


def sure(batch, row: int) -> set[str]:
    return {INSTRUMENTS[i] for i in batch.sure[row].nonzero()[:, 0].tolist()}


def test_what_is_known_of_a_window_is_what_its_clip_says(bank: Path) -> None:
    config = MusicConfig(per_mixture=1.0, labelled_p=0.7, superpose_p=0.0)
    batch = music_batch(mixer(bank), config, 64)
    assert batch.audio.shape == (64, 16_000)
    assert bool(torch.isfinite(batch.audio).all())
    seen = set()
    for row in range(64):
        names, complete, count = sure(batch, row), bool(batch.complete[row]), int(batch.count[row])
        seen.add(frozenset(names))
        if names == {"piano"}:
            assert (complete, count) == (True, 1)
        elif names == {"drums", "cymbals", "voice"}:
            assert (complete, count) == (True, 2)
            assert bool(batch.sure_families[row, FAMILIES.index("percussion")])
        elif names == {"cello"}:
            assert (complete, count) == (False, -1)
        else:
            assert not names
            assert not complete
            assert DOMAINS[int(batch.domain[row])] == "unlabelled"
    assert len(seen) == 4


def test_two_stretches_together_are_what_either_says(bank: Path) -> None:
    config = MusicConfig(per_mixture=1.0, labelled_p=1.0, superpose_p=1.0)
    batch = music_batch(mixer(bank), config, 64)
    together = {frozenset(sure(batch, row)) for row in range(64)}
    assert frozenset({"piano", "drums", "cymbals", "voice"}) in together
    for row in range(64):
        if "cello" in sure(batch, row):
            assert not bool(batch.complete[row])
            assert int(batch.count[row]) == -1
    assert set(batch.domain.tolist()) == {DOMAINS.index("superposed")}


def test_a_generator_decides_everything(bank: Path) -> None:
    config = MusicConfig(per_mixture=1.0)
    first, second = (music_batch(mixer(bank), config, 16) for _ in range(2))
    assert torch.equal(first.audio, second.audio)


def recipe(**changes) -> Recipe:
    made = Recipe(
        "tiny",
        (Stage("music", 64),),
        batch=4,
        validation_windows=0,
        recorded_weight=1.0,
        unlabelled=MusicConfig(per_mixture=1.0),
        teacher=TeacherConfig(head_weight=0.0, own_weight=1.0, feature_weight=0.0),
    )
    return dataclasses.replace(made, **changes)


def test_a_run_with_teachers_resumes_and_says_how_far_it_is(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "CHUNK_WINDOWS", 16)
    said: list[fit.Progress] = []
    teachers = fit.Teachers(tmp_path)
    whole = fit.fit(
        recipe(), bank, tmp_path / "whole", machine=ON_CPU, teachers=teachers, report=said.append
    )
    for _ in range(2):
        part = fit.fit(
            recipe(),
            bank,
            tmp_path / "part",
            machine=ON_CPU,
            teachers=teachers,
            max_minutes=0.0001 if not (tmp_path / "part").exists() else None,
        )
    one, two = checkpoint.load(whole)["ema"], checkpoint.load(part)["ema"]
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert said[-1].divergence is not None
    assert set(said[-1].divergence) == set(DOMAINS)
    assert min(said[-1].divergence.values()) >= 0.0
    assert checkpoint.load(whole)["windows"] == 64


def test_the_clock_ends_a_run_finished(bank: Path, tmp_path: Path) -> None:
    many = recipe(stages=(Stage("music", 10_000_000),))
    said: list[fit.Progress] = []
    fit.fit(
        many,
        bank,
        tmp_path / "run",
        machine=ON_CPU,
        teachers=fit.Teachers(tmp_path),
        clock_minutes=0.03,
        report=said.append,
    )
    assert 0 < said[-1].windows < 10_000_000


def test_teachers_that_are_not_named_and_a_bank_without_music_are_one_sentence(
    bank: Path, tmp_path: Path
) -> None:
    with pytest.raises(TuttiError, match="--teachers"):
        fit.fit(recipe(), bank, tmp_path / "a", machine=ON_CPU)
    with BankWriter(tmp_path / "plain", seed=1) as writer:
        rng = np.random.default_rng(0)
        writer.append(Clip(rng.standard_normal(8000).astype(np.float32), "piano", "a", "train"))
    with pytest.raises(TuttiError, match="no music"):
        fit.fit(
            recipe(),
            tmp_path / "plain",
            tmp_path / "b",
            machine=ON_CPU,
            teachers=fit.Teachers(tmp_path),
        )
