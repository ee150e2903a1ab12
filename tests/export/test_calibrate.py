"""Thresholds and the count's correction: known optima are found, and what is unfounded is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from export.calibrate import Examples, choose_thresholds, with_thresholds
from export.polyphony import Correction, correction_that_holds, fit_correction, fold
from realtime.spec import ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.models.tagger import InstrumentTagger

RNG = np.random.default_rng


def examples(
    probability: np.ndarray, truth: np.ndarray, known: np.ndarray | None = None
) -> Examples:
    known = np.ones_like(truth) if known is None else known
    return Examples(probability, truth, known, np.full(truth.shape, -1))


def test_one_threshold_for_all_lies_between_what_sounds_and_what_does_not() -> None:
    rng = RNG(1)
    truth = rng.random((2000, 3)) < 0.3
    probability = np.where(truth, 0.45, 0.15) + rng.uniform(-0.05, 0.05, truth.shape)
    known = np.ones_like(truth)
    # Masked entries that contradict everything must not count.
    truth[:500], known[:500], probability[:500] = True, False, 0.0
    chosen = choose_thresholds(examples(probability, truth, known), rng)
    assert len(set(chosen)) == 1
    assert chosen[0] == pytest.approx(0.3, abs=0.02)  # the middle of the gap


@pytest.mark.parametrize(("false_alarms", "low", "high"), [(4.0, 0.4, 0.8), (0.2, 0.05, 0.4)])
def test_it_is_where_f1_is_best(false_alarms: float, low: float, high: float) -> None:
    """Half of what sounds is at 0.8, half at 0.4; so are silences, many or few."""
    sounding = np.repeat([0.8, 0.4], 400)
    silent = np.full(round(400 * false_alarms), 0.4)
    probability = np.concatenate([sounding, silent])[:, None]
    truth = (np.arange(len(probability)) < len(sounding))[:, None]
    (chosen,) = choose_thresholds(examples(probability, truth), RNG(0))
    assert low < chosen <= high


def label_of_its_own(sources: int, clips_a_source: int, *, agreeing: bool = True) -> Examples:
    """Label 0 sounds at 0.2 where all others sound at 0.6; ``agreeing``: in every source."""
    rng = RNG(2)
    n, carried = 3000, sources * clips_a_source
    truth = rng.random((n, 5)) < 0.3
    truth[:, 0] = np.arange(n) < carried * 5
    probability = np.where(truth, 0.6, 0.4) + rng.uniform(-0.05, 0.05, truth.shape)
    probability[:, 0] = np.where(truth[:, 0], 0.2, 0.05)
    carrier = np.full(truth.shape, -1)
    carrier[truth[:, 0], 0] = np.arange(carried * 5) // 5
    names = tuple(f"source {clip // clips_a_source}" for clip in range(carried))
    if not agreeing:  # one source is at 0.2 among negatives of 0.3, the others at 0.9
        of_first = np.isin(carrier[:, 0], np.arange(clips_a_source))
        probability[:, 0] = np.where(truth[:, 0], np.where(of_first, 0.2, 0.9), 0.45)
    return Examples(probability, truth, np.ones_like(truth), carrier, names)


def test_a_label_that_many_sources_back_has_its_own_threshold() -> None:
    chosen = choose_thresholds(label_of_its_own(6, 4), RNG(0))
    assert set(chosen[1:]) == {chosen[1]}
    assert chosen[1] == pytest.approx(0.5, abs=0.02)
    assert 0.05 < chosen[0] <= 0.2


@pytest.mark.parametrize(("sources", "clips"), [(3, 12), (6, 3)])
def test_a_label_that_few_clips_or_sources_back_has_the_common_one(
    sources: int, clips: int
) -> None:
    chosen = choose_thresholds(label_of_its_own(sources, clips), RNG(0))
    assert set(chosen) == {chosen[1]}


def test_a_label_that_gains_nothing_has_the_common_one() -> None:
    """Backed by many clips, but like all others: its own optimum is only another chance."""
    rng = RNG(7)
    n = 600
    truth = rng.random((n, 5)) < 0.3
    probability = 1 / (1 + np.exp(-rng.normal(np.where(truth, 1.0, -1.0), 1.0)))
    carrier = np.full(truth.shape, -1)
    carrier[truth[:, 0], 0] = np.arange(truth[:, 0].sum()) % 60
    names = tuple(f"source {clip // 6}" for clip in range(60))
    data = Examples(probability, truth, np.ones_like(truth), carrier, names)
    chosen = choose_thresholds(data, RNG(0))
    assert set(chosen) == {chosen[1]}


def test_the_less_is_known_of_a_label_the_nearer_it_is_to_the_common_one() -> None:
    def chosen(windows_a_clip: int) -> list[float]:
        rng = RNG(8)
        n, sounding = 3000, 24 * windows_a_clip
        truth = rng.random((n, 5)) < 0.3
        truth[:, 0] = np.arange(n) < sounding
        probability = np.where(truth, 0.6, 0.4) + rng.uniform(-0.05, 0.05, truth.shape)
        probability[:, 0] = np.where(
            truth[:, 0], rng.uniform(0.1, 0.6, n), rng.uniform(0.0, 0.12, n)
        )
        carrier = np.full(truth.shape, -1)
        carrier[truth[:, 0], 0] = np.arange(sounding) // windows_a_clip
        names = tuple(f"source {clip // 4}" for clip in range(24))
        return choose_thresholds(
            Examples(probability, truth, np.ones_like(truth), carrier, names), RNG(0)
        )

    few, many = chosen(1), chosen(20)
    assert many[0] < few[0] < few[1]
    assert many[0] == pytest.approx(0.12, abs=0.02), "its own, between what it says of either"


def test_a_threshold_that_fails_the_sources_left_out_is_not_taken() -> None:
    chosen = choose_thresholds(label_of_its_own(6, 4, agreeing=False), RNG(0))
    assert set(chosen) == {chosen[1]}


def test_what_int8_changes_moves_no_threshold_far() -> None:
    rng = RNG(3)
    truth = rng.random((1000, 24)) < 0.06
    logits = rng.normal(np.where(truth, 0.5, -2.0), 1.3)
    chosen = [
        choose_thresholds(examples(1 / (1 + np.exp(-logits - shift)), truth), RNG(4))
        for shift in (0, rng.normal(0, 0.01, (1000, 24)))
    ]
    assert np.abs(np.subtract(*chosen)).max() < 0.03


def test_thresholds_go_to_their_labels() -> None:
    labels = {"instruments": INSTRUMENTS, "families": FAMILIES}
    spec = ModelSpec(
        "any", "1", thresholds=dict.fromkeys(INSTRUMENTS, 0.5),
        family_thresholds=dict.fromkeys(FAMILIES, 0.5), **labels,
    )  # fmt: skip
    own = [[(1 + n) / 100 for n in range(len(names))] for names in labels.values()]
    changed = with_thresholds(spec, *own)
    assert changed.thresholds == dict(zip(INSTRUMENTS, own[0], strict=True))
    assert changed.family_thresholds == dict(zip(FAMILIES, own[1], strict=True))
    assert (changed.name, changed.instruments) == ("any", INSTRUMENTS)
    with pytest.raises(ValueError, match="shorter"):
        with_thresholds(spec, own[0][:-1], own[1])
    with pytest.raises(ValueError, match="shorter"):
        with_thresholds(spec, own[0], own[1][:-1])


BIAS = np.array([0.5, 0.5, -0.5, 0.3, -0.3, 0.0, 0.0])


def counts(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Windows of 1 to 5 instruments whose probabilities are right once ``1.5 z + BIAS`` is done."""
    z = rng.normal(0, 2, (n, 7))
    z[:, [0, 6]] = -9.0
    polyphony = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    right = np.exp(1.5 * z + BIAS)
    right /= right.sum(axis=1, keepdims=True)
    count = (right.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return polyphony, count


def test_the_correction_finds_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.polyphony._PULL", 0.0)
    polyphony, count = counts(20_000, RNG(5))
    found = fit_correction(polyphony, count)
    assert found.scale == pytest.approx(1.5, rel=0.05)
    # That every count weighs the same shifts what is frequent down.
    wanted = BIAS[1:6] - np.log(np.bincount(count, minlength=7)[1:6])
    got = np.array(found.bias[1:6])
    np.testing.assert_allclose(got - got.mean(), wanted - wanted.mean(), atol=0.1)
    assert found.bias[0] == found.bias[1]
    assert found.bias[6] == found.bias[5]


@pytest.mark.parametrize("wrong", ["one half", "the other"])
def test_a_correction_that_fails_other_sources_is_left_out(wrong: str) -> None:
    polyphony, count = counts(4000, RNG(6))
    sources = [frozenset([f"source {n % 8}"]) for n in range(len(count))]
    assert correction_that_holds(polyphony, count, sources, RNG(0)) is not None
    # One half of the sources is told one count too many with certainty, the other is right.
    shuffled = RNG(0).permutation(sorted({f"source {n}" for n in range(8)})).tolist()
    half = set(shuffled[:4] if wrong == "one half" else shuffled[4:])
    told = np.where([bool(of & half) for of in sources], count % 5 + 1, count)
    sure = np.full((len(count), 7), 0.02)
    sure[np.arange(len(count)), told] = 0.88
    assert correction_that_holds(sure, count, sources, RNG(0)) is None


@pytest.mark.parametrize("first", [0.4, 1.6])
def test_a_correction_must_hold_from_either_half_to_the_other(first: float) -> None:
    """One half needs four times the other's: what is right for the weak one helps the strong
    one a little, and the other way round does more harm."""
    shift = np.array([0.0, 1.5, -1.5, 1.0, -1.0, 0.0, 0.0])

    def half(seed: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
        rng = RNG(seed)
        z = rng.normal(0, 1, (1500, 7))
        z[:, [0, 6]] = -9.0
        said, right = np.exp(z), np.exp(z + strength * shift)
        right /= right.sum(axis=1, keepdims=True)
        count = (right.cumsum(axis=1) < rng.random((1500, 1))).sum(axis=1)
        return said / said.sum(axis=1, keepdims=True), count

    weak, strong = half(1, 0.4), half(2, 1.6)
    halves = (weak, strong) if first == 0.4 else (strong, weak)
    polyphony, count = (np.concatenate(both) for both in zip(*halves, strict=True))
    names = RNG(0).permutation(sorted({f"source {n}" for n in range(8)})).tolist()
    sources = [frozenset([names[4 * (n >= 1500) + n % 4]]) for n in range(3000)]
    assert correction_that_holds(polyphony, count, sources, RNG(0)) is None


def test_one_source_cannot_hold_a_correction() -> None:
    polyphony, count = counts(200, RNG(6))
    one = [frozenset(["alone"])] * len(count)
    assert correction_that_holds(polyphony, count, one, RNG(0)) is None


def test_windows_of_both_halves_decide_nothing() -> None:
    """Half of their sources are of either: they are told wrongly, and only they."""
    polyphony, count = counts(3000, RNG(6))
    names = RNG(0).permutation(sorted({f"source {n}" for n in range(8)})).tolist()
    sources = [frozenset([names[n % 8]]) for n in range(len(count))]
    mixed = [frozenset([names[n % 4], names[4 + n % 4]]) for n in range(len(count))]
    sure = np.full((len(count), 7), 0.02)
    sure[np.arange(len(count)), count] = 0.88
    both = np.concatenate([polyphony, sure])
    told = np.concatenate([count, (count + 1) % 5 + 1])
    assert correction_that_holds(polyphony, count, sources, RNG(0)) is not None
    assert correction_that_holds(both, told, [*sources, *mixed], RNG(0)) is not None


def test_folded_into_the_weights_it_gives_the_formula_s_logits() -> None:
    torch.manual_seed(0)
    model = InstrumentTagger().eval()
    audio = 0.1 * torch.randn(4, 16_000)
    correction = Correction(1.7, (0.1, 0.2, -0.3, 0.4, -0.5, 0.6, -0.7))
    with torch.no_grad():
        before = model(audio)
        fold(model, correction)
        after = model(audio)
    wanted = 1.7 * before.polyphony + torch.tensor(correction.bias)
    torch.testing.assert_close(after.polyphony, wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(after.instruments, before.instruments)
    torch.testing.assert_close(after.families, before.families)
