"""``tutti monitor``: the meters in a window."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.sources.device import Device

from realtime.arguments import refuse_stdin, seconds
from realtime.live_outputs.table import add_live_outputs

EXAMPLES = """\
examples:
  tutti monitor                              open as it was left last time
  tutti monitor mix.flac                     open a file and play it
  tutti monitor mix.wav --paused             open it; Space plays it
  tutti monitor --device "Scarlett 2i2"      listen to an input, by name or part of it
  tutti monitor --web 127.0.0.1:8080         the meters in a browser too (docs/outputs.md)
  tutti monitor --compact                    the small window that stays on top
  tutti monitor mix.flac --screenshot view.png --after 5
                                             draw the window as it is after 5 s; needs no
                                             screen and no sound card

keys: Space plays, ? lists them all.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "monitor",
        help="show live meters in a window",
        description="Meters of the instruments that sound, and how many, live or along a file.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a sound file to open")
    parser.add_argument(
        "--device", metavar="NAME", help="listen to this input ('default': follow the system's)"
    )
    parser.add_argument("--model", type=Path, metavar="ONNX", help="another model file")
    parser.add_argument("--theme", choices=("dark", "light", "system"), help="for this session")
    parser.add_argument("--compact", action="store_true", help="small, always on top")
    parser.add_argument("--paused", action="store_true", help="do not play FILE at once")
    parser.add_argument("--screenshot", type=Path, metavar="PNG", help="draw the window and exit")
    parser.add_argument(
        "--after",
        type=seconds(0.0, 3600.0),
        default=5.0,
        metavar="S",
        help="seconds until --screenshot (5)",
    )
    add_live_outputs(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Open the window; returns when it is closed.

    Raises:
        TuttiError: no PyQt6, no display, or a file that cannot be read.
    """
    from realtime.errors import TuttiError

    refuse_stdin(args.file and str(args.file), args.screenshot and str(args.screenshot))
    if args.file is not None and args.device is not None:
        raise TuttiError("Name a file or a --device, not both.")
    if args.screenshot is not None:
        if sys.platform.startswith("linux"):
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        if not args.screenshot.parent.is_dir():
            raise TuttiError(f"The folder of {args.screenshot} does not exist: make it first.")
    else:
        _check_display()
    if args.file is not None:
        _check_file(args.file)
    if args.device not in (None, "default"):
        args.device = _check_device(args.device)
    try:
        from desktop.app import run_monitor
    except ImportError as error:
        raise TuttiError(
            f"The window needs PyQt6 and its system libraries ({error}): "
            "run 'pip install PyQt6'; on Debian also "
            "'sudo apt install libegl1 libgl1 libxkbcommon0 libdbus-1-3 fonts-dejavu-core'."
        ) from None
    return run_monitor(args)


def _check_display() -> None:
    """Say that there is none, or none that accepts; whatever else is wrong, Qt finds out.

    Raises:
        TuttiError: there is no display to open a window on.
    """
    from desktop.starting import INSTEAD, display_that_never_accepts
    from realtime.errors import TuttiError

    if not sys.platform.startswith("linux"):
        return
    if not any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise TuttiError(f"There is no display to open a window on: {INSTEAD}.")
    if silent := display_that_never_accepts(os.environ):
        raise TuttiError(
            f"The display '{silent}' (DISPLAY) does not answer: start it, name another, "
            f"or {INSTEAD}."
        )


def _check_file(path: Path) -> None:
    """Refuse a file on the command line as ``tutti tag`` does: one sentence, exit 2."""
    from realtime.sources.file import FileSource

    FileSource(path).close()


def _check_device(name: str) -> Device:
    """The one input that is meant, as ``tutti listen`` finds it: or one sentence, exit 2."""
    from realtime.sources.device import find_device, list_devices

    return find_device(name, list_devices())
