"""A sound of a package on its way into the folder of notes, and how programs are run for it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class FreeSound:
    """A sound and its row of the manifest; ``name`` is its path in the folder, without ending."""

    name: str
    samples: Samples = field(repr=False)
    instrument: str
    source: str
    licence: str
    midi_pitch: int | None = None
    articulation: str = ""


def run(program: str, *arguments: str | Path) -> None:
    """Runs a program to its end; raises TuttiError with what it said where it fails."""
    try:
        subprocess.run([program, *arguments], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise TuttiError(
            f"{program} failed: {error.stderr.decode(errors='replace').strip()}"
        ) from error
