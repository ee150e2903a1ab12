"""The scores a run prints, and the same for the sources of every split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bank_factory import make_bank

from realtime.cli import main
from realtime.errors import TuttiError
from realtime.taxonomy import INSTRUMENTS
from training.checkpoint import save
from training.mixing.labels import Targets
from training.models.kinds import settings_of
from training.models.tagger import InstrumentTagger
from training.scoring.validation import Validation, score_windows

CPU = torch.device("cpu")


def _young() -> dict[str, Any]:
    """What a checkpoint holds of a network that has learned nothing."""
    network = InstrumentTagger()
    return {"network": settings_of(network.config), "ema": network.state_dict()}


def test_who_is_right_scores_one_and_who_is_wrong_less() -> None:
    truth = torch.zeros(4, len(INSTRUMENTS))
    truth[torch.arange(4), torch.tensor([0, 3, 5, 5])] = 1
    counts = torch.zeros(4, 7)
    counts[:, 1] = 1
    targets = Targets(truth, torch.ones_like(truth), torch.zeros(4, 8), torch.zeros(4, 8), counts)
    ones, solos = np.ones(4), np.ones(4, bool)
    right = score_windows(truth.numpy(), ones, targets, solos)
    assert right == {"map": 1.0, "f1": 1.0, "solo_top1": 1.0, "polyphony": 1.0}
    wrong = score_windows(np.roll(truth.numpy(), 1, axis=1), ones + 1, targets, solos)
    assert wrong["f1"] == wrong["solo_top1"] == wrong["polyphony"] == 0.0
    assert wrong["map"] < 0.5


def test_each_split_is_heard_in_windows_of_its_own(tmp_path: Path) -> None:
    bank = make_bank(tmp_path / "bank")
    again, same, other = (Validation(bank, CPU, 8, split) for split in ("val", "val", "test"))
    assert torch.equal(again.batches[0].audio, same.batches[0].audio)
    assert not torch.equal(again.batches[0].audio, other.batches[0].audio)


def test_the_command_prints_a_row_for_each_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = make_bank(tmp_path / "bank")
    save(tmp_path / "young.pt", _young())
    young = str(tmp_path / "young.pt")
    assert main(["dev", "validate", "--bank", str(bank.path), "--windows", "8", young]) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()]
    assert [cell.strip() for cell in rows[0]] == [
        "model", "split", "map", "f1", "solo_top1", "polyphony",
    ]  # fmt: skip
    assert [[cell.strip() for cell in row[:2]] for row in rows[2:]] == [
        ["young", split] for split in ("train", "val", "test")
    ]
    assert all(0 <= float(cell) <= 1 for row in rows[2:] for cell in row[2:])


def test_only_recorded_sources_are_scored_where_that_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = make_bank(tmp_path / "bank")  # as soundfonts give it
    with pytest.raises(TuttiError, match="no sounds of split val to draw from"):
        Validation(bank, CPU, 8, recorded=True)
    save(tmp_path / "young.pt", _young())
    young = str(tmp_path / "young.pt")
    assert main(["dev", "validate", "--bank", str(bank.path), "--recorded", young]) == 2
    assert "no sounds of split train to draw from" in capsys.readouterr().err
