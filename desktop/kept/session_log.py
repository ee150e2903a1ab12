"""A log of the session that survives a crash: JSON lines, each handed to the system at once."""

from __future__ import annotations

import datetime
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from realtime.folders import folder

KEPT_LOGS = 20
CLOSED = "closed"


class SessionLog:
    """One file a run. Safe from every thread; a full disk costs lines, never the session.

    The first line is ``opened`` and the last, unless the program died, ``closed``.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{_now():%Y-%m-%dT%H-%M-%S}-{os.getpid()}.jsonl"
        self.lines_lost = 0
        self._lock = threading.Lock()
        self._file: Any = None
        self._open()

    def write(self, event: str, **fields: Any) -> None:
        """Add a line: the time, the event's name, and its fields."""
        with self._lock:
            if self._file is not None and not self.path.exists():
                self._let_go()  # somebody tidied up: what follows shall be found
                self._open()
            self._add(event, fields)

    def close(self) -> None:
        """Mark the end and let go of the file."""
        self.write(CLOSED)
        with self._lock:
            if self._file is not None:
                self._let_go()

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115
        except OSError:
            self._file = None
        self._add("opened", {"pid": os.getpid()})

    def _add(self, event: str, fields: dict[str, Any]) -> None:
        line = json.dumps({"time": _now().isoformat(), "event": event} | fields, default=str)
        if self._file is None:
            self.lines_lost += 1
            return
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError:
            self.lines_lost += 1

    def _let_go(self) -> None:
        try:
            self._file.close()
        except OSError:
            self.lines_lost += 1
        self._file = None


def logs_folder() -> Path:
    """Where the logs lie."""
    return folder("logs") / "sessions"


def tidy(folder: Path) -> Path | None:
    """Delete all but the newest logs; return the newest if its session died, else None.

    Call it before this run's own log is opened.
    """
    logs = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    for old in logs[:-KEPT_LOGS]:
        try:
            old.unlink()
        except OSError:
            continue
    if not logs:
        return None
    try:
        lines = logs[-1].read_bytes().splitlines()
        last = json.loads(lines[-1])["event"] if lines else ""
        owner = json.loads(lines[0]).get("pid", 0) if lines else 0
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return logs[-1]
    return None if last == CLOSED or _is_running(owner) else logs[-1]


def _is_running(pid: Any) -> bool:
    """Whether another monitor still writes its log; where that cannot be told, no."""
    if sys.platform == "win32" or not isinstance(pid, int) or pid <= 0 or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
