"""How sure the model is, on one scale for every instrument: 50 of 100 is its threshold.

Thresholds differ from instrument to instrument and from model to model. On this scale every
bar and every number means the same: from 50 on an instrument counts as heard.
"""

from __future__ import annotations


def sureness(value: float, threshold: float) -> float:
    """A probability 0..1 on the scale 0..1 whose middle is the threshold."""
    if value < threshold:
        return 0.5 * value / threshold
    return min(0.5 + 0.5 * (value - threshold) / max(1.0 - threshold, 1e-6), 1.0)


def percent(value: float, threshold: float) -> int:
    """Sureness as the number shown: 50 and more exactly where it is heard."""
    shown = round(sureness(value, threshold) * 100)
    return max(shown, 50) if value >= threshold else min(shown, 49)
