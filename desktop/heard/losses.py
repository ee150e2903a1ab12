"""When sound was lost: spans of a live session's own time, for the history to show."""

from __future__ import annotations

Span = tuple[float, float]
_JOIN_S = 0.6
"""Losses closer than this are one."""
MAX_SPANS = 1000


class Losses:
    """Made from an engine's growing counts, looked at many times a second."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        """Start and end in seconds of the session, in order."""
        self._seen = (0.0, 0)
        self._looked_s: float | None = None

    def note(
        self, now_s: float, *, missing_s: float, windows_dropped: int, hop_s: float, away: bool
    ) -> None:
        """Take in the counts as they are now; ``away``: no sound comes, the source is reopened."""
        lost_s = max(missing_s - self._seen[0], 0.0)
        lost_s += max(windows_dropped - self._seen[1], 0) * hop_s
        self._seen = (missing_s, windows_dropped)
        if away and self._looked_s is not None:
            lost_s = max(lost_s, now_s - self._looked_s)
        self._looked_s = now_s
        if lost_s > 0.0:
            self._add(max(now_s - lost_s, 0.0), now_s)

    def _add(self, start_s: float, end_s: float) -> None:
        if self.spans and start_s - self.spans[-1][1] <= _JOIN_S:
            start_s = min(self.spans.pop()[0], start_s)
        self.spans.append((start_s, end_s))
        del self.spans[:-MAX_SPANS]

    def at(self, time_s: float) -> Span | None:
        """The loss that a moment lies in."""
        return next((span for span in self.spans if span[0] <= time_s <= span[1]), None)
