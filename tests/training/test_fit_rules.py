"""The small rules of fitting, each by itself: rates, averages, stages, seeds, precision."""

from __future__ import annotations

import pytest
import torch

from training.fit import (
    Machine,
    _mix_seed,
    _precision,
    _schedule,
    _stage_ends,
    _warming_average,
)
from training.recipe import Recipe, Stage


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine() -> None:
    assert _schedule(0.0, 0.1) == pytest.approx(0.001 / 0.101)
    assert _schedule(0.05, 0.1) == pytest.approx(0.051 / 0.101)
    assert _schedule(0.1, 0.1) == 1.0
    assert _schedule(0.325, 0.1) == pytest.approx(0.01 + 0.99 * (1 + 0.5**0.5) / 2)
    assert _schedule(0.55, 0.1) == pytest.approx(0.505)
    assert _schedule(1.0, 0.1) == pytest.approx(0.01)
    assert _schedule(0.0, 0.0) == 1.0, "no warm-up"


def averaged(decay: float, updates: int, value: float = 1.0) -> float:
    """An average that begins at 0, after so many updates before this one."""
    average = [torch.zeros(2)]
    _warming_average(decay)(average, [torch.full((2,), value)], torch.tensor(updates))
    assert average[0][0] == average[0][1]
    return float(average[0][0])


def test_an_average_follows_at_first_and_settles() -> None:
    assert averaged(0.999, 0) == pytest.approx(1 - 1 / 10)
    assert averaged(0.999, 1) == pytest.approx(1 - 2 / 11)
    assert averaged(0.999, 90) == pytest.approx(1 - 91 / 100)
    assert averaged(0.999, 10**6) == pytest.approx(0.001, rel=1e-3)
    assert averaged(0.0, 5, 3.0) == 3.0, "no average: the weights themselves"


def test_counters_are_copied_and_not_averaged() -> None:
    average = [torch.tensor(3), torch.tensor(5)]
    _warming_average(0.9)(average, [torch.tensor(8), torch.tensor(9)], 4)
    assert [int(one) for one in average] == [8, 9]


def test_stages_end_where_their_windows_do_and_last_a_step_at_least() -> None:
    stages = tuple(Stage(f"{n}", windows) for n, windows in enumerate((100, 3, 47)))
    assert _stage_ends(Recipe("any", stages), 10) == [10, 11, 15]


def test_seeds_of_other_runs_chunks_and_machines_are_others() -> None:
    parts = [(seed, rank, step) for seed in range(6) for rank in range(3) for step in range(40)]
    seeds = {_mix_seed(*one) for one in parts}
    assert len(seeds) == len(parts)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert _mix_seed(3, 0, 8) == _mix_seed(3, 0, 8)
    shares = [sum(seed >> bit & 1 for seed in seeds) / len(seeds) for bit in range(63)]
    assert min(shares) > 0.4, "every bit is used"
    assert max(shares) < 0.6


@pytest.mark.parametrize(
    ("asked", "gpu", "bf16", "precision"),
    [
        (Machine(precision="64-true"), True, True, "64-true"),
        (Machine(), True, False, "bf16-mixed"),
        (Machine("cpu"), True, False, "32-true"),
        (Machine(), False, False, "32-true"),
        (Machine(), False, True, "bf16-mixed"),
        (Machine("cpu"), True, True, "bf16-mixed"),
    ],
)
def test_bf16_where_the_machine_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, asked: Machine, gpu: bool, bf16: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    assert _precision(asked) == precision
