"""Export: the file computes what the network computes, says what it is, and is small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.pipeline import calibration_windows
from export.quantize import quantize
from export.to_onnx import export_onnx
from export.verify import compare, onnx_scores, torch_scores
from realtime.cli import main
from realtime.engine import Engine
from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.sources.synthetic import SyntheticSource, tone
from realtime.spec import METADATA_KEY, ModelSpec
from realtime.tagger import Tagger
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.models.tagger import InstrumentTagger, NetworkConfig

SPEC = ModelSpec(
    name="test",
    version="0.0.1",
    instruments=INSTRUMENTS,
    families=FAMILIES,
    thresholds=dict.fromkeys(INSTRUMENTS, 0.5),
    family_thresholds=dict.fromkeys(FAMILIES, 0.5),
    data_sources=("tones",),
)


def windows(n: int) -> np.ndarray:
    """Tones and noise at levels from -60 to 0 dBFS."""
    rng = np.random.default_rng(0)
    time_s = np.arange(16_000) / 16_000
    hz = rng.uniform(80, 4000, (n, 1))
    sound = np.sin(2 * np.pi * hz * time_s) + 0.1 * rng.normal(size=(n, 16_000))
    return (sound * 10 ** rng.uniform(-3, -0.3, (n, 1))).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> InstrumentTagger:
    """A network with settled norms and livelier heads than at the start."""
    torch.manual_seed(0)
    model = InstrumentTagger(NetworkConfig())
    with torch.no_grad():
        for _ in range(3):
            model(torch.from_numpy(windows(32)))
    return model.eval()


@pytest.fixture(scope="module")
def exported(model: InstrumentTagger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "model.fp32.onnx"
    reference = torch_scores(model, windows(24))
    export_onnx(model, SPEC, path)
    np.save(path.with_suffix(".npy"), reference.instruments)
    return path


def test_fp32_is_the_network(exported: Path) -> None:
    reference = np.load(exported.with_suffix(".npy"))
    scores = onnx_scores(exported, windows(24))
    np.testing.assert_allclose(scores.instruments, reference, atol=1e-4)
    np.testing.assert_allclose(scores.polyphony.sum(axis=1), 1.0, atol=1e-5)


def test_level_does_not_change_the_scores(exported: Path) -> None:
    loud = windows(8) * 0.25 / np.abs(windows(8)).max(axis=1, keepdims=True)
    gap = np.abs(
        onnx_scores(exported, loud).instruments - onnx_scores(exported, 0.004 * loud).instruments
    )
    assert gap.max() < 0.03


def test_int8_is_where_it_should_be_and_the_metadata_stays(exported: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.int8.onnx"
    quantize(exported, target, windows(64), InstrumentTagger.int8)
    graph = onnx.load(str(target))
    assert {p.key: p.value for p in graph.metadata_props} == SPEC.to_metadata()
    producers = {output: node.op_type for node in graph.graph.node for output in node.output}
    products = [node for node in graph.graph.node if node.op_type in ("Conv", "MatMul", "Gemm")]
    # The second input holds the weights; the first may come out of an int8 block.
    int8 = {node.name for node in products if producers.get(node.input[1]) == "DequantizeLinear"}
    assert len(int8) == 12
    float32 = {node.name for node in products} - int8
    for kept in ("/filters/", "/stem/", "/stages.2/blocks.1/", "/stages.3/", "/head/"):
        named = {node.name for node in products if kept in node.name}
        assert named
        assert named <= float32, kept
    assert target.stat().st_size < 0.95 * exported.stat().st_size
    plain, small = onnx_scores(exported, windows(24)), onnx_scores(target, windows(24))
    assert compare(plain, small, np.full(24, 0.5, np.float32)).mean < 0.02


def test_calibration_hears_sound_that_begins_and_ends_in_silence() -> None:
    plain = windows(600)
    chosen = calibration_windows(plain)
    edges = chosen[600:]
    np.testing.assert_array_equal(chosen[:600], plain)
    assert len(edges) == 200
    silent = (edges == 0.0).mean(axis=1)
    assert silent.min() > 0.69
    assert silent.max() < 0.98
    starts_silent = edges[:, 0] == 0.0
    assert 0.3 < starts_silent.mean() < 0.7


def test_files_stay_under_4_mb(exported: Path) -> None:
    assert exported.stat().st_size < 4_000_000


def test_the_file_says_what_it_is(exported: Path) -> None:
    metadata = {p.key: p.value for p in onnx.load(str(exported)).metadata_props}
    assert ModelSpec.from_metadata(metadata, "it") == SPEC
    assert METADATA_KEY in metadata


def test_a_file_hears_half_seconds_as_the_network_does(
    model: InstrumentTagger, exported: Path, tmp_path: Path
) -> None:
    halves = windows(6)[:, :8_000].copy()
    expected = torch_scores(model, halves)
    fast = TagModel(exported, fast=True)
    assert fast.spec == replace(SPEC, window_s=0.5)
    scores = fast.infer(halves)
    np.testing.assert_allclose(scores.instruments, expected.instruments, atol=1e-4)
    np.testing.assert_allclose(scores.polyphony, expected.polyphony, atol=1e-4)
    with pytest.raises(ValueError, match=r"windows must be \(n, 8000\)"):
        fast.infer(windows(2))
    with pytest.raises(ValueError, match=r"windows must be \(n, 16000\)"):
        TagModel(exported).infer(halves)
    int8 = tmp_path / "model.int8.onnx"
    quantize(exported, int8, windows(64), InstrumentTagger.int8)
    small = TagModel(int8, fast=True).infer(halves)
    assert np.abs(small.instruments - scores.instruments).mean() < 0.02


def test_fast_mode_tags_a_file_by_half_seconds(exported: Path) -> None:
    sound = np.concatenate(list(windows(3)))
    timeline = Tagger(TagModel(exported, fast=True), hop_s=0.25).tag(sound, 16_000)
    np.testing.assert_allclose(timeline.start_s, np.arange(11) * 0.25)
    np.testing.assert_allclose(timeline.end_s - timeline.start_s, 0.5)
    apart = Tagger(TagModel(exported, fast=True), hop_s=1.0).tag(sound[:40_000], 16_000)
    # Half of each second: the rest of the last one, at 2.0 s, is half a second long.
    np.testing.assert_allclose(apart.start_s, [0.0, 1.0, 2.0])
    assert len(Tagger(TagModel(exported, fast=True), hop_s=1.0).tag(sound[:28_000], 16_000)) == 2


def test_a_file_of_whole_seconds_refuses_the_fast_mode(
    tone_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = Path(__file__).parents[2] / "realtime" / "assets" / "demo.ogg"
    assert main(["tag", str(demo), "--model", str(tone_model_path), "--fast"]) == 2
    said = capsys.readouterr().err
    assert "hears whole seconds only" in said
    assert len(said.strip().splitlines()) == 1


def test_an_engine_keeps_to_one_length_of_window(exported: Path) -> None:
    engine = Engine(TagModel(exported), SyntheticSource(tone(440, 16_000), 16_000))
    with pytest.raises(TuttiError, match=r"windows of 0.5 s, the one before 1 s"):
        engine.set_model(TagModel(exported, fast=True))
