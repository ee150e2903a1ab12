"""Jobs over a Dask cluster that is there already; its workers see the same folders as we do."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Generator, Iterator
from threading import Event
from typing import Any

from realtime.errors import TuttiError
from realtime.library.processes import LOOK_S, next_job
from realtime.library.row import Outcome, outcome_of
from realtime.library.walk import Found

CONNECT_S = 10.0
COUNT_S = 5.0
"""How often the workers are counted: they come and go."""
JOBS_A_THREAD = 2
"""One at work, one on its way."""
TRIES = 3
_mine = threading.local()


def on_cluster(
    jobs: Iterator[Found], model: str | None, stop: Event, address: str
) -> Generator[Outcome]:
    """Outcomes as they come. Files of a worker that is lost are done by another one.

    ``model``: a path that the workers can read, or None. Ends early when ``stop`` is set.

    Raises:
        TuttiError: there is no cluster, it has no worker, Tutti is not installed on them or not
            the same model, or the scheduler is lost.
    """
    with _client(address) as client:
        _check(client, model, address)
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        given: dict[str, tuple[Found, int]] = {}
        again: list[tuple[Found, int]] = []
        room, counted_s, number = 0, -math.inf, 0
        while not stop.is_set():
            if time.monotonic() - counted_s >= COUNT_S:
                room = max(JOBS_A_THREAD * _threads(client, address), 1)
                counted_s = time.monotonic()
            while len(given) < room and (job := next_job(jobs, again)) is not None:
                number += 1
                future = client.submit(tag_here, job[0], model, key=f"tutti-{number}", pure=False)
                given[future.key] = job
                future.add_done_callback(done.put)
                del future  # the callback's is the one that is kept
            if not given:
                return
            try:
                future = done.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            found, tries = given.pop(future.key)
            if future.status == "finished":
                yield _fetched(future, address)
            elif future.status == "error":  # it ended worker after worker, or cannot be sent
                yield Outcome(found, error=_untagged(found, future.exception()))
            elif client.status != "running":
                raise _lost(address)
            elif tries < TRIES:  # its worker was sent home in the midst of it
                again.append((found, tries + 1))
            else:
                yield Outcome(found, error=_untagged(found, "workers were closed while at it"))


def tag_here(found: Found, model: str | None) -> Outcome:
    """On a worker: each of its threads loads the model once."""
    from realtime.tagger import Tagger

    if getattr(_mine, "model", "") != model:
        _mine.tagger, _mine.model = Tagger(model), model
    return outcome_of(found, _mine.tagger.tag)


def model_here(model: str | None) -> tuple[str, str]:
    """Name and version of the model, as a worker finds it."""
    from realtime.model import TagModel

    spec = TagModel(model).spec
    return spec.name, spec.version


def _fetched(future: Any, address: str) -> Outcome:
    try:
        outcome: Outcome = future.result()
    except Exception:  # types of Dask's own: it was done, and only the way here can fail
        raise _lost(address) from None
    return outcome


def _untagged(found: Found, why: object) -> str:
    return f"{found.path} could not be tagged ({why}): run the same command again."


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise TuttiError("--scheduler needs Dask: pip install 'tutti-meter[cluster]'.") from None
    # What goes wrong is told in a sentence; Dask prints tracebacks while it tries again.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore
    except (OSError, ValueError) as error:
        raise TuttiError(
            f"There is no Dask scheduler at {address} ({error}): give the address it prints when "
            "it starts, as in tcp://10.0.0.1:8786."
        ) from None


def _check(client: Any, model: str | None, address: str) -> None:
    try:
        found = client.run(model_here, model)
    except Exception as error:  # whatever it is that a worker lacks
        raise TuttiError(
            f"A worker of {address} cannot load the model ({error}): install the same version of "
            "Tutti there, and give --model a path that it can read."
        ) from None
    if not found:
        raise TuttiError(f"The cluster at {address} has no workers: start some first.")
    if set(found.values()) != {model_here(model)}:
        raise TuttiError(f"Workers of {address} have another model: install the same Tutti there.")


def _threads(client: Any, address: str) -> int:
    try:
        return sum(client.nthreads().values())
    except Exception:  # types of Dask's own, where the scheduler does not answer
        raise _lost(address) from None


def _lost(address: str) -> TuttiError:
    return TuttiError(
        f"The scheduler at {address} is lost: what was done is kept, so start it and run the same "
        "command again."
    )
