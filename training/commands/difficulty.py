"""``tutti dev difficulty``: score mixtures of unseen sources, one difficulty less at a time."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.arguments import count

_EXAMPLES = r"""example:
  tutti dev difficulty --bank banks/free --model realtime/assets/tutti.int8.onnx
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "difficulty",
        help="what makes mixtures hard",
        description="Score mixtures of unseen sources, one difficulty less at a time.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="(default: the bundled one)")
    parser.add_argument("--clips", type=count, default=1000, help="a row (default %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table, row by row."""
    from training.scoring.difficulty import rows

    for line in rows(args.bank, args.model, args.clips):
        print(line, flush=True)
    return 0
