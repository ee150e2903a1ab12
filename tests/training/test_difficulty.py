"""The table of what makes mixtures hard, and the mixtures it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bank_factory import make_bank

from realtime.cli import main
from training.scoring import difficulty
from training.scoring.mixtures import make_mixtures


def test_a_seed_gives_the_same_mixtures_as_long_as_asked(tmp_path: Path) -> None:
    bank = make_bank(tmp_path / "bank").path
    one, truths = make_mixtures(bank, "test", 12, 3, seconds=2)
    again, _ = make_mixtures(bank, "test", 12, 3, seconds=2)
    other, _ = make_mixtures(bank, "test", 12, 4, seconds=2)
    assert one.shape == (12, 32_000)
    assert len(truths) == 12
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_without_effects_no_noise_is_left_where_nothing_plays(tmp_path: Path) -> None:
    bank = make_bank(tmp_path / "bank").path
    loudest = {}
    for effects in (True, False):
        audio, truths = make_mixtures(bank, "test", 100, 1, effects=effects)
        empty = [n for n, truth in enumerate(truths) if truth.count == 0 and not truth.unknown]
        loudest[effects] = float(np.abs(audio[empty]).max())
    assert loudest[False] < 1e-3 < loudest[True]


def test_the_command_prints_a_row_for_each_difficulty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = make_bank(tmp_path / "bank").path
    assert main(["dev", "difficulty", "--bank", str(bank), "--clips", "21"]) == 0
    lines = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()]
    assert [line[0].strip() for line in lines[2:]] == list(difficulty.ROWS)
    assert all(0 <= float(cell) <= 1 for line in lines[2:] for cell in line[1:])
    too_few_to_score_all = "1"
    assert main(["dev", "difficulty", "--bank", str(bank), "--clips", too_few_to_score_all]) == 0
