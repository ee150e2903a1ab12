"""``tutti dev card``: write what 'tutti evaluate' measured into pages, between their markers."""

from __future__ import annotations

import argparse
from pathlib import Path

_EXAMPLES = r"""example:
  tutti dev card runs/eval/report.json README.md realtime/assets/MODEL_CARD.md
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "card",
        help="write measured scores into pages",
        description="Write what 'tutti evaluate' measured into pages, between their markers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("report", type=Path, help="report.json of 'tutti evaluate'")
    parser.add_argument("pages", type=Path, nargs="+", help="Markdown with <!-- name --> markers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fill every page, or none."""
    from training.scoring.card import fill_pages

    fill_pages(args.report, args.pages)
    return 0
