"""The marks of a time ruler."""

from __future__ import annotations


def ruler_step(span_s: float, most: int) -> float:
    """The round step that gives at most ``most`` marks over a span."""
    for step in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200):
        if span_s / step <= most:
            return float(step)
    return 36_000.0
