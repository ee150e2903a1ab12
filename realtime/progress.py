"""The one progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[str, float, float], None]
"""What is done, how far it is, and of how much (0: not known)."""


@contextmanager
def progress(least: float = 0.0, *, shown: bool = True) -> Iterator[Tell]:
    """A bar on stderr, if a person is looking; none for work of less than ``least``.

    What is printed to stderr meanwhile stands above it.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:  # a machine that only unpacks a bank may lack it
        yield lambda what, done, total: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, visible=least <= 0.0)

        def tell(what: str, done: float, total: float) -> None:
            bar.update(
                task,
                description=what,
                completed=done,
                total=total or None,
                visible=total >= least,
            )

        yield tell
