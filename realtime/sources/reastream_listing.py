"""Who sends by ReaStream now, as ``tutti listen --reastream`` prints it."""

from __future__ import annotations

import time

from realtime.errors import TuttiError
from realtime.sources.reastream_packet import Kind
from realtime.sources.reastream_receiver import Receiver, receiving

LISTEN_S = 2.0
WHY_NONE = "put ReaStream on a track, set it to send to that address, and let the DAW run"


def list_senders(address: tuple[str, int] | None = None) -> int:
    """Listen for two seconds and print a table.

    Raises:
        TuttiError: the port cannot be had, or nobody sends.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    with receiving(*(address or ())) as receiver:
        time.sleep(LISTEN_S)
        senders, ignored = receiver.senders(), _ignored(receiver)
        where = receiver.where
    if not senders:
        raise TuttiError(f"Nobody sends by ReaStream to {where}{ignored}: {WHY_NONE}.")
    table = Table(box=None, pad_edge=False)
    for heading in ("Identifier", "From"):
        table.add_column(heading, overflow="fold")
    for heading in ("Channels", "Rate", "Level", "Peak"):
        table.add_column(heading, justify="right", no_wrap=True)
    for sender in senders:
        table.add_row(
            Text(sender.name),  # brackets in a name are no markup
            Text(sender.address),
            str(sender.channels),
            f"{sender.sample_rate_hz} Hz",
            f"{sender.level.rms_dbfs:.1f} dBFS",
            f"{sender.level.peak_dbfs:.1f} dBFS",
        )
    console = Console(highlight=False, soft_wrap=False)
    console.print(table)
    if ignored:
        console.print(f"Not heard{ignored}", style="dim")
    return 0


def _ignored(receiver: Receiver) -> str:
    """What came and is no sound."""
    told = {
        Kind.MIDI: "of MIDI",
        Kind.DAMAGED: "damaged",
        Kind.FOREIGN: "not ReaStream's",
    }
    found = [f"{count} {told[kind]}" for kind, count in receiver.refused.items()]
    return f" (packets: {', '.join(found)})" if found else ""
