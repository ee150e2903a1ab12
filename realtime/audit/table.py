"""An audit as a table for reading."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from realtime.audit.audit import POOR_FIT_DB, Audit, StemAudit
from realtime.audit.formats import reason
from realtime.audit.passages import Passage
from realtime.clock_time import rounded_time
from realtime.taxonomy import display_name

MOST_PASSAGES = 12
MODEL_WORDS = {"agrees": "model agrees", "disagrees": "model still hears it", "cannot tell": ""}
LEGEND = (
    "Masked: too few of the stem's frequency bands rise above the rest of the mix. "
    "Short: what it lacks to be just heard."
)


def render(audit: Audit, ascii_only: bool = False) -> Iterator[RenderableType]:
    """A heading, the table, and what must be known to trust it."""
    shown = "".join(c if c.isprintable() else "?" for c in audit.mix)
    unheard = sum(bool(stem.passages) for stem in audit.stems)
    count = f"{len(audit.stems)} stem" + ("s" if len(audit.stems) != 1 else "")
    told = "all can be heard" if not unheard else f"{unheard} cannot always be heard"
    length = rounded_time(audit.duration_s, tenths=True)
    yield Text(shown, "bold").append(f"  {length}, {count}, {told}", "not bold")
    table = Table(box=box.ASCII2 if ascii_only else box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Stem", overflow="fold")
    table.add_column("Heard as")
    table.add_column("In the mix", justify="right", no_wrap=True)
    table.add_column("Sounds", justify="right", no_wrap=True)
    table.add_column("Not heard", justify="right", no_wrap=True)
    table.add_column("Where")
    for stem in audit.stems:
        table.add_row(*_row(stem, ascii_only))
    yield table
    if unheard:
        yield Text(LEGEND, "dim")
    if audit.residual_db <= POOR_FIT_DB:
        yield Text(f"The stems add up to the mix; what is left over is {_db(audit.residual_db)}.")
    for note in audit.notes:
        yield Text(note, "yellow")


def _row(stem: StemAudit, ascii_only: bool) -> tuple[Text, ...]:
    view = stem.view
    if view.instrument is not None:
        heard_as = Text(display_name(view.instrument))
    elif view.likeliest is not None:
        heard_as = Text(f"unsure ({display_name(view.likeliest)}?)", "dim")
    else:
        heard_as = Text("-", "dim")
    share = stem.unheard_s / stem.sounds_s if stem.sounds_s else 0.0
    where = Text()
    dash = "-" if ascii_only else "–"
    lines = [_where(one, dash) for one in stem.passages[:MOST_PASSAGES]]
    if (more := len(stem.passages) - MOST_PASSAGES) > 0:
        lines.append(Text(f"and {more} more (--format csv lists all)", "dim"))
    lines += [Text(note, "dim") for note in stem.notes]
    where = Text("\n").join(lines) if lines else Text("")
    return (
        Text("".join(c if c.isprintable() else "?" for c in stem.name)),
        heard_as,
        Text(_db(stem.signal.gain_db) if stem.signal.found else "-"),
        Text(f"{stem.sounds_s:.1f} s"),
        Text(f"{stem.unheard_s:.1f} s ({100 * share:.0f} %)", "bold" if stem.passages else "dim"),
        where,
    )


def _where(one: Passage, dash: str) -> Text:
    start, end = (rounded_time(time_s, tenths=True) for time_s in (one.start_s, one.end_s))
    line = Text(f"{start}{dash}{end}", "bold")
    words = ", ".join(part for part in (reason(one), MODEL_WORDS[one.model]) if part)
    return line.append(f"  {words}", "not bold")


def _db(value: float) -> str:
    return f"{value:+.1f} dB" if abs(value) >= 0.05 else "0.0 dB"
