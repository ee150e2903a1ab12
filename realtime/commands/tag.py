"""``tutti tag``: which instruments sound in files, and when."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from realtime import arguments
from realtime.errors import TuttiError
from realtime.outputs.formats import FORMATS, TEXT, names
from realtime.whole_file import whole_file

if TYPE_CHECKING:
    from realtime.sources.raw import RawFormat
    from realtime.timeline import Timeline

STDIN = STDOUT = "-"

EXAMPLES = """\
examples:
  tutti tag mix.flac                            a table for reading
  tutti tag *.wav --format json > tags.jsonl    a document a line, for programs
  tutti tag mix.flac --format audacity -o labels.txt
  tutti tag *.wav --format midi -o tracks/      also reaper, webvtt, jams, parquet
  tutti tag take1.wav take2.wav --format csv -o tables/
  tutti tag session.wav --channel 3,4 --hop 0.1
  sox take.wav -t wav - trim 60 | tutti tag -

Reads WAV, AIFF, FLAC, OGG, Opus, MP3, M4A, AAC, WMA and more, and the sound of films
(MP4, MOV, MKV, WebM). A bad file is named on stderr, the others are still tagged, and
the exit status is 2.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "tag",
        help="say which instruments sound in files, and when",
        description="Say which instruments sound in sound files, when, and how many at once.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="sound file; - is stdin"
    )
    parser.add_argument("--format", choices=names(), default=TEXT, help="default: text")
    arguments.add_model(parser)
    arguments.add_hop(parser)
    arguments.add_fast(parser)
    arguments.add_channel(parser)
    parser.add_argument(
        "--raw-format",
        type=_raw_format,
        metavar="F",
        help="what comes in on stdin has no header: samples, rate in Hz and channels, "
        "as in f32le:48000:2 or s16le:44100:1",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="write here instead of to the screen (-); a folder gets a file for each input",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tag the files; 2 if any of them could not be."""
    from realtime.files_ahead import FilesAhead
    from realtime.model import TagModel
    from realtime.sources.stdin import StdinSource
    from realtime.tagger import Tagger

    args.files = arguments.expanded(args.files)
    if args.files.count(STDIN) > 1:
        raise TuttiError("Stdin can be read once: name - once.")
    if args.raw_format is not None and STDIN not in args.files:
        raise TuttiError("--raw-format is for stdin: name - as the file.")
    targets = _targets(args)
    model = TagModel(args.model, fast=args.fast)
    tagger = Tagger(model, hop_s=args.hop, channel=args.channel)
    failed = False
    ahead = FilesAhead(tagger, [file for file in args.files if file != STDIN])
    with _Output(args.format) as output, closing(ahead):
        for file, target in zip(args.files, targets, strict=True):
            try:
                if file == STDIN:
                    # On a thread, what waits for a pipe could not be called off.
                    timeline = tagger.tag(StdinSource(args.raw_format))
                else:
                    timeline = ahead.next()
                output.write(timeline, target)
                if timeline.non_finite:
                    raise TuttiError(
                        f"{file} holds {timeline.non_finite} samples that are not numbers; they "
                        "were heard as silence, so export it again."
                    )
            except TuttiError as error:
                failed = True
                print(f"tutti tag: {error}", file=sys.stderr, flush=True)
    return 2 if failed else 0


def _raw_format(text: str) -> RawFormat:
    # numpy and all behind it stay out of `tutti --help`.
    from realtime.sources.raw import SAMPLES, parse_raw_format

    try:
        return parse_raw_format(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a raw format: give samples ({', '.join(SAMPLES)}), rate in Hz and "
            "channels, as in f32le:48000:2"
        ) from None


def _targets(args: argparse.Namespace) -> list[Path | None]:
    """Where each input's result goes; None is the screen.

    Raises:
        TuttiError: results would overwrite each other or an input.
    """
    files = [Path("stdin" if file == STDIN else file) for file in args.files]
    if args.output in (None, STDOUT):
        targets: list[Path | None] = [None] * len(files)
    else:
        output = Path(args.output)
        is_folder = output.is_dir() or args.output.endswith(("/", "\\"))
        suffix = FORMATS[args.format].suffix
        named = [output / f"{file.name}{suffix}" if is_folder else output for file in files]
        if is_folder and len(set(named)) < len(named):
            raise TuttiError(
                f"Two of the files have one name and would share a result in {output}: "
                "tag them in separate calls."
            )
        for target in named:
            if target.exists() and any(f.exists() and target.samefile(f) for f in files):
                raise TuttiError(f"{target} is an input and would be overwritten: name another -o.")
        targets = list(named)
    if FORMATS[args.format].binary and None in targets and sys.stdout.isatty():
        raise TuttiError(
            f"{FORMATS[args.format].title} is no text for a screen: name a file with -o."
        )
    if not FORMATS[args.format].several and len(files) > 1 and len(set(targets)) == 1:
        raise TuttiError(
            f"What is written as {FORMATS[args.format].title} describes one file: give -o a "
            "folder, or tag one at a time."
        )
    return targets


class _Output:
    """Writes results to the screen or to files; a file named twice goes on where it was."""

    def __init__(self, style: str) -> None:
        self._style = style
        self._open: dict[Path | None, TextIO] = {}
        self._files = ExitStack()
        self._failed: dict[Path | None, OSError] = {}

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()  # called off, too, the files hold whole results

    def write(self, timeline: Timeline, path: Path | None) -> None:
        """Write one result.

        Raises:
            TuttiError: the file cannot be written.
        """
        first = path not in self._open
        try:
            if path in self._failed:  # the file would lack the results before
                raise self._failed[path]
            if path is not None and first:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._open[path] = self._files.enter_context(self._writing(path))
            stream = self._open.setdefault(path, sys.stdout)
            if FORMATS[self._style].binary:
                data = FORMATS[self._style].data(timeline)
                stream.buffer.write(data)
                stream.buffer.flush()
                return
            # Drawn before any of it is written: rich flushes, and ends the program if it cannot.
            for line in list(_lines(timeline, self._style, stream, first)):
                stream.write(line + "\n")
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self._failed[path] = error
            raise _not_written(path, error) from None

    @contextmanager
    def _writing(self, path: Path) -> Iterator[TextIO]:
        """A file that takes its place at the end, unless it failed."""
        try:
            with (
                whole_file(path) as partial,
                partial.open("w", encoding="utf-8", errors="backslashreplace") as stream,
            ):
                yield stream
                if path in self._failed:
                    raise self._failed[path]
        except BrokenPipeError:
            raise
        except OSError as error:
            if path not in self._failed:  # else it was told
                raise _not_written(path, error) from None


def _not_written(path: Path | None, error: OSError) -> TuttiError:
    where = path if path is not None else "the output"
    return TuttiError(
        f"The result cannot be written to {where} ({error.strerror}): "
        "make room, or name another -o."
    )


def _lines(timeline: Timeline, style: str, stream: TextIO, first: bool) -> Iterator[str]:
    if style == TEXT:
        return _text_lines(timeline, stream, first)
    return FORMATS[style].lines(timeline, first=first)


def _text_lines(timeline: Timeline, stream: TextIO, first: bool) -> Iterator[str]:
    from rich.console import Console

    from realtime.outputs import text

    width = max(50, shutil.get_terminal_size().columns) if stream.isatty() else 100
    console = Console(file=stream, width=width, soft_wrap=True, highlight=False)
    if not first:
        yield ""
    for line in text.render(timeline, width, ascii_only=not _shows_blocks(stream)):
        with console.capture() as capture:
            console.print(line, end="")
        yield capture.get().rstrip() if not console.is_terminal else capture.get()


def _shows_blocks(stream: TextIO) -> bool:
    from realtime.outputs.text import BLOCKS

    try:
        BLOCKS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
