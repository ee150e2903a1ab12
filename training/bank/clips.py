"""One labelled piece of sound, and the checks and trims every source shares.

Thresholds are relative to a clip's own peak, so that a quiet library is cut
the same way as a loud one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ

KINDS = ("note", "phrase", "stem", "noise", "music")
"""``music``: a stretch of real music; what is known to sound in it, if anything is."""
COMPLETE = "complete"
"""Articulation of a clip of kind ``music`` whose every instrument is named."""
SPLITS = ("train", "val", "test")

ONSET_DB = -50.0
"""A note starts where it first comes this close to its peak."""
TAIL_DB = -60.0
LEAD_IN_S = 0.005
MIN_CLIP_S = 0.03
SILENT_PEAK = 1e-4
MAX_NOTE_S = 3.0
MAX_PHRASE_S = 60.0
"""Also of a labelled stretch of music, and of recorded noise."""


@dataclass(frozen=True)
class Clip:
    """Mono sound at 16 kHz with what is known of it.

    ``label`` is a name in ``taxonomy.FINE`` or empty for sound that is no
    instrument; of ``music`` the names that are known to sound, joined by ``;``, and
    ``articulation`` is then ``complete`` where every one is named. ``pitch`` is a MIDI
    number, ``onset`` the samples before the sound starts, ``piece`` shared by the stems
    that sound together.
    """

    samples: NDArray[np.float32] = field(repr=False)
    label: str
    source: str
    split: str
    kind: str = "note"
    pitch: float | None = None
    velocity: int | None = None
    articulation: str = ""
    sustain: bool = False
    piece: str = ""
    onset: int = 0
    licence: str = ""
    origin: str = ""


def fault(samples: NDArray[np.float32]) -> str | None:
    """Why a clip cannot be used: ``not finite``, ``too short``, ``silent``, or None."""
    if not np.isfinite(samples).all():
        return "not finite"
    if len(samples) < MIN_CLIP_S * SAMPLE_RATE_HZ:
        return "too short"
    if np.abs(samples).max() < SILENT_PEAK:
        return "silent"
    return None


def trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the silence before the sound (5 ms stay) and after it."""
    level = np.abs(samples)
    peak = level.max(initial=0.0)
    if not np.isfinite(peak) or peak < SILENT_PEAK:
        return samples
    loud = np.flatnonzero(level > peak * 10 ** (ONSET_DB / 20))
    start = max(0, int(loud[0]) - int(LEAD_IN_S * SAMPLE_RATE_HZ))
    audible = np.flatnonzero(level > peak * 10 ** (TAIL_DB / 20))
    return samples[start : int(audible[-1]) + 1]


def cut(samples: NDArray[np.float32], max_s: float, fade_s: float = 0.05) -> NDArray[np.float32]:
    """At most ``max_s`` seconds; a cut sound is faded out over ``fade_s``."""
    length = round(max_s * SAMPLE_RATE_HZ)
    if len(samples) <= length:
        return samples
    out = samples[:length].copy()
    fade = min(round(fade_s * SAMPLE_RATE_HZ), length)
    out[length - fade :] *= np.linspace(1.0, 0.0, fade, dtype=out.dtype)
    return out


def as_note(clip: Clip) -> Clip:
    """The clip trimmed and cut to the longest note the bank keeps."""
    return replace(clip, samples=cut(trimmed(clip.samples), MAX_NOTE_S), onset=0)
