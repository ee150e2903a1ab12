"""An evaluation as one JSON document and one Markdown page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realtime.taxonomy import display_name
from realtime.whole_file import write_whole

JSON_NAME = "report.json"
MARKDOWN_NAME = "report.md"

SETS = {
    "clips": "all labelled clips",
    "solo_clips": "solos",
    "mix_clips": "mixes",
    "windows": "single windows",
    "all": "all counts",
    "few": "0 to 3 instruments",
    "many": "4 to 6 instruments",
}
POLYPHONY_SETS = {
    "polyphony_solo_windows": "windows of solos",
    "polyphony_mix_windows": "windows of mixes",
    "polyphony": "mixtures, all counts",
    "polyphony_few": "mixtures, 0 to 3",
    "polyphony_many": "mixtures, 4 to 6",
}


@dataclass(frozen=True)
class Aim:
    """What a score should reach; ``path`` leads to it in the document."""

    text: str
    path: tuple[str, ...]
    wanted: float
    at_most: bool = False


AIMS = (
    Aim("top-1 of the solos", ("sets", "recordings", "solos", "top1"), 0.85),
    Aim("micro-F1 of all labelled clips", ("sets", "recordings", "clips", "micro_f1"), 0.66),
    Aim("LRAP of all labelled clips", ("sets", "recordings", "clips", "lrap"), 0.80),
    Aim("unseen sources, 0 to 3: polyphony accuracy",
        ("sets", "mixtures", "polyphony_few", "accuracy"), 0.80),
    Aim("unseen sources, 0 to 3: macro-F1", ("sets", "mixtures", "few", "macro_f1"), 0.75),
    Aim("unseen sources, 4 to 6: macro-F1", ("sets", "mixtures", "many", "macro_f1"), 0.60),
    Aim("micro-F1 lost against the compared model",
        ("comparison", "micro_f1_lost"), 0.01, at_most=True),
)  # fmt: skip


def aims_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each aim with what was reached; ``met`` is None where it was not measured."""
    rows = []
    for aim in AIMS:
        value: Any = document
        for key in aim.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        measured = value is not None and math.isfinite(value)
        sign = -1 if aim.at_most else 1
        rows.append(
            {
                "aim": aim.text,
                "wanted": aim.wanted,
                "at_most": aim.at_most,
                "reached": float(value) if measured else None,
                "met": bool(sign * value >= sign * aim.wanted) if measured else None,
            }
        )
    return rows


def aim_line(row: Mapping[str, Any]) -> str:
    """``met     0.91 (wanted at least 0.85)  top-1 of the solos``."""
    if row["met"] is None:
        return f"not measured  {row['aim']}"
    bound = "at most" if row["at_most"] else "at least"
    text = f"{row['reached']:.3f} (wanted {bound} {row['wanted']:.2f})  {row['aim']}"
    if row["met"]:
        return f"met     {text}"
    how = "over" if row["at_most"] else "short"
    return f"missed  {text}, {how} by {abs(row['wanted'] - row['reached']):.3f}"


def write(document: Mapping[str, Any], folder: Path, pictures: Sequence[str]) -> None:
    """Write ``report.json`` and ``report.md``; the pictures lie in the folder already."""
    texts = {
        JSON_NAME: json.dumps(plain(document), indent=1, allow_nan=False),
        MARKDOWN_NAME: "\n".join(_page(document, pictures)),
    }
    for name, text in texts.items():
        write_whole(folder / name, text + "\n")


def plain(value: Any) -> Any:
    """The same with plain Python numbers, and None for what is not a number."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round(float(value), 5) if math.isfinite(value) else None
    return value


def _page(document: Mapping[str, Any], pictures: Sequence[str]) -> Iterator[str]:
    model = document["model"]
    yield f"# Evaluation of {model['name']} {model['version']}"
    yield ""
    yield f"`{document['command']}`"
    yield ""
    yield f"Model file {model['file']}, SHA-256 {model['sha256'][:16]}, recipe {model['recipe']}, "
    yield f"{model['windows_seen']:,} windows seen, quantisation: {model['quantisation']}. "
    yield f"Machine: {document['machine']}."
    yield ""
    yield "Scored is what `tutti tag` prints: silence gate, smoothing and the thresholds in the "
    yield "file. `a|b` counts as one label and is a hit if either is predicted; what a source does "
    yield "not label is neither right nor wrong. Brackets: 95 % bootstrap intervals over pieces."
    yield ""
    yield "## Aims"
    yield ""
    for row in document["aims"]:
        yield f"- {aim_line(row)}"
    for name, scores in document["sets"].items():
        yield ""
        yield f"## {name}"
        yield ""
        yield from _summary(scores)
        yield from _solos(scores)
        yield from _polyphony(scores)
        yield from _labels(scores)
    if "comparison" in document:
        yield ""
        yield from _comparison(document["comparison"])
    yield ""
    for picture in pictures:
        yield f"![{picture.removesuffix('.png').replace('_', ' ')}]({picture})"


def _summary(scores: Mapping[str, Any]) -> Iterator[str]:
    columns = (
        "micro_f1", "macro_f1", "group_micro_f1", "family_micro_f1", "lrap", "map", "roc_auc",
        "calibration_error",
    )  # fmt: skip
    yield "| set | items | pieces | micro-F1 | macro-F1 | micro-F1, a piece one vote | " + (
        "families, micro-F1 | LRAP | mAP | ROC-AUC | ECE |"
    )
    yield "|" + "---|" * (len(columns) + 3)
    for key, title in SETS.items():
        if scores.get(key, {}).get("items"):
            one = scores[key]
            cells = [_with_interval(one, column) for column in columns]
            yield f"| {title} | {one['items']} | {one['groups']} | " + " | ".join(cells) + " |"


def _solos(scores: Mapping[str, Any]) -> Iterator[str]:
    for key, title in (("solos", "Solos"), ("solo_segments", "Solos one after another in a file")):
        one = scores.get(key, {})
        if one.get("solos"):
            yield ""
            yield f"{title}: top-1 {_with_interval(one, 'top1')}, {one['right']} of {one['solos']}."


def _polyphony(scores: Mapping[str, Any]) -> Iterator[str]:
    found = {key: scores[key] for key in POLYPHONY_SETS if scores.get(key, {}).get("items")}
    if not found:
        return
    yield ""
    yield "| number of instruments | items | accuracy | mean absolute error | " + (
        "F1 at 0 | 1 | 2 | 3 | 4 | 5 | 6+ |"
    )
    yield "|" + "---|" * 11
    for key, one in found.items():
        cells = [_number(value) for value in one["f1_per_count"]]
        yield (
            f"| {POLYPHONY_SETS[key]} | {one['items']} | {_number(one['accuracy'])} | "
            f"{_number(one['mean_absolute_error'])} | " + " | ".join(cells) + " |"
        )
    if counts := scores.get("macro_f1_per_count"):
        yield ""
        told = ", ".join(f"{count}: {_number(value)}" for count, value in counts.items())
        yield f"Instrument macro-F1 by the true number of instruments: {told}."


def _labels(scores: Mapping[str, Any]) -> Iterator[str]:
    whole = scores.get("clips") or scores.get("all") or {}
    if not whole.get("items"):
        return
    yield ""
    yield "| instrument | sounds in | predicted in | precision | recall | F1 | AP | ROC-AUC |"
    yield "|" + "---|" * 8
    for name, one in whole["per_label"].items():
        if one["support"] or one["predicted"]:
            cells = (
                _number(one[key])
                for key in ("precision", "recall", "f1", "average_precision", "roc_auc")
            )
            yield f"| {display_name(name)} | {one['support']} | {one['predicted']} | " + (
                " | ".join(cells) + " |"
            )


def _comparison(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"## Against {one['file']} ({one['quantisation']})"
    yield ""
    yield "| set | this model, micro-F1 | compared | largest difference of a probability |"
    yield "|---|---|---|---|"
    for name, row in one["sets"].items():
        yield f"| {name} | {_number(row['micro_f1'])} | {_number(row['compared_micro_f1'])} | " + (
            f"{_number(row['largest_difference'])} |"
        )


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _with_interval(scores: Mapping[str, Any], key: str) -> str:
    low, high = scores.get(f"{key}_interval", (math.nan, math.nan))
    text = _number(scores[key])
    return f"{text} [{_number(low)}, {_number(high)}]" if text and math.isfinite(low) else text
