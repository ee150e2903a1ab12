"""How far a run is: files are counted beside the work, since they are only met one at a time."""

from __future__ import annotations

import contextlib
import sys
import threading

from realtime.errors import TuttiError
from realtime.library.walk import Found, sound_files
from realtime.progress import Tell


class Headway:
    """Tells in bytes, which say more of the time that is left than files do."""

    def __init__(self, tell: Tell, folder: str) -> None:
        self._tell = tell
        self._files = self._bytes = self._skipped_bytes = 0
        self._all: tuple[int, int] | None = None
        if sys.stderr.isatty():
            threading.Thread(target=self._count, args=(folder,), daemon=True).start()

    def skip(self, found: Found) -> None:
        """A file that was done before: it takes no time."""
        self._files += 1
        self._skipped_bytes += found.size_bytes

    def step(self, found: Found) -> None:
        """A file that was done now."""
        self._files += 1
        self._bytes += found.size_bytes
        if self._all is None:
            self._tell(f"{self._files:,} files", self._bytes, 0.0)
            return
        files, total = self._all
        left = max(total - self._skipped_bytes, self._bytes)
        self._tell(f"{self._files:,} of {max(files, self._files):,} files", self._bytes, left)

    def _count(self, folder: str) -> None:
        files = total = 0
        with contextlib.suppress(TuttiError):
            for found in sound_files(folder, lambda path, why: None):
                files += 1
                total += found.size_bytes
        self._all = files, total
