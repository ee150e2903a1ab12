"""Windows made by hand, and the arguments of a command that has live outputs."""

from __future__ import annotations

import argparse

import numpy as np

from realtime.levels import LevelReading
from realtime.live_outputs.table import add_live_outputs
from realtime.postprocess import Tags
from realtime.spec import POLYPHONY_LABELS, ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS

SPEC = ModelSpec(
    name="made up",
    version="1",
    instruments=INSTRUMENTS,
    families=FAMILIES,
    thresholds=dict.fromkeys(INSTRUMENTS, 0.5) | {"cello": 0.25},
    family_thresholds=dict.fromkeys(FAMILIES, 0.5),
)


def tags(number: int = 0, rms_dbfs: float = -20.0, count: float = 2.4, **heard: float) -> Tags:
    """Window ``number`` of a sound; ``heard``: instruments and families, the rest is 0."""
    values = np.array([heard.get(n, 0.0) for n in (*INSTRUMENTS, *FAMILIES)], np.float32)
    polyphony = np.eye(len(POLYPHONY_LABELS), dtype=np.float32)[round(count)]
    return Tags(
        start_s=number / 2,
        end_s=number / 2 + 1,
        instruments=values[: len(INSTRUMENTS)],
        families=values[len(INSTRUMENTS) :],
        polyphony=polyphony,
        polyphony_expected=count,
        level=LevelReading(rms_dbfs, rms_dbfs + 6, False, rms_dbfs < -70, False),
    )


def arguments(*given: str) -> argparse.Namespace:
    """What a command with live outputs is given."""
    parser = argparse.ArgumentParser()
    add_live_outputs(parser)
    return parser.parse_args(given)
