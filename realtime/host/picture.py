"""The picture of a report: instruments over time before and after, as SVG.

Written by hand: a drawing library would be the heaviest thing in the
installation, and an SVG opens in every browser and stays sharp in print.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.clock_time import rounded_time
from realtime.host.compare import TapDifference
from realtime.host.offline import Rendering
from realtime.svg import EMPTY, FAINT, INK, opening, rect, text, time_axis
from realtime.taxonomy import display_name

WIDTH = 1000
LEFT, RIGHT, TOP = 150, 24, 92
ROW, PANEL_GAP = 15, 46
MAX_COLUMNS = 600
SHOWN_FROM = 0.25
"""Instruments that never reach this at either tap, nor change by NOTABLE, are left out."""
NOTABLE = 0.15
LEVELS = 12
HEARD, GAINED, LOST = (62, 68, 82), (24, 104, 178), (205, 92, 20)


def picture(difference: TapDifference, rendering: Rendering) -> str:
    """An SVG: probability before, after, and the change, a row for each instrument that matters."""
    names = list(difference.instruments)
    peak = np.maximum(difference.before, difference.after).max(axis=0)
    change = np.abs(difference.after - difference.before).max(axis=0)
    shown = [i for i in range(len(names)) if peak[i] >= SHOWN_FROM or change[i] >= NOTABLE]
    shown = shown or list(np.argsort(-peak)[:5])
    edges, before = _columns(difference, difference.before)
    _, after = _columns(difference, difference.after)
    panels = (
        (f"At tap “{difference.first}”", before, _shade(HEARD)),
        (f"At tap “{difference.second}”", after, _shade(HEARD)),
        ("Change: blue is gained, orange is lost", after - before, _two_sided),
    )
    panel_height = len(shown) * ROW + PANEL_GAP
    findings = difference.findings[:5]
    height = TOP + len(panels) * panel_height + 24 + 18 * max(1, len(findings))
    title = f"{Path(rendering.input).name} through the chain"
    subtitle = (
        f"{rounded_time(rendering.duration_s, tenths=True)} long, "
        f"level {difference.level_before_dbfs:.1f} to {difference.level_after_dbfs:.1f} dBFS, "
        f"instruments at once {difference.polyphony_before:.1f} to {difference.polyphony_after:.1f}"
    )
    parts = [
        *opening(WIDTH, height),
        text(24, 38, title, 20, INK, weight="600"),
        text(24, 60, subtitle, 13, FAINT),
    ]
    y = float(TOP)
    for heading, values, colour in panels:
        parts.append(_panel(heading, values, [names[i] for i in shown], shown, edges, y, colour))
        y += panel_height
    parts.append(time_axis(float(edges[-1] - edges[0]), LEFT, WIDTH - LEFT - RIGHT, y - 18))
    lines = findings or ("No instrument appears or is lost for longer than a second.",)
    parts += [text(24, y + 24 + 18 * i, line, 13, INK) for i, line in enumerate(lines)]
    return "\n".join([*parts, "</svg>\n"])


def _columns(
    difference: TapDifference, values: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Times (n+1,) and values (n, instruments), long files averaged down to what can be seen."""
    edges = np.append(difference.start_s, difference.end_s[-1])
    step = -(-len(values) // MAX_COLUMNS)
    if step == 1:
        return edges, values
    starts = np.arange(0, len(values), step)
    counts = np.diff(np.append(starts, len(values)))[:, np.newaxis]
    means = np.add.reduceat(values, starts, axis=0) / counts
    return np.append(edges[starts], edges[-1]), means.astype(np.float32)


def _panel(
    heading: str,
    values: NDArray[np.float32],
    names: list[str],
    columns: list[int],
    edges: NDArray[np.float64],
    y: float,
    colour: Callable[[int], str],
) -> str:
    width = WIDTH - LEFT - RIGHT
    parts = [text(LEFT, y - 8, heading, 13, INK, weight="600")]
    for row, (name, column) in enumerate(zip(names, columns, strict=True)):
        top = y + row * ROW
        parts.append(text(LEFT - 10, top + 11, display_name(name), 12, INK, anchor="end"))
        parts.append(rect(LEFT, top, width, ROW - 2, EMPTY))
        levels = np.rint(values[:, column] * LEVELS).astype(int)
        breaks = np.flatnonzero(np.diff(levels)) + 1
        for begin, end in zip([0, *breaks], [*breaks, len(levels)], strict=True):
            if levels[begin]:
                left = LEFT + width * (edges[begin] - edges[0]) / max(edges[-1] - edges[0], 1e-9)
                right = LEFT + width * (edges[end] - edges[0]) / max(edges[-1] - edges[0], 1e-9)
                parts.append(rect(left, top, right - left, ROW - 2, colour(int(levels[begin]))))
    return "\n".join(parts)


def _shade(rgb: tuple[int, int, int]) -> Callable[[int], str]:
    return lambda level: _mix(rgb, level / LEVELS)


def _two_sided(level: int) -> str:
    return _mix(GAINED if level > 0 else LOST, min(1.0, 0.15 + abs(level) / LEVELS))


def _mix(rgb: tuple[int, int, int], share: float) -> str:
    empty = (0xF0, 0xF1, 0xF4)
    mixed = (round(e + (c - e) * share) for e, c in zip(empty, rgb, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)
