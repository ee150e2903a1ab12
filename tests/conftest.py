"""No screen, one thread per library and no verdicts on speed, set before any test module is
imported; and a model whose answers are known: it hears pure tones, one for each instrument."""

import ctypes
import os
import signal
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background by a shell: the commands under test would not hear Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # Started with nohup: they would not hear a terminal close.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Programs under test write as a user's do: through a buffer where nobody looks.
os.environ.pop("PYTHONUNBUFFERED", None)

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from realtime import taxonomy
from realtime.spec import POLYPHONY_LABELS, WINDOW_SAMPLES, ModelSpec

# A busy machine must not fail a test, nor a change that an unlucky draw did not come from.
settings.register_profile(
    "tutti",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tutti")

TONE_HZ = {name: 300.0 * (1 + i) for i, name in enumerate(taxonomy.INSTRUMENTS)}


def tone_spec(**changes: Any) -> ModelSpec:
    """The specification of the tone model."""
    values = {
        "name": "tones",
        "version": "1.2.3",
        "instruments": taxonomy.INSTRUMENTS,
        "families": taxonomy.FAMILIES,
        "thresholds": dict.fromkeys(taxonomy.INSTRUMENTS, 0.5),
        "family_thresholds": dict.fromkeys(taxonomy.FAMILIES, 0.5),
    }
    return ModelSpec(**(values | changes))


def save_tone_model(path: Path, spec: ModelSpec) -> Path:
    """Share of the window's power at each tone -> steep sigmoid; families and count by sums.

    Up to six equal tones are each found with 0.99 or more; what is not there gets 0.01 or less.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    t = np.arange(WINDOW_SAMPLES) / 16_000
    hz = np.array(list(TONE_HZ.values()))
    scale = np.sqrt(2 / WINDOW_SAMPLES)
    member = np.array([[taxonomy.FAMILY_OF[i] == f for f in taxonomy.FAMILIES] for i in TONE_HZ])
    constants = {
        "cos": (np.cos(2 * np.pi * np.outer(t, hz)) * scale).astype(np.float32),
        "sin": (np.sin(2 * np.pi * np.outer(t, hz)) * scale).astype(np.float32),
        "tiny": np.float32(1e-20),
        "middle": np.float32(0.08),
        "steep": np.float32(80),
        "zero": np.float32(0),
        "one": np.float32(1),
        "member": member.astype(np.float32),
        "counts": np.arange(len(POLYPHONY_LABELS), dtype=np.float32)[None, :],
        "minus4": np.float32(-4),
        "axis": np.array([1], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("MatMul", ["audio", "cos"], ["c"]),
        node("MatMul", ["audio", "sin"], ["s"]),
        node("Mul", ["c", "c"], ["cc"]),
        node("Mul", ["s", "s"], ["ss"]),
        node("Add", ["cc", "ss"], ["power"]),
        node("ReduceSumSquare", ["audio", "axis"], ["energy"], keepdims=1),
        node("Add", ["energy", "tiny"], ["total"]),
        node("Div", ["power", "total"], ["share"]),
        node("Sub", ["share", "middle"], ["centred"]),
        node("Mul", ["centred", "steep"], ["logits"]),
        node("Sigmoid", ["logits"], ["instruments"]),
        node("MatMul", ["instruments", "member"], ["sums"]),
        node("Clip", ["sums", "zero", "one"], ["families"]),
        node("ReduceSum", ["instruments", "axis"], ["count"], keepdims=1),
        node("Sub", ["counts", "count"], ["off"]),
        node("Mul", ["off", "off"], ["off2"]),
        node("Mul", ["off2", "minus4"], ["count_logits"]),
        node("Softmax", ["count_logits"], ["polyphony"], axis=1),
    ]

    def value(name: str, width: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])

    graph = helper.make_graph(
        nodes,
        "tones",
        [value("audio", WINDOW_SAMPLES)],
        [value("instruments", 24), value("families", 8), value("polyphony", 7)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, spec.to_metadata())
    onnx.save(model, path)
    return path


@pytest.fixture(autouse=True)
def _subnormals_on() -> Iterator[None]:
    """A plugin built with -ffast-math turns subnormal floats off for the thread that loads it;
    the tests after it must not notice."""
    yield
    if sys.platform == "linux":
        default_environment = ctypes.c_void_p(-1)  # FE_DFL_ENV
        ctypes.CDLL("libm.so.6").fesetenv(default_environment)


@pytest.fixture(scope="session")
def tone_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file that finds the tones of ``tones``."""
    return save_tone_model(tmp_path_factory.mktemp("model") / "tones.onnx", tone_spec())


@pytest.fixture(scope="session")
def make_tone_model() -> Callable[..., Path]:
    """``make_tone_model(path, **changes of its specification)`` writes a variant."""
    return lambda path, **changes: save_tone_model(path, tone_spec(**changes))


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return tone_spec()


@pytest.fixture(scope="session")
def tones() -> Callable[..., np.ndarray]:
    """``tones(["piano", "flute"], seconds, rate_hz, amplitude)``: float32 (frames,)."""

    def make(names, seconds=1.0, rate_hz=16_000, amplitude=0.1):  # type: ignore[no-untyped-def]
        t = np.arange(round(seconds * rate_hz)) / rate_hz
        total = sum((np.sin(2 * np.pi * TONE_HZ[name] * t) for name in names), np.zeros(len(t)))
        return (amplitude * total).astype(np.float32)

    return make
