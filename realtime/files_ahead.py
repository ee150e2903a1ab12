"""Several files tagged at once, on as many cores as there are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import wait
from pathlib import Path

from realtime.cores import several, workers
from realtime.progress import Tell, progress
from realtime.tagger import Tagger
from realtime.timeline import Timeline

LONG_FILE_S = 60.0
"""From here on a progress bar is worth showing."""


class FilesAhead:
    """The timelines of files, in order; the next files are tagged while one is taken."""

    def __init__(self, tagger: Tagger, files: Sequence[str]) -> None:
        self._tagger = tagger
        self._stop = threading.Event()
        self._shown: tuple[str, Tell] | None = None
        self._files = files
        self._results = several(self._tag, self._files, workers())
        self._taken = 0

    def next(self) -> Timeline:
        """The next file's result, or what ``Tagger.tag`` raises; a bar where that takes long."""
        with progress(least=LONG_FILE_S) as tell:
            self._shown = self._files[self._taken], tell
            self._taken += 1
            result = next(self._results)
            # A wait without end cannot be interrupted by Ctrl-C on Windows.
            while not wait([result], timeout=0.5).done:
                pass
            self._shown = None
        return result.result()

    def close(self) -> None:
        """Call off what is still being tagged."""
        self._stop.set()
        self._results.close()

    def _tag(self, file: str) -> Timeline:
        def told(done_s: float, total_s: float) -> None:
            if self._stop.is_set():
                raise _CalledOff
            if (shown := self._shown) is not None and shown[0] == file:
                shown[1](Path(file).name, done_s, total_s)

        return self._tagger.tag(file, progress=told)


class _CalledOff(Exception):
    """Nobody waits for the file any more."""
