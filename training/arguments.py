"""Further numbers on the command line, refused in words; imports nothing heavy."""

from __future__ import annotations

import argparse
import math

from realtime.arguments import whole

count = whole(1)
seed = whole(0)


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


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
