"""``tutti train``: fit a model by a recipe."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import TuttiError
from realtime.progress import progress
from training.arguments import count, positive, seed

if TYPE_CHECKING:
    from training.fit import Progress
    from training.recipe import Recipe

_EXAMPLES = r"""examples:
  tutti train tutti-cpu --bank banks/full --run runs/tutti-cpu
  tutti train tutti-cpu --bank banks/full --run runs/tutti-cpu --max-minutes 30   # goes on
  tutti train my.toml --bank banks/mine --run runs/mine --start-from runs/tutti-cpu/best.pt
  tutti train my.toml --bank banks/mine --run runs/mine --devices 2
  tutti train student --bank banks/music --run runs/student --start-from models/before.pt \
    --teachers ../shared/teacher --head runs/teacher/head.pt
  tutti train teacher --bank banks/music --run runs/teacher --teachers ../shared/teacher \
    --real ../shared/real --own models/before.pt
  tutti train compare --bank banks/full --run runs/log --set 'network.front_end="log"'

A run that was stopped, by Ctrl-C or a power cut, goes on when the same command is
given again. Curves: tensorboard --logdir runs
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train a model by a recipe",
        description="Train a model by a recipe, or go on with a run that was stopped.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="name of a bundled recipe, or a TOML file")
    parser.add_argument("--bank", type=Path, required=True, help="note bank made by 'tutti bank'")
    parser.add_argument(
        "--run", dest="run_folder", type=Path, required=True, help="folder of checkpoints and logs"
    )
    parser.add_argument("--seed", type=seed, default=0, help="decides everything drawn (default 0)")
    parser.add_argument(
        "--start-from", type=Path, help="checkpoint whose weights a new run begins with"
    )
    parser.add_argument(
        "--teachers", type=Path, metavar="DIR", help="folder of taggers that teach"
    )
    parser.add_argument("--head", type=Path, help="file of a head on their features")
    parser.add_argument(
        "--own", type=Path, help="checkpoint of ours that teaches too (default: --start-from)"
    )
    parser.add_argument(
        "--real",
        type=Path,
        metavar="DIR",
        help="folder of real clips, whose val split each teacher is scored on (recipe 'teacher')",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help='change a line of the recipe, such as network.front_end="log"; may be repeated',
    )
    parser.add_argument("--max-minutes", type=positive, help="stop, ready to go on, after it")
    parser.add_argument(
        "--clock-minutes",
        type=positive,
        help="let the schedule follow the clock and end then, however many windows that makes",
    )
    parser.add_argument(
        "--accelerator", choices=("auto", "cpu", "cuda"), default="auto", help="(default auto)"
    )
    parser.add_argument("--devices", type=count, default=1, help="GPUs, or processes (default 1)")
    parser.add_argument("--nodes", type=count, default=1, help="machines (default 1)")
    parser.add_argument(
        "--precision",
        choices=("auto", "bf16-mixed", "32-true"),
        default="auto",
        help="(default auto)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from training.recipe import load_recipe

    recipe = load_recipe(args.recipe, args.settings)
    return _fit_head(recipe, args) if recipe.fits == "head" else _fit(recipe, args)


def _fit_head(recipe: Recipe, args: argparse.Namespace) -> int:
    """Fit a head, and say what each teacher scores and all together."""
    from training.fit_head import fit_head

    if args.teachers is None:
        raise TuttiError("a head is fitted on taggers: name their folder with --teachers.")
    with progress() as tell:

        def report(what: str, done: int, total: int) -> None:
            tell(what, done, total)
            if not sys.stderr.isatty():
                _say(f"{what}: {done:,} of {total:,}")

        head = fit_head(
            recipe,
            args.bank,
            args.run_folder,
            args.teachers,
            seed=args.seed,
            max_minutes=args.max_minutes,
            report=report,
        )
    if head is None:
        _say("Stopped, ready to go on.")
        return 0
    _say(f"Head: {head}")
    if args.real is not None:
        _print_teachers(recipe, args, head)
    return 0


def _print_teachers(recipe: Recipe, args: argparse.Namespace, head: Path) -> None:
    import torch

    from training.checkpoint import load_model
    from training.scoring.real import RealValidation
    from training.scoring.validation import print_real
    from training.teachers.panel import Panel
    from training.teachers.scoring import score_teachers

    before = args.own or args.start_from
    own = load_model(before)[0] if before is not None else None
    panel = Panel(recipe.teacher, args.teachers, head, own, torch.device("cpu"))
    print_real(score_teachers(panel, RealValidation(args.real)).items())


def _fit(recipe: Recipe, args: argparse.Namespace) -> int:
    from training.fit import Machine, Teachers, fit

    # Every process of a distributed run comes through here; only the first speaks.
    with progress(shown=os.environ.get("LOCAL_RANK", "0") == "0") as tell:

        def report(now: Progress) -> None:
            text = (
                f"{now.stage}: {now.windows / 1e6:.2f} M windows, "
                f"loss {now.loss:.4f}, {now.windows_per_s:,.0f} windows/s"
            )
            tell(text, now.windows, now.total)
            if now.scores or not sys.stderr.isatty():
                scores = ", ".join(f"{k} {v:.3f}" for k, v in (now.scores or {}).items())
                _say(f"{text}{'  |  ' + scores if scores else ''}")

        last = fit(
            recipe,
            args.bank,
            args.run_folder,
            seed=args.seed,
            machine=Machine(args.accelerator, args.devices, args.nodes, args.precision),
            start_from=args.start_from,
            teachers=Teachers(args.teachers, args.head, args.own) if args.teachers else None,
            max_minutes=args.max_minutes,
            clock_minutes=args.clock_minutes,
            report=report,
        )
    _say(f"Last checkpoint: {last}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
