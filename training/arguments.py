"""Numbers on the command line, refused in words; imports nothing heavy."""

from __future__ import annotations

import argparse
import math


def count(text: str) -> int:
    """1 or more."""
    return _whole(text, 1)


def seed(text: str) -> int:
    """0 or more."""
    return _whole(text, 0)


def fraction(text: str) -> float:
    """Above 0, at most 1."""
    if not 0.0 < (value := _number(text)) <= 1.0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0 and at most 1")
    return value


def positive(text: str) -> float:
    """Above 0."""
    if not 0.0 < (value := _number(text)) < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return value


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number, {least} or more")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
