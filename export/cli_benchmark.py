"""``tutti benchmark``: time a model on one thread."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "benchmark",
        help="time a model on one thread",
        description="Processor time of one window, one at a time as in live use.",
        epilog="example:\n  tutti benchmark models/tutti.fp32.onnx models/tutti.int8.onnx\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "models", type=Path, nargs="*", help="ONNX files (default: the bundled one)"
    )
    parser.add_argument("--runs", type=int, default=200, help="windows timed (default 200)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from export.benchmark import time_model

    for path in args.models or [None]:
        timing = time_model(path, args.runs)
        print(
            f"{path or 'bundled model'}: {timing.median_ms:.2f} ms a window (median of "
            f"{timing.runs}, fastest {timing.fastest_ms:.2f} ms), "
            f"{timing.median_ms * 2 / 10:.2f} % of one core at 2 windows/s"
        )
    return 0
