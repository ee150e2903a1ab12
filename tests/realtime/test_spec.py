"""A specification survives its trip through a model file; anything else is refused."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.spec import METADATA_KEY, MODEL_SCHEMA, ModelSpec


def document(spec, **changes):
    """The metadata of a specification with entries changed; ``...`` removes one."""
    entries = json.loads(spec.to_metadata()[METADATA_KEY]) | changes
    return {METADATA_KEY: json.dumps({k: v for k, v in entries.items() if v is not ...})}


def test_there_and_back(spec):
    full = replace(
        spec, recipe="log_mag", windows_seen=10**9, data_sources=("a", "b"), quantisation="int8"
    )
    assert ModelSpec.from_metadata(full.to_metadata(), "m.onnx") == full


def test_an_entry_of_a_later_version_does_no_harm(spec):
    assert ModelSpec.from_metadata(document(spec, colour="blue"), "m.onnx") == spec


def test_a_file_holds_the_fields_and_nothing_else(spec):
    (entries,) = (json.loads(text) for text in spec.to_metadata().values())
    assert set(entries) == {field.name for field in fields(ModelSpec)}
    assert entries["thresholds"] == dict(spec.thresholds)


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_thresholds_may_be_0_and_1(spec, edge):
    metadata = document(spec, thresholds=dict.fromkeys(spec.instruments, edge))
    assert ModelSpec.from_metadata(metadata, "m.onnx").thresholds["voice"] == edge


def test_no_metadata_is_another_model():
    with pytest.raises(TuttiError, match=r"m\.onnx is not a Tutti model"):
        ModelSpec.from_metadata({"author": "x"}, "m.onnx")


@pytest.mark.parametrize("schema", [0, MODEL_SCHEMA + 1, "1", None])
def test_another_schema_is_refused_by_number(spec, schema):
    with pytest.raises(TuttiError, match=r"m\.onnx uses model schema"):
        ModelSpec.from_metadata(document(spec, schema=schema), "m.onnx")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": ...},
        {"name": ...},
        {"instruments": []},
        {"instruments": 3},
        {"families": []},
        {"thresholds": {}},
        {"thresholds": ...},
        {"thresholds": None},
        {"thresholds": {"voice": 2.0}},
        {"family_thresholds": {}},
        {"sample_rate_hz": 0},
        {"sample_rate_hz": "fast"},
        {"window_s": -1.0},
        {"window_s": float("nan")},
        {"hop_s": float("inf")},
    ],
)
def test_damaged_metadata_is_named(spec, changes):
    with pytest.raises(TuttiError, match=r"m\.onnx") as refused:
        ModelSpec.from_metadata(document(spec, **changes), "m.onnx")
    assert "\n" not in str(refused.value)


def test_a_threshold_above_1_names_its_label(spec):
    thresholds = dict(spec.thresholds) | {"banjo": 1.5}
    with pytest.raises(TuttiError, match="banjo"):
        ModelSpec.from_metadata(document(spec, thresholds=thresholds), "m.onnx")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = [
    "name", "version", "instruments", "families", "thresholds", "family_thresholds",
    "sample_rate_hz", "window_s", "hop_s", "polyphony", "data_sources", "schema", "windows_seen",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_any_json_gives_a_specification_or_a_clear_error(spec, changes):
    try:
        found = ModelSpec.from_metadata(document(spec, **changes), "m.onnx")
    except TuttiError:
        return
    assert found.instruments
    assert found.families


@given(st.text() | st.binary().map(repr))
def test_any_text_gives_a_specification_or_a_clear_error(text):
    with pytest.raises(TuttiError):
        ModelSpec.from_metadata({METADATA_KEY: text}, "m.onnx")
