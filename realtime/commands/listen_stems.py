"""``tutti listen --stem NAME=SOURCE``, many times: several inputs, one network, one thread."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from realtime import arguments
from realtime.commands import listen
from realtime.errors import TuttiError
from realtime.outputs.formats import TEXT

if TYPE_CHECKING:
    from realtime.engine import Engine
    from realtime.model import TagModel
    from realtime.postprocess import Tags
    from realtime.shutdown import Shutdown
    from realtime.sources.base import Source

KINDS = ("reastream", "jack", "device", "file")
STATE_S = 0.25


@dataclass
class Stem:
    """One input under its name."""

    name: str
    is_file: bool
    engine: Engine
    printer: StemPrinter


class StemPrinter(listen.Printer):
    """Prints a stem's windows as lines that begin with its name, on the clock of them all."""

    def __init__(
        self, name: str, width: int, zero_s: float, model: TagModel, style: str, stop: Shutdown
    ) -> None:
        super().__init__(model, style, stop.event)
        self._name, self._width, self._zero_s = name, width, zero_s
        self.engine: Engine | None = None

    def shown(self, tags: Tags | None, state: str) -> str:
        """The newest window as a line; before the first, the state."""
        return self._line(tags) if tags else f"{self._name:<{self._width}}  {state}"

    def _line(self, tags: Tags) -> str:
        import json

        assert self.engine is not None
        shift_s = (self.engine.zero_s or self._zero_s) - self._zero_s
        line = super()._line(
            replace(tags, start_s=tags.start_s + shift_s, end_s=tags.end_s + shift_s)
        )
        if self._style == TEXT:
            return f"{self._name:<{self._width}}  {line}"
        return f'{{"stem":{json.dumps(self._name)},{line[1:]}'


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
    model = TagModel(args.model)
    stems: list[Stem] = []
    with on_signals() as shutdown:
        try:
            stems = _stems(args, model, shutdown)
            for stem in stems:
                stem.engine.start()
            status = _listen(stems, args, shutdown)
        finally:
            with ExitStack() as ending:
                for stem in stems:
                    ending.callback(stem.engine.stop)
            if log is not None:
                close_log(log)
            if any(stem.engine.abandoned for stem in stems):
                # A driver call never came back: an ordinary exit would wait for it.
                os._exit(shutdown.status)
    return status


def _stems(args: argparse.Namespace, model: TagModel, shutdown: Shutdown) -> list[Stem]:
    from realtime.bench import Bench
    from realtime.engine import Engine

    bench, zero_s = Bench(), time.monotonic()
    width = max(len(name) for name, _, _ in args.stem)
    stems = []
    for name, kind, what in args.stem:
        source = _source(args, name, kind, what)
        engine = Engine(model, source, hop_s=args.hop, channel=args.channel, bench=bench)
        printer = StemPrinter(name, width, zero_s, model, args.format, shutdown)
        printer.engine = engine
        if not _is_drawn(args):
            engine.subscribe(printer)
        stems.append(Stem(name, kind == "file", engine, printer))
    return stems


def _source(args: argparse.Namespace, name: str, kind: str, what: str) -> Source:
    """The source that ``tutti listen`` would make of it, under the stem's name by default."""
    chosen = argparse.Namespace(**vars(args))
    chosen.device = chosen.file = chosen.reastream = chosen.jack = None
    setattr(chosen, kind, what or (None if kind == "device" else name))
    return listen._source(chosen)


def _is_drawn(args: argparse.Namespace) -> bool:
    return args.format == TEXT and sys.stdout.isatty()


def _listen(stems: Sequence[Stem], args: argparse.Namespace, shutdown: Shutdown) -> int:
    until_s = float("inf") if args.duration is None else time.monotonic() + args.duration
    if _is_drawn(args):
        _draw(stems, until_s, shutdown)
    else:
        _tell(stems, until_s, shutdown)
    for stem in stems:
        stem.engine.stop()
        if stem.printer.error is not None:
            raise stem.printer.error
    status = shutdown.status
    for stem in stems:
        error = stem.engine.latest().stats.last_error
        if error and stem.is_file and not shutdown.signal:
            _say(stem, error)
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
                snapshot = stem.engine.latest()
                lines.append(stem.printer.shown(snapshot.tags, snapshot.stats.state))
            live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)


def _tell(stems: Sequence[Stem], until_s: float, shutdown: Shutdown) -> None:
    """Lines are printed as windows come; here only a change of state is told, on stderr."""
    from realtime.stats import EngineState

    told = dict.fromkeys((stem.name for stem in stems), EngineState.RUNNING)
    while _goes_on(stems, until_s, shutdown, STATE_S):
        for stem in stems:
            state = stem.engine.state
            if state in (told[stem.name], EngineState.WAITING, EngineState.STOPPED):
                continue
            told[stem.name] = state
            error = stem.engine.latest().stats.last_error
            reason = f" ({error})" if error and state != EngineState.RUNNING else ""
            _say(stem, f"{state}{reason}")


def _goes_on(stems: Sequence[Stem], until_s: float, shutdown: Shutdown, wait_s: float) -> bool:
    left_s = until_s - time.monotonic()
    if left_s <= 0 or shutdown.event.wait(min(wait_s, left_s)):
        return False
    return not all(stem.engine.wait(0.0) for stem in stems)


def _say(stem: Stem, text: str) -> None:
    print(f"tutti listen: {stem.name}: {text}", file=sys.stderr)
