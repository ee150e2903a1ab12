"""The ``tutti`` command: finds its subcommands among the installed entry points."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points

from realtime import __version__
from realtime.errors import TuttiError, plain
from realtime.live_outputs.table import KINDS
from realtime.standard_streams import Output, give_up, standard_streams

COMMAND_GROUP = "tutti.commands"
DEV_GROUP = "tutti.dev"
DISTRIBUTION = "tutti-meter"
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
_TAKES_ADDRESS = "--scheduler"
_MISSING_LIBRARY = re.compile(r"(lib[^:/ ]+\.so[.\d]*): cannot open shared object file")

EXAMPLES = """\
examples:
  tutti monitor mix.flac             meters in a window, while the file plays
  tutti listen                       meters in the terminal, from the default input
  tutti tag mix.flac                 which instruments a file holds, and when
  tutti tag *.wav --format json      the same for programs, one document a line

'tutti COMMAND --help' explains a command; 'tutti dev' lists what made and measured this version.
"""
DEV_EXAMPLES = """\
examples:
  tutti dev validate --real ../shared/real runs/mine/last.pt     score a checkpoint on real clips
  tutti dev average runs/a/last.pt runs/b/last.pt --out mean.pt  the mean of two runs
  tutti dev screenshots                                          draw the monitor's views

'tutti dev COMMAND --help' explains a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status (2: bad input, 130: interrupted)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with standard_streams() as output:
        try:
            return _flushed(output, arguments)
        except TuttiError as error:
            if output.failed is not None:
                give_up(output)
            print(f"tutti: {error}", file=sys.stderr)
            return EXIT_BAD_INPUT
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has left, as `head` does.
            give_up(output)
            return EXIT_BROKEN_PIPE
        except ImportError as error:
            library = _MISSING_LIBRARY.match(str(error))
            if library is None:
                raise
            print(
                f"tutti: the system library {library[1]} is missing: install your system's package "
                f"for it (Debian: apt-get install {_package(library[1])}).",
                file=sys.stderr,
            )
            return EXIT_BAD_INPUT
        except OSError as error:
            if error.filename is None:
                raise
            what = f"{error.filename} cannot be read or written ({error.strerror}): check it."
            print(f"tutti: {plain(what)}", file=sys.stderr)
            return EXIT_BAD_INPUT


def _package(library: str) -> str:
    """Debian's name for the package of a library, by Debian's own rule: libatomic1."""
    name, _, version = library.partition(".so")
    return f"{name.lower()}{'-' if name[-1:].isdigit() else ''}{version.lstrip('.')}"


def _flushed(output: Output, arguments: list[str]) -> int:
    """Run, and see that all of it was written."""
    try:
        status = _run(arguments)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich makes that of it
            raise end.__context__ from None
        output.flush()
        if output.failed is not None and not end.code:  # argparse has swallowed it
            raise output.failed from None
        raise
    output.flush()
    return status


def _run(arguments: list[str]) -> int:
    _refuse_empty(arguments)
    _refuse_addresses(arguments)
    if arguments[:1] == ["dev"]:
        parser = argparse.ArgumentParser(
            prog="tutti dev",
            description="The tools that made and measured this version.",
            epilog=DEV_EXAMPLES,
            formatter_class=_HelpFormatter,
        )
        return _dispatch(parser, DEV_GROUP, arguments[1:])
    parser = argparse.ArgumentParser(
        prog="tutti",
        description="Hear which instruments sound in a mix, and how many.",
        epilog=EXAMPLES,
        formatter_class=_HelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="of the program and its model")
    return _dispatch(parser, COMMAND_GROUP, arguments)


def _dispatch(parser: argparse.ArgumentParser, group: str, arguments: list[str]) -> int:
    """Run the command of a group of entry points that the arguments name."""
    found = entry_points(group=group)
    missing = {entry.name: extra for entry in found if (extra := _missing_extra(entry))}
    if arguments and arguments[0] in missing:
        raise TuttiError(
            f"'{arguments[0]}' needs more packages: "
            f"pip install '{DISTRIBUTION}[{missing[arguments[0]]}]'."
        )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for entry in sorted(found, key=lambda entry: (bool(entry.extras), entry.name)):
        if entry.name not in missing and (add_parser := _load(entry)):
            add_parser(commands)
    args = parser.parse_args(arguments)
    if not hasattr(args, "run"):
        parser.print_help()
        return 0
    code: int = args.run(args)
    return code


def _refuse_empty(arguments: list[str]) -> None:
    """An empty name would pass for the folder one is in."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument.strip() or re.fullmatch(r"--[\w-]+=\s*", argument):
            option = argument.rstrip("= ") or (before if before.startswith("-") else "")
            what = f"The name after {option}" if option else "A name"
            raise TuttiError(
                f"{what} is empty: give one (a variable of the shell may not be set)."
            )


def _refuse_addresses(arguments: list[str]) -> None:
    takers = {_TAKES_ADDRESS, *(f"--{kind.name}" for kind in KINDS)}  # they say what they need
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if before in takers or argument.partition("=")[0] in takers:
            continue
        name = re.sub(r"^--[\w-]+=", "", argument)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name) and not os.path.exists(name):
            raise TuttiError(f"{name} is an address, which is not read: download it first.")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """argparse forgets the indent of subcommands, and gives the longest a line of its own."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = 14


class _Version(argparse.Action):
    """Tells the program's version, then that of the model it hears with."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from realtime.model import TagModel

        print(f"tutti {__version__}")
        spec = TagModel().spec
        print(f"model {spec.name} {spec.version}")
        parser.exit()


def _load(
    entry: EntryPoint,
) -> Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None] | None:
    """The command's ``add_parser``; None where its room is left out of this installation."""
    try:
        add_parser: Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None]
        add_parser = entry.load()
        return add_parser
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
