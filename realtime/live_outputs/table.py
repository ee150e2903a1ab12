"""The one table of live outputs; ``listen``, ``host`` and ``monitor`` have all of them.

A new one is a module of this folder with ``open_output(where, setting)``, which gives a
``LiveOutput``, and a line in ``KINDS``; its name is its option's, and that of the extra of
pyproject.toml which brings its packages.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from realtime.errors import TuttiError

if TYPE_CHECKING:
    from realtime.live_outputs.output import Counts
    from realtime.live_outputs.sender import Sender
    from realtime.postprocess import Tags
    from realtime.spec import ModelSpec


END_S = 0.6
"""What an end by Ctrl-C leaves time for (``realtime.shutdown``), with outputs that hang."""


@dataclass(frozen=True)
class Kind:
    """``name``: of its module, its option and its extra. ``more``: further options, as
    (name, metavar, help)."""

    name: str
    metavar: str
    help: str
    more: tuple[tuple[str, str, str], ...] = ()


KINDS = (
    Kind("osc", "HOST:PORT", "send each window as OSC, such as to 127.0.0.1:9000"),
    Kind(
        "midi",
        "PORT",
        "send changes as MIDI controllers or notes to this port, by its name or a part of it",
        (("midi-map", "FILE", "which message tells what (TOML; see docs/outputs.md)"),),
    ),
    Kind(
        "web",
        "HOST:PORT",
        "serve the meters as a page, such as at 127.0.0.1:8080; also a WebSocket and /metrics",
        (("web-token", "TOKEN", "what others must know to see the page (or $TUTTI_WEB_TOKEN)"),),
    ),
)


def add_live_outputs(parser: argparse.ArgumentParser) -> None:
    """Add the option of every live output."""
    group = parser.add_argument_group("send what is heard, live (nothing is sent unless asked for)")
    for kind in KINDS:
        group.add_argument(f"--{kind.name}", metavar=kind.metavar, help=kind.help)
        for name, metavar, text in kind.more:
            group.add_argument(f"--{name}", metavar=metavar, help=text)


def asked_for(args: argparse.Namespace) -> list[str]:
    """The names of the outputs that the command was given.

    Raises:
        TuttiError: a further option of an output was given without it.
    """
    asked = [kind.name for kind in KINDS if getattr(args, kind.name) is not None]
    for kind in KINDS:
        for name, _, _ in kind.more:
            if kind.name not in asked and getattr(args, name.replace("-", "_")) is not None:
                raise TuttiError(f"--{name} goes with --{kind.name}: give that, too.")
    return asked


class LiveOutputs:
    """The outputs that were asked for; none of them ever slows or stops who tells them.

    ``names``: of the sounds that are heard. ``say`` is told what a user should know, on
    any thread. As a context manager it closes them.

    Raises:
        TuttiError: an output cannot be opened, or its packages are not installed.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        spec: ModelSpec,
        say: Callable[[str], None],
        names: Sequence[str] = ("",),
    ) -> None:
        self._senders: dict[str, Sender] = {}
        try:
            for name in asked_for(args):
                self._open(name, args, spec, say, tuple(names))
        except BaseException:
            self.close()
            raise
        for sender in self._senders.values():
            say(f"{sender.where}.")

    def _open(
        self,
        name: str,
        args: argparse.Namespace,
        spec: ModelSpec,
        say: Callable[[str], None],
        names: tuple[str, ...],
    ) -> None:
        from realtime.live_outputs.output import Setting
        from realtime.live_outputs.sender import Sender

        try:
            module = import_module(f"realtime.live_outputs.{name}")
        except ModuleNotFoundError:
            raise TuttiError(
                f"--{name} needs more packages: pip install 'tutti-meter[{name}]'."
            ) from None
        setting = Setting(spec, names, args, self.counts)
        self._senders[name] = Sender(module.open_output(getattr(args, name), setting), say)

    def counts(self) -> dict[str, Counts]:
        """Windows sent and lost, by the output's name."""
        return {name: sender.counts for name, sender in self._senders.items()}

    def listener(self, name: str = "") -> Callable[[Tags], None]:
        """Tells all outputs of each window of a sound: for ``Engine.subscribe``."""

        def tell(tags: Tags) -> None:
            for sender in self._senders.values():
                sender.tell(name, tags)

        return tell

    def close(self) -> None:
        """End all outputs within ``END_S``; what still waits is sent first."""
        until_s = time.monotonic() + END_S
        senders, self._senders = self._senders, {}  # another thread may be telling the old ones
        for sender in senders.values():
            sender.end()
        for sender in senders.values():
            sender.join(max(0.0, until_s - time.monotonic()))

    def __enter__(self) -> LiveOutputs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
