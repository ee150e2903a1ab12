"""Command-line arguments that several commands share; imports nothing heavy."""

from __future__ import annotations

import argparse
import glob
import math
from collections.abc import Callable
from pathlib import Path

from realtime.errors import TuttiError
from realtime.spec import DEFAULT_HOP_S, MIN_HOP_S

MAX_HOP_S = 1.0


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="M", help="ONNX model file (default: the bundled one)")


def add_fast(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fast",
        action="store_true",
        help="hear half a second at a time: half the delay, and less is heard",
    )


def add_hop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hop",
        type=_hop,
        default=DEFAULT_HOP_S,
        metavar="S",
        help=f"seconds between windows, {MIN_HOP_S} to 1 (default: {DEFAULT_HOP_S})",
    )


def add_channel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel",
        type=_channel,
        default="mono",
        metavar="C",
        help="mono (all channels, the default), left, right, mid, side, "
        "or one or two channel numbers from 1, as in 3,4",
    )


STREAM = "-"


def refuse_stdin(*names: str | None) -> None:
    """``-`` is stdin where ``tutti tag`` reads it; elsewhere it would be a file of that name.

    Raises:
        TuttiError: one of the names is ``-``.
    """
    if STREAM in names:
        raise TuttiError(
            "Here - stands for nothing: name a file (only 'tutti tag -' reads from a pipe)."
        )


def seconds(low_s: float, high_s: float = math.inf) -> Callable[[str], float]:
    """What an option takes that is a time from ``low_s`` to ``high_s``."""
    most = f" and at most {high_s:g}" if high_s < math.inf else ""

    def parse(text: str) -> float:
        try:
            value_s = float(text)
        except ValueError:
            value_s = math.nan
        if not low_s <= value_s <= high_s or value_s == math.inf:
            raise argparse.ArgumentTypeError(
                f"'{text}' is not a number of seconds: give at least {low_s:g}{most}"
            )
        return value_s

    return parse


def whole(least: int) -> Callable[[str], int]:
    """What an option takes that is a whole number, ``least`` or more."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number, {least} or more")
        return value

    return parse


def reastream_address(text: str) -> tuple[str, int]:
    """What an option takes that is an address of ReaStream: ``HOST`` or ``HOST:PORT``."""
    from realtime.sources.reastream import parse_address

    try:
        return parse_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no address: use numbers, as in 127.0.0.1 or 192.168.1.5:58710"
        ) from None


def _hop(text: str) -> float:
    try:
        hop_s = float(text)
    except ValueError:
        hop_s = 0.0
    if not MIN_HOP_S <= hop_s <= MAX_HOP_S:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a hop: use {MIN_HOP_S} to {MAX_HOP_S:g} s"
        )
    return hop_s


def _channel(text: str) -> object:
    # numpy and all behind it stay out of `tutti --help`.
    from realtime.downmix import CHANNEL_NAMES, parse_channel

    try:
        return parse_channel(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a channel: use {', '.join(CHANNEL_NAMES)}, or numbers from 1"
        ) from None


def expanded(names: list[str]) -> list[str]:
    """The names behind patterns: on Windows no shell has replaced ``*.wav`` by them."""
    found: list[str] = []
    for name in names:
        if glob.has_magic(name) and not Path(name).exists():
            found += sorted(glob.glob(name)) or [name]
        else:
            found.append(name)
    return found
