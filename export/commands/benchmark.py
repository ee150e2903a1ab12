"""``tutti benchmark``: time a model on one thread."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.arguments import count

_LIVE = ((2, 16), (20, 100))
"""Windows a second, and how many are timed."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "benchmark",
        help="time a model on one thread",
        description="Processor time of one window: one right after the other, and as in live "
        "use, where the thread sleeps in between and caches are cold.",
        epilog="example:\n  tutti benchmark models/tutti.fp32.onnx models/tutti.int8.onnx\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "models", type=Path, nargs="*", help="ONNX files (default: the bundled one)"
    )
    parser.add_argument("--runs", type=count, default=200, help="windows timed (default 200)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from export.benchmark import time_model

    for path in args.models or [None]:
        timing = time_model(path, args.runs)
        print(
            f"{path or 'bundled model'}: {timing.median_ms:.2f} ms a window (median of "
            f"{timing.runs}, fastest {timing.fastest_ms:.2f} ms)",
            flush=True,
        )
        for rate_hz, runs in _LIVE:
            live = time_model(path, runs, 1 / rate_hz)
            share = live.median_ms * rate_hz / 10
            print(
                f"  live, {rate_hz} windows/s: {live.median_ms:.2f} ms a window, "
                f"{share:.1f} % of one core",
                flush=True,
            )
    return 0
