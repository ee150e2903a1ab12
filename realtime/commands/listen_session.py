"""``tutti listen -o``: the whole session, written when it ends."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import TuttiError
from realtime.outputs.formats import FORMATS, TEXT

if TYPE_CHECKING:
    from realtime.postprocess import Tags
    from realtime.spec import ModelSpec


def check(args: argparse.Namespace) -> None:
    """Say at once what would otherwise be said after hours.

    Raises:
        TuttiError: the format needs a file, the file a format, or it cannot be written.
    """
    one = FORMATS[args.format]
    if args.output is None:
        if not one.windows:
            raise TuttiError(f"{one.title} needs the whole session: name a file for it with -o.")
        return
    if args.stem:
        raise TuttiError("-o writes the session of one input: leave --stem out.")
    if args.format == TEXT:
        raise TuttiError("A session is not written as text: give --format, as in --format csv.")
    one.module()
    folder = Path(args.output).resolve().parent
    if Path(args.output).is_dir() or not os.access(folder, os.W_OK):
        raise TuttiError(f"{args.output} cannot be written: name a file in a folder of yours.")


def save(kept: list[Tags], spec: ModelSpec, args: argparse.Namespace) -> None:
    """Write it, whole or not at all.

    Raises:
        TuttiError: it cannot be written.
    """
    from realtime.timeline import Timeline

    if not kept:
        print("tutti listen: nothing was heard, so there is nothing to write.", file=sys.stderr)
        return
    name = args.file or args.device or args.reastream or args.jack or "live"
    timeline = Timeline(tuple(kept), spec, name, kept[-1].end_s)
    FORMATS[args.format].save(timeline, Path(args.output))
