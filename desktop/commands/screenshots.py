"""``tutti dev screenshots``: draw every view of the monitor in both themes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

_EXAMPLES = r"""example:
  tutti dev demo build/session/mix.ogg --stems build/session
  tutti dev screenshots docs/screenshots --session build/session
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "screenshots",
        help="draw every view of the monitor",
        description="Draw every view of the monitor in both themes; needs no screen and no sound.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--file", type=Path, help="another piece than the demo")
    parser.add_argument("--session", type=Path, help="a folder of a mix and its stems")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the pictures."""
    from desktop.screenshots import DEMO, draw
    from realtime.sources.file import FileSource

    piece = args.file or DEMO
    FileSource(piece).close()
    for line in draw(args.folder, piece, args.session):
        print(line, flush=True)
    os._exit(0)  # what still runs holds resamplers, and their library would complain of a leak
