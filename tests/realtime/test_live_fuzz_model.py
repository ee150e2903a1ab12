"""Model files with malformed content: refused with one sentence, or a specification that holds."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.spec import METADATA_KEY, WINDOW_SAMPLES, ModelSpec

BUNDLED = Path(__file__).parents[2] / "realtime" / "assets" / "tutti.int8.onnx"
CONTENT = BUNDLED.read_bytes()
KNOWN = json.loads(TagModel().spec.to_metadata()[METADATA_KEY])
MANY = settings(
    max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def check_usable(spec: ModelSpec) -> None:
    """What every reader of a specification relies on."""
    assert spec.sample_rate_hz > 0
    assert spec.window_s > 0
    assert all(0.0 <= spec.thresholds[name] <= 1.0 for name in spec.instruments)
    assert all(0.0 <= spec.family_thresholds[name] <= 1.0 for name in spec.families)
    assert len(spec.instruments) > 0
    assert all(isinstance(name, str) for name in (*spec.instruments, *spec.families))
    json.loads(spec.to_metadata()[METADATA_KEY])


def check_metadata(text: str) -> None:
    refused = ""
    try:
        check_usable(ModelSpec.from_metadata({METADATA_KEY: text}, "model.onnx"))
    except TuttiError as error:
        refused = str(error)
    assert refused == "" or refused.startswith("model.onnx ")
    assert "\n" not in refused.strip()


@MANY
@given(text=st.text(max_size=200))
def test_metadata_of_any_text(text):
    """Model metadata of any text, at random: refused with one sentence."""
    check_metadata(text)


@MANY
@given(document=values)
def test_metadata_of_any_json(document):
    """Model metadata of any JSON, at random: refused with one sentence."""
    check_metadata(json.dumps(document))


@MANY
@given(key=st.sampled_from(sorted(KNOWN)), value=values)
def test_metadata_with_one_wrong_value(key, value):
    """Model metadata with one wrong value: refused with one sentence, or usable."""
    check_metadata(json.dumps(KNOWN | {key: value}))


@MANY
@given(key=st.sampled_from(sorted(KNOWN)))
def test_metadata_with_one_value_missing(key):
    """Model metadata with one value missing: refused with one sentence, or usable."""
    check_metadata(json.dumps({name: KNOWN[name] for name in KNOWN if name != key}))


@MANY
@given(where=st.integers(0, len(CONTENT) - 1), length=st.integers(1, 64), seed=st.integers(0, 999))
def test_file_with_flipped_bytes(tmp_path, where, length, seed):
    """Model files with bytes changed anywhere: a model that still infers, or one sentence."""
    damaged = bytearray(CONTENT)
    damaged[where : where + length] = np.random.default_rng(seed).bytes(length)
    check_file(tmp_path / "model.onnx", bytes(damaged))


@MANY
@given(length=st.integers(0, len(CONTENT) - 1))
def test_file_cut_short(tmp_path, length):
    """Model files cut short anywhere: refused with one sentence."""
    check_file(tmp_path / "model.onnx", CONTENT[:length])


@MANY
@given(content=st.binary(max_size=400))
def test_file_of_any_bytes(tmp_path, content):
    """Model files of any bytes: refused with one sentence."""
    check_file(tmp_path / "model.onnx", content)


def test_header_that_claims_four_gigabytes(tmp_path):
    """Model files that claim 4 GB: a protobuf length allocates nothing of the kind."""
    tracemalloc.start()
    check_file(tmp_path / "model.onnx", CONTENT[:16] + b"\x3a\xff\xff\xff\xff\x0f" + CONTENT[16:])
    check_file(tmp_path / "model.onnx", b"\x3a\xff\xff\xff\xff\x0f" + CONTENT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def check_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused = ""
    try:
        model = TagModel(path)
        scores = model.infer(np.zeros((1, WINDOW_SAMPLES), np.float32))
        check_usable(model.spec)
        assert len(scores) == 1
    except TuttiError as error:
        refused = str(error)
    assert "\n" not in refused.strip()


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"RIFF\xff\xff\xff\xffWAVEfmt "])
def test_file_that_is_no_model(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(TuttiError, match="model.onnx"):
        TagModel(tmp_path / "model.onnx")
