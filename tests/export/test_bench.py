"""``tutti bench``: what it times, what it refuses, and the pages it fills."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from export.bench import program
from export.bench.bench import Plan, bench
from export.bench.machine import flags_of, this_machine
from export.bench.pages import BLOCKS, files, fill, live, tables
from export.bench.program import run_tutti
from export.bench.taggers import modes, open_model, open_peer
from export.bench.windows import in_turns, time_model
from realtime.cli import main
from realtime.errors import TuttiError
from realtime.model import TagModel

TINY = Plan(windows=3, minutes=0.05, clips=2, repeats=1, live_s=0.8)


def onnx_tagger(path: Path, shape: list[object], kind: int = TensorProto.FLOAT) -> Path:
    """A graph that takes the mean of its input."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["sound"], ["mean"])],
        "mean",
        [helper.make_tensor_value_info("sound", kind, shape)],
        [helper.make_tensor_value_info("mean", kind, None)],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


def tflite_tagger(path: Path, samples: int) -> Path:
    """A TFLite file whose one operation is the absolute value of a window."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name: str) -> object:
        made = schema.TensorT()
        made.shape, made.type, made.name = [1, samples], schema.TensorType.FLOAT32, name
        return made

    code, operator, graph = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ABS
    operator.inputs, operator.outputs = [0], [1]
    operator.builtinOptionsType, operator.builtinOptions = (
        schema.BuiltinOptions.AbsOptions,
        schema.AbsOptionsT(),
    )
    graph.tensors, graph.inputs, graph.outputs = [tensor("sound"), tensor("out")], [0], [1]
    graph.operators = [operator]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT()]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def test_calls_take_turns_and_are_timed_apart() -> None:
    order: list[int] = []

    def busy(number: int, seconds: float) -> None:
        order.append(number)
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass

    found = in_turns({3: lambda: busy(3, 0.0), 7: lambda: busy(7, 0.004)}, 12)
    assert order[20:] == [3] * 5 + [7] * 5 + [3] * 5 + [7] * 5 + [3] * 2 + [7] * 2
    assert found[7].p50_ms >= 4.0 > found[3].p50_ms
    assert found[3].runs == found[7].runs == 12
    one_of_many = in_turns({0: lambda: busy(0, 0.004)}, 3, windows=4)[0]
    assert 1.0 <= one_of_many.p50_ms < 4.0


def test_sleep_is_no_processor_time() -> None:
    slept = in_turns({0: lambda: None}, 3, 0.03)[0]
    assert slept.p99_ms < 25.0


def test_a_peer_is_timed_for_the_window_it_takes(tmp_path: Path) -> None:
    free = open_peer(onnx_tagger(tmp_path / "free.onnx", ["batch", 16_000]))
    assert free.window_s == 1.0
    assert free.make(1, 32)().__getitem__(0).shape == (1, 1)  # type: ignore[misc, union-attr]
    single = open_peer(onnx_tagger(tmp_path / "single.onnx", [15_600]))
    assert single.window_s == pytest.approx(0.975)
    assert single.make(1, 32) is None
    assert open_peer(onnx_tagger(tmp_path / "any.onnx", ["n", "m"])).window_s == 1.0
    small = open_peer(tflite_tagger(tmp_path / "small.tflite", 15_600))
    assert small.window_s == pytest.approx(0.975)
    assert small.make(1, 32) is None
    assert small.size_bytes == (tmp_path / "small.tflite").stat().st_size


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("away.onnx", None, "cannot be read"),
        ("notes.txt", lambda path: path.write_text("a"), "give an .onnx or a .tflite file"),
        ("bad.onnx", lambda path: path.write_text("a"), "damaged, or no ONNX file"),
        ("bad.tflite", lambda path: path.write_text("a"), "damaged, or no TFLite file"),
        ("mel.onnx", lambda path: onnx_tagger(path, [1, 1, 64, 96]), "1 x 1 x 64 x 96 numbers"),
        ("few.onnx", lambda path: onnx_tagger(path, [1, 64]), "takes 1 x 64 numbers"),
        ("mel.tflite", lambda path: tflite_tagger(path, 64), "takes 1 x 64 numbers"),
        (
            "words.onnx",
            lambda path: onnx_tagger(path, [1, 16_000], TensorProto.DOUBLE),
            "more, or other, than one sound",
        ),
    ],
)
def test_what_cannot_be_timed_is_one_sentence_and_exit_2(
    name: str, make: object, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if callable(make):
        make(path)
    assert main(["bench", "--quick", "--peer", str(path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert str(path) in error
    assert len(error.strip().splitlines()) == 1


def test_without_litert_a_tflite_peer_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tflite_tagger(tmp_path / "small.tflite", 15_600)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(TuttiError, match=r"pip install 'tutti-meter\[peers\]'"):
        open_peer(path)


def test_everything_is_measured_and_written_into_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "LIVE_START_S", 0.3)
    peer = onnx_tagger(tmp_path / "peer.onnx", ["batch", 16_000])
    steps: list[str] = []
    document = json.loads(json.dumps(bench([], [peer], TINY, steps.append)))
    ours, fast, theirs = document["windows"]
    assert (ours["name"], theirs["name"]) == ("Tutti", "peer.onnx")
    assert fast["warm"]["p50_ms"] > 10 * theirs["warm"]["p50_ms"]
    assert ours["warm"]["p99_ms"] >= ours["warm"]["p50_ms"] > 10 * theirs["warm"]["p50_ms"]
    assert set(ours["cold"]) == {"0.05", "0.5"}
    assert ours["batch"]["p50_ms"] > 0
    names = [part["name"] for part in document["files"]]
    assert len(names) == 4
    assert "2 clips of 3 s in one call" in names
    for part in document["files"]:
        assert part["speed"] == pytest.approx(part["sound_s"] / part["spent"]["passed_s"])
        # The program, and not this process, which has loaded torch besides.
        assert 40 < part["spent"]["memory_mb"] < 200
    assert [one["name"] for one in document["live"]] == ["2 windows/s", "20 windows/s"]
    page = "".join(f"<!-- bench: {name} -->\nold\n<!-- /bench -->\n" for name in BLOCKS)
    filled = fill(page, document)
    assert "old" not in filled
    assert str(this_machine()) in filled
    assert "| peer.onnx |" in filled
    assert fill(filled, document) == filled
    text = tables(document)
    for name in BLOCKS.keys() - {"speed"}:
        assert BLOCKS[name](document) in text
    with pytest.raises(TuttiError, match="no block 'spede'"):
        fill("<!-- bench: spede -->\n<!-- /bench -->", document)


def test_where_programs_cannot_be_measured_the_tables_say_so() -> None:
    assert files({}) == live({}) == "Whole programs are measured on Linux and macOS only."


def test_a_program_that_fails_is_told_and_not_timed(tmp_path: Path) -> None:
    with pytest.raises(TuttiError, match=r"'tutti tag' cannot be measured: .*does not exist"):
        run_tutti("tag", str(tmp_path / "away.wav"))


def test_the_pages_of_the_repository_have_blocks_that_there_are() -> None:
    page = Path(__file__).parents[2] / "docs" / "performance.md"
    text = page.read_text(encoding="utf-8")
    for name in BLOCKS.keys() - {"speed"}:
        assert f"<!-- bench: {name} -->" in text


def test_flags_are_read_from_what_linux_says() -> None:
    assert flags_of("flags\t\t: fpu avx2 fma avx512_vnni sse\n") == ("avx2", "fma", "avx512_vnni")
    assert flags_of("Features\t: fp asimd asimddp\n") == ("asimddp",)
    assert flags_of("") is None


def test_a_file_s_fast_mode_is_timed_where_it_has_one(
    tone_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.window_s for one in modes(tone_model_path)] == [1.0]
    monkeypatch.setattr(TagModel, "_check_length", lambda self, origin: None)
    monkeypatch.setattr(TagModel, "_check_signature", lambda self, origin: None)
    found = [(one.name, one.window_s) for one in modes(tone_model_path)]
    assert found == [("tones.onnx", 1.0), ("tones.onnx, fast mode", 0.5)]


def test_our_own_files_are_timed_by_their_path(tone_model_path: Path) -> None:
    assert open_model(tone_model_path).name == "tones.onnx"
    assert time_model(tone_model_path, 4).runs == 4
    with pytest.raises(TuttiError):
        open_model(tone_model_path.with_name("away.onnx"))
