"""Worker processes that end with the process that started them, however it ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait

from realtime.errors import TuttiError


@contextmanager
def pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """An executor of fresh processes; what waits when it is left is called off.

    A killed parent would otherwise leave its workers waiting for work for ever.

    Raises:
        TuttiError: one of the processes was killed.
    """
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_end_with_parent
    ) as workers:
        try:
            yield workers
        except BrokenProcessPool as error:
            raise TuttiError(
                "A process that worked on the bank was ended from outside (out of memory?); "
                "try again with --processes 1."
            ) from error
        finally:
            workers.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
