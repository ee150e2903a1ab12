"""``tutti dev demo``: compose and render the demo piece."""

from __future__ import annotations

import argparse
from pathlib import Path

_SAMPLES = Path("../shared/samples")

_EXAMPLES = r"""example:
  tutti dev demo realtime/assets/demo.ogg
  tutti dev demo build/session/mix.ogg --stems build/session    # players too
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "demo",
        help="compose and render the demo piece",
        description="Compose and render the demo piece.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("output", type=Path, metavar="OGG")
    parser.add_argument(
        "--samples", type=Path, default=_SAMPLES, help="recorded notes (default %(default)s)"
    )
    parser.add_argument("--stems", type=Path, help="a folder for a FLAC file of each player")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the piece, and its players one by one where asked."""
    from training.pieces.demo import write

    for line in write(args.output, args.samples, args.stems):
        print(line)
    return 0
