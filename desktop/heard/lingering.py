"""Who has a large row: what is heard, and for a few seconds what just was, so nothing jumps."""

from __future__ import annotations

from collections.abc import Collection

LINGER_S = 4.0
"""Longer than a rest in a phrase; an instrument that stops for good does not stay long."""


class Lingering:
    """Names that have a large row, by the caller's clock."""

    def __init__(self, linger_s: float = LINGER_S) -> None:
        self.linger_s = linger_s
        self._last_s: dict[str, float] = {}

    def update(self, heard: Collection[str], now_s: float) -> frozenset[str]:
        """Enter what is heard now, dismiss what was not heard for ``linger_s``."""
        for name in heard:
            self._last_s[name] = now_s
        for name in [n for n, s in self._last_s.items() if now_s - s > self.linger_s]:
            del self._last_s[name]
        return frozenset(self._last_s)

    def clear(self) -> None:
        """Forget everything, as for another source or another place in a file."""
        self._last_s.clear()
