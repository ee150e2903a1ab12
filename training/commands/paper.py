"""``tutti dev paper``: a paper's own protocol, on its own data sets."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.progress import progress
from training.arguments import fraction, seed

_NEEDS = {
    "sethi": ((), ("irmas",)),
    "zhong": (("nsynth", "irmas"), ()),
    "mixtures": ((), ("medleydb", "mixing-secrets", "slakh", "jamendo")),
    "iskender": (("nsynth", "openmic", "irmas"), ()),
}
"""The data sets that each paper needs, and those it may have."""
_TABLES = {
    "zhong": ("initialization", "ablation", "less data", "parameters"),
    "mixtures": ("transfer", "p_musical"),
}
_EXAMPLES = """examples:
  tutti dev paper sethi --out runs/sethi --data irmas ~/irmas
  tutti dev paper zhong --data nsynth ~/nsynth --data irmas ~/irmas --table ablation
  tutti dev paper mixtures --data slakh ~/slakh2100_flac_redux --data jamendo ~/jamendo
  tutti dev paper iskender --data nsynth ~/nsynth --data openmic ~/openmic-2018 --data irmas ~/irmas
  tutti dev paper zhong --data nsynth ~/nsynth --data irmas ~/irmas --scale 0.05
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command; no heavy import happens before ``run``."""
    parser = subparsers.add_parser(
        "paper",
        help="train and score as a paper does, on its own data sets",
        description="Trains and scores as one of the papers does and writes OUT/TABLE.md. What is "
        "trained already is not trained again. What was read otherwise than the paper says stands "
        "at the top of training/protocols/PAPER.py.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paper", choices=tuple(_NEEDS))
    parser.add_argument(
        "--data", nargs=2, action="append", default=[], metavar=("NAME", "DIR"),
        help="a data set of 'tutti data list' and its folder; once for each",
    )  # fmt: skip
    parser.add_argument("--table", help="which of the paper's tables (default: its first)")
    parser.add_argument("--out", type=Path, help="default: runs/PAPER")
    parser.add_argument("--seed", type=seed, default=1, help="default: 1")
    parser.add_argument(
        "--scale", type=fraction, default=1.0,
        help="share of the paper's epochs and of what it draws (default: 1, the whole)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, score, write and print the table."""
    from realtime.whole_file import write_whole

    folders = {name: Path(folder) for name, folder in args.data}
    needed, possible = _NEEDS[args.paper]
    if foreign := [name for name in folders if name not in needed + possible]:
        raise TuttiError(f"{args.paper} has no use for '{foreign[0]}'.")
    if missing := [name for name in needed if name not in folders]:
        raise TuttiError(f"{args.paper} needs the data set {missing[0]}: --data {missing[0]} DIR.")
    tables = _TABLES.get(args.paper, (args.paper,))
    which = args.table or tables[0]
    if which not in tables:
        raise TuttiError(f"{args.paper} has no table '{which}': name one of {', '.join(tables)}.")
    out = args.out or Path("runs") / args.paper
    with progress() as tell:
        text = _run(args.paper, folders, out, which, args.seed, args.scale, tell)
    write_whole(out / f"{which.replace(' ', '-')}.md", text)
    print(text, end="")
    return 0


def _run(
    paper: str, folders: dict[str, Path], out: Path, which: str, seed: int, scale: float, tell: Any
) -> str:
    def part(number: int) -> int:
        return max(1, round(number * scale))

    if paper == "sethi":
        from training.protocols import sethi

        whole = sethi.SethiConfig(seed=seed)
        some = replace(
            whole, epochs=part(whole.epochs), compositions=max(10, part(whole.compositions)),
            tested=max(10, part(whole.tested)), regen=part(whole.regen),
        )  # fmt: skip
        return sethi.run(folders, out, some, tell)
    if paper == "zhong":
        from training.protocols import zhong

        return zhong.run(folders, out, zhong.ZhongConfig(seed=seed, scale=scale), which, tell)
    if paper == "mixtures":
        from training.protocols import mixtures

        all_ = mixtures.MixturesConfig(seed=seed)
        few = replace(all_, epochs=part(all_.epochs), tag_epochs=part(all_.tag_epochs))
        return mixtures.run(folders, out, few, which, tell)
    from training.protocols import iskender

    full = iskender.IskenderConfig(seed=seed)
    less = replace(
        full, epochs=part(full.epochs), irmas_epochs=part(full.irmas_epochs),
        per_level=part(full.per_level),
    )  # fmt: skip
    return iskender.run(folders, out, less, tell)
