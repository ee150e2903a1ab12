"""The document of issue 1, exactly; times that add up."""

import json

import numpy as np
import pytest

from realtime import taxonomy
from realtime.levels import LevelReading
from realtime.postprocess import Tags, expected_polyphony
from realtime.spec import POLYPHONY_LABELS
from realtime.timeline import Timeline

LOUD = LevelReading(-20.0, -10.0, clipped=False, silent=False, exact_zeros=False)


def tags(start_s, end_s, seed=0, **probabilities):
    rng = np.random.default_rng(seed)
    polyphony = rng.dirichlet(np.ones(7)).astype(np.float32)
    instruments = np.array([probabilities.get(name, 0.0) for name in taxonomy.INSTRUMENTS], "f4")
    return Tags(
        start_s=start_s,
        end_s=end_s,
        instruments=instruments,
        families=rng.random(8, dtype=np.float32),
        polyphony=polyphony,
        polyphony_expected=expected_polyphony(polyphony),
        level=LOUD,
    )


@pytest.fixture
def timeline(spec):
    """Piano throughout, flute in the second and third of four windows; 2.3 s."""
    return Timeline(
        (
            tags(0.0, 1.0, 0, piano=0.9, flute=0.1),
            tags(0.5, 1.5, 1, piano=0.8, flute=0.5),
            tags(1.0, 2.0, 2, piano=0.7, flute=0.8),
            tags(1.5, 2.3, 3, piano=0.6123456, flute=0.2),
        ),
        spec,
        "mix.wav",
        2.3,
    )


def test_the_document_has_exactly_the_agreed_keys(timeline):
    document = timeline.to_document()
    assert list(document) == ["schema", "file", "duration_s", "model", "windows", "summary"]
    assert document["schema"] == 1
    assert document["file"] == "mix.wav"
    assert document["duration_s"] == 2.3
    assert document["model"] == {"name": "tones", "version": "1.2.3"}
    assert len(document["windows"]) == 4
    for window in document["windows"]:
        assert list(window) == [
            "start_s", "end_s", "instruments", "families", "polyphony", "polyphony_expected",
        ]  # fmt: skip
        assert tuple(window["instruments"]) == taxonomy.INSTRUMENTS
        assert tuple(window["families"]) == taxonomy.FAMILIES
        assert tuple(window["polyphony"]) == POLYPHONY_LABELS
    assert list(document["summary"]) == ["instruments", "polyphony_mean"]
    assert tuple(document["summary"]["instruments"]) == taxonomy.INSTRUMENTS
    for one in document["summary"]["instruments"].values():
        assert list(one) == ["probability", "present", "active_s"]


def test_the_document_survives_json_and_numbers_have_four_decimals(timeline):
    document = timeline.to_document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document

    def numbers(value):
        if isinstance(value, dict):
            for item in value.values():
                yield from numbers(item)
        elif isinstance(value, list):
            for item in value:
                yield from numbers(item)
        elif isinstance(value, float):
            yield value

    assert all(round(number, 4) == number for number in numbers(document))
    assert document["windows"][3]["instruments"]["piano"] == 0.6123


def test_the_summary_is_the_mean_and_the_union_of_hops(timeline):
    summary = timeline.summary()
    assert summary["piano"].probability == pytest.approx((0.9 + 0.8 + 0.7 + 0.6123456) / 4)
    assert summary["piano"].present
    assert summary["piano"].active_s == pytest.approx(2.3)
    assert summary["flute"].probability == pytest.approx(0.4)
    assert not summary["flute"].present
    assert summary["flute"].active_s == pytest.approx(1.0)  # at the threshold counts
    assert summary["voice"].active_s == 0.0


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.7, 0.9])
def test_a_probability_at_the_threshold_counts(spec, threshold):
    """Also where it has no exact binary form."""
    from dataclasses import replace

    spec = replace(spec, thresholds=dict.fromkeys(taxonomy.INSTRUMENTS, threshold))
    one = Timeline((tags(0.0, 1.0, piano=threshold),), spec, "x", 1.0)
    assert one.active()[0, taxonomy.INSTRUMENTS.index("piano")]


def test_the_mean_of_a_long_file_is_exact(spec):
    piece = (tags(0.0, 1.0, piano=0.1),) * 20_000
    mean = Timeline(piece, spec, "x", 1.0).summary()["piano"].probability
    assert mean == pytest.approx(float(np.float32(0.1)), rel=1e-9)


def test_each_second_counts_once(timeline):
    np.testing.assert_allclose(timeline.share_s, [0.5, 0.5, 0.5, 0.8])
    assert timeline.share_s.sum() == pytest.approx(timeline.duration_s)


def test_thresholds_are_those_of_the_model(spec, timeline):
    from dataclasses import replace

    strict = replace(spec, thresholds=dict(spec.thresholds) | {"piano": 0.75})
    changed = Timeline(timeline.tags, strict, "mix.wav", 2.3)
    assert changed.summary()["piano"].present
    assert changed.summary()["piano"].active_s == pytest.approx(1.0)


def test_views_have_their_shapes(timeline):
    assert len(timeline) == 4
    assert timeline.instruments.shape == (4, 24)
    assert timeline.families.shape == (4, 8)
    assert timeline.polyphony.shape == (4, 7)
    assert timeline.start_s.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert timeline.end_s.tolist() == [1.0, 1.5, 2.0, 2.3]
    assert timeline.polyphony_mean == pytest.approx(timeline.polyphony_expected.mean())
    assert timeline.active().sum() == 4 + 2
