"""``tutti audit``: which stems cannot be heard in a mix, and when."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from realtime.arguments import STREAM, add_model, expanded, refuse_stdin, seconds
from realtime.errors import TuttiError
from realtime.outputs.formats import TEXT, names
from realtime.progress import progress
from realtime.whole_file import whole_file

if TYPE_CHECKING:
    from realtime.audit.audit import Audit

DEFAULT_MIN_S = 1.0

EXAMPLES = """\
examples:
  tutti audit --mix mix.wav stems/*.wav                     a table for reading
  tutti audit --mix mix.wav stems/*.wav --picture audit.svg
  tutti audit --mix mix.wav stems/*.wav --format audacity -o labels.txt
  tutti audit --mix mix.wav --min-s 3 vocals.wav guitar.flac keys.wav

Faders, pan, equalisers, master processing and a constant delay are allowed for; give
all the stems, so that they add up to the mix. docs/audit.md says how it is worked out.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "audit",
        help="say which stems cannot be heard in a mix, and when",
        description="For each stem, say when it sounds but cannot be heard in the mix.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stems", nargs="+", metavar="STEM", help="sound file of one stem")
    parser.add_argument("--mix", required=True, metavar="FILE", help="sound file of the mix")
    parser.add_argument("--format", choices=names(audit=True), default=TEXT, help="default: text")
    parser.add_argument("--picture", metavar="OUT.svg", help="draw the stems over time, as SVG")
    parser.add_argument(
        "--min-s",
        type=seconds(0.1),
        default=DEFAULT_MIN_S,
        metavar="S",
        help=f"shortest passage to report, in seconds (default: {DEFAULT_MIN_S:g})",
    )
    add_model(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="write here, not to the screen (-)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare, and write the report."""
    refuse_stdin(args.mix, *args.stems, args.picture)
    args.output = None if args.output == STREAM else args.output
    stems = expanded(args.stems)
    _check_targets(args, stems)
    from realtime.audit.audit import audit

    with progress() as tell:
        report = audit(args.mix, stems, args.model, args.min_s, tell)
    if args.picture is not None:
        from realtime.audit.picture import picture

        with _writing(args.picture) as stream:
            stream.write(picture(report))
    if args.output is None:
        _write(report, args.format, sys.stdout)
    else:
        with _writing(args.output) as stream:
            _write(report, args.format, stream)
    return 0


def _check_targets(args: argparse.Namespace, stems: list[str]) -> None:
    if args.picture is not None and Path(args.picture).suffix.lower() != ".svg":
        raise TuttiError(f"{args.picture} cannot be drawn: pictures are SVG, so end it in .svg.")
    targets = [Path(one) for one in (args.picture, args.output) if one is not None]
    if len(targets) == 2 and targets[0].resolve() == targets[1].resolve():
        raise TuttiError(f"{targets[0]} would be picture and report: name two files.")
    for target in targets:
        for source in (Path(one) for one in (args.mix, *stems)):
            if target.exists() and source.exists() and target.samefile(source):
                raise TuttiError(f"{target} is an input and would be overwritten: name another.")


def _write(report: Audit, style: str, stream: TextIO) -> None:
    if style == TEXT:
        _write_table(report, stream)
        return
    from realtime.audit import formats

    lines = {
        "json": formats.json_lines,
        "csv": formats.csv_lines,
        "audacity": formats.audacity_lines,
    }[style](report)
    for line in lines:
        stream.write(line + "\n")


def _write_table(report: Audit, stream: TextIO) -> None:
    from rich.console import Console

    from realtime.audit import table

    try:
        "–─".encode(stream.encoding or "ascii")
        ascii_only = False
    except (UnicodeEncodeError, LookupError):
        ascii_only = True
    width = max(80, shutil.get_terminal_size().columns) if stream.isatty() else 120
    console = Console(file=stream, width=width, highlight=False)
    for part in table.render(report, ascii_only):
        console.print(part)


@contextmanager
def _writing(path: str) -> Iterator[TextIO]:
    """A file to write.

    Raises:
        TuttiError: it cannot be written.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with (
            whole_file(Path(path)) as partial,
            partial.open("w", encoding="utf-8", errors="backslashreplace") as stream,
        ):
            yield stream
    except BrokenPipeError:  # it is a pipe, as /dev/stdout may be, and its reader has left
        raise
    except OSError as error:
        raise TuttiError(
            f"{path} cannot be written ({error.strerror}): make room, or name another."
        ) from None
