"""Everything that ``tutti bench`` measures, as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from export.bench import program
from export.bench.machine import load, this_machine
from export.bench.taggers import modes, open_peer
from export.bench.windows import measure
from realtime.model import TagModel

SCHEMA = 1


@dataclass(frozen=True)
class Plan:
    """How much is measured: warm windows of each file, minutes of a long file, clips, runs of
    each of these, seconds of live sound."""

    windows: int
    minutes: float
    clips: int
    repeats: int
    live_s: float


FULL = Plan(windows=300, minutes=10.0, clips=1000, repeats=3, live_s=60.0)
QUICK = Plan(windows=60, minutes=2.0, clips=50, repeats=1, live_s=8.0)


def bench(
    models: Sequence[Path], peers: Sequence[Path], plan: Plan, step: program.Step
) -> dict[str, Any]:
    """Measure the bundled model, ``models`` and ``peers``, and the program with the bundled one.

    Raises:
        TuttiError: a file cannot be timed; before anything was measured.
    """
    files = [one for path in (None, *models) for one in modes(path)]
    files += [open_peer(path) for path in peers]
    spec = TagModel().spec
    before = load()
    step("Timing windows")
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "machine": this_machine().document() | {"text": str(this_machine())},
        "model": f"{spec.name} {spec.version}",
        "windows": [asdict(row) for row in measure(files, plan.windows)],
    }
    if program.can_measure():
        with TemporaryDirectory(prefix="tutti-bench-") as name:
            folder = Path(name)
            parts = program.measure_files(folder, plan.minutes, plan.clips, plan.repeats, step)
            document["files"] = [asdict(part) | {"speed": part.speed} for part in parts]
            live = program.measure_live(folder, plan.live_s, step)
            document["live"] = [asdict(one) for one in live]
    document["load"] = [before, load()]
    return document
