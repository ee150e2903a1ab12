"""Where the packaged program begins: ``tutti``, and the helpers it starts of itself.

A packaged program has no Python beside it: ``sys.executable`` is this program. Its helpers are
started by it as Python would start them, so it answers to those calls.
Started without arguments, as from a menu, it opens the window.
"""

from __future__ import annotations

import ctypes.util
import multiprocessing
import os
import runpy
import sys
from pathlib import Path

HELPERS = (
    "realtime.sources.recorder",
    "realtime.sources.jack_recorder",
    "realtime.sources.datagrams",
    "realtime.live_outputs.midi_port",
    "realtime.host.plugin_worker",
)


def helper_of(arguments: list[str]) -> tuple[str, list[str]] | None:
    """The helper that ``-P FILE ...`` or ``-m MODULE ...`` asks for, and its own arguments."""
    if len(arguments) < 2 or arguments[0] not in ("-P", "-m"):
        return None
    wanted = Path(arguments[1]).stem.rpartition(".")[2] if arguments[0] == "-P" else arguments[1]
    for name in HELPERS:
        if wanted in (name, name.rpartition(".")[2]):
            return name, arguments[2:]
    return None


def use_own_portaudio(folder: Path) -> None:
    """Let sounddevice find the PortAudio in the package where the system has none."""
    found = sorted(folder.glob("libportaudio.so*"))
    looked_up = ctypes.util.find_library

    def find_library(name: str) -> str | None:
        return looked_up(name) or (str(found[0]) if found and name == "portaudio" else None)

    ctypes.util.find_library = find_library


def main() -> int:
    multiprocessing.freeze_support()
    use_own_portaudio(Path(getattr(sys, "_MEIPASS", os.curdir)))
    helper = helper_of(sys.argv[1:])
    if helper is not None:
        name, sys.argv[1:] = helper
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        return 0
    from realtime.cli import main as tutti

    return tutti(sys.argv[1:] or ["monitor"])


if __name__ == "__main__":
    sys.exit(main())
