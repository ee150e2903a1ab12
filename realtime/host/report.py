"""The report of a rendering: one JSON document and one picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.host.chain import Chain
from realtime.host.compare import TapDifference, pairs
from realtime.host.offline import Rendering
from realtime.host.picture import picture
from realtime.whole_file import write_whole

SCHEMA = 1
"""Version of the report document."""


def to_document(rendering: Rendering, chain: Chain) -> dict[str, Any]:
    """The report: what was run, tags at each tap (as ``tutti tag`` gives them), differences."""
    return {
        "schema": SCHEMA,
        "input": rendering.input,
        "output": rendering.output,
        "sample_rate_hz": rendering.sample_rate_hz,
        "channels": rendering.channels,
        "duration_s": _round(rendering.duration_s),
        "tail_s": _round(rendering.tail_s),
        "latency_s": _round(rendering.latency_s),
        "peak_dbfs": _round(rendering.peak_dbfs),
        "speed": round(rendering.speed, 1),
        "chain": {
            "name": chain.name,
            "effects": [
                {"effect": step.effect, "label": step.label, "bypass": step.bypass}
                for step in chain.effects
            ],
        },
        "problems": list(rendering.problems),
        "taps": {name: one.to_document() for name, one in rendering.timelines.items()},
        "differences": [_difference(one) for one in _pairs(rendering)],
    }


def write(rendering: Rendering, chain: Chain, path: Path | str) -> Path:
    """Write the document, and the picture beside it with the ending ``.svg``; returns its path.

    Raises:
        TuttiError: a file cannot be written.
    """
    path = Path(path)
    drawing = path.with_suffix(".svg")
    if drawing == path:
        raise TuttiError(f"{path} would be the report and its picture: end the report in .json.")
    document = json.dumps(to_document(rendering, chain), indent=1)
    drawn = picture(_pairs(rendering)[-1], rendering)
    for target, text in ((path, document + "\n"), (drawing, drawn)):
        try:
            write_whole(target, text)
        except BrokenPipeError:  # it is a pipe, as /dev/stdout may be, and its reader has left
            raise
        except OSError as error:
            raise TuttiError(
                f"{target} cannot be written ({error.strerror}): make room, or name another."
            ) from None
    return drawing


def _pairs(rendering: Rendering) -> list[TapDifference]:
    return pairs(rendering.timelines, rendering.duration_s)


def _difference(one: TapDifference) -> dict[str, Any]:
    changes = one.after - one.before
    return {
        "before": one.first,
        "after": one.second,
        "findings": list(one.findings),
        "polyphony": {
            "before": _round(one.polyphony_before),
            "after": _round(one.polyphony_after),
        },
        "level_dbfs": {
            "before": _round(one.level_before_dbfs),
            "after": _round(one.level_after_dbfs),
        },
        "instruments": {
            name: {
                "before": _round(change.before),
                "after": _round(change.after),
                "change": _round(change.change),
                "largest_change": _round(change.largest),
                "at_s": _round(change.at_s),
            }
            for name, change in one.instruments.items()
        },
        "windows": {
            "start_s": [_round(value) for value in one.start_s],
            "end_s": [_round(value) for value in one.end_s],
            "change": {
                name: [_round(value) for value in changes[:, column]]
                for column, name in enumerate(one.instruments)
            },
        },
    }


def _round(value: float) -> float:
    return round(float(value), 4)
