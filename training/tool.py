"""What the small programs of this room (``python -m training.NAME``) end with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from realtime.errors import TuttiError


def run(main: Callable[[], int]) -> NoReturn:
    """Run ``main`` and exit with its status; a TuttiError is one sentence and status 2."""
    try:
        status = main()
    except TuttiError as error:
        print(error, file=sys.stderr)
        status = 2
    sys.exit(status)
