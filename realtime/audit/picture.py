"""The picture of an audit, as SVG: a lane for each stem over the length of the mix."""

from __future__ import annotations

from pathlib import Path

from realtime.audit.audit import Audit, StemAudit
from realtime.audit.ear import STEP_S
from realtime.audit.passages import runs
from realtime.clock_time import rounded_time
from realtime.svg import EMPTY, FAINT, INK, PAPER, opening, rect, text, time_axis
from realtime.taxonomy import display_name

WIDTH, LEFT, RIGHT, TOP = 1000, 210, 24, 112
LANE, BAR = 34, 16
HEARD, UNHEARD = "#a9b0bd", "#cd5c14"
MAX_NAME = 26
MAX_COLUMNS = 1500


def picture(audit: Audit) -> str:
    """An SVG document."""
    height = TOP + LANE * len(audit.stems) + 44 + 18 * len(audit.notes)
    parts = [
        *opening(WIDTH, height),
        text(24, 38, f"What can be heard in {Path(audit.mix).name}", 20, INK, weight="600"),
        text(24, 60, _subtitle(audit), 13, FAINT),
        *_legend(84),
    ]
    for row, stem in enumerate(audit.stems):
        parts += _lane(stem, audit.duration_s, TOP + LANE * row)
    bottom = TOP + LANE * len(audit.stems)
    parts.append(time_axis(audit.duration_s, LEFT, WIDTH - LEFT - RIGHT, bottom + 12))
    parts += [
        text(24, bottom + 40 + 18 * row, note, 12, INK) for row, note in enumerate(audit.notes)
    ]
    return "\n".join([*parts, "</svg>\n"])


def _subtitle(audit: Audit) -> str:
    return (
        f"{rounded_time(audit.duration_s, tenths=True)} long; the stems leave "
        f"{audit.residual_db:.0f} dB of the mix unexplained; passages of {audit.min_s:g} s and more"
    )


def _legend(y: float) -> list[str]:
    parts = []
    x = float(LEFT)
    for kind, words, advance in (
        ("heard", "sounds and is heard", 160),
        ("masked", "masked by the rest", 160),
        ("not in the mix", "not in the mix", 130),
        ("agrees", "the model does not hear it either", 0),
    ):
        parts += _bar(x, y - 9, 22, 10, kind)
        parts.append(text(x + 28, y, words, 12, FAINT))
        x += advance + 10
    return parts


def _lane(stem: StemAudit, duration_s: float, y: float) -> list[str]:
    name = stem.name if len(stem.name) <= MAX_NAME else stem.name[: MAX_NAME - 1] + "…"
    heard_as = display_name(stem.view.instrument) if stem.view.instrument else "not recognised"
    right = WIDTH - RIGHT
    parts = [
        text(LEFT - 12, y + 8, name, 13, INK, anchor="end"),
        text(LEFT - 12, y + 22, heard_as, 11, FAINT, anchor="end"),
        rect(LEFT, y, right - LEFT, BAR, EMPTY),
    ]
    scale = (right - LEFT) / max(duration_s, 1e-9)
    step = -(-len(stem.sounds) // MAX_COLUMNS)
    sounds = stem.sounds[::step]
    for start, end in runs(sounds):
        left, until = start * step * STEP_S * scale, min(end * step * STEP_S, duration_s) * scale
        parts += _bar(LEFT + left, y, until - left, BAR, "heard")
    for one in stem.passages:
        left, until = one.start_s * scale, min(one.end_s, duration_s) * scale
        parts += _bar(LEFT + left, y, max(until - left, 1.0), BAR, one.reason)
        if one.model == "agrees":
            parts.append(rect(LEFT + left, y + BAR + 3, max(until - left, 1.0), 2, INK))
    return parts


def _bar(x: float, y: float, width: float, height: float, kind: str) -> list[str]:
    """The kinds differ in shape as well as colour."""
    if kind == "heard":
        return [rect(x, y + height * 0.25, width, height * 0.5, HEARD)]
    if kind == "masked":
        return [rect(x, y, width, height, UNHEARD)]
    if kind == "agrees":
        return [rect(x, y + height / 2 - 1, width, 2, INK)]
    inner = rect(x + 2, y + 2, max(width - 4, 0.0), height - 4, PAPER)
    return [rect(x, y, width, height, UNHEARD), inner]
