"""``tutti export``: a checkpoint to verified fp32 and int8 ONNX files."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.arguments import count

_EXAMPLES = """examples:
  tutti export runs/tutti/last.pt --bank banks/full --real ../shared/real --out models/tutti
  tutti tag song.wav --model models/tutti.int8.onnx

Writes OUT.fp32.onnx and OUT.int8.onnx, and the weights alone as OUT.pt, which
'tutti train --start-from' takes. int8 is calibrated on mixtures of the bank's
validation sources, which no training has heard. With --real the thresholds, and a
correction of the number of instruments, come from the clips of split val of a
folder of real clips and from superpositions of them; without it the thresholds
come from the bank's mixtures.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "export",
        help="turn a checkpoint into fp32 and int8 ONNX files",
        description="Turn a checkpoint into ONNX files, choose thresholds, verify and time them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, help="a checkpoint of 'tutti train'")
    parser.add_argument("--bank", type=Path, required=True, help="note bank to calibrate on")
    parser.add_argument("--real", type=Path, metavar="DIR", help="folder of real clips")
    parser.add_argument("--out", type=Path, required=True, help="path without ending")
    parser.add_argument("--name", default="tutti", help="name of the model (default tutti)")
    parser.add_argument("--model-version", default="1.0.0", help="its version (default 1.0.0)")
    parser.add_argument(
        "--clips", type=count, default=3000, help="validation clips of 3 s to draw (default 3000)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from export.pipeline import export

    console = Console()
    with console.status("Exporting") as status:
        result = export(
            args.checkpoint,
            args.bank,
            args.out,
            name=args.name,
            version=args.model_version,
            clips=args.clips,
            real=args.real,
            step=status.update,
        )
    for line in result.lines():
        console.print(line, highlight=False, soft_wrap=True)
    return 0
