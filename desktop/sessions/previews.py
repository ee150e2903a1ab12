"""How loud every input is just now: each is opened while a dialog shows it, and let go after."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence

import numpy as np

from realtime.errors import TuttiError
from realtime.levels import FLOOR_DBFS, to_dbfs
from realtime.sources.base import Source
from realtime.sources.device import Device

Identity = tuple[str, str, int]
_READ_S = 0.1
MOST = 24
"""Inputs opened at once; beyond it a system has other troubles."""


def open_device(device: Device) -> Source:
    """A source with all channels of a device, not opened yet."""
    from realtime.sources.device import DeviceSource

    return DeviceSource(device, max(device.channels, 1))


class Preview:
    """One input, read on a thread of its own."""

    def __init__(self, make: Callable[[], Source]) -> None:
        self.trouble = ""
        """Why it cannot be heard."""
        self._make = make
        self._peak: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        source: Source | None = None
        try:
            source = self._make()
            source.open()
            while not self._over.is_set():
                block = source.read(_READ_S)
                if block is None:
                    break
                if len(block):
                    peak = float(np.abs(np.nan_to_num(block)).max())
                    self._peak = max(self._peak or 0.0, peak)
        except (TuttiError, OSError, ValueError) as error:
            self.trouble = str(error) or "It cannot be opened."
        finally:
            if source is not None:
                source.close()

    def level_dbfs(self) -> float | None:
        """The peak since this was asked last; None: nothing came."""
        peak, self._peak = self._peak, None
        return None if peak is None else max(to_dbfs(peak), FLOOR_DBFS)

    def close(self, wait_s: float = 0.0) -> None:
        """Let go of the input, which a driver may take a moment for."""
        self._over.set()
        if wait_s:
            self._thread.join(wait_s)


class Previews:
    """Every input of a list."""

    def __init__(self, make: Callable[[Device], Source] = open_device) -> None:
        self._make = make
        self._running: dict[Identity, Preview] = {}

    def show(self, devices: Sequence[Device]) -> None:
        """Hear these, and no others."""
        wanted = {device.identity: device for device in devices[:MOST]}
        for identity in [one for one in self._running if one not in wanted]:
            self._running.pop(identity).close()
        for identity, device in wanted.items():
            if identity not in self._running:
                self._running[identity] = Preview(functools.partial(self._make, device))

    def level_dbfs(self, identity: Identity) -> float | None:
        """The peak of an input since it was asked last; None: nothing came."""
        preview = self._running.get(identity)
        return preview.level_dbfs() if preview is not None else None

    def trouble(self, identity: Identity) -> str:
        """Why an input cannot be heard, or ''."""
        preview = self._running.get(identity)
        return preview.trouble if preview is not None else ""

    def close(self, wait_for: Identity | None = None) -> None:
        """Let go of all; of ``wait_for`` before this returns, since it is opened next."""
        for identity, preview in self._running.items():
            if identity != wait_for:
                preview.close()
        if wait_for in self._running:
            self._running[wait_for].close(wait_s=1.0)
        self._running = {}
