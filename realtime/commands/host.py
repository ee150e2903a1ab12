"""``tutti host``: audio through a chain of effects, tagged before and after them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.arguments import (
    add_channel,
    add_hop,
    add_model,
    reastream_address,
    refuse_stdin,
    seconds,
    whole,
)
from realtime.errors import TuttiError
from realtime.live_outputs.table import add_live_outputs, asked_for
from realtime.outputs.formats import FORMATS, TEXT, names
from realtime.progress import progress

if TYPE_CHECKING:
    from realtime.host.offline import Rendering

EXAMPLES = """\
examples:
  tutti host chain.toml in.wav -o out.wav --report report.json
  tutti host chain.toml in.wav --tags tags/ --format reaper
  tutti host chain.toml mix.flac --report report.json      analyse only
  tutti host chain.toml --live                             default input and output
  tutti host chain.toml --live --osc 127.0.0.1:9000        every tap, to another program
  tutti host chain.toml --live --input Scarlett --block 256
  tutti host chain.toml --live --send wet                  to REAPER or another Tutti as well
  tutti host --live --measure-latency                      play a sweep, hear it back
  tutti host --effects Compressor                          parameters and their ranges

A chain file holds one [[chain]] table for each effect, in order, with
pedalboard's names, and taps where the meters listen:

  [[chain]]
  tap = "before"

  [[chain]]
  effect = "Compressor"
  threshold_db = -24.0
  ratio = 4.0

  [[chain]]
  effect = "VST3"
  path = "MVerb.vst3"
  parameters = { decay = 60.0 }
  mix = 0.5

  [[chain]]
  tap = "after"

Without taps it listens at both ends. The report comes with a picture, report.svg.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "host",
        help="run effects, and say what they do to what is heard",
        description="Run audio through a pedalboard chain, and say what its effects do to what "
        "can be heard.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("chain", nargs="?", help="chain file (TOML)")
    parser.add_argument("file", nargs="?", help="sound file, such as WAV, FLAC, MP3 or M4A")
    parser.add_argument("-o", "--output", metavar="OUT", help="write the sound here")
    parser.add_argument("--report", metavar="JSON", help="write tags and differences here")
    parser.add_argument("--tags", metavar="DIR", help="write the tags of each tap into this folder")
    parser.add_argument(
        "--format",
        choices=[name for name in names() if name != TEXT],
        default="json",
        help="of --tags (default: json)",
    )
    parser.add_argument(
        "--tail",
        type=seconds(0.0),
        default=10.0,
        metavar="S",
        help="longest tail that is kept after the input's end (default: 10)",
    )
    parser.add_argument("--effects", action="store_true", help="list effects and parameters")
    live = parser.add_argument_group("live")
    live.add_argument("--live", action="store_true", help="from an input to an output device")
    live.add_argument("--input", metavar="NAME", help="input device (default: the system's)")
    live.add_argument("--output-device", metavar="NAME", help="output device")
    live.add_argument("--rate", type=whole(1), metavar="HZ", help="sample rate")
    live.add_argument(
        "--block", type=whole(1), default=256, metavar="N", help="frames a block (default: 256)"
    )
    live.add_argument(
        "--duration",
        type=seconds(0.0),
        metavar="S",
        help="stop after so many seconds (default: Ctrl-C)",
    )
    live.add_argument(
        "--measure-latency",
        action="store_true",
        help="play a quiet sweep and say how long it takes to come back through the input",
    )
    live.add_argument(
        "--send", metavar="NAME", help="send what is played by ReaStream, under this identifier"
    )
    live.add_argument(
        "--send-address",
        type=reastream_address,
        metavar="HOST[:PORT]",
        help="send it there (default: 127.0.0.1)",
    )
    add_model(parser)
    add_hop(parser)
    add_channel(parser)
    add_live_outputs(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    refuse_stdin(args.chain, args.file, args.output, args.report, args.tags)
    if args.effects:
        return _list_effects(args.chain)
    if args.send is not None and not args.live:
        raise TuttiError("--send sends what is played: it goes with --live.")
    if args.send_address and args.send is None:
        raise TuttiError("--send-address says where --send sends to: give that, too.")
    if args.live and args.measure_latency:
        from realtime.host.live_view import measure

        return measure(args)
    if args.chain is None:
        raise TuttiError("Name a chain file, as in: tutti host chain.toml in.wav -o out.wav.")
    if args.live:
        from realtime.host.live_view import listen

        return listen(args)
    if asked := asked_for(args):
        raise TuttiError(f"--{asked[0]} sends what is heard live: give --live, or leave it out.")
    return _render(args)


def _render(args: argparse.Namespace) -> int:
    if args.file is None:
        raise TuttiError(
            "Name a sound file after the chain file, or give --live to use a sound device."
        )
    if not args.output and not args.report and not args.tags:
        raise TuttiError(
            "Nothing to do: give -o for the sound, --report or --tags for what is heard, or more "
            "than one of them."
        )
    from realtime.host.compare import pairs
    from realtime.host.host import Host
    from realtime.host.offline import render
    from realtime.host.report import write

    with Host.load(
        args.chain, model=args.model, hop_s=args.hop, channel=args.channel, on_problem=_complain
    ) as host:
        with progress() as tell:
            told = partial(tell, args.file)
            done = render(host, args.file, args.output, max_tail_s=args.tail, progress=told)
        if args.report:
            drawing = write(done, host.chain, args.report)
            print(f"Report: {args.report}, picture: {drawing}")
        if args.tags:
            _save_tags(done, args)
        difference = pairs(done.timelines, done.duration_s)[-1] if len(done.timelines) > 1 else None
    if args.output:
        print(
            f"Wrote {args.output}: {done.duration_s + done.tail_s:.1f} s at "
            f"{done.sample_rate_hz} Hz, peak {done.peak_dbfs:.1f} dBFS, "
            f"{done.speed:.0f}x real time."
        )
        if done.peak_dbfs > 0.0:
            _complain("The output is above full scale and was clipped: lower a gain.")
    for finding in difference.findings if difference else ():
        print(finding)
    return 0


def _save_tags(done: Rendering, args: argparse.Namespace) -> None:
    """A file for each tap, by the sound file's name and the tap's."""
    folder, one = Path(args.tags), FORMATS[args.format]
    folder.mkdir(parents=True, exist_ok=True)
    for tap, timeline in done.timelines.items():
        plain = "".join(c if c.isalnum() or c in " -_" else "_" for c in tap)
        path = folder / f"{Path(args.file).name}.{plain}{one.suffix}"
        one.save(timeline, path)
        print(f"Tags at {tap}: {path}")


def _list_effects(name: str | None) -> int:
    from realtime.host.effects import EFFECTS, nearest

    if name is not None and name not in EFFECTS:
        raise TuttiError(f"There is no effect {name!r}{nearest(name, EFFECTS)}.")
    for effect in EFFECTS.values() if name is None else (EFFECTS[name],):
        print(effect.name)
        for one in effect.parameters.values():
            default = f" (default {one.default})" if one.kind != "file" else ""
            print(f"  {one.name}: {one.allowed()}{default}")
    return 0


def _complain(text: str) -> None:
    print(f"tutti host: {text}", file=sys.stderr, flush=True)
