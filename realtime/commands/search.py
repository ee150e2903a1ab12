"""``tutti search``: files of a library by what sounds in them."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from realtime import arguments

DEFAULT_MIN_SHARE = 0.1
FORMATS = ("table", "jsonl", "paths")

EXAMPLES = """\
examples:
  tutti search tags.parquet "cello and not drums"
  tutti search tags.parquet "(flute or oboe) and strings" --min-share 0.3
  tutti search tags.parquet "acoustic guitar and not voice" --format paths > found.m3u

Names are those of instruments and families, with spaces, hyphens or underscores:
'electric guitar', 'woodwind', 'bowed string'. 'not' binds closest, then 'and', then 'or'.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "search",
        help="find files of a library by what sounds in them",
        description="Find the files of a table that 'tutti library' made, by what sounds in them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", metavar="TABLE", help="table of 'tutti library'")
    parser.add_argument("query", metavar="QUERY", help="names joined by and, or, not, parentheses")
    parser.add_argument(
        "--min-share",
        type=_share,
        default=DEFAULT_MIN_SHARE,
        metavar="S",
        help="part of a file's time, above 0 and up to 1, from which on something counts as "
        f"sounding in it (default: {DEFAULT_MIN_SHARE})",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="table",
        help="jsonl: a JSON document a file; paths: a path a line (default: table)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what matches, as it is found."""
    arguments.refuse_stdin(args.table)
    from realtime.library.query import parse
    from realtime.library.search import lines, search
    from realtime.library.table import Table

    query = parse(args.query)
    table = Table(Path(args.table))
    try:
        found = False
        for line in lines(search(table, query, args.min_share), args.format):
            found = True
            print(line)
        if not found:
            print(f"tutti search: none of {len(table)} files matches.", file=sys.stderr)
    finally:
        table.close()
    return 0


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value <= 1.0:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a share of the time: give a number above 0 and at most 1"
        )
    return value
