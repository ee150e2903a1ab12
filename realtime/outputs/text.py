"""What a person likes to read: instruments by share of time, each with a small timeline."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from realtime.clock_time import rounded_time
from realtime.taxonomy import FAMILY_OF, display_name
from realtime.timeline import Timeline

FAMILY_COLOURS = {
    "voice": "magenta",
    "percussion": "red",
    "bowed_string": "yellow",
    "plucked_string": "green",
    "woodwind": "cyan",
    "brass": "bright_yellow",
    "key": "blue",
    "synth": "bright_magenta",
}
BLOCKS = " ▁▂▃▄▅▆▇"
"""Without the full block, so that rows do not run into each other."""
ASCII_BLOCKS = " .:-=+*#"
MAX_TIMELINE = 72
MIN_TIMELINE = 10


def render(timeline: Timeline, width: int, ascii_only: bool = False) -> Iterator[Text]:
    """Styled lines of at most ``width`` columns, where ``width`` is 50 or more.

    A block's height is the mean probability in its stretch of time; nothing is
    drawn below the model's threshold.
    """
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    yield _heading(timeline, ascii_only)
    summary = timeline.summary()
    shares = {name: one.active_s / timeline.duration_s for name, one in summary.items()}
    heard = sorted(
        (name for name in shares if shares[name] > 0), key=shares.__getitem__, reverse=True
    )
    if not heard:
        yield Text("  " + _nothing(timeline))
        return
    names = {name: display_name(name) for name in heard}
    label = "How many at once"
    name_width = max(len(label), *(len(text) for text in names.values()))
    columns = min(MAX_TIMELINE, max(MIN_TIMELINE, width - name_width - 11))
    strengths = np.where(timeline.active(), timeline.instruments, 0.0)
    order = {name: i for i, name in enumerate(timeline.spec.instruments)}
    for name in heard:
        bar = _bar(_binned(timeline, strengths[:, order[name]], columns), blocks)
        line = Text(f"  {names[name]:<{name_width}} {_percent(shares[name]):>5}  ")
        yield line.append(bar, FAMILY_COLOURS.get(FAMILY_OF.get(name, ""), ""))
    counts = _binned(timeline, timeline.polyphony_expected, columns)
    digits = "".join(str(min(6, round(count))) for count in counts.tolist())
    yield Text(f"  {label:<{name_width}} {timeline.polyphony_mean:5.1f}  {digits}", "dim")
    end = rounded_time(timeline.duration_s)
    indent = " " * (name_width + 10)
    yield Text(f"{indent}{'0:00'.ljust(columns - len(end))}{end}", "dim")


def _heading(timeline: Timeline, ascii_only: bool) -> Text:
    shown = "".join(c if c.isprintable() else "?" for c in timeline.file)
    most = int(timeline.polyphony.argmax(axis=1).max())
    dot = "-" if ascii_only else "·"
    facts = (
        f"  {rounded_time(timeline.duration_s)} {dot} "
        f"{timeline.polyphony_mean:.1f} at once on average, at most {timeline.spec.polyphony[most]}"
    )
    return Text(shown, "bold").append(facts, "not bold")


def _nothing(timeline: Timeline) -> str:
    if all(tags.level.silent for tags in timeline.tags):
        return "Silence: no window is louder than -70 dBFS."
    best = int(timeline.instruments.mean(axis=0).argmax())
    name = timeline.spec.instruments[best]
    return f"No instrument is certain enough; likeliest is {display_name(name).lower()}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "<1 %"


def _binned(timeline: Timeline, values: NDArray[np.floating], columns: int) -> NDArray[np.float64]:
    """Mean of per-window values over equal stretches of time (columns,)."""
    times = (np.arange(columns * 8) + 0.5) / (columns * 8) * timeline.duration_s
    window = np.searchsorted(timeline.start_s, times, side="right") - 1
    means: NDArray[np.float64] = values[window].reshape(columns, 8).mean(axis=1)
    return means


def _bar(strengths: NDArray[np.float64], blocks: str) -> str:
    steps = np.ceil(np.clip(strengths, 0.0, 1.0) * (len(blocks) - 1)).astype(int)
    bar = "".join(blocks[step] for step in steps.tolist())
    return bar
