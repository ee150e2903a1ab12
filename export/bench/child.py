"""Runs a command and prints what it took, as JSON: a program of its own, and a small one.

The system counts to a process's most memory what the process that started it had, so that a
command that a large one starts would seem as large.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main(command: list[str]) -> None:
    began_s = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        passed_s = time.perf_counter() - began_s
        process.returncode = os.waitstatus_to_exitcode(status)
    memory_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    found = {
        "status": process.returncode,
        "said": said,
        "passed_s": passed_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "memory_mb": memory_bytes / 1e6,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
