"""What processes of ``tutti library`` do in its tests; they import it by name."""

from __future__ import annotations

import os
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

from realtime.library.processes import Work
from realtime.library.row import Outcome
from realtime.library.walk import Found


def fake(found: Found) -> Outcome:
    """A row of the right length for every file."""
    return Outcome(found, array("f", [1.0] * 67).tobytes())


@dataclass(frozen=True)
class Dies:
    """Reads any file but those whose name says that the process dies, once or always."""

    folder: Path

    def __call__(self) -> Work:
        return self.work

    def work(self, found: Found) -> Outcome:
        name, been = Path(found.path).name, self.folder / "been"
        if name.startswith("always") or (name.startswith("once") and not been.exists()):
            been.touch()
            os._exit(7)
        return fake(found)


@dataclass(frozen=True)
class Meets:
    """Is done with a file once another process has begun with another one."""

    folder: Path

    def __call__(self) -> Work:
        return self.work

    def work(self, found: Found) -> Outcome:
        (self.folder / f"{os.getpid()}").touch()
        until_s = time.monotonic() + 30
        while len(list(self.folder.iterdir())) < 2:
            if time.monotonic() > until_s:
                return Outcome(found, error="alone")
            time.sleep(0.02)
        return fake(found)
