"""The tagging network as an ONNX file, run by onnxruntime on one thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import FAST_WINDOW_S, SAMPLE_RATE_HZ, WINDOW_S, ModelSpec

BUNDLED_MODEL = "tutti.int8.onnx"
INPUT_NAME = "audio"
OUTPUT_NAMES = ("instruments", "families", "polyphony")
BATCH_WINDOWS = 8
"""Windows per call: a window takes least so, on a processor without int8 dot products 23 % less
than alone and 8 % less than in 32."""


@dataclass(frozen=True)
class Scores:
    """Probabilities of n windows: instruments (n, 24), families (n, 8), polyphony (n, 7)."""

    instruments: NDArray[np.float32]
    families: NDArray[np.float32]
    polyphony: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.instruments)


class TagModel:
    """A model file, read into memory once: replacing the file later does no harm.

    ``path``: an ONNX file made by ``tutti export``; None is the bundled one.
    ``fast``: hear windows of half a second; ``spec.window_s`` says so.

    Raises:
        TuttiError: the file is missing, damaged, made for another version, or hears whole
            seconds only.
    """

    spec: ModelSpec

    def __init__(self, path: Path | str | None = None, *, fast: bool = False) -> None:
        self.path = str(path) if path is not None else None
        origin = self.path or "The bundled model"
        self._samples = round(SAMPLE_RATE_HZ * (FAST_WINDOW_S if fast else WINDOW_S))
        self._session = _open_session(read_model(self.path), origin, self._samples)
        try:
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.spec = ModelSpec.from_metadata(metadata, origin)
            if fast:
                self._check_length(origin)
                self.spec = replace(self.spec, window_s=FAST_WINDOW_S)
            self._check_signature(origin)
        except UnicodeDecodeError as error:  # in the metadata, or in the name of a size
            raise TuttiError(f"{origin} is damaged ({error}): export it again.") from None

    def infer(self, windows: NDArray[np.float32]) -> Scores:
        """Score windows, float32 (n, 16000) at 16 kHz, or (n, 8000) if fast; n may be 0.

        Raises:
            ValueError: the array has another shape.
            TuttiError: the model returned something that is not a number.
        """
        windows = np.ascontiguousarray(windows, dtype=np.float32)
        if windows.ndim != 2 or windows.shape[1] != self._samples:
            raise ValueError(f"windows must be (n, {self._samples}), not {windows.shape}")
        parts = [
            self._run(windows[i : i + BATCH_WINDOWS]) for i in range(0, len(windows), BATCH_WINDOWS)
        ]
        if not parts:
            return Scores(*(np.zeros((0, width), np.float32) for width in self._widths()))
        scores = [np.concatenate(column) for column in zip(*parts, strict=True)]
        if not all(np.isfinite(array).all() for array in scores):
            raise self._broken("returned values that are not numbers")
        return Scores(*scores)

    def _run(self, windows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        try:
            scores: list[NDArray[np.float32]] = self._session.run(
                list(OUTPUT_NAMES), {INPUT_NAME: windows}
            )
        except Exception:  # types of its own again, for a graph that only fails when it runs
            raise self._broken("cannot be run") from None
        return scores

    def _broken(self, how: str) -> TuttiError:
        return TuttiError(
            f"The model {self.spec.name} {self.spec.version} {how}: "
            "use the bundled model, or export this one again."
        )

    def _widths(self) -> tuple[int, int, int]:
        return len(self.spec.instruments), len(self.spec.families), len(self.spec.polyphony)

    def _check_length(self, origin: str) -> None:
        """Refuse the fast mode of a file whose windows are whole seconds."""
        shapes = [node.shape for node in self._session.get_inputs() if node.name == INPUT_NAME]
        if shapes and not _fits(shapes[0], self._samples):
            raise TuttiError(
                f"{origin} hears whole seconds only, as files of before the fast mode do: leave "
                "out --fast, or export the model again."
            )

    def _check_signature(self, origin: str) -> None:
        """Refuse a graph whose inputs and outputs are not what its metadata promises."""
        inputs = {node.name: node for node in self._session.get_inputs()}
        outputs = {node.name: node for node in self._session.get_outputs()}
        expected = dict(zip(OUTPUT_NAMES, self._widths(), strict=True))
        good = (
            self.spec.sample_rate_hz == SAMPLE_RATE_HZ
            and self.spec.window_s * SAMPLE_RATE_HZ == self._samples
            and list(inputs) == [INPUT_NAME]
            and inputs[INPUT_NAME].type == "tensor(float)"
            and _fits(inputs[INPUT_NAME].shape, self._samples)
            and set(expected) <= set(outputs)
            and all(_fits(outputs[name].shape, width) for name, width in expected.items())
        )
        if not good:
            promised = ", ".join(f"{name} [batch, {width}]" for name, width in expected.items())
            raise TuttiError(
                f"{origin} does not take '{INPUT_NAME}' [batch, {self._samples}] at 16 kHz "
                f"and give {promised}: export it again."
            )


def _fits(shape: list[Any], width: int) -> bool:
    """Whether a shape is (free batch, width); a width the graph leaves open is accepted."""
    return len(shape) == 2 and not isinstance(shape[0], int) and shape[1] in (width, None)


def read_model(path: str | None) -> bytes:
    """The bytes of a model file, or of the bundled one; raises TuttiError where there is none."""
    try:
        if path is None:
            return (resources.files("realtime") / "assets" / BUNDLED_MODEL).read_bytes()
        return Path(path).read_bytes()
    except FileNotFoundError:
        if path is None:
            raise TuttiError(
                "The bundled model is missing from this installation: install Tutti again, "
                "or name a model file with --model."
            ) from None
        raise TuttiError(f"{path} does not exist: name a model made by 'tutti export'.") from None
    except IsADirectoryError:
        raise TuttiError(f"{path} is a folder: name the .onnx file inside it.") from None
    except OSError as error:
        raise TuttiError(f"{path} cannot be read ({error.strerror}): check it.") from None


def _open_session(content: bytes, origin: str, samples: int) -> Any:
    # Loaded here so that Scores, and with it the post-processing, cost no runtime.
    from realtime.runtime import open_session

    try:
        return open_session(content, samples=samples)
    except Exception:
        # onnxruntime raises its own unexported exception types, one for each way to be damaged.
        raise TuttiError(
            f"{origin} is not a readable ONNX model: it may be damaged or cut short, "
            "so download or export it again."
        ) from None
