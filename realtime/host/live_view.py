"""``tutti host --live``: meters of two taps in a terminal, and the round trip."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from realtime.errors import TuttiError
from realtime.host.block import BoardBlock
from realtime.host.devices import LiveSettings
from realtime.host.host import Host
from realtime.host.live import LiveHost, LiveState, LiveStats
from realtime.host.loopback import measure_round_trip
from realtime.host.reastream_sender import ReaStreamSender
from realtime.live_outputs.table import LiveOutputs
from realtime.outputs.text import FAMILY_COLOURS
from realtime.shutdown import on_signals
from realtime.taxonomy import FAMILY_OF, display_name
from realtime.terminal import bar

REFRESH_S = 0.1
SHOWN = 12
BAR_WIDTH = 14
SWITCH_S = 0.0005
"""How long another Python thread may hold the interpreter while audio waits."""
NOTABLE = 0.1


def measure(args: argparse.Namespace) -> int:
    """Measure and print the round trip."""
    trip = measure_round_trip(_settings(args))
    print(
        f"Round trip {1000 * trip.latency_s:.1f} ms, from '{trip.input_name}' to "
        f"'{trip.output_name}' at {trip.sample_rate_hz} Hz with blocks of {trip.block_frames} "
        f"(the system says {1000 * trip.reported_s:.1f} ms)."
    )
    return 0


def listen(args: argparse.Namespace) -> int:
    """Run the chain until Ctrl-C, the end of ``--duration`` or a lost device."""
    sys.setswitchinterval(SWITCH_S)
    sender = None
    if args.send is not None:
        sender = ReaStreamSender(args.send, *(args.send_address or ()))

    def send(block: BoardBlock, rate_hz: int) -> None:
        if sender is not None:
            sender.send(block.T, rate_hz)

    with Host.load(
        args.chain,
        model=args.model,
        hop_s=args.hop,
        channel=args.channel,
        live=True,
        on_problem=lambda text: print(f"tutti host: {text}", file=sys.stderr, flush=True),
    ) as host:
        session = LiveHost(host, _settings(args), on_output=send)
        session.start()
        try:
            with LiveOutputs(args, host.model.spec, _say, tuple(host.taps)) as outputs:
                for name, tap in host.taps.items():
                    tap.subscribe(outputs.listener(name))
                status = _watch(session, args.duration)
            stats = session.stats()
        finally:
            session.stop()
    print(summary(stats))
    if sender is not None and sender.dropped:
        print(f"{sender.dropped} packets of ReaStream could not be sent.")
    if session.abandoned:
        sys.stdout.flush()
        os._exit(status)  # PortAudio would wait for the driver that hangs
    return status


def _say(text: str) -> None:
    print(f"tutti host: {text}", file=sys.stderr, flush=True)


def summary(stats: LiveStats) -> str:
    """One line on how it went."""
    return (
        f"{stats.seconds:.1f} s, {stats.xruns} xruns ({stats.input_overflows} input, "
        f"{stats.output_underflows} output, {stats.gaps} gaps), "
        f"{stats.missing_s:.2f} s missing, load "
        f"{100 * stats.load:.0f} %, devices {1000 * stats.device_latency_s:.1f} ms, "
        f"chain {1000 * stats.chain_latency_s:.1f} ms, "
        f"{stats.tap_blocks_dropped} tap blocks dropped"
    )


def _watch(session: LiveHost, duration_s: float | None) -> int:
    console = Console(stderr=True)
    with on_signals() as shutdown, Live(console=console, auto_refresh=False) as screen:
        while not shutdown.event.wait(REFRESH_S):
            stats = session.stats()
            if stats.state == LiveState.STALLED:
                raise TuttiError("The sound device gives nothing any more: connect it again.")
            if stats.state != LiveState.RUNNING:
                raise TuttiError(stats.error or "The sound stopped.")
            if duration_s is not None and stats.seconds >= duration_s:
                return 0
            if console.is_terminal:
                screen.update(picture(session, stats), refresh=True)
    return shutdown.status


def picture(session: LiveHost, stats: LiveStats) -> RenderableType:
    """The first and last tap side by side, the loudest instruments first."""
    taps = list(session.host.taps.values())
    first, last = taps[0], taps[-1]
    table = Table.grid(padding=(0, 2))
    table.add_row("", Text(first.name, "bold"), Text(last.name, "bold"), "")
    if first.latest is not None and last.latest is not None:
        before, after = first.latest.instruments.tolist(), last.latest.instruments.tolist()
        names = session.host.model.spec.instruments
        order = sorted(range(len(names)), key=lambda i: -max(before[i], after[i]))
        for i in sorted(order[:SHOWN]):
            change = after[i] - before[i]
            mark = Text(f"{100 * change:+4.0f}", "green" if change > 0 else "red")
            colour = FAMILY_COLOURS.get(FAMILY_OF.get(names[i], ""), "")
            bars = [
                bar(value, BAR_WIDTH, colour).append(f" {100 * value:3.0f}")
                for value in (before[i], after[i])
            ]
            table.add_row(display_name(names[i]), *bars, mark if abs(change) >= NOTABLE else "")
    return Group(table, Text(summary(stats), "dim"))


def _settings(args: argparse.Namespace) -> LiveSettings:
    return LiveSettings(args.input, args.output_device, args.rate, args.block)
