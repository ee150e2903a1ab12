"""``tutti dev validate``: score checkpoints on mixtures of a bank, on real clips, or both."""

from __future__ import annotations

import argparse
from pathlib import Path

from realtime.errors import TuttiError
from training.arguments import count

_EXAMPLES = r"""example:
  tutti dev validate --bank banks/full --real ../shared/real training/weights/tutti-0.11.0.pt
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "validate",
        help="score checkpoints before they are exported",
        description="Score checkpoints on mixtures of a bank, on real clips, or both.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, nargs="+")
    parser.add_argument("--bank", type=Path, help="note bank: mixtures of each split are scored")
    parser.add_argument("--real", type=Path, help="folder of real clips: the val split is scored")
    parser.add_argument("--windows", type=count, default=1_024, help="(default %(default)s)")
    parser.add_argument(
        "--recorded", action="store_true", help="only recorded sources, which are nearest to music"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a Markdown table: a row for each checkpoint, and split."""
    if args.bank is None and args.real is None:
        raise TuttiError("There is nothing to score with: name --bank, --real or both.")
    from training.bank.bank import Bank
    from training.checkpoint import load_model
    from training.scoring.real import RealValidation
    from training.scoring.validation import print_real, print_rendered

    bank = None if args.bank is None else Bank.open(args.bank)
    models = [(path.stem, load_model(path)[0]) for path in args.checkpoint]
    if bank is not None:
        print_rendered(bank, models, args.windows, recorded=args.recorded)
    if args.real is not None:
        validation = RealValidation(args.real)
        print_real((name, validation.score(model)) for name, model in models)
    return 0
