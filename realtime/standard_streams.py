"""The three standard streams as they may be: closed, full, or read by nobody.

A shell's ``>&-`` closes one. Python then has None in its place (and prints what is meant
for ``sys.stderr`` on stdout), and the next file that is opened takes its number.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from realtime.errors import TuttiError


class OutputFailed(TuttiError, OSError):
    """Nothing can be written to stdout: it is closed, or the disk behind it is full."""

    def __str__(self) -> str:
        return (
            f"The output cannot be written ({self.strerror}): "
            "make room, or send it somewhere else."
        )


class Output:
    """Text to stdout whose failure is one sentence; ``stream`` is None where it is closed.

    All else is the stream's. A reader that has left stays a BrokenPipeError.
    """

    encoding: str | None = "utf-8"

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        if stream is not None:
            self.encoding = stream.encoding
        self.failed: OutputFailed | None = None

    def write(self, text: str) -> int:
        with self._told():
            written: int = self._open().write(text)
        return written

    def flush(self) -> None:
        if self._stream is not None:
            with self._told():
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        number: int = self._open().fileno()
        return number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _open(self) -> Any:
        if self._stream is None:
            self.failed = OutputFailed(errno.EBADF, "it is closed")
            raise self.failed
        return self._stream

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (BrokenPipeError, OutputFailed):
            raise
        except OSError as error:
            self.failed = OutputFailed(error.errno, error.strerror)
            raise self.failed from None


class Complaints:
    """Text to stderr; where that cannot be written there is nobody left to tell."""

    encoding: str | None = "utf-8"

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        if stream is not None:
            self.encoding = stream.encoding

    def write(self, text: str) -> int:
        with suppress(OSError):
            if self._stream is not None:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def standard_streams() -> Iterator[Output]:
    """Streams that can be used whatever they were; gives what ``sys.stdout`` is meanwhile."""
    before = sys.stdout, sys.stderr
    _fill_the_first_three()
    for stream in before:
        if hasattr(stream, "reconfigure"):
            # A file name need not be text that the terminal can show.
            stream.reconfigure(errors="backslashreplace")
    output = Output(sys.stdout)
    sys.stdout = output
    sys.stderr = Complaints(sys.stderr)
    try:
        yield output
    finally:
        sys.stdout, sys.stderr = before
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
        except OSError:
            give_up(sys.stderr)


def give_up(stream: Any) -> None:
    """Send what a stream still holds nowhere: the interpreter would try it again when it leaves,
    in vain, and end with 120."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _fill_the_first_three() -> None:
    """No file of ours may become number 0, 1 or 2: libraries write their complaints there."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
