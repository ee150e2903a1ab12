"""What a live output is, and what it is given to begin with."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from realtime.postprocess import Tags
from realtime.spec import ModelSpec


class LiveOutput(Protocol):
    """Sends each window's tags somewhere.

    It is called on a thread of its own, one window at a time, so it may wait; what comes
    meanwhile gives way to the newest. An ``OSError`` is a window that was not received.
    """

    @property
    def where(self) -> str:
        """What goes where, as a sentence begins with it: "OSC to 127.0.0.1:9000"."""

    def send(self, name: str, tags: Tags) -> None:
        """One window of the sound ``name``."""

    def close(self) -> None:
        """End within half a second; nothing is sent after it."""


@dataclass(frozen=True)
class Counts:
    """Windows that an output was told: sent, and lost (given way to newer ones, or refused)."""

    sent: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Setting:
    """What an output may need to begin.

    ``names``: of the sounds that are heard, in order; one that has no name is "".
    ``args``: of the command, where further options of the output are. ``counts``: of all
    outputs, by name, whenever it is called.
    """

    spec: ModelSpec
    names: tuple[str, ...]
    args: argparse.Namespace
    counts: Callable[[], Mapping[str, Counts]]
