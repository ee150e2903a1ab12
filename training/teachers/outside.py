"""A tagger of somebody else's as a teacher: its file, its classes, and which answer for ours.

A folder holds ``NAME.pt2`` (an exported program of torch) or ``NAME.onnx``, taking audio
``[windows, 16000]`` at 16 kHz and giving ``features`` and ``probabilities``; ``NAME.csv`` with
the column ``display_name``, a row a class (where there is none, the one table of the folder that
has as many rows as the tagger has classes); and ``labels.toml``, which says which classes answer
for a label of ours.
"""

from __future__ import annotations

import csv
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from realtime.errors import TuttiError
from realtime.runtime import onnxruntime
from realtime.spec import WINDOW_SAMPLES
from realtime.taxonomy import INSTRUMENTS
from training.teachers.opinion import Opinion, likeliest_member

LABELS = "labels.toml"
_HALF = 0.1
"""A probability so high counts as one half: AudioSet's taggers are sure of little."""

Infer = Callable[[Tensor], tuple[Tensor, Tensor]]


class OutsideTagger:
    """Calls of it give features ``[windows, k]`` and class probabilities ``[windows, classes]``."""

    def __init__(self, folder: Path, name: str, device: torch.device) -> None:
        """Raises TuttiError where the folder lacks a file, or one is another's or cut."""
        self.name = name
        self._infer, path = _load(folder, name, device)
        try:
            features, probabilities = self._infer(torch.zeros(2, WINDOW_SAMPLES, device=device))
        except Exception as error:  # whatever a foreign program raises
            raise TuttiError(f"{path} does not hear windows of 16,000 samples ({error}).") from None
        classes = _classes(folder, name, probabilities.shape[-1])
        self._groups = _groups(folder / LABELS, classes)
        self.speaks = torch.tensor([bool(group) for group in self._groups], device=device)
        self.features = features.shape[1]

    def __call__(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        return self._infer(audio)

    def opinion(self, probabilities: Tensor) -> Opinion:
        """What its classes say of our labels: of each the likeliest class, p / (p + 0.1)."""
        columns = [
            probabilities[:, group].amax(dim=1) if group else torch.zeros_like(probabilities[:, 0])
            for group in self._groups
        ]
        likely = torch.stack(columns, dim=1)
        instruments = likely / (likely + _HALF)
        return Opinion(instruments, likeliest_member(instruments), self.speaks)


def _classes(folder: Path, name: str, size: int) -> list[str]:
    """The names of a tagger's ``size`` classes."""
    own = folder / f"{name}.csv"
    if own.is_file():
        classes = _table(own)
        if len(classes) != size:
            raise TuttiError(
                f"{name} of {folder} has {size} classes, its table {own.name} names "
                f"{len(classes)}: the two are not of one tagger."
            )
        return classes
    fitting = [path for path in sorted(folder.glob("*.csv")) if len(_table(path)) == size]
    if len(fitting) != 1:
        raise TuttiError(
            f"{folder} has no {own.name}, and {len(fitting)} other tables of {size} classes: add "
            "it, with the column 'display_name' and a row a class."
        )
    return _table(fitting[0])


def _table(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [row["display_name"] for row in csv.DictReader(file)]
    except OSError as error:
        raise TuttiError(f"{path} cannot be read ({error.strerror}).") from None
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise TuttiError(f"{path} has no column 'display_name'.") from None


def _groups(path: Path, classes: list[str]) -> list[list[int]]:
    """For each instrument of ours, the classes that answer for it."""
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8"))["classes"]
    except OSError as error:
        raise TuttiError(f"{path} cannot be read ({error.strerror}).") from None
    except (KeyError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TuttiError(f"{path} has no table [classes] ({error}).") from None
    position = {name: index for index, name in enumerate(classes)}
    return [[position[c] for c in named.get(i, ()) if c in position] for i in INSTRUMENTS]


def _load(folder: Path, name: str, device: torch.device) -> tuple[Infer, Path]:
    program, onnx = folder / f"{name}.pt2", folder / f"{name}.onnx"
    if onnx.is_file() and (device.type == "cpu" or not program.is_file()):
        return _onnx(onnx, device), onnx
    if not program.is_file():
        raise TuttiError(f"{folder} holds neither {program.name} nor {onnx.name}.")
    from torch.export.passes import move_to_device_pass

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.export.load(str(program))
        module = move_to_device_pass(exported, str(device)).module()
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TuttiError(
            f"{program} is damaged or not an exported program ({type(error).__name__})."
        ) from None

    def infer(audio: Tensor) -> tuple[Tensor, Tensor]:
        features, probabilities = module(audio)
        return features.float(), probabilities.float()

    return infer, program


def _onnx(path: Path, device: torch.device) -> Infer:
    runtime = onnxruntime()
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [session.get_inputs()[0].name, "features", "probabilities"]
    except Exception as error:  # onnxruntime raises kinds of its own
        raise TuttiError(
            f"{path} is damaged or not an ONNX file ({type(error).__name__})."
        ) from None

    def infer(audio: Tensor) -> tuple[Tensor, Tensor]:
        samples = np.ascontiguousarray(audio.float().cpu().numpy())
        outputs = session.run(names[1:], {names[0]: samples})
        features, probabilities = (torch.from_numpy(o).to(device) for o in outputs)
        return features, probabilities

    return infer
