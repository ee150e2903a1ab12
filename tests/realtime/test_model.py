"""The model file: what is accepted, what is refused in one sentence, and that it stays loaded."""

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime import taxonomy
from realtime.errors import TuttiError
from realtime.model import BATCH_WINDOWS, TagModel


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, (n, 16_000)).astype(np.float32)


def one_sentence(error, name):
    text = str(error.value)
    assert name in text
    assert "\n" not in text
    assert text.endswith(".")
    return True


def test_it_hears_what_the_file_says(tone_model_path, tones):
    model = TagModel(tone_model_path)
    assert (model.spec.name, model.spec.version) == ("tones", "1.2.3")
    windows = np.stack([tones(["piano"]), tones(["flute", "horn", "bass"])])
    scores = model.infer(windows)
    found = [{taxonomy.INSTRUMENTS[i] for i in np.flatnonzero(r > 0.5)} for r in scores.instruments]
    assert found == [{"piano"}, {"flute", "horn", "bass"}]
    assert scores.polyphony.argmax(axis=1).tolist() == [1, 3]
    np.testing.assert_allclose(scores.polyphony.sum(axis=1), 1.0, atol=1e-5)
    assert [a.dtype for a in (scores.instruments, scores.families)] == [np.float32] * 2


@pytest.mark.parametrize("count", [0, 1, BATCH_WINDOWS - 1, BATCH_WINDOWS, 2 * BATCH_WINDOWS + 3])
def test_batches_do_not_change_the_scores(tone_model_path, count):
    model = TagModel(tone_model_path)
    windows = noise(count)
    together = model.infer(windows)
    assert len(together) == count
    assert together.instruments.shape == (count, 24)
    assert together.polyphony.dtype == np.float32
    assert together.families.shape == (count, 8)
    assert together.polyphony.shape == (count, 7)
    for i in range(count):
        alone = model.infer(windows[i : i + 1])
        np.testing.assert_allclose(together.instruments[i], alone.instruments[0], atol=1e-5)


@pytest.mark.parametrize("shape", [(16_000,), (1, 8_000), (1, 1, 16_000)])
def test_windows_of_another_shape_are_a_programming_error(tone_model_path, shape):
    with pytest.raises(ValueError, match="windows must be"):
        TagModel(tone_model_path).infer(np.zeros(shape, np.float32))


def test_replacing_the_file_does_no_harm(make_tone_model, tmp_path, tones):
    path = make_tone_model(tmp_path / "m.onnx")
    model = TagModel(path)
    before = model.infer(tones(["cello"])[None])
    for replace in (lambda: path.write_bytes(b"something else"), path.unlink):
        replace()
        after = model.infer(tones(["cello"])[None])
        np.testing.assert_array_equal(before.instruments, after.instruments)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(TuttiError) as missing:
        TagModel(tmp_path / "none.onnx")
    assert one_sentence(missing, "none.onnx")
    with pytest.raises(TuttiError) as folder:
        TagModel(tmp_path)
    assert one_sentence(folder, str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\x08\x09" * 500, b"\x00" * 100_000])
def test_something_else_than_a_model(tmp_path, content):
    path = tmp_path / "no.onnx"
    path.write_bytes(content)
    with pytest.raises(TuttiError) as refused:
        TagModel(path)
    assert one_sentence(refused, "no.onnx")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_truncated_or_changed_model_is_refused_or_runs(tone_model_path, tmp_path, data):
    content = bytearray(tone_model_path.read_bytes())
    if data.draw(st.booleans(), "cut"):
        content = content[: data.draw(st.integers(0, len(content) - 1), "at")]
    else:
        # The head holds the graph and the tail the metadata; the middle is only weights.
        edge = st.one_of(st.integers(0, 3_000), st.integers(len(content) - 3_000, len(content) - 1))
        for place in data.draw(st.lists(edge, min_size=1, max_size=5), "places"):
            content[place] = data.draw(st.integers(0, 255), "byte")
    path = tmp_path / "fuzzed.onnx"
    path.write_bytes(bytes(content))
    try:
        scores = TagModel(path).infer(noise(1))
    except TuttiError:
        return
    assert np.isfinite(scores.instruments).all()


def test_a_size_named_in_no_alphabet_is_refused(tone_model_path, tmp_path):
    model = onnx.load(tone_model_path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    path = tmp_path / "size.onnx"
    content = model.SerializeToString()
    assert b"\x05batch" in content
    path.write_bytes(content.replace(b"\x05batch", b"\x05\x80atch"))
    with pytest.raises(TuttiError, match="damaged") as refused:
        TagModel(path)
    assert one_sentence(refused, "size.onnx")


def test_a_foreign_onnx_file_is_named(tone_model_path, tmp_path):
    model = onnx.load(tone_model_path)
    del model.metadata_props[:]
    path = tmp_path / "foreign.onnx"
    onnx.save(model, path)
    with pytest.raises(TuttiError, match="not a Tutti model") as refused:
        TagModel(path)
    assert one_sentence(refused, "foreign.onnx")


@pytest.mark.parametrize(
    "changes",
    [
        {"instruments": taxonomy.INSTRUMENTS[:5]},
        {"families": taxonomy.FAMILIES[:2]},
        {"window_s": 0.5},
        {"sample_rate_hz": 22_050},
        {"polyphony": ("0", "1", "2+")},
    ],
)
def test_a_graph_that_is_not_what_its_metadata_says(make_tone_model, tmp_path, changes):
    path = make_tone_model(tmp_path / "other.onnx", **changes)
    with pytest.raises(TuttiError) as refused:
        TagModel(path)
    assert one_sentence(refused, "other.onnx")


@pytest.mark.parametrize("change", ["rename_input", "rename_output", "fixed_batch", "int_input"])
def test_a_graph_of_another_signature(tone_model_path, tmp_path, change):
    model = onnx.load(tone_model_path)
    if change == "rename_input":
        for node in model.graph.node:
            node.input[:] = ["sound" if name == "audio" else name for name in node.input]
        model.graph.input[0].name = "sound"
    elif change == "rename_output":
        model.graph.node[-1].output[0] = "count_"
        model.graph.output[2].name = "count_"
    elif change == "fixed_batch":
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = 4
    else:
        model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    path = tmp_path / "signature.onnx"
    onnx.save(model, path)
    with pytest.raises(TuttiError) as refused:
        TagModel(path)
    assert one_sentence(refused, "signature.onnx")
    promised = "instruments [batch, 24], families [batch, 8], polyphony [batch, 7]"
    assert promised in str(refused.value) or change == "int_input"  # no runtime opens that one


def test_scores_that_are_not_numbers_are_refused(tone_model_path):
    broken = noise(2)
    broken[1, 7] = np.nan
    with pytest.raises(TuttiError, match="not\\s+numbers"):
        TagModel(tone_model_path).infer(broken)


def test_one_thread_and_no_spinning(tone_model_path):
    options = TagModel(tone_model_path)._session.get_session_options()
    assert options.intra_op_num_threads == options.inter_op_num_threads == 1
    for kind in ("intra", "inter"):
        assert options.get_session_config_entry(f"session.{kind}_op.allow_spinning") == "0"
