"""Memory that is taken again and again is not asked of the system each time."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource
import torch
from training.memory import keep_freed_memory

def pages_asked_for():
    # Each block is larger than what glibc itself would keep (32 MiB).
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(12_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages_asked_for()
usual = pages_asked_for()
keep_freed_memory()
pages_asked_for()
print(usual, pages_asked_for())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_freed_memory_is_kept() -> None:
    # A process of its own: what it sets cannot be undone.
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    usual, kept = map(int, done.stdout.split())
    assert kept < 0.05 * usual
