"""``tutti listen --stem NAME=SOURCE``, many times: several inputs, one network, one thread."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from realtime import arguments
from realtime.commands import listen
from realtime.errors import TuttiError
from realtime.live_outputs.table import LiveOutputs
from realtime.outputs.formats import TEXT

if TYPE_CHECKING:
    from realtime.analysis import Listener
    from realtime.engine import Engine
    from realtime.model import TagModel
    from realtime.postprocess import Tags
    from realtime.shutdown import Shutdown
    from realtime.sources.base import Source

KINDS = ("reastream", "jack", "device", "file")


class StemPrinter(listen.Printer):
    """Prints a stem's windows as lines that begin with its name."""

    def __init__(self, name: str, width: int, model: TagModel, style: str, stop: Shutdown) -> None:
        super().__init__(model, style, stop.event)
        self._name, self._width = name, width

    def line(self, tags: Tags) -> str:
        line = super().line(tags)
        if self.style == TEXT:
            return f"{self._name:<{self._width}}  {line}"
        return f'{{"stem":{json.dumps(self._name)},{line[1:]}'


@dataclass
class Stem:
    """One input under its name; ``zero_s`` is the monotonic time all stems count from."""

    name: str
    is_file: bool
    engine: Engine
    printer: StemPrinter
    zero_s: float

    def on_clock(self, tags: Tags) -> Tags:
        """A window of its engine, whose time counts from its first sound, on the clock of all."""
        shift_s = (self.engine.zero_s or self.zero_s) - self.zero_s
        return replace(tags, start_s=tags.start_s + shift_s, end_s=tags.end_s + shift_s)

    def told_to(self, listener: Listener) -> Listener:
        """A listener for the engine that tells another one on the clock of all."""
        return lambda tags: listener(self.on_clock(tags))


def parse(text: str) -> tuple[str, str, str]:
    """``NAME=KIND:WHAT``: the three; what stands for itself without ``:WHAT`` is ''.

    Raises:
        argparse.ArgumentTypeError: it is of another form.
    """
    name, is_given, source = text.partition("=")
    kind, _, what = source.partition(":")
    if not name or not name.isprintable() or not is_given or kind not in KINDS:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no stem: give NAME=KIND:WHAT, as in drums=reastream:drums; "
            f"the kinds are {', '.join(KINDS)}"
        )
    if kind == "file" and not what:
        raise argparse.ArgumentTypeError(f"'{text}' names no file: give {name}=file:FILE")
    return name, kind, what


def run(args: argparse.Namespace) -> int:
    """Listen to all stems until the files end, the time is up, or a signal comes.

    Raises:
        TuttiError: two stems of one name, or a source that cannot be opened.
    """
    from realtime.log import close_log, open_log
    from realtime.model import TagModel
    from realtime.shutdown import on_signals

    names = [name for name, _, _ in args.stem]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TuttiError(f"Two stems are called '{twice}': give each a name of its own.")
    arguments.refuse_stdin(args.log)
    log = open_log(args.log, args.log_level) if args.log else None
    model = TagModel(args.model, fast=args.fast)
    stems: list[Stem] = []
    with on_signals() as shutdown:
        try:
            with LiveOutputs(args, model.spec, listen.say, names) as outputs:
                stems = _stems(args, model, shutdown, outputs)
                status = _listen(stems, args, shutdown)
        finally:
            for stem in stems:
                stem.engine.stop()
            if log is not None:
                close_log(log)
            if any(stem.engine.abandoned for stem in stems):
                # A driver call never came back: an ordinary exit would wait for it.
                os._exit(shutdown.status)
    return status


def _stems(
    args: argparse.Namespace, model: TagModel, shutdown: Shutdown, outputs: LiveOutputs
) -> list[Stem]:
    from realtime.bench import Bench
    from realtime.engine import Engine

    bench, zero_s = Bench(), time.monotonic()
    width = max(len(name) for name, _, _ in args.stem)
    stems = []
    for name, kind, what in args.stem:
        source = _source(args, name, kind, what)
        engine = Engine(model, source, hop_s=args.hop, channel=args.channel, bench=bench)
        printer = StemPrinter(name, width, model, args.format, shutdown)
        stems.append(stem := Stem(name, kind == "file", engine, printer, zero_s))
        engine.subscribe(stem.told_to(outputs.listener(name)))
        if not _is_drawn(args):
            engine.subscribe(stem.told_to(printer))
    return stems


def _source(args: argparse.Namespace, name: str, kind: str, what: str) -> Source:
    """The source that ``tutti listen`` would make of it, under the stem's name by default."""
    chosen = argparse.Namespace(**vars(args))
    chosen.device = chosen.file = chosen.reastream = chosen.jack = None
    setattr(chosen, kind, what or (None if kind == "device" else name))
    return listen.source_of(chosen)


def _is_drawn(args: argparse.Namespace) -> bool:
    return args.format == TEXT and sys.stdout.isatty()


def _listen(stems: Sequence[Stem], args: argparse.Namespace, shutdown: Shutdown) -> int:
    with ThreadPoolExecutor(len(stems)) as opening:  # each may wait seconds for its source
        for _ in opening.map(lambda stem: stem.engine.start(), stems):
            pass
    until_s = float("inf") if args.duration is None else time.monotonic() + args.duration
    if _is_drawn(args):
        _draw(stems, until_s, shutdown)
    else:
        _tell(stems, until_s, shutdown)
    status = shutdown.status
    for stem in stems:
        stem.engine.stop()
        if stem.printer.error is not None:
            raise stem.printer.error
        error = stem.engine.latest().stats.last_error
        if error and stem.is_file and not shutdown.signal:
            listen.say(f"{stem.name}: {error}")
            status = 2
    return status


def _draw(stems: Sequence[Stem], until_s: float, shutdown: Shutdown) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while _goes_on(stems, until_s, shutdown, listen.REDRAW_S):
            lines = []
            for stem in stems:
                tags = stem.engine.latest().tags
                line = stem.printer.line(stem.on_clock(tags)) if tags else stem.name
                state = stem.engine.state
                lines.append(line if state == "running" else f"{line}  {state}")
            live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)


def _tell(stems: Sequence[Stem], until_s: float, shutdown: Shutdown) -> None:
    """Lines are printed as windows come; here only a change of state is told, on stderr."""
    from realtime.stats import EngineState

    told = dict.fromkeys((stem.name for stem in stems), EngineState.RUNNING)
    while _goes_on(stems, until_s, shutdown, listen.LOOK_S):
        for stem in stems:
            state = stem.engine.state
            if state in (told[stem.name], EngineState.WAITING, EngineState.STOPPED):
                continue
            told[stem.name] = state
            error = stem.engine.latest().stats.last_error
            reason = f" ({error})" if error and state != EngineState.RUNNING else ""
            listen.say(f"{stem.name}: {state}{reason}")


def _goes_on(stems: Sequence[Stem], until_s: float, shutdown: Shutdown, wait_s: float) -> bool:
    left_s = until_s - time.monotonic()
    if left_s <= 0 or shutdown.event.wait(min(wait_s, left_s)):
        return False
    return not all(stem.engine.wait(0.0) for stem in stems)
