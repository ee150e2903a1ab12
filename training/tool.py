"""How the small programs of this room and the next (``python -m training.NAME``) end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from realtime.errors import TuttiError

EXTRA = "tutti-meter[training]"


def run(main: Callable[[], int]) -> NoReturn:
    """Run ``main`` and exit with its status.

    What the user can mend is one sentence and status 2: a TuttiError, or a file that cannot
    be read or written.
    """
    try:
        status = main()
        sys.stdout.flush()
    except TuttiError as error:
        status = _told(error)
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except OSError as error:
        if error.filename is None:
            raise
        status = _told(f"{error.filename} cannot be read or written ({error.strerror}): check it.")
    sys.exit(status)


def _told(what: object) -> int:
    print(what, file=sys.stderr)
    return 2


def explain_missing_packages() -> None:
    """Where a program is started whose packages are not installed, say so and what to install.

    They are imported before any of it runs; so it is the interpreter that is told.
    """
    before = sys.excepthook

    def hook(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        rooms = ("realtime", "desktop", "training", "export")
        if isinstance(error, ModuleNotFoundError) and error.name:
            top = error.name.split(".")[0]
            if top not in rooms:
                print(f"This needs more packages ({top}): pip install '{EXTRA}'.", file=sys.stderr)
                raise SystemExit(2)
        before(kind, error, trace)

    sys.excepthook = hook
