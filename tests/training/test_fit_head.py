"""A head learns what its taggers' features tell, from what is known and no more; it resumes."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training import checkpoint
from training import fit_head as fitting
from training.bank.clips import Clip
from training.bank.writer import BankWriter
from training.fit_head import Chunk, fit_head, fit_on, named
from training.mixing.labels import Targets
from training.mixing.music import MusicBatch, MusicConfig
from training.models.tagger import InstrumentTagger
from training.recipe import Recipe, Stage
from training.scoring.real import RealValidation
from training.teachers.panel import Panel, TeacherConfig
from training.teachers.scoring import TOGETHER, score_teachers

CPU = torch.device("cpu")
PIANO, VIOLIN = INSTRUMENTS.index("piano"), INSTRUMENTS.index("violin")


class Bands(nn.Module):
    """Features: the window's power below 600 Hz and above; it says piano for the low one."""

    def forward(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        smooth = torch.nn.functional.avg_pool1d(audio[:, None], 16, 1)[:, 0]
        low = smooth.square().mean(dim=1, keepdim=True).clamp(min=1e-9).log10()
        whole = audio.square().mean(dim=1, keepdim=True).clamp(min=1e-9).log10()
        return torch.cat([low, whole], dim=1), (low - whole + 1).clamp(0, 1)


@pytest.fixture
def teachers(tmp_path: Path) -> Path:
    windows = torch.export.Dim("windows", min=1, max=4096)
    program = torch.export.export(
        Bands(), (torch.zeros(2, 16_000),), dynamic_shapes={"audio": {0: windows}}
    )
    folder = tmp_path / "teachers"
    folder.mkdir()
    torch.export.save(program, folder / "bands.pt2")
    (folder / "bands.csv").write_text("display_name\nPiano\n")
    (folder / "labels.toml").write_text('[classes]\npiano = ["Piano"]\n')
    return folder


def tone(frequency_hz: float, seconds: float = 2.5) -> np.ndarray:
    time_s = np.arange(round(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    with BankWriter(tmp_path / "bank", seed=1) as writer:
        for label, frequency_hz in (("piano", 200.0), ("violin", 3_000.0)):
            one = Clip(tone(frequency_hz), label, "here", "train", kind="phrase", origin="a.ogg")
            writer.append(one)
            writer.append(dataclasses.replace(one, kind="note", pitch=60.0))
    return tmp_path / "bank"


def recipe(windows: int = 192) -> Recipe:
    return Recipe(
        "teacher",
        (Stage("head", windows, learning_rate=1e-2),),
        fits="head",
        batch=16,
        unlabelled=MusicConfig(per_mixture=1.0, labelled_p=1.0, superpose_p=0.0),
        teacher=TeacherConfig(taggers=("bands",), weights=(0.5,)),
    )


def test_a_head_learns_what_the_features_tell() -> None:
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(2_000, 6, generator=rng)
    target = torch.zeros(2_000, len(INSTRUMENTS))
    target[:, PIANO] = (features[:, 2] > 0).float()
    target[:, VIOLIN] = 1.0  # and is never known
    known = torch.ones_like(target)
    known[:, VIOLIN] = 0.0
    families = torch.zeros(2_000, len(FAMILIES))
    count = torch.nn.functional.one_hot(target[:, PIANO].long(), 7).float()
    part = Chunk(
        (50 + 9 * features).half(),
        Targets(target, known, families, torch.ones_like(families), count),
    )
    head = fit_on([part], 1e-3, torch.Generator().manual_seed(1), CPU)
    said = head.opinion(50 + 9 * features)
    right = ((said.instruments[:, PIANO] > 0.5) == (features[:, 2] > 0)).float().mean()
    assert right > 0.95
    assert said.polyphony is not None
    assert (said.polyphony.argmax(dim=1) == target[:, PIANO]).float().mean() > 0.95
    assert said.instruments[:, VIOLIN].mean() < 0.9  # of what is not known nothing is learned
    again = fit_on([part], 1e-3, torch.Generator().manual_seed(1), CPU)
    assert torch.equal(said.instruments, again.opinion(50 + 9 * features).instruments)


def test_of_music_no_more_is_known_than_is_named() -> None:
    sure = torch.zeros(2, len(INSTRUMENTS), dtype=torch.bool)
    sure[:, PIANO] = True
    families = torch.zeros(2, len(FAMILIES), dtype=torch.bool)
    families[:, FAMILIES.index("key")] = True
    known = named(
        MusicBatch(
            audio=torch.zeros(2, 16_000),
            sure=sure,
            open=torch.zeros_like(sure),
            sure_families=families,
            open_families=torch.zeros_like(families),
            complete=torch.tensor([True, False]),
            count=torch.tensor([1, -1]),
            domain=torch.tensor([1, 1]),
        )
    )
    assert known.instruments_known.sum(dim=1).tolist() == [len(INSTRUMENTS), 1]
    assert known.families_known.sum(dim=1).tolist() == [len(FAMILIES), 1]
    assert known.polyphony[0].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert known.polyphony[1].tolist() == pytest.approx([0] + [1 / 6] * 6)


def test_a_stopped_run_goes_on_to_the_same_head(
    bank: Path, teachers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "PART_WINDOWS", 64)
    whole = fit_head(recipe(), bank, tmp_path / "whole", teachers, seed=3)
    stopped = fit_head(recipe(), bank, tmp_path / "part", teachers, seed=3, max_minutes=1e-9)
    assert stopped is None
    first = checkpoint.load(tmp_path / "whole" / "heard-000.pt")
    checkpoint.save(tmp_path / "part" / "heard-000.pt", first)
    part = fit_head(recipe(), bank, tmp_path / "part", teachers, seed=3)
    assert whole is not None
    assert part is not None
    one, two = (checkpoint.load(path)["head"] for path in (whole, part))
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(TuttiError, match="another recipe or seed"):
        fit_head(recipe(), bank, tmp_path / "whole", teachers, seed=4)


def test_each_teacher_is_scored_and_all_together(
    bank: Path, teachers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "PART_WINDOWS", 64)
    head = fit_head(recipe(512), bank, tmp_path / "run", teachers)
    folder = tmp_path / "real"
    folder.mkdir()
    rows = []
    for number, (label, frequency_hz) in enumerate((("piano", 200.0), ("violin", 3_000.0)) * 2):
        name = f"{label}-{number}.wav"
        soundfile.write(folder / name, tone(frequency_hz, 3.0), 16_000)
        rows.append([name, label, "", "phrase", "", "", "val", f"s{number}", "CC0-1.0"])
    columns = "path instrument family articulation midi_pitch velocity split source licence"
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns.split(), *rows])
    panel = Panel(recipe().teacher, teachers, head, InstrumentTagger().eval(), CPU)
    scores = score_teachers(panel, RealValidation(folder, 4))
    assert set(scores) == {"bands", "head", "own", TOGETHER}
    assert scores["head"]["phrases"] == 1.0  # it tells the two apart, as its features do
    assert scores["bands"]["phrases"] == 0.5  # it has no name for a violin
    assert np.isnan(scores["bands"]["count_solo"])
    assert not np.isnan(scores["head"]["count_solo"])
