"""Expected instruments: what should sound, what does not, and what sounds unasked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from desktop.heard.follow import Lately
from realtime.taxonomy import INSTRUMENTS

_NOW_S = 1.0
_UNEXPECTED_SHARE = 0.25
"""An unexpected instrument is told of once it took a quarter of the last 10 s, not at a blip."""


class Presence(StrEnum):
    """Whether an instrument sounds that should, or should not."""

    HEARD = "heard"
    QUIET = "quiet"
    MISSING = "missing"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class Finding:
    """One instrument's state; ``ago_s`` is how long ago it was heard, ``ever`` whether it was."""

    instrument: str
    state: Presence
    ago_s: float = 0.0
    ever: bool = True


def judge(lately: Lately, expected: Sequence[str], missing_after_s: float) -> list[Finding]:
    """Expected instruments in vocabulary order, then the unexpected ones.

    Nothing is judged unexpected while nothing is expected.
    """
    findings = []
    for index, name in enumerate(INSTRUMENTS):
        ago_s, ever = float(lately.ago_s[index]), bool(lately.ever[index])
        if name not in expected:
            continue
        if ever and ago_s <= _NOW_S:
            findings.append(Finding(name, Presence.HEARD))
        else:
            state = Presence.MISSING if ago_s >= missing_after_s else Presence.QUIET
            findings.append(Finding(name, state, ago_s, ever))
    if expected:
        findings += [
            Finding(name, Presence.UNEXPECTED)
            for index, name in enumerate(INSTRUMENTS)
            if name not in expected and lately.share[index] >= _UNEXPECTED_SHARE
        ]
    return findings
