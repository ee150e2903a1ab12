"""A recording program in a process of its own, read through a pipe.

A sound driver or server that hangs, crashes or aborts takes that process with
it, not this one; and while other threads hold this interpreter, it records on.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PLAIN_SPEECH = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
"""Environment in which programs say what this one reads; LANGUAGE would translate even so."""
READ_BYTES = 1 << 16
"""Read at a time: a larger buffer is fresh memory from the system at every read."""
PIPE_BYTES = 1 << 20
"""Room in the pipe, where the system allows it: 2.7 s of stereo at 48 kHz."""


ROOT = Path(__file__).parents[2]
START = "import runpy, sys; sys.path.append(sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), \
run_name='__main__', alter_sys=True)"


def module_command(name: str, *arguments: str) -> list[str]:
    """A command that runs one of Tutti's modules wherever it lies.

    -P: what lies in the folder one stands in must not pass for a module. A packaged program is its
    own Python, and knows its modules by name.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, "-m", name, *arguments]
    return [sys.executable, "-P", "-c", START, str(ROOT), name, *arguments]


class Child:
    """A running program whose standard output is read with a time limit.

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=os.environ | PLAIN_SPEECH,
            # Ctrl-C is ours to handle.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        _enlarge(self._pipe)

    @property
    def process_id(self) -> int:
        return self._process.pid

    def read(self, timeout_s: float) -> bytes | None:
        """What came, at least a byte; empty if nothing came in time; None once it has ended."""
        if not _readable(self._pipe, timeout_s):
            return b""
        return os.read(self._pipe, READ_BYTES) or None

    def write(self, data: bytes) -> None:
        """Give it something to read."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def end_input(self) -> None:
        """Say that there is nothing more to read."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """End the program at once, and what it started; safe to repeat."""
        if self._process.returncode is None:
            _kill_group(self._process)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


if sys.platform == "win32":
    import _winapi
    import msvcrt

    POLL_S = 0.01

    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        process.kill()

    def _readable(pipe: int, timeout_s: float) -> bool:
        handle = msvcrt.get_osfhandle(pipe)
        until_s = time.monotonic() + timeout_s
        while True:
            try:
                if _winapi.PeekNamedPipe(handle, 0)[0]:
                    return True
            except BrokenPipeError:
                return True  # its end: reading says so
            if time.monotonic() >= until_s:
                return False
            time.sleep(POLL_S)

    def _enlarge(pipe: int) -> None:
        """The size of a pipe is fixed here; the recorder holds back what does not fit."""

else:
    import fcntl
    import select
    import signal

    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # of the session it was started in

    def _readable(pipe: int, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        return bool(poll.poll(1000 * timeout_s))

    def _enlarge(pipe: int) -> None:
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
