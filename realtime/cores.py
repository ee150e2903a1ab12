"""Work on several cores: how many, and several things at once whose results come in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

MOST_WORKERS = 4
"""More would wait for the one thread that decodes, or for Python's lock."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def workers() -> int:
    """Threads that files are heard with: a core each, within reason."""
    return min(MOST_WORKERS, cores())


def several(
    work: Callable[[Item], Result], items: Iterable[Item], at_once: int
) -> Generator[Future[Result], None, None]:
    """Results in the order of the items, ``at_once`` of which are worked on.

    One more at most is begun or waits to be taken. Closed early, it waits for what is begun.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(at_once, "tutti-files") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > at_once:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for future in waiting:
                future.cancel()
