"""``tutti data``: which data sets there are, how to get one, and whether it is whole."""

from __future__ import annotations

import argparse
from pathlib import Path

from realtime.errors import TuttiError
from realtime.progress import progress

_EXAMPLES = """examples:
  tutti data list
  tutti data download irmas ~/irmas
  tutti data check irmas ~/irmas
  tutti bank add banks/full banks/more --dataset irmas ~/irmas
  tutti evaluate --dataset irmas ~/irmas
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "data",
        help="list, download and check published data sets",
        description="Lists the data sets that train and score, downloads one, checks one.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="each set, and where it is to be had").set_defaults(run=_list)
    check = actions.add_parser(
        "check", help="read every table and sound of a set, and say what is wrong"
    )
    download = actions.add_parser("download", help="download a set, by the package mirdata")
    for action, does, how in (
        (check, _check, "the folder that holds it"),
        (download, _download, "the folder to put it in"),
    ):
        action.add_argument("name", metavar="NAME", help="as 'tutti data list' names it")
        action.add_argument("folder", type=Path, metavar="DIR", help=how)
        action.set_defaults(run=does)


def _list(args: argparse.Namespace) -> int:
    from training.datasets import SETS

    width = max(map(len, SETS))
    for name, one in SETS.items():
        does = "trains and scores" if one.recordings else "scores"
        got = "tutti data download" if one.mirdata else one.where
        print(f"{name:{width}}  {one.about}; {does}; {got}")
    return 0


def _check(args: argparse.Namespace) -> int:
    """Names every sound file that cannot be read, and counts them at the end."""
    from training.datasets import SETS
    from training.datasets.check import check

    _require(args.name)
    with progress() as tell:
        faults, counts = check(SETS[args.name], args.folder, lambda n, of: tell("reading", n, of))
    for fault in faults:
        print(fault)
    for what, number in counts.items():
        print(f"{number:8,}  {what}")
    if faults:
        raise TuttiError(
            f"{len(faults)} files of {args.folder} cannot be used: bring them again "
            f"({SETS[args.name].where})."
        )
    return 0


def _download(args: argparse.Namespace) -> int:
    from training.datasets import SETS

    _require(args.name)
    one = SETS[args.name]
    if not one.mirdata:
        raise TuttiError(
            f"{args.name} is not downloaded by a program: get it from its own site ({one.where}), "
            "unpack it and name its folder to 'tutti data check'."
        )
    try:
        import mirdata
    except ImportError:
        raise TuttiError(
            f"mirdata, which downloads {args.name}, is not installed: pip install mirdata, or get "
            f"{one.where} and unpack it."
        ) from None
    mirdata.initialize(one.mirdata, data_home=str(args.folder)).download()
    return _check(args)


def _require(name: str) -> None:
    from training.datasets import SETS

    if name not in SETS:
        raise TuttiError(f"'{name}' is no data set: name one of {', '.join(SETS)}.")
