"""Meters drawn with characters: two columns of families, fitting 80 by 24."""

from __future__ import annotations

from itertools import zip_longest

from rich.text import Text

from realtime.advice import only_zeros
from realtime.clock_time import rounded_time
from realtime.outputs.text import FAMILY_COLOURS
from realtime.postprocess import Tags
from realtime.spec import ModelSpec
from realtime.stats import EngineState, Snapshot, Stats
from realtime.taxonomy import FAMILY_OF, display_name

LEFT_FAMILIES = ("voice", "percussion", "bowed_string", "plucked_string")
NAME_WIDTH = 20
BAR_WIDTH = 14
QUIETEST_DBFS = -60.0
GAP = "   "
METER_WIDTH = NAME_WIDTH + BAR_WIDTH + 4
TRACK = "grey23"


def meters(snapshot: Snapshot, spec: ModelSpec, elapsed_s: float) -> Text:
    """The whole picture: source and level, families with their instruments, state."""
    left = [name for name in spec.families if name in LEFT_FAMILIES]
    right = [name for name in spec.families if name not in LEFT_FAMILIES]
    rows = zip_longest(
        _families(left, snapshot.tags, spec),
        _families(right, snapshot.tags, spec),
        fillvalue=Text(" " * METER_WIDTH),
    )
    lines = [
        _heading(snapshot, elapsed_s),
        _input_line(snapshot),
        Text(),
        *(Text(GAP).join(row) for row in rows),
        Text(),
        _polyphony_line(snapshot.tags, spec),
        Text(status_line(snapshot.stats), "dim"),
        _trouble_line(snapshot.stats),
    ]
    picture = Text("\n").join(lines)
    picture.no_wrap, picture.overflow = True, "crop"
    return picture


def plain_line(tags: Tags, spec: ModelSpec) -> str:
    """One window on one line: time, how many at once, and what reaches its threshold."""
    present = [
        f"{display_name(name).lower()} {probability:.2f}"
        for name, probability in sorted(
            zip(spec.instruments, tags.instruments.tolist(), strict=True), key=lambda x: -x[1]
        )
        if probability >= spec.thresholds[name]
    ]
    heard = "silence" if tags.level.silent else ", ".join(present) or "nothing certain"
    return (
        f"{rounded_time(tags.end_s):>7}  {tags.level.rms_dbfs:6.1f} dBFS  "
        f"{tags.polyphony_expected:.1f} at once  {heard}"
    )


def status_line(stats: Stats) -> str:
    """What was analysed, and what was not."""
    parts = [f"{stats.windows} windows", f"{stats.windows_dropped} dropped"]
    if stats.windows_failed:
        parts.append(f"{stats.windows_failed} failed")
    parts.append(f"{stats.frames_missing} frames missing")
    if stats.reopenings:
        parts.append(f"reopened {stats.reopenings}x")
    parts.append(f"CPU {100 * stats.cpu_fraction:.1f} %")
    parts.append(f"{1000 * stats.latency_s:.0f} ms behind")
    return " · ".join(parts)


def bar(value: float, width: int, colour: str) -> Text:
    """A bar of ``value`` (0 to 1), to half a character, on a faint track."""
    halves = round(2 * width * min(1.0, max(0.0, value)))
    drawn = "━" * (halves // 2) + "╸" * (halves % 2)
    return Text.assemble((drawn, colour), ("━" * (width - len(drawn)), TRACK))


def _families(families: list[str], tags: Tags | None, spec: ModelSpec) -> list[Text]:
    lines = []
    for family in families:
        colour = FAMILY_COLOURS.get(family, "")
        members = [name for name in spec.instruments if FAMILY_OF.get(name) == family]
        value = float(tags.families[spec.families.index(family)]) if tags else 0.0
        if len(members) == 1:
            # A family of one instrument: one meter says it all.
            value = float(tags.instruments[spec.instruments.index(members[0])]) if tags else 0.0
            threshold = spec.thresholds[members[0]]
            lines.append(_meter(display_name(members[0]), value, threshold, colour, "bold"))
            continue
        lines.append(
            _meter(display_name(family), value, spec.family_thresholds[family], colour, "bold")
        )
        for name in members:
            value = float(tags.instruments[spec.instruments.index(name)]) if tags else 0.0
            label = "  " + display_name(name)
            lines.append(_meter(label, value, spec.thresholds[name], colour, ""))
    return lines


def _meter(label: str, value: float, threshold: float, colour: str, weight: str) -> Text:
    present = value >= threshold
    line = Text(f"{label:<{NAME_WIDTH}}", f"{weight} {colour}" if present else weight or "dim")
    line = Text.assemble(line, bar(value, BAR_WIDTH, colour if present else "white"))
    return line.append(f"{100 * value:4.0f}", "" if present else "dim")


def _heading(snapshot: Snapshot, elapsed_s: float) -> Text:
    state = snapshot.stats.state
    line = Text.assemble(("Tutti", "bold"), f"  {snapshot.source_name}  ")
    line.append(state, "green" if state == EngineState.RUNNING else "yellow")
    return line.append(f"  {rounded_time(elapsed_s)}", "dim")


def _input_line(snapshot: Snapshot) -> Text:
    level = snapshot.level
    line = Text(f"{'Input':<{NAME_WIDTH}}")
    if level is None:
        return line.append("no sound yet", "dim")
    share = 1.0 - level.rms_dbfs / QUIETEST_DBFS
    line = Text.assemble(line, bar(share, 2 * BAR_WIDTH, "red" if level.clipped else "green"))
    line.append(f" {level.rms_dbfs:6.1f} dBFS, peak {level.peak_dbfs:.1f}", "dim")
    return line.append("  CLIPPED", "bold red") if level.clipped else line


def _polyphony_line(tags: Tags | None, spec: ModelSpec) -> Text:
    line = Text(f"{'How many at once':<{NAME_WIDTH}}", "bold")
    if tags is None:
        return line
    parts: list[Text | tuple[str, str]] = [line, (f"{tags.polyphony_expected:3.1f} ", "bold")]
    for label, probability in zip(spec.polyphony, tags.polyphony.tolist(), strict=True):
        parts += [(f"  {label} ", "dim"), bar(probability, 3, "cyan")]
    return Text.assemble(*parts)


def _trouble_line(stats: Stats) -> Text:
    if stats.state == EngineState.NO_SIGNAL:
        return Text(only_zeros(), "yellow")
    if stats.state != EngineState.RUNNING and stats.last_error:
        return Text(stats.last_error, "yellow")
    return Text()
