"""``tutti compare``: systems and designs trained from nothing on the same windows, one table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import TuttiError
from realtime.progress import progress
from training.arguments import count, positive, seed

if TYPE_CHECKING:
    from training.fit import Progress

_EXAMPLES = r"""examples:
  tutti compare --bank banks/full --recordings ../shared/recordings --real ../shared/real
  tutti compare "Tutti's own" "Zhong ShaResNet18" --bank banks/full --minutes 30
  tutti compare --bank banks/tiny --windows 512 --out runs/smoke
  tutti compare "front end: log" "mean pooling" --bank banks/full
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "compare",
        help="train the papers' systems on the same windows, and score them in one table",
        description="Trains every system from nothing on the same windows, for the same budget, "
        "and writes OUT/table.md: size, arithmetic, time, memory and scores. What is done is kept, "
        "what was ended goes on. A design (docs/experiments.md) is a row too, if it is named.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="(default: every system)")
    parser.add_argument("--bank", type=Path, required=True, help="note bank to train from")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--windows", type=count, default=300_000, help="of a system (default: %(default)s)"
    )
    budget.add_argument("--minutes", type=positive, help="of a system, by the clock, instead")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="folder of recordings")
    parser.add_argument("--real", type=Path, metavar="DIR", help="folder of real clips: its val")
    parser.add_argument(
        "--teachers", type=Path, metavar="DIR", help="others' taggers, rows too (needs --real)"
    )
    parser.add_argument("--seed", type=seed, default=1, help="of systems (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("runs/compare"), help="(%(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and score the rows, and write the table."""
    from export.compare import ROWS, SYSTEMS, Bench, Budget, compare
    from training.bank.bank import read_manifest

    if unknown := [name for name in args.rows if name not in ROWS]:
        raise TuttiError(f"there is no row {unknown[0]!r}: choose of {'; '.join(ROWS)}.")
    read_manifest(args.bank)
    budget = Budget(args.windows, args.minutes)
    bench = Bench(
        args.bank, args.out, budget, recordings=args.recordings, real=args.real, seed=args.seed
    )
    with progress() as tell:

        def report(name: str, now: Progress) -> None:
            text = f"{name}: {now.windows:,} windows, {now.windows_per_s:,.0f} a second"
            tell(text, now.windows, now.total)
            if not sys.stderr.isatty():
                print(text, file=sys.stderr, flush=True)

        for line in compare(args.rows or list(SYSTEMS), bench, args.teachers, report):
            print(line, flush=True)
    print(f"The table is {args.out / 'table.md'}")
    return 0
