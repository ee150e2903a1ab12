"""A stream from one of the recording programs, which speak as ``recorder`` does."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from realtime.sources import recorder
from realtime.sources.base import Block
from realtime.sources.child import Child
from realtime.sources.device import STAYS, DeviceGone, cannot_open

OPEN_TIMEOUT_S = 4.0


class Recorded:
    """An input that ``command`` opens and records; ``missing`` is what it needs and has not.

    Raises:
        TuttiError: it cannot be opened, or (from ``read``) it broke off.
    """

    def __init__(self, label: str, command: Sequence[str], missing: TuttiError) -> None:
        self._label = label
        self._missing = missing
        self._received = b""
        self.overflows = 0
        try:
            self._child = Child(command)
        except OSError as error:
            raise cannot_open(label, error.strerror) from None
        try:
            about = self._about()
        except BaseException:
            self._child.close()
            raise
        self.sample_rate_hz: int = about["sample_rate_hz"]
        self.channels: int = about["channels"]

    def _about(self) -> dict[str, Any]:
        until_s = time.monotonic() + OPEN_TIMEOUT_S
        while b"\n" not in self._received:
            data = self._child.read(max(0.0, until_s - time.monotonic()))
            if not data:
                raise TuttiError(
                    f"The input '{self._label}' cannot be opened (its driver "
                    f"{'crashed' if data is None else 'does not answer'}): "
                    "unplug it or restart the sound server, and try again."
                )
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        about: dict[str, Any] = json.loads(line)
        if about.get("kind") == "missing":
            raise self._missing
        if about.get("kind") == "gone":
            raise DeviceGone(self._label, about["error"])
        if "error" in about:
            raise cannot_open(self._label, about["error"])
        return about

    def read(self, timeout_s: float) -> Block:
        """The frames that came; none if none came in time."""
        data = self._child.read(timeout_s)
        if data is None:
            raise TuttiError(f"The input '{self._label}' broke off: {STAYS}.")
        messages, self._received = recorder.whole_messages(self._received + data)
        if messages:
            self.overflows = messages[-1][1]
        frames = b"".join(body for body, _ in messages)
        return np.frombuffer(frames, np.float32).reshape(-1, self.channels)

    def close(self) -> None:
        self._child.close()
