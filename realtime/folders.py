"""Where this system keeps a user's files, also for a user who has no home.

By hand, since platformdirs names a folder "~" where there is no home.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

Purpose = Literal["config", "logs", "cache", "data"]
_PLACES: dict[Purpose, dict[str, tuple[str, tuple[str, ...]]]] = {
    "config": {
        "win32": ("APPDATA", ("AppData", "Roaming")),
        "darwin": ("", ("Library", "Application Support")),
        "linux": ("XDG_CONFIG_HOME", (".config",)),
    },
    "logs": {
        "win32": ("LOCALAPPDATA", ("AppData", "Local")),
        "darwin": ("", ("Library", "Logs")),
        "linux": ("XDG_STATE_HOME", (".local", "state")),
    },
    "cache": {
        "win32": ("LOCALAPPDATA", ("AppData", "Local")),
        "darwin": ("", ("Library", "Caches")),
        "linux": ("XDG_CACHE_HOME", (".cache",)),
    },
    "data": {
        "win32": ("APPDATA", ("AppData", "Roaming")),
        "darwin": ("", ("Library", "Application Support")),
        "linux": ("XDG_DATA_HOME", (".local", "share")),
    },
}
"""By purpose and system: the variable that names the place, and where it is without, at home."""


def folder(purpose: Purpose) -> Path:
    """Tutti's own folder for settings, for what it leaves behind, for what can be made again, or
    for what a user made and keeps ("data")."""
    places = _PLACES[purpose]
    variable, below_home = places.get(sys.platform, places["linux"])
    return Path(os.environ.get(variable) or _home().joinpath(*below_home)) / "tutti"


def _home() -> Path:
    """The user's home; where there is none, a place in which no folder can be made.

    A container may run as a number that no list of users holds. Then nothing is kept.
    """
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)
