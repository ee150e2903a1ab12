"""When Qt cannot start: why, and what to do, where Qt would abort the process.

Qt says what it tried, then something general, and aborts. All of it passes through the
message handler, so nothing has to be tried beforehand and a good start costs nothing.
"""

from __future__ import annotations

import ctypes
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

INSTEAD = (
    "use 'tutti listen' for meters in the terminal, or --screenshot PNG to draw the window "
    "into a file"
)
CONNECT_S = 5.0
"""A display on another machine may take this long to accept; Qt alone would wait minutes."""

_UNKNOWN = re.compile(r'Could not find the Qt platform plugin "([^"]*)"')
_NO_X11 = re.compile(r"could not connect to display")
_NO_WAYLAND = re.compile(r"Failed to create wl_display")
_FAILED = re.compile(r'Could not load the Qt platform plugin "([^"]+)"')
_AVAILABLE = re.compile(r"Available platform plugins are: (.*?)\.?\s*$", re.DOTALL)
_LIBRARY = re.compile(r"lib[\w.+-]+\.so[.\d]*")
_PACKAGES = {"libxcb-cursor.so.0": "libxcb-cursor0"}


def why_not(
    said: Sequence[str],
    environment: Mapping[str, str],
    missing_library: Callable[[str], str | None],
) -> str:
    """One sentence on why Qt did not start, from what it said; the fatal message comes last.

    ``missing_library``: given a platform ("xcb"), the library its plugin cannot load.
    """
    text = "\n".join(said)
    if found := _UNKNOWN.search(text):
        available = _AVAILABLE.search(said[-1])
        known = f", or set it to one of {available[1]}" if available else ""
        return f"Qt has no platform '{found[1]}' (QT_QPA_PLATFORM): unset that variable{known}."
    for platform in dict.fromkeys(_FAILED.findall(text)):
        if library := missing_library(platform):
            package = _PACKAGES.get(library)
            how = f"install it (Debian: sudo apt install {package})" if package else "install it"
            return f"The window cannot be opened because {library} is missing: {how}, or {INSTEAD}."
    displays = []
    if _NO_WAYLAND.search(text):
        displays.append(_named(environment, "WAYLAND_DISPLAY", "wayland-0"))
    if _NO_X11.search(text):
        displays.append(_named(environment, "DISPLAY", ""))
    if displays == [""]:
        return f"There is no display to open a window on (DISPLAY is not set): {INSTEAD}."
    if displays := [display for display in displays if display]:
        return (
            f"The display {' and '.join(displays)} cannot be reached: start it, name another, "
            f"or {INSTEAD}."
        )
    platform = environment.get("QT_QPA_PLATFORM")
    cause = said[-1].splitlines()[0].strip().rstrip(".") if said else "it gave no reason"
    unset = "unset QT_QPA_PLATFORM, " if platform else ""
    return f"Qt cannot open a window here ({cause}): {unset}or {INSTEAD}."


def _named(environment: Mapping[str, str], variable: str, default: str) -> str:
    value = environment.get(variable) or default
    return f"'{value}' ({variable})" if value else ""


def missing_library(platform: str) -> str | None:
    """The library without which Qt's plugin for a platform cannot be loaded; None if it can."""
    from PyQt6.QtCore import QLibraryInfo

    folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"
    plugin = folder / f"libq{platform}.so"
    if not plugin.exists():
        return None
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        found = _LIBRARY.search(str(error))
        return found.group() if found else str(error)
    return None


def display_that_never_accepts(environment: Mapping[str, str]) -> str | None:
    """``host:number`` of an X11 display on another machine that lets a caller wait, else None.

    A display that refuses, or one of this machine, is left to Qt, which tells at once.
    """
    wanted = environment.get("QT_QPA_PLATFORM", "")
    found = re.fullmatch(r"([^:/]+):(\d+)(?:\.\d+)?", environment.get("DISPLAY", ""))
    if found is None or not (wanted == "" or wanted.startswith("xcb")):
        return None
    try:
        socket.create_connection((found[1], 6_000 + int(found[2])), CONNECT_S).close()
    except TimeoutError:
        return found.group()
    except (OSError, OverflowError):
        return None
    return None
