"""``tutti listen``: live meters in the terminal, or a stream of tags for programs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from realtime import arguments
from realtime.commands import listen_session
from realtime.live_outputs.table import LiveOutputs, add_live_outputs
from realtime.outputs.formats import TEXT, names

if TYPE_CHECKING:
    from realtime.engine import Engine
    from realtime.model import TagModel
    from realtime.postprocess import Tags
    from realtime.shutdown import Shutdown
    from realtime.sources.base import Source

LOG_LEVELS = ("debug", "info", "warning", "error")
REDRAW_S = 0.2
"""Drawing with rich costs some 4 ms, more than the analysis it shows."""
LOOK_S = 0.25

EXAMPLES = """\
examples:
  tutti listen                              the default input
  tutti listen --device "Monitor of"        what this computer plays (see 'tutti devices')
  tutti listen --channel 3,4 --hop 0.1      inputs 3 and 4 of an interface, ten windows a second
  tutti listen --reastream drums            a DAW's track, by the ReaStream plug-in (docs/daw.md)
  tutti listen --stem drums=reastream --stem bass=reastream --stem mix=device:Monitor
  tutti listen --jack drums                 what is connected to 'Tutti drums' in the patch bay
  tutti listen --file mix.flac              a file, at the speed it plays (without its sound)
  tutti listen --format jsonl | my-program  a line for each window
  tutti listen --format midi -o session.mid meters, and at the end a file of all that was heard
  tutti listen --osc 127.0.0.1:9000         to a program on this computer (docs/outputs.md)
  tutti listen --log session.log            remember losses and reconnections

Ctrl-C ends it. Meters need a terminal; without one there is a plain line a window.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "listen",
        help="live meters in the terminal, from an input or a file",
        description="Show which instruments sound right now, and how many.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--device", metavar="NAME", help="input device: its name or a part of it")
    source.add_argument("--file", metavar="FILE", help="play a sound file instead of an input")
    source.add_argument(
        "--reastream",
        nargs="?",
        const="",
        metavar="NAME",
        help="what a DAW's ReaStream sends under this identifier; without one, who sends is listed",
    )
    source.add_argument(
        "--jack",
        nargs="?",
        const="",
        metavar="NAME",
        help="ports of its own in JACK's patch bay, named 'Tutti NAME'",
    )
    parser.add_argument(
        "--reastream-address",
        type=arguments.reastream_address,
        metavar="HOST[:PORT]",
        help="receive ReaStream there; 0.0.0.0 lets other computers send (default: 127.0.0.1)",
    )
    source.add_argument(
        "--stem",
        action="append",
        type=_stem,
        metavar="NAME=SOURCE",
        help="several inputs at once, each under its name; SOURCE is reastream:NAME, jack:NAME, "
        "device:NAME or file:FILE",
    )
    arguments.add_channel(parser)
    arguments.add_hop(parser)
    arguments.add_fast(parser)
    arguments.add_model(parser)
    parser.add_argument(
        "--duration", type=arguments.seconds(0.1), metavar="S", help="stop after so many seconds"
    )
    parser.add_argument(
        "--format",
        choices=names(),
        default=TEXT,
        help="jsonl: each window as a JSON document on a line; those that need the whole session "
        "are for -o (default: text)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="write the session here in --format when it ends, and show meters meanwhile",
    )
    parser.add_argument("--log", metavar="LOG", help="append events to this file, JSON lines")
    parser.add_argument(
        "--log-level", choices=LOG_LEVELS, default="info", help="least to log (default: info)"
    )
    add_live_outputs(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Listen until the file ends, the time is up, or a signal comes."""
    from realtime.engine import Engine
    from realtime.errors import TuttiError
    from realtime.log import close_log, open_log
    from realtime.model import TagModel
    from realtime.shutdown import on_signals

    arguments.refuse_stdin(args.file, args.log, args.output)
    listen_session.check(args)
    if args.reastream_address and args.reastream is None and not args.stem:
        raise TuttiError("--reastream-address says where --reastream receives: give that, too.")
    if args.reastream == "":
        from realtime.sources.reastream_listing import list_senders

        return list_senders(args.reastream_address)
    if args.stem:
        from realtime.commands import listen_stems

        return listen_stems.run(args)
    log = open_log(args.log, args.log_level) if args.log else None
    model = TagModel(args.model, fast=args.fast)
    engine = Engine(model, source_of(args), hop_s=args.hop, channel=args.channel)
    kept: list[Tags] = []
    if args.output is not None:
        engine.subscribe(kept.append)
    with on_signals() as shutdown:
        try:
            with LiveOutputs(args, model.spec, say) as outputs:
                engine.subscribe(outputs.listener())
                status = _listen(engine, model, args, shutdown)
        finally:
            engine.stop()
            if args.output is not None:
                shutdown.take_time()
                listen_session.save(kept, model.spec, args)
            if log is not None:
                close_log(log)
            if engine.abandoned:
                # A driver call never came back: an ordinary exit would wait for it.
                os._exit(shutdown.status)
    return status


def say(text: str) -> None:
    """A sentence for the user, from any thread."""
    print(f"tutti listen: {text}", file=sys.stderr, flush=True)


def source_of(args: argparse.Namespace) -> Source:
    if args.file is not None:
        from realtime.sources.file import FileSource
        from realtime.sources.paced import PacedSource

        return PacedSource(FileSource(args.file, block_s=1.0))
    from realtime.sources import jack_ports, reastream
    from realtime.sources.device import MAX_CHANNELS, DeviceSource

    device = args.device if args.jack is None else jack_ports.device(args.jack)
    if args.reastream is not None:
        device = reastream.device(args.reastream, *(args.reastream_address or ()))
    needed = max(args.channel) + 1 if isinstance(args.channel, tuple) else 0
    return DeviceSource(device, channels=max(MAX_CHANNELS, needed))


def _stem(text: str) -> tuple[str, str, str]:
    from realtime.commands.listen_stems import parse

    return parse(text)


def _listen(engine: Engine, model: TagModel, args: argparse.Namespace, shutdown: Shutdown) -> int:
    style = TEXT if args.output is not None else args.format
    drawn = style == TEXT and sys.stdout.isatty()
    printer = None if drawn else Printer(model, style, shutdown.event)
    if printer is not None:
        engine.subscribe(printer)
    engine.start()
    until_s = float("inf") if args.duration is None else time.monotonic() + args.duration
    if drawn:
        _draw(engine, model, until_s, shutdown)
    else:
        _tell(engine, until_s, shutdown)
    engine.stop()
    if printer is not None and printer.error is not None:
        raise printer.error
    stats = engine.latest().stats
    if not shutdown.signal and stats.last_error is not None and args.file is not None:
        print(f"tutti listen: {stats.last_error}", file=sys.stderr)
        return 2
    return shutdown.status


def _draw(engine: Engine, model: TagModel, until_s: float, shutdown: Shutdown) -> None:
    from rich.console import Console
    from rich.live import Live

    from realtime.terminal import meters

    console = Console(highlight=False)
    began_s = time.monotonic()
    with Live(console=console, auto_refresh=False) as live:
        while _goes_on(engine, until_s, shutdown, REDRAW_S):
            elapsed_s = time.monotonic() - began_s
            live.update(meters(engine.latest(), model.spec, elapsed_s), refresh=True)


def _tell(engine: Engine, until_s: float, shutdown: Shutdown) -> None:
    """Lines are printed as windows come; here only a change of state is told, on stderr."""
    from realtime.stats import EngineState

    told = EngineState.RUNNING
    while _goes_on(engine, until_s, shutdown, LOOK_S):
        state = engine.state
        if state != told and (told != EngineState.RUNNING or state != EngineState.WAITING):
            error = engine.latest().stats.last_error
            reason = f" ({error})" if error and state != EngineState.RUNNING else ""
            print(f"tutti listen: {state}{reason}", file=sys.stderr)
            told = state


def _goes_on(engine: Engine, until_s: float, shutdown: Shutdown, wait_s: float) -> bool:
    left_s = until_s - time.monotonic()
    if left_s <= 0 or shutdown.event.wait(min(wait_s, left_s)):
        return False
    return not engine.wait(0.0)


class Printer:
    """Prints each window as it comes, on the analysis thread.

    A reader that is too slow therefore costs windows, which are counted.
    """

    def __init__(self, model: TagModel, style: str, stop: threading.Event) -> None:
        self._model = model
        self.style = style
        self._stop = stop
        self.error: OSError | None = None

    def __call__(self, tags: Tags) -> None:
        if self.error is not None:
            return
        try:
            print(self.line(tags), flush=True)
        except OSError as error:  # whoever read us has left, or the disk is full
            self.error = error
            self._stop.set()

    def line(self, tags: Tags) -> str:
        if self.style == "jsonl":
            from realtime.timeline import live_document

            return json.dumps(live_document(tags, self._model.spec), separators=(",", ":"))
        from realtime.terminal import plain_line

        return plain_line(tags, self._model.spec)
