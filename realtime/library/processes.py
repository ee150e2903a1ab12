"""Jobs over every core of this machine: a process each, and none of them can end the run."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Event

from realtime.library.row import Outcome, outcome_of
from realtime.library.walk import Found

LOOK_S = 0.25
TRIES = 2
"""A process may be ended for what another one did, as for its memory."""
_SPAWN = multiprocessing.get_context("spawn")  # a fork would copy threads in the midst of something
Work = Callable[[Found], Outcome]


class TagFiles:
    """What a process does: it loads the model once, and tags file after file with it."""

    def __init__(self, model: str | None) -> None:
        self._model = model

    def __call__(self) -> Work:
        from realtime.tagger import Tagger

        tagger = Tagger(self._model)
        return lambda found: outcome_of(found, tagger.tag)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Found
    tries: int


def in_processes(
    jobs: Iterator[Found], make_work: Callable[[], Work], stop: Event, count: int
) -> Generator[Outcome]:
    """Outcomes as they come; ``jobs`` is asked for one when a process is free.

    A process that dies is replaced, and its file tried once more; then it is an error. Ends early
    when ``stop`` is set.
    """
    workers: list[_Worker] = []
    again: list[tuple[Found, int]] = []
    try:
        while True:
            while len(workers) < count and (next_one := next_job(jobs, again)) is not None:
                workers.append(_begun(make_work, *next_one))
            if not workers:
                return
            ready = wait([one.pipe for one in workers], LOOK_S)
            if stop.is_set():
                return
            for worker in [one for one in workers if one.pipe in ready]:
                try:
                    outcome = worker.pipe.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    status = _ended(worker)
                    if worker.tries < TRIES:
                        again.append((worker.job, worker.tries + 1))
                        continue
                    outcome = Outcome(worker.job, error=_died(worker.job.path, status))
                else:
                    if (next_one := next_job(jobs, again)) is None:
                        workers.remove(worker)
                        _ended(worker)
                    else:
                        _give(worker, *next_one)
                yield outcome
    finally:
        for worker in workers:
            worker.process.terminate()
            _ended(worker)


def next_job(jobs: Iterator[Found], again: list[tuple[Found, int]]) -> tuple[Found, int] | None:
    """A job and which try of it this is: what failed before comes first, then a new one."""
    if again:
        return again.pop()
    job = next(jobs, None)
    return None if job is None else (job, 1)


def _begun(make_work: Callable[[], Work], job: Found, tries: int) -> _Worker:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs, make_work), daemon=True)
    process.start()
    theirs.close()
    worker = _Worker(process, ours, job, tries)
    _give(worker, job, tries)
    return worker


def _give(worker: _Worker, job: Found, tries: int) -> None:
    worker.job, worker.tries = job, tries
    with contextlib.suppress(OSError):  # it has died: the next read says so
        worker.pipe.send(job)


def _ended(worker: _Worker) -> int | None:
    worker.pipe.close()  # a process that waits for a job ends by that
    worker.process.join()
    return worker.process.exitcode


def _died(path: str, status: int | None) -> str:
    return (
        f"{path} ended the process that read it, twice (status {status}): it may be damaged, so "
        "export it again."
    )


def _serve(pipe: Connection, make_work: Callable[[], Work]) -> None:
    """The process: a job in, an outcome out, until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that ends us
    work = make_work()
    try:
        while True:
            pipe.send(work(pipe.recv()))
    except (EOFError, OSError):
        return
