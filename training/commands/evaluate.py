"""``tutti evaluate``: score a model on labelled music."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime.errors import TuttiError
from realtime.progress import Tell, progress
from training.arguments import count, seed

if TYPE_CHECKING:
    from realtime.tagger import Tagger
    from training.datasets.truth import Excerpt
    from training.scoring.evaluate import Items

DATASET_NAMES = (
    "recordings", "nsynth", "irmas", "openmic", "jamendo", "medleydb", "mixing-secrets", "slakh",
    "musdb", "medley-solos",
)  # fmt: skip
"""As ``training.datasets.SETS`` has them; the help is not to wait for it."""

_EXAMPLES = """examples:
  tutti evaluate --recordings ../shared/recordings
  tutti evaluate --model runs/tutti/tutti.onnx --bank banks/full --split test
  tutti evaluate --recordings my-music --compare tutti.fp32.onnx --out runs/int8
  tutti evaluate --dataset openmic ~/openmic-2018 --dataset irmas ~/IRMAS

Writes report.md, report.json and pictures, and prints which aims are met.
A folder of recordings holds a recordings.csv with the columns path, split (solo, weak
or stems), instruments (a;b, and a|b for either), complete (0 or 1) and group.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score a model on labelled music",
        description="Score what 'tutti tag' would print, on labelled music and unseen mixtures.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", metavar="M", help="ONNX model file (default: the bundled one)")
    parser.add_argument(
        "--fast", action="store_true", help="score its fast mode, windows of half a second"
    )
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="folder of recordings")
    parser.add_argument(
        "--dataset", nargs=2, action="append", default=[], metavar=("NAME", "DIR"),
        help=f"another data set: {', '.join(DATASET_NAMES[1:])}",
    )  # fmt: skip
    parser.add_argument("--bank", type=Path, metavar="DIR", help="note bank to make mixtures from")
    parser.add_argument("--split", choices=("val", "test"), default="test", help="default: test")
    parser.add_argument(
        "--clips", type=count, default=1000, help="mixtures to make of the bank (default: 1000)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the mixtures (default: 0)")
    parser.add_argument(
        "--compare", metavar="M", help="another model on the same sound, such as the fp32 one"
    )
    parser.add_argument(
        "--checkpoint", type=Path, metavar="C", help="checkpoint of the model, for the t-SNE"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/eval"), help="default: runs/eval")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, write the report, print the aims."""
    clip_sets = _clip_sets(args)
    try:
        document = _evaluate(args, clip_sets)
    except OSError as error:
        raise TuttiError(f"{args.out} cannot be written to ({error.strerror}).") from None
    from training.scoring import report

    for row in document["aims"]:
        print(report.aim_line(row))
    print(f"The report is {args.out / report.MARKDOWN_NAME}")
    return 0


def _clip_sets(args: argparse.Namespace) -> dict[str, list[Excerpt]]:
    """What to listen to; what cannot work is found here, before the long listening.

    Raises:
        TuttiError: nothing is named, or something named is not there.
    """
    from training.bank.bank import read_manifest
    from training.datasets import DATASETS

    folders = {"recordings": args.recordings} if args.recordings else {}
    folders |= {name: Path(folder) for name, folder in args.dataset}
    if unknown := [name for name in folders if name not in DATASETS]:
        raise TuttiError(f"{unknown[0]} is no data set: use {', '.join(DATASETS)}.")
    if not folders and not args.bank:
        raise TuttiError("There is nothing to score: name --recordings, --dataset or --bank.")
    if args.bank:
        read_manifest(args.bank)
    return {name: DATASETS[name](folder) for name, folder in folders.items()}


def _evaluate(args: argparse.Namespace, clip_sets: Mapping[str, list[Excerpt]]) -> dict[str, Any]:
    """Listen, score, draw and write; returns the report's document."""
    import numpy as np

    from realtime.model import TagModel
    from realtime.spec import SAMPLE_RATE_HZ
    from realtime.tagger import Tagger
    from training.scoring import pictures, report
    from training.scoring.evaluate import embed, hear, hear_mixtures
    from training.scoring.scores import score_heard, score_mixtures

    tagger = Tagger(TagModel(args.model, fast=args.fast))
    compared = Tagger(args.compare) if args.compare else None
    args.out.mkdir(parents=True, exist_ok=True)
    drawn: list[str] = []

    def draw(name: str, picture: Callable[..., None], *what: object) -> None:
        picture(*what, args.out / name)
        drawn.append(name)

    sets: dict[str, Any] = {}
    comparison: dict[str, Any] = {}
    for name, clips in clip_sets.items():
        with progress() as tell:
            heard = hear(tagger, clips, _told(tell, f"{name}: listening", len(clips)))
        sets[name] = score_heard(heard, np.random.default_rng(0))
        if sets[name]["solos"]["solos"]:
            draw(f"{name}_solos.png", pictures.solo_confusion, sets[name]["solos"]["confusion"])
        title = f"{name}: clips"
        draw(f"{name}_precision_recall.png", pictures.precision_recall, heard.clips, title)
        draw(f"{name}_reliability.png", pictures.reliability, heard.clips, title)
        if compared is not None:
            with progress() as tell:
                telling = _told(tell, f"{name}: the compared model", len(clips))
                comparison[name] = _difference(heard.clips, hear(compared, clips, telling).clips)
        if args.checkpoint is not None and name == "recordings":
            draw("embeddings.png", pictures.embeddings, *embed(args.checkpoint, clips))
    if args.bank:
        from training.scoring.mixtures import make_mixtures

        audio, truths = make_mixtures(args.bank, args.split, args.clips, args.seed)
        items = hear_mixtures(tagger, audio, SAMPLE_RATE_HZ, truths)
        scores = sets["mixtures"] = score_mixtures(items, np.random.default_rng(0))
        title = f"mixtures of the bank's {args.split} sources"
        draw("mixtures_precision_recall.png", pictures.precision_recall, items, title)
        draw("mixtures_reliability.png", pictures.reliability, items, title)
        count_matrix = scores["polyphony"].get("confusion")
        if count_matrix is not None:
            draw("mixtures_polyphony.png", pictures.polyphony_confusion, count_matrix, title)
        if compared is not None:
            other = hear_mixtures(compared, audio, SAMPLE_RATE_HZ, truths)
            comparison["mixtures"] = _difference(items, other)

    document: dict[str, Any] = {
        "schema": 1,
        "command": "tutti " + shlex.join(sys.argv[1:]),
        "machine": _machine(),
        "model": _describe(tagger),
        "sets": sets,
    }
    if compared is not None:
        lost = [row["compared_micro_f1"] - row["micro_f1"] for row in comparison.values()]
        document["comparison"] = _describe(compared) | {
            "sets": comparison,
            "micro_f1_lost": max(lost),
        }
    document["aims"] = report.aims_of(document)
    report.write(document, args.out, drawn)
    return document


def _describe(tagger: Tagger) -> dict[str, Any]:
    """Which model it is, so that a score can be traced to a file."""
    import hashlib
    from importlib import resources

    from realtime.model import BUNDLED_MODEL

    path, spec = tagger.model.path, tagger.model.spec
    asset = resources.files("realtime") / "assets" / BUNDLED_MODEL
    content = Path(path).read_bytes() if path else asset.read_bytes()
    return {
        "name": spec.name,
        "version": spec.version,
        "file": path or f"{BUNDLED_MODEL} (bundled)",
        "sha256": hashlib.sha256(content).hexdigest(),
        "recipe": spec.recipe,
        "windows_seen": spec.windows_seen,
        "quantisation": spec.quantisation,
        "calibrated_on": spec.calibrated_on,
        "thresholds": dict(spec.thresholds),
    }


def _machine() -> str:
    import os
    import platform

    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def _difference(items: Items, other: Items) -> dict[str, float]:
    """How another model's answers on the same items differ."""
    import numpy as np

    from training.scoring import metrics

    def micro(one: Items) -> float:
        target, known = metrics.resolve(one.truths, one.margin)
        return metrics.f1(target, known, one.margin >= 0).micro

    return {
        "micro_f1": micro(items),
        "compared_micro_f1": micro(other),
        "largest_difference": float(np.abs(items.probability - other.probability).max()),
    }


def _told(tell: Tell, what: str, total: int) -> Callable[[int], None]:
    return lambda done: tell(what, done, total)
