"""Memory that a training step frees stays with the process, for the next step."""

from __future__ import annotations

import ctypes
import platform

# From malloc.h; see mallopt(3).
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGE_BYTES = 1 << 30
_AHEAD_BYTES = 64 << 20


def keep_freed_memory() -> None:
    """Tell glibc to keep what is freed; elsewhere this does nothing.

    A step takes and frees some hundred megabytes in blocks of a few. By itself glibc hands
    such blocks back to the system, which must clear each page again at the next step: on a
    processor that was a tenth of the time of a step (``docs/experiments.md``).
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES - 1)
    libc.mallopt(_M_TOP_PAD, _AHEAD_BYTES)
