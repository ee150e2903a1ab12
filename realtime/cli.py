"""The ``tutti`` command: finds its subcommands among the installed entry points."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points, version

from realtime.errors import TuttiError

COMMAND_GROUP = "tutti.commands"
DISTRIBUTION = "tutti-meter"
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

EXAMPLES = """\
examples:
  tutti monitor mix.flac             meters in a window, while the file plays
  tutti listen                       meters in the terminal, from the default input
  tutti tag mix.flac                 which instruments a file holds, and when
  tutti tag *.wav --format json      the same for programs, one document a line

'tutti COMMAND --help' explains a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status (2: bad input, 130: interrupted)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A file name need not be text that the terminal can show.
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(arguments)
        _flush()
        return status
    except TuttiError as error:
        print(f"tutti: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left, as `head` does.
        _give_up_stdout()
        return EXIT_BROKEN_PIPE


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up_stdout()
        raise TuttiError(f"The output cannot be written ({error.strerror}).") from None


def _give_up_stdout() -> None:
    """Keep the interpreter from flushing once more, in vain, when it leaves."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: list[str]) -> int:
    found = entry_points(group=COMMAND_GROUP)
    missing = {entry.name: extra for entry in found if (extra := _missing_extra(entry))}
    if arguments and arguments[0] in missing:
        raise TuttiError(
            f"'{arguments[0]}' needs more packages: "
            f"pip install '{DISTRIBUTION}[{missing[arguments[0]]}]'."
        )
    parser = argparse.ArgumentParser(
        prog="tutti",
        description="Hear which instruments sound in a mix, and how many.",
        epilog=EXAMPLES,
        formatter_class=_HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tutti {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for entry in sorted(found, key=lambda entry: (bool(entry.extras), entry.name)):
        if entry.name not in missing and (add_parser := _load(entry)):
            add_parser(commands)
    args = parser.parse_args(arguments)
    if not hasattr(args, "run"):
        parser.print_help()
        return 0
    return args.run(args)


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """argparse forgets the indent of subcommands, and gives the longest a line of its own."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = 13


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "(not installed)"


def _load(entry: EntryPoint) -> Callable[[argparse._SubParsersAction], None] | None:
    """The command's ``add_parser``; None where its room is left out of this installation."""
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        if error.name and f"{entry.module}.".startswith(f"{error.name}."):
            return None
        raise


def _missing_extra(entry: EntryPoint) -> str | None:
    """The extra that a command names in its entry point, if packages of it are not installed."""
    if entry.dist is None:
        return None
    for extra in entry.extras:
        for requirement in entry.dist.requires or ():
            name = re.match(r"[\w.-]+", requirement)
            if name and re.search(rf"""extra\s*==\s*['"]{extra}['"]""", requirement):
                try:
                    distribution(name.group())
                except PackageNotFoundError:
                    return extra
    return None


if __name__ == "__main__":
    sys.exit(main())
