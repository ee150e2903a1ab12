"""Work that may take a while, off the UI thread; the answer comes back on it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal


class Background(QObject):
    """Runs a function on a thread of its own and gives the result, or the error, to ``then``."""

    _finished = pyqtSignal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._finished.connect(self._deliver)

    def run(
        self,
        work: Callable[[], Any],
        then: Callable[[Any, Exception | None], None],
        name: str = "background",
    ) -> None:
        """Call ``work()``; ``then(result, None)`` or ``then(None, error)`` on the UI thread."""

        def body() -> None:
            try:
                answer: tuple[Any, Exception | None] = (work(), None)
            except Exception as error:  # Handed over whole: the caller knows what to say.
                answer = (None, error)
            # The window may have gone meanwhile; then nobody waits for the answer.
            with contextlib.suppress(RuntimeError):
                self._finished.emit(then, *answer)

        threading.Thread(target=body, name=name, daemon=True).start()

    def _deliver(self, then: Callable[[Any, Any], None], result: Any, error: Any) -> None:
        then(result, error)
