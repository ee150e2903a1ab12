"""``tutti library``: which instruments the sound files of whole folders hold, as one table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from realtime import arguments
from realtime.progress import progress

if TYPE_CHECKING:
    from realtime.library.row import Outcome
    from realtime.library.walk import Found

EXAMPLES = """\
examples:
  tutti library Music -o tags.parquet
  tutti library /mnt/archive -o tags.parquet --scheduler tcp://10.0.0.1:8786
  tutti search tags.parquet "cello and not drums"

Ask again after adding files: those that are in the table and unchanged are left alone.
Killed, it goes on where it was when the same command is given again. Files that cannot
be read stand in tags.errors.csv, with what is wrong with them.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "library",
        help="tag all sound files of a folder into one table",
        description="Tag every sound file in and below a folder, on every core, into one Parquet "
        "table.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", help="folder with sound files")
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="table to make, or to add to (Parquet)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="TCP",
        help="address of a Dask scheduler, whose workers then do the work; they need Tutti, and "
        "the folder under the same name",
    )
    arguments.add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tag what is not in the table yet; unreadable files are no failure of the run."""
    arguments.refuse_stdin(args.folder, args.output)
    from realtime.library.build import build, errors_path, journal_path
    from realtime.model import TagModel
    from realtime.shutdown import on_signals

    output = Path(args.output)
    spec = TagModel(args.model).spec
    with on_signals() as shutdown, progress() as tell:

        def spread(jobs: Iterator[Found]) -> Generator[Outcome]:
            if args.scheduler is not None:
                from realtime.library.cluster import on_cluster

                model = args.model and os.path.abspath(args.model)
                return on_cluster(jobs, model, shutdown.event, args.scheduler)
            from realtime.cores import cores
            from realtime.library.processes import TagFiles, in_processes

            return in_processes(jobs, TagFiles(args.model), shutdown.event, cores())

        done = build(args.folder, output, spec, spread, tell, shutdown.event)
    if shutdown.signal:
        kept = f"{done.tagged + done.known} files are kept in {journal_path(output)}"
        print(f"tutti library: {kept}: the same command goes on from there.", file=sys.stderr)
        return shutdown.status
    print(f"{output}: {done.rows} files, {done.tagged} of them new.")
    if done.unreadable:
        print(f"{errors_path(output)}: {done.unreadable} that cannot be read, and why.")
    return 0
