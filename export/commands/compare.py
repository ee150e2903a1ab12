"""``tutti dev compare``: train and score designs from nothing, one line of a recipe apart."""

from __future__ import annotations

import argparse
from pathlib import Path

from realtime.errors import TuttiError

_EXAMPLES = r"""example:
  tutti dev compare --bank banks/full --recordings ../shared/recordings
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "compare",
        help="train and score designs from nothing",
        description="Train and score every design from nothing, each one line of a recipe apart.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="of the table (default: all)")
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/compare"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and score the rows, and write the table."""
    from export.compare import ROWS, compare

    if unknown := [name for name in args.rows if name not in ROWS]:
        raise TuttiError(f"there is no row {unknown[0]!r}: choose of {'; '.join(ROWS)}.")
    for line in compare(args.rows or list(ROWS), args.bank, args.recordings, args.out):
        print(line, flush=True)
    return 0
