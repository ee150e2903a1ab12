"""``tutti devices``: which inputs there are, and how to hear what the computer plays."""

from __future__ import annotations

import argparse
import sys

LOOPBACK_HINTS = {
    "linux": "To hear what the computer plays, choose a source marked 'what plays here'. "
    "They are listed where PulseAudio or PipeWire runs and pulseaudio-utils is installed.",
    "darwin": "To hear what the computer plays, install BlackHole (brew install blackhole-2ch), "
    "make it part of a Multi-Output Device in Audio MIDI Setup, and choose it here.",
    "win32": "To hear what the computer plays, switch on 'Stereo Mix' among the recording devices "
    "of the sound settings, or install VB-CABLE, and choose it here.",
}

WITHOUT_LOOPBACK = (
    "A DAW's track needs none of that: put ReaStream on it, and see 'tutti listen --reastream'."
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "devices",
        help="list the sound inputs",
        description="List the sound inputs that 'tutti listen --device NAME' can read.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a table; 2 if there is nothing to list."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from realtime.sources.device import list_devices, no_device

    hint = LOOPBACK_HINTS.get(sys.platform, LOOPBACK_HINTS["linux"])
    devices = list_devices()
    if not devices:
        raise no_device()
    table = Table(box=None, pad_edge=False)
    table.add_column("Input", overflow="fold")
    table.add_column("Through", no_wrap=True)
    table.add_column("Channels", justify="right", no_wrap=True)
    table.add_column("Rate", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for device in devices:
        notes = ["default"] * device.is_default + ["what plays here"] * device.is_loopback
        table.add_row(
            Text(device.label),  # brackets in a name are no markup
            Text(device.host_api),
            str(device.channels),
            f"{device.sample_rate_hz} Hz",
            ", ".join(notes),
            style="bold" if device.is_default else None,
        )
    console = Console(highlight=False, soft_wrap=False)
    console.print(table)
    console.print()
    console.print(hint, style="dim")
    console.print(WITHOUT_LOOPBACK, style="dim")
    return 0
