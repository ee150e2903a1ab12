"""An audit as lines: a JSON document, a CSV table of passages, an Audacity label track."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from realtime.audit.audit import Audit, StemAudit
from realtime.audit.passages import Passage

SCHEMA = 1
"""Version of the JSON document."""
COLUMNS = (
    "stem",
    "file",
    "start_s",
    "end_s",
    "unheard_s",
    "reason",
    "short_by_db",
    "heard_as",
    "model",
    "model_says",
)


def json_lines(audit: Audit) -> Iterator[str]:
    """The document, on one line."""
    yield json.dumps(to_document(audit), separators=(",", ":"))


def csv_lines(audit: Audit) -> Iterator[str]:
    """A header, then a row for each passage."""
    yield _row(COLUMNS)
    for stem in audit.stems:
        for one in stem.passages:
            passage = _passage(one)
            heard_as = stem.view.instrument or ""
            yield _row(
                (passage | {"stem": stem.name, "file": stem.file, "heard_as": heard_as})[name]
                for name in COLUMNS
            )


def audacity_lines(audit: Audit) -> Iterator[str]:
    """A region for each passage, in order of time: start, end, label, between tabs."""
    found = sorted(
        ((one.start_s, one.end_s, stem.name, one) for stem in audit.stems for one in stem.passages),
        key=lambda region: region[:3],
    )
    for start_s, end_s, name, one in found:
        shown = "".join(c if c.isprintable() else "?" for c in name)
        yield f"{start_s:.6f}\t{end_s:.6f}\t{shown}: {reason(one)}"


def reason(one: Passage) -> str:
    """``masked, 12 dB short``."""
    return f"masked, {one.short_by_db:.0f} dB short" if one.reason == "masked" else one.reason


def to_document(audit: Audit) -> dict[str, Any]:
    """The report as a JSON document (schema 1)."""
    return {
        "schema": SCHEMA,
        "mix": audit.mix,
        "duration_s": _round(audit.duration_s),
        "residual_db": _round(audit.residual_db),
        "min_s": audit.min_s,
        "model": audit.model,
        "notes": list(audit.notes),
        "stems": [_stem(stem) for stem in audit.stems],
    }


def _stem(stem: StemAudit) -> dict[str, Any]:
    view = stem.view
    return {
        "name": stem.name,
        "file": stem.file,
        "heard_as": view.instrument,
        "likeliest": view.likeliest,
        "probability": _round(view.probability),
        "recognised_in_mix": None if view.in_mix_share is None else _round(view.in_mix_share),
        "found_in_mix": stem.signal.found,
        "gain_db": _round(stem.signal.gain_db) if stem.signal.found else None,
        "late_s": _round(stem.signal.late_s),
        "sounds_s": _round(stem.sounds_s),
        "unheard_s": _round(stem.unheard_s),
        "notes": list(stem.notes),
        "passages": [_passage(one) for one in stem.passages],
    }


def _passage(one: Passage) -> dict[str, Any]:
    return {
        "start_s": _round(one.start_s),
        "end_s": _round(one.end_s),
        "unheard_s": _round(one.unheard_s),
        "reason": one.reason,
        "short_by_db": _round(one.short_by_db) if one.reason == "masked" else None,
        "model": one.model,
        "model_says": one.model_says,
    }


def _row(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow("" if c is None else c for c in cells)
    return text.getvalue()


def _round(value: float) -> float:
    return round(float(value), 4)
