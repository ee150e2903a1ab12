"""``tutti bench``: how fast it is here, beside other taggers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

_EXAMPLES = """examples:
  tutti bench                                   the bundled model and the program, in ten minutes
  tutti bench runs/tutti.int8.onnx --quick      a model of your own, in one minute
  tutti bench --peer yamnet.tflite --peer cnn14.onnx
  tutti bench --json speed.json --page docs/performance.md

Peers are taggers that take a window of sound, as ONNX or TFLite files (TFLite needs
pip install 'tutti-meter[peers]'). All files take turns, so that a busy machine slows all
alike: ratios hold where times do not.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed, memory and start, beside other taggers",
        description="Measure what a window, files, live listening and the start take.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "models", type=Path, nargs="*", help="ONNX files of 'tutti export' beside the bundled one"
    )
    parser.add_argument(
        "--peer", type=Path, action="append", default=[], metavar="FILE", help="another tagger"
    )
    parser.add_argument("--quick", action="store_true", help="a minute, and rougher")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here too")
    parser.add_argument(
        "--page",
        type=Path,
        action="append",
        default=[],
        metavar="PAGE",
        help="fill what a Markdown page has between <!-- bench: NAME --> markers",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from export.bench.bench import FULL, QUICK, bench
    from export.bench.pages import fill_page, tables
    from realtime.whole_file import write_whole

    console = Console()
    with console.status("Opening") as status:
        plan = QUICK if args.quick else FULL
        document = bench(args.models, args.peer, plan, status.update)
    console.print(tables(document), highlight=False, markup=False, soft_wrap=True)
    if args.json is not None:
        write_whole(args.json, json.dumps(document, indent=1) + "\n")
    for page in args.page:
        fill_page(page, document)
    return 0
