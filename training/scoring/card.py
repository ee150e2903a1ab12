"""Writes measured scores into Markdown, between ``<!-- name -->`` and ``<!-- /name -->``.

So that no figure is copied by hand: every block a page asks for by its markers is
replaced with what the report of ``tutti evaluate`` says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.taxonomy import INSTRUMENTS, display_name
from realtime.whole_file import write_whole

Report = Mapping[str, Any]
_MARKED = re.compile(r"<!-- (\w+) -->\n.*?<!-- /\1 -->", re.DOTALL)


def scores(report: Report) -> str:
    """The aims and what was reached."""
    music, mixtures = report["sets"]["recordings"], report["sets"]["mixtures"]
    clips, solos = music["clips"], music["solos"]
    rows = [
        (
            "solos, likeliest instrument is right",
            f"{solos['top1']:.3f} {_interval(solos['top1_interval'])}, "
            f"{solos['right']} of {solos['solos']}",
            "0.85",
        ),
        (
            "all labelled clips, micro-F1",
            f"{clips['micro_f1']:.3f} {_interval(clips['micro_f1_interval'])} "
            f"(precision {clips['micro_precision']:.2f}, recall {clips['micro_recall']:.2f})",
            "0.66",
        ),
        (
            "all labelled clips, LRAP",
            f"{clips['lrap']:.3f} {_interval(clips['lrap_interval'])}",
            "0.80",
        ),
        (
            "mixtures of unseen sources, 0 to 3 instruments, right number",
            f"{mixtures['polyphony_few']['accuracy']:.3f}",
            "0.80",
        ),
        ("the same, instrument macro-F1", f"{mixtures['few']['macro_f1']:.3f}", "0.75"),
        (
            "mixtures of 4 to 6 instruments, macro-F1",
            f"{mixtures['many']['macro_f1']:.3f}",
            "0.60",
        ),
        (
            "micro-F1 lost by int8 against float32",
            f"{report['comparison']['micro_f1_lost']:.3f}",
            "at most 0.01",
        ),
    ]
    return _table(("what", "measured", "aim"), rows)


def labels(report: Report) -> str:
    """Each instrument's threshold and scores."""
    music = report["sets"]["recordings"]["clips"]["per_label"]
    mixtures = report["sets"]["mixtures"]["all"]["per_label"]
    rows = [
        (
            display_name(name),
            f"{report['model']['thresholds'][name]:.2f}",
            str(music[name]["support"]),
            _figure(music[name]["precision"] if music[name]["predicted"] else None),
            _figure(music[name]["recall"]),
            _figure(mixtures[name]["average_precision"]),
        )
        for name in INSTRUMENTS
    ]
    head = ("instrument", "threshold", "real clips", "precision", "recall", "mixtures, AP")
    return _table(head, rows)


def confusions(report: Report) -> str:
    """Which solos are named wrongly, and how well they are counted."""
    music, mixtures = report["sets"]["recordings"], report["sets"]["mixtures"]
    solos = music["solos"]
    wrong = []
    for truth, row in zip(INSTRUMENTS, solos["confusion"], strict=True):
        said = sorted(
            ((count, name) for name, count in zip(INSTRUMENTS, row, strict=True) if count),
            key=lambda pair: -pair[0],
        )
        others = [
            display_name(name).lower() + (f" ({count})" if count > 1 else "")
            for count, name in said
            if name != truth
        ]
        if others:
            wrong.append(f"{display_name(truth).lower()} as {', '.join(others)}")
    few, many = music["polyphony_solo_windows"], music["polyphony_mix_windows"]
    return (
        f"- Solos named wrongly, of {solos['solos']}: {'; '.join(wrong) or 'none'}.\n"
        f"- The number of instruments is right in {few['accuracy']:.2f} of the windows of real "
        f"solos and in {many['accuracy']:.2f} of those of real mixes (there "
        f"{many['mean_absolute_error']:.1f} off on average); on unseen mixtures of 4 to 6, in "
        f"{mixtures['polyphony_many']['accuracy']:.2f}."
    )


def model(report: Report) -> str:
    """Which file it was."""
    described = report["model"]
    return (
        f"Model {described['version']}, {described['windows_seen'] / 1e6:.2f} million windows "
        f"seen, recipe {_briefly(described['recipe'])}, SHA-256 `{described['sha256'][:16]}`. "
        f"{_chosen(report)} Measured on {report['machine']}, by"
        f"\n\n```sh\n{report['command']}\n```"
    )


def _chosen(report: Report) -> str:
    """What the thresholds were chosen on, and that it was none of the recordings."""
    calibrated_on = report["model"].get("calibrated_on")
    where = f"on {calibrated_on}, for F1" if calibrated_on else "before files said on what"
    return (
        f"Its thresholds were chosen {where}; the recordings that are scored chose nothing: no "
        "threshold, no count, no version."
    )


def _briefly(recipes: str) -> str:
    """``a, then a, then b, seed 3`` as ``a (2 times), then b, seed 3``."""
    runs, _, seed = recipes.rpartition(", seed ")
    found = []
    for name, repeats in groupby(runs.split(", then ")):
        count = len(list(repeats))
        found.append(name if count == 1 else f"{name} ({count} times)")
    return f"{', then '.join(found)}, seed {seed}"


BLOCKS: dict[str, Callable[[Report], str]] = {
    "scores": scores,
    "labels": labels,
    "confusions": confusions,
    "model": model,
}


def fill(text: str, report: Report) -> str:
    """The page with its blocks replaced; raises TuttiError for a block there is none of."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        if name not in BLOCKS:
            raise TuttiError(f"there is no block '{name}': use {', '.join(BLOCKS)}.")
        return f"<!-- {name} -->\n{BLOCKS[name](report)}\n<!-- /{name} -->"

    return _MARKED.sub(block, text)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _interval(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:.2f}, {ends[1]:.2f}]"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def read(path: Path) -> Report:
    """The report of ``tutti evaluate``.

    Raises:
        TuttiError: it is none.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise TuttiError(f"{path} is not the report.json of 'tutti evaluate': name that.")
    return report


def fill_pages(path: Path, pages: Sequence[Path]) -> None:
    """Fill every page with what the report ``path`` says, or none.

    Raises TuttiError where the report is another file, or lacks what a page asks for.
    """
    report = read(path)
    filled = {page: _filled(page, report, path) for page in pages}
    for page, text in filled.items():
        write_whole(page, text)


def _filled(page: Path, report: Report, path: Path) -> str:
    try:
        return fill(page.read_text(encoding="utf-8"), report)
    except UnicodeDecodeError:
        raise TuttiError(f"{page} is not text: name a Markdown page.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise TuttiError(
            f"{path} lacks what {page} asks for ({error}): evaluate again, with --recordings, "
            "--bank and --compare."
        ) from None
