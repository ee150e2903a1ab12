"""A source whose blocks somebody else hears too."""

from __future__ import annotations

from collections.abc import Callable

from realtime.sources.base import Block, Source

Tell = Callable[[Block, int], None]
"""Takes a block and its sample rate in Hz, at once: the source waits for it."""


class Overheard:
    """Another source, as it is; ``tell`` gets every block on the capture thread."""

    def __init__(self, source: Source, tell: Tell) -> None:
        self._source = source
        self._tell = tell
        self._take_facts()

    def _take_facts(self) -> None:
        self.name, self.live = self._source.name, self._source.live
        self.sample_rate_hz, self.channels = self._source.sample_rate_hz, self._source.channels

    @property
    def overflows(self) -> int:
        return self._source.overflows

    def open(self) -> None:
        self._source.open()
        self._take_facts()

    def read(self, timeout_s: float) -> Block | None:
        block = self._source.read(timeout_s)
        if block is not None and len(block):
            self._tell(block, self._source.sample_rate_hz)
        return block

    def renewed(self) -> Overheard:
        return Overheard(self._source.renewed(), self._tell)

    def close(self) -> None:
        self._source.close()
