"""Files that can be timed: our models, and other taggers as ONNX or TFLite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.model import INPUT_NAME, TagModel, read_model
from realtime.runtime import open_session
from realtime.spec import SAMPLE_RATE_HZ, WINDOW_SAMPLES

Call = Callable[[], object]
LEAST_SAMPLES = 4_000
"""An input of fewer is not a stretch of sound."""


@dataclass(frozen=True)
class Timeable:
    """A file, and how to make calls of it.

    ``make(threads, batch)`` gives a call that scores ``batch`` windows, or None where the file
    takes one at a time only.
    """

    name: str
    window_s: float
    size_bytes: int
    make: Callable[[int, int], Call | None]


def open_model(path: Path | None, *, fast: bool = False) -> Timeable:
    """One of our files; None is the bundled one. Raises TuttiError as ``TagModel`` does."""
    content = read_model(None if path is None else str(path))
    window_s = TagModel(path, fast=fast).spec.window_s
    samples = round(window_s * SAMPLE_RATE_HZ)

    def make(threads: int, batch: int) -> Call:
        session, sound = open_session(content, threads, samples), noise(batch, samples)
        return lambda: session.run(None, {INPUT_NAME: sound})

    name = "Tutti" if path is None else path.name
    return Timeable(f"{name}, fast mode" if fast else name, window_s, len(content), make)


def modes(path: Path | None) -> list[Timeable]:
    """A file of ours, and its fast mode if it has one."""
    whole = open_model(path)
    try:
        return [whole, open_model(path, fast=True)]
    except TuttiError:
        return [whole]


def open_peer(path: Path) -> Timeable:
    """Another tagger.

    Raises:
        TuttiError: the file is none of the two kinds, damaged, or does not take sound.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TuttiError(f"{path} cannot be read ({error.strerror}): check the name.") from None
    opened = {".onnx": _onnx, ".tflite": _tflite}.get(path.suffix.lower())
    if opened is None:
        raise TuttiError(f"{path} cannot be timed: give an .onnx or a .tflite file.")
    peer = opened(path, content)
    try:
        call = peer.make(1, 1)
        assert call is not None
        call()
    except Exception as error:  # whatever a foreign file raises when it runs
        raise TuttiError(f"{path} cannot be timed: {_first_line(error)}.") from None
    return peer


def noise(batch: int, samples: int) -> NDArray[np.float32]:
    """Windows of white noise at -20 dBFS; the time does not depend on what is heard."""
    return np.random.default_rng(0).normal(0.0, 0.1, (batch, samples)).astype(np.float32)


def samples_of(path: Path, shape: list[Any]) -> int:
    """Samples in a window, of an input's shape; a second where that is free."""
    *before, last = shape or [None]
    free = not isinstance(last, int) or last < 1
    if len(before) > 1 or any(n not in (1, None, -1) and isinstance(n, int) for n in before):
        raise _no_sound(path, shape)
    if free:
        return WINDOW_SAMPLES
    if last < LEAST_SAMPLES:
        raise _no_sound(path, shape)
    return int(last)


def _no_sound(path: Path, shape: list[Any]) -> TuttiError:
    sizes = " x ".join(str(n) for n in shape)
    return TuttiError(
        f"{path} cannot be timed: it takes {sizes} numbers, not a window of sound."
    )


def _onnx(path: Path, content: bytes) -> Timeable:
    try:
        inputs = open_session(content).get_inputs()
    except Exception:  # onnxruntime raises kinds of its own
        raise TuttiError(f"{path} cannot be timed: it is damaged, or no ONNX file.") from None
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        raise TuttiError(f"{path} cannot be timed: it takes more, or other, than one sound.")
    shape, name = inputs[0].shape, inputs[0].name
    samples = samples_of(path, shape)

    def make(threads: int, batch: int) -> Call | None:
        if batch > 1 and (len(shape) < 2 or isinstance(shape[0], int)):
            return None
        session, sound = open_session(content, threads), noise(batch, samples)
        given = {name: sound if len(shape) > 1 else sound[0]}
        return lambda: session.run(None, given)

    return Timeable(path.name, samples / SAMPLE_RATE_HZ, len(content), make)


def _tflite(path: Path, content: bytes) -> Timeable:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise TuttiError(
            f"{path} cannot be timed without LiteRT: pip install 'tutti-meter[peers]'."
        ) from None

    def opened(threads: int) -> tuple[Any, Any]:
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        return interpreter, interpreter.get_input_details()

    try:
        _, inputs = opened(1)
    except (ValueError, RuntimeError):
        raise TuttiError(f"{path} cannot be timed: it is damaged, or no TFLite file.") from None
    if len(inputs) != 1 or inputs[0]["dtype"] is not np.float32:
        raise TuttiError(f"{path} cannot be timed: it takes more, or other, than one sound.")
    samples = samples_of(path, inputs[0]["shape"].tolist())

    def make(threads: int, batch: int) -> Call | None:
        if batch > 1:
            return None
        interpreter, (given,) = opened(threads)
        sound = noise(1, samples).reshape(given["shape"])

        def call() -> None:
            interpreter.set_tensor(given["index"], sound)
            interpreter.invoke()

        return call

    return Timeable(path.name, samples / SAMPLE_RATE_HZ, len(content), make)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
