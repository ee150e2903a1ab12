"""The tagger's side of an audit: what it hears in a stem alone, and whether still in the mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.audit.passages import Passage
from realtime.taxonomy import display_name
from realtime.timeline import Timeline

USUALLY = 0.5
"""In half of the windows or more."""


@dataclass(frozen=True, eq=False)
class Recognition:
    """What the model hears in a stem alone.

    ``instrument``: None where it is not sure enough; then ``likeliest`` is its guess.
    ``probability``: mean over the windows that are not silent.
    ``in_mix_share``: of the windows in which it hears the stem alone and no other
    stem as the same instrument, the share in which it hears it in the mix too;
    None where there is no such window.
    """

    instrument: str | None
    likeliest: str | None
    probability: float
    in_mix_share: float | None
    windows: _Windows


@dataclass(frozen=True, eq=False)
class _Windows:
    """By window: middle of it, and whether stem alone, other stems and mix hold the instrument."""

    middle_s: NDArray[np.float64]
    alone: NDArray[np.bool_]
    others: NDArray[np.bool_]
    other_name: str
    mix: NDArray[np.bool_]


def recognise(mix: Timeline, stems: Sequence[Timeline], names: Sequence[str]) -> list[Recognition]:
    """The model's view of each stem."""
    labels = mix.spec.instruments
    tops = [_top(stem) for stem in stems]
    hears = [stem.active() for stem in stems]
    mix_hears = mix.active()
    found = []
    for number, (stem, (top, probability)) in enumerate(zip(stems, tops, strict=True)):
        middle_s = (stem.start_s + stem.end_s) / 2
        if top is None:
            nothing = np.zeros(len(stem), bool)
            windows = _Windows(middle_s, nothing, nothing, "", nothing)
            found.append(Recognition(None, None, 0.0, None, windows))
            continue
        sure = probability >= mix.spec.thresholds[labels[top]]
        length = len(stem)
        others = np.zeros(length, bool)
        other_name, most = "", 0
        for other, active in enumerate(hears):
            if other != number:
                column = _fit(active[:, top], length)
                both = int((column & hears[number][:, top]).sum())
                if both > most:
                    other_name, most = names[other], both
                others |= column
        windows = _Windows(
            middle_s,
            hears[number][:, top] & sure,
            others,
            other_name,
            _fit(mix_hears[:, top], length),
        )
        usable = windows.alone & ~others
        found.append(
            Recognition(
                labels[top] if sure else None,
                labels[top],
                probability,
                float(windows.mix[usable].mean()) if usable.any() else None,
                windows,
            )
        )
    return found


def judge(passage: Passage, view: Recognition, complete: bool) -> Passage:
    """The passage with the model's view of it added.

    ``complete``: the stems add up to the mix. If not, what the model hears in the
    mix may be an instrument whose stem was not given.
    """
    if view.instrument is None:
        return passage.with_model("cannot tell", "the model does not recognise the stem by itself")
    name = display_name(view.instrument).lower()
    windows = view.windows
    inside = (windows.middle_s >= passage.start_s) & (windows.middle_s <= passage.end_s)
    alone = inside & windows.alone
    if not alone.any():
        return passage.with_model(
            "cannot tell", f"here the model hears no {name} in the stem alone"
        )
    usable = alone & ~windows.others
    if not usable.any():
        return passage.with_model(
            "cannot tell", f"the model hears {name} in “{windows.other_name}” too"
        )
    share = float(windows.mix[usable].mean())
    if share < USUALLY:
        return passage.with_model("agrees", f"the model hears {name} in the stem, not in the mix")
    if not complete:
        return passage.with_model(
            "cannot tell", f"the mix holds more than the stems, so its {name} may be another"
        )
    return passage.with_model("disagrees", f"the model still hears {name} in the mix")


def _top(stem: Timeline) -> tuple[int | None, float]:
    """The instrument likeliest over the windows that are not silent, and its mean probability."""
    sounding = np.array([not tags.level.silent for tags in stem.tags])
    if not sounding.any():
        return None, 0.0
    means = stem.instruments[sounding].mean(axis=0)
    top = int(means.argmax())
    return top, float(means[top])


def _fit(column: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Cut or filled up to a number of windows."""
    return np.pad(column[:length], (0, max(0, length - len(column))))
