"""Thread priority: analysis yields to the DAW."""

from __future__ import annotations

import logging
import os
import sys
import threading

from realtime.log import event

NICENESS = 5
THREAD_PRIORITY_BELOW_NORMAL = -1


def lower_this_thread() -> None:
    """Put the calling thread below normal priority where the system has it per thread.

    Linux (nice values belong to threads there) and Windows; macOS keeps normal priority.
    """
    try:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        elif sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.SetThreadPriority(kernel.GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL)
    except OSError as error:
        event(logging.INFO, "priority kept", error=str(error))
