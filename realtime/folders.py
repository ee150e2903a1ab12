"""Where this system keeps a user's files, also for a user who has no home."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The user's home; where there is none, a place in which no folder can be made.

    A container may run as a number that no list of users holds. Then nothing is kept.
    """
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)
