"""``tutti dev measure``: the monitor's start, CPU, memory, frames and analysis, in figures."""

from __future__ import annotations

import argparse

from realtime.arguments import seconds

PARTS = ("start", "file", "live", "hour", "frame", "analysis")

_EXAMPLES = r"""example:
  tutti dev measure --only frame
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "measure",
        help="measure the monitor's own cost",
        description="Measure the monitor's own figures: start, CPU, memory, a frame, an analysis.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=seconds(1.0), default=30.0, help="length of the CPU runs (30)"
    )
    parser.add_argument("--only", choices=PARTS, help="measure only this")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the figures."""
    from desktop.benchmark import measure

    measure(PARTS if args.only is None else (args.only,), args.seconds)
    return 0
