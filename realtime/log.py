"""One structured log: an event a line, as JSON, to a file that may fail without harm."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError

LOGGER = logging.getLogger("tutti")
LOGGER.addHandler(logging.NullHandler())
LEVELS = ("debug", "info", "warning", "error")
MAX_BYTES = 5_000_000
RETRY_S = 10.0


def event(level: int, name: str, **fields: Any) -> None:
    """Log something that happened: a fixed name, and what is particular as fields."""
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, name, extra={"fields": fields})


class JsonFormatter(logging.Formatter):
    """``{"time": ..., "uptime_s": ..., "level": ..., "event": ..., ...fields}``.

    ``uptime_s`` is monotonic: it stays right when the system clock is set.
    """

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(),
            "uptime_s": round(time.monotonic() - _START_S, 3),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(document, default=str)


class PatientFileHandler(RotatingFileHandler):
    """Writes while it can: a full disk costs lines, which are counted, never the program."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8")
        self.lines_lost = 0
        self._retry_s = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() < self._retry_s:
            self.lines_lost += 1
            return
        if self.stream is not None and self._was_moved():
            self._drop_stream()  # it is opened anew, under its name
        super().emit(record)

    def _was_moved(self) -> bool:
        """Whether the file was deleted or renamed: what is written to it would not be found."""
        try:
            open_now = os.fstat(self.stream.fileno())  # type: ignore[union-attr]
            return not os.path.samestat(os.stat(self.baseFilename), open_now)
        except OSError:
            return True

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        if not self.lines_lost:
            reason = getattr(sys.exc_info()[1], "strerror", None) or "it cannot be written"
            print(
                f"tutti: the log {self.baseFilename} stopped ({reason}); listening goes on.",
                file=sys.stderr,
            )
        self.lines_lost += 1
        self._retry_s = time.monotonic() + RETRY_S
        self._drop_stream()

    def close(self) -> None:
        self._drop_stream()
        super().close()

    def _drop_stream(self) -> None:
        """Close the stream; what it still holds back may be unwritable as well."""
        stream, self.stream = self.stream, None
        if stream is not None:
            try:
                stream.close()
            except OSError:
                self.lines_lost += 1


def open_log(path: str, level: str = "info") -> PatientFileHandler:
    """Send events at or above ``level`` to a file, appending; close the handler when done.

    Raises:
        TuttiError: the file cannot be opened for writing.
    """
    try:
        handler = PatientFileHandler(Path(path))
    except OSError as error:
        raise TuttiError(
            f"The log file {path} cannot be written ({error.strerror}): name another with --log."
        ) from None
    handler.setFormatter(JsonFormatter())
    handler.setLevel(level.upper())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(min(LOGGER.level or logging.CRITICAL, handler.level))
    return handler


def close_log(handler: logging.Handler) -> None:
    """Stop a log opened with ``open_log``."""
    LOGGER.removeHandler(handler)
    handler.close()


_START_S = time.monotonic()
