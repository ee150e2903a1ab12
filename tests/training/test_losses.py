"""Losses and mixtures of windows, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from training.losses import masked_bce, mixup, single_note_loss
from training.mixing.labels import Targets
from training.models.tagger import Logits


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def targets(n: int) -> Targets:
    """Random soft truth, some of it unknown."""
    rng = generator(1)
    known = [(torch.rand(n, width, generator=rng) < 0.8).float() for width in (24, 8)]
    soft = [torch.rand(n, width, generator=rng) for width in (24, 8)]
    count = torch.rand(n, 7, generator=rng).softmax(dim=1)
    return Targets(soft[0], known[0], soft[1], known[1], count)


def notes(*shares: dict[int, float]) -> Targets:
    """Windows in which such shares of instruments sound."""
    values = targets(len(shares))
    values.instruments.zero_()
    for row, share in enumerate(shares):
        for label, value in share.items():
            values.instruments[row, label] = value
    return values


def single(said: Tensor, truth: Targets, **more: float) -> float:
    return float(single_note_loss(Logits(said, said[:, :8], said[:, :7]), truth, **more))


def test_nothing_known_costs_nothing() -> None:
    assert float(masked_bce(torch.ones(2, 3), torch.zeros(2, 3), torch.zeros(2, 3))) == 0.0


def test_the_mean_is_over_what_is_known() -> None:
    """log 2 wherever the network is undecided, however little is known."""
    for known in (torch.eye(3), torch.ones(3, 3), torch.eye(3)[:1]):
        undecided = torch.zeros_like(known)
        loss = masked_bce(undecided, torch.ones_like(known), known)
        assert float(loss) == pytest.approx(np.log(2))


def test_a_note_costs_its_smoothed_cross_entropy() -> None:
    said = torch.randn(1, 24, generator=generator())
    log_p = torch.log_softmax(said, dim=1)[0]
    wanted = -(0.95 * log_p[3] + 0.05 * log_p.mean())
    assert single(said, notes({3: 1.0})) == pytest.approx(float(wanted))
    assert single(said, notes({3: 1.0}), label_smoothing=0.0) == pytest.approx(-float(log_p[3]))
    wanted = -(0.95 * (0.75 * log_p[3] + 0.25 * log_p[5]) + 0.05 * log_p.mean())
    assert single(said, notes({3: 0.6, 5: 0.2})) == pytest.approx(float(wanted)), "shares of 1"


def test_windows_without_a_note_count_for_nothing() -> None:
    said = torch.randn(4, 24, generator=generator())
    first, third = single(said[:1], notes({3: 1.0})), single(said[2:3], notes({7: 1.0}))
    both = single(said, notes({3: 1.0}, {}, {7: 1.0}, {}))
    assert both == pytest.approx((first + third) / 2)
    assert single(said, notes({}, {}, {}, {})) == 0.0


def windows(n: int) -> Tensor:
    """Noise of very different levels."""
    level = torch.logspace(-3, 0, n)[:, None]
    return level * torch.randn(n, 400, generator=generator(2))


def evened(audio: Tensor) -> Tensor:
    return audio / audio.square().mean(dim=1, keepdim=True).sqrt()


def ratios(mixed: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
    """What share of itself each window has, and which other is in it, from the sound alone."""
    shares, others = [], []
    bases = evened(audio)
    for row, one in enumerate(mixed):
        found = torch.linalg.lstsq(bases.T, one[:, None]).solution[:, 0]
        found = torch.where(found.abs() < 1e-4, 0.0, found)
        rest = found.clone()
        rest[row] = 0.0
        assert (rest > 0).sum() <= 1
        others.append(int(rest.argmax()) if rest.any() else row)
        shares.append(float(found[row]) if rest.any() else 1.0)
        torch.testing.assert_close(found.sum(), torch.tensor(1.0), atol=1e-3, rtol=0)
    return torch.tensor(shares), torch.tensor(others)


def test_labels_are_mixed_as_the_sound_is() -> None:
    audio, truth = windows(40), targets(40)
    mixed, soft = mixup(audio, truth, 0.4, 1.0, generator(3))
    share, other = ratios(mixed, audio)
    share = share[:, None]
    assert ((share > 0.02) & (share < 0.98)).float().mean() > 0.5, "both are heard"
    for name in ("instruments", "families", "polyphony"):
        value = getattr(truth, name)
        wanted = share * value + (1 - share) * value[other]
        torch.testing.assert_close(getattr(soft, name), wanted, atol=1e-3, rtol=0)


def test_what_is_unknown_of_either_is_unknown_of_both() -> None:
    audio, truth = windows(40), targets(40)
    mixed, soft = mixup(audio, truth, 8.0, 1.0, generator(3))
    share, other = ratios(mixed, audio)
    heard = other != torch.arange(40)
    assert heard.sum() > 30
    for name in ("instruments_known", "families_known"):
        known = getattr(truth, name)
        wanted = known * known[other]
        torch.testing.assert_close(getattr(soft, name)[heard], wanted[heard])


@pytest.mark.parametrize(("p", "low", "high"), [(0.0, 0, 0), (0.3, 0.2, 0.4), (1.0, 0.97, 1.0)])
def test_so_many_windows_are_mixed(p: float, low: float, high: float) -> None:
    truth = targets(600)
    truth.instruments[:] = torch.eye(600, 24)[torch.arange(600) % 24] + torch.arange(600)[:, None]
    _, soft = mixup(windows(600), truth, 8.0, p, generator(4))
    moved = (soft.instruments - truth.instruments).abs().max(dim=1).values > 1e-2
    assert low <= float(moved.float().mean()) <= high


def test_alpha_says_how_even_the_mixtures_are() -> None:
    def middle(alpha: float) -> float:
        truth = targets(500)
        truth.polyphony.zero_()
        truth.polyphony[:, 0] = torch.arange(500) % 2  # a share where the two differ
        share = mixup(windows(500), truth, alpha, 1.0, generator(5))[1].polyphony[:, 0]
        mixed = share[(share > 1e-4) & (share < 1 - 1e-4)]
        return float((mixed - 0.5).abs().mean())

    assert middle(0.2) > 0.36
    assert middle(20.0) < 0.12


def test_silence_stays_silence() -> None:
    mixed, _ = mixup(torch.zeros(4, 100), targets(4), 0.3, 1.0, generator())
    assert mixed.abs().max() == 0.0
