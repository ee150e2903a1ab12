"""``tutti dev average``: the mean of the weights of several checkpoints."""

from __future__ import annotations

import argparse
from pathlib import Path

_EXAMPLES = r"""example:
  tutti dev average training/weights/tutti-0.11.0.pt runs/on/last.pt --out runs/mean/last.pt
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "average",
        help="the mean of several checkpoints",
        description="The mean of the weights of several checkpoints.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoints", type=Path, nargs="+", help="the newest last")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the mean."""
    from training import checkpoint
    from training.average import average

    checkpoint.save(args.out, average(args.checkpoints))
    return 0
