"""What is known of a recording: which instruments sound, which may, and how many.

Three answers are kept apart for every instrument: it sounds, it does not, or the source does not
say. ``a|b`` is an instrument that is one of several: a *slot* with more than one member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, FAMILY_OF, FINE, INSTRUMENTS, UNKNOWN, Target


@dataclass(frozen=True)
class Truth:
    """The labels of a clip or of a stretch of it.

    ``slots``: at least one member of each sounds. ``unknown``: may sound, not scored, unless a
    slot names it. Every other instrument does not sound. The same holds for families.
    ``count``: how many instruments sound together, None where the source does not tell.
    """

    slots: tuple[frozenset[str], ...] = ()
    unknown: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    unknown_families: frozenset[str] = frozenset()
    count: int | None = None

    @property
    def instrument(self) -> str | None:
        """The instrument of a solo: the only slot's only member."""
        if len(self.slots) == 1 and len(self.slots[0]) == 1:
            return next(iter(self.slots[0]))
        return None


@dataclass(frozen=True)
class Segment:
    """A stretch of a clip, in seconds from its start, and what sounds in it."""

    start_s: float
    end_s: float
    truth: Truth


@dataclass(frozen=True)
class Excerpt:
    """One labelled recording.

    ``kind``: ``solo`` (one instrument at a time), or ``mix``. ``group``: clips of one piece or
    performer share it, and count as one where scores are averaged over groups. ``segments``: what
    sounds when, where that is known. ``steady``: the clip's labels hold in every window of it.
    """

    path: Path
    truth: Truth
    kind: str
    group: str
    segments: tuple[Segment, ...] = ()
    steady: bool = False


def _read_label(text: str, vocabulary: Mapping[str, Target]) -> Truth:
    """One label of a source. ``a|b`` is either; with ``other`` among them it cannot be scored."""
    names = text.split("|")
    targets = [vocabulary[name] for name in names]
    told = [target for target in targets if target is not UNKNOWN]
    if not told:
        return Truth(unknown=frozenset(INSTRUMENTS), unknown_families=frozenset(FAMILIES))
    members = frozenset(name for target in told for name in target.any_of)
    maybe = frozenset(name for target in told for name in target.maybe)
    sure_families = [frozenset(target.families) for target in targets]
    families = frozenset.intersection(*sure_families)
    maybe_families = frozenset(
        family for target in told for family in (*target.families, *target.maybe_families)
    )
    scorable = all(target.any_of for target in targets)
    return Truth(
        slots=(members,) if scorable else (),
        unknown=maybe if scorable else members | maybe,
        families=families,
        unknown_families=maybe_families - families,
    )


def truth_of(
    labels: Iterable[str],
    *,
    complete: bool,
    absent: Iterable[str] = (),
    vocabulary: Mapping[str, Target] = FINE,
    counted: bool = True,
) -> Truth:
    """The truth that a source's labels tell.

    ``complete``: every sounding instrument is named; if not, only the named ones and the
    instruments in ``absent`` are known. ``counted``: one label is one instrument.

    Raises:
        KeyError: a label is not in the vocabulary.
    """
    labels = list(labels)
    read = [_read_label(label, vocabulary) for label in labels]
    slots = tuple(dict.fromkeys(slot for truth in read for slot in truth.slots))
    families = frozenset(name for truth in read for name in truth.families)
    unknown = frozenset(name for truth in read for name in truth.unknown)
    unknown_families = frozenset(name for truth in read for name in truth.unknown_families)
    if not complete:
        unknown = frozenset(INSTRUMENTS) - frozenset(absent)
        unknown_families = frozenset(FAMILY_OF[name] for name in unknown)
    # A definite instrument is known, whatever another label leaves open.
    definite = frozenset(name for slot in slots if len(slot) == 1 for name in slot)
    return Truth(
        slots=slots,
        unknown=unknown - definite,
        families=families,
        unknown_families=unknown_families - families,
        count=len(labels) if complete and counted else None,
    )


def merge(truths: Sequence[Truth]) -> Truth:
    """What is known of a window that spans several stretches.

    What sounds in all of them sounds; what sounds in some is not scored, nor is the count.
    """
    first = truths[0]
    if all(truth == first for truth in truths):
        return first
    slots = tuple(slot for slot in first.slots if all(slot in truth.slots for truth in truths))
    sometimes = {name for truth in truths for slot in truth.slots for name in slot}
    always = {name for slot in slots for name in slot}
    families = frozenset.intersection(*(truth.families for truth in truths))
    sometimes_families = frozenset[str]().union(*(truth.families for truth in truths))
    return Truth(
        slots=slots,
        unknown=frozenset().union(*(truth.unknown for truth in truths)) | (sometimes - always),
        families=families,
        unknown_families=(
            frozenset[str]().union(*(truth.unknown_families for truth in truths))
            | (sometimes_families - families)
        ),
    )


def truth_between(segments: Sequence[Segment], start_s: float, end_s: float) -> Truth | None:
    """What is known from ``start_s`` to ``end_s``; None where the segments do not cover it.

    A window may reach 50 ms into the next stretch, or past the last one.
    """
    slack_s = 0.05
    inside = [
        segment
        for segment in segments
        if min(end_s, segment.end_s) - max(start_s, segment.start_s) > slack_s
    ]
    if not inside or inside[0].start_s > start_s + slack_s or inside[-1].end_s < end_s - slack_s:
        return None
    return merge([segment.truth for segment in inside])


def existing(path: Path, what: str) -> Path:
    """The path, if it is there.

    Raises:
        TuttiError: it is not.
    """
    if not path.exists():
        raise TuttiError(f"{path} is missing: {what}.")
    return path
