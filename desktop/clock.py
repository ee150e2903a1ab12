"""Times as a person reads them."""

from __future__ import annotations


def clock(time_s: float, *, tenths: bool = False) -> str:
    """``75.3`` -> ``1:15``, with tenths ``1:15.3``; hours appear when there are any."""
    tens = int(max(time_s, 0.0) * 10 + 1e-6)
    whole, tenth = divmod(tens, 10)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return f"{text}.{tenth}" if tenths else text


def ruler_step(span_s: float, most: int) -> float:
    """The round step that gives at most ``most`` marks over a span."""
    for step in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200):
        if span_s / step <= most:
            return float(step)
    return 36_000.0
