"""Loudness as broadcasters measure it (EBU R 128, ITU-R BS.1770-4), by FFmpeg's ``ebur128``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.1
"""A reading comes for each full step of sound."""
_NOTHING_LUFS = -70.0
"""R 128's absolute gate: below it, FFmpeg gives its floor of -120.7 or this, not a loudness."""
_LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Loudness:
    """In LUFS; -inf where nothing counts yet. ``true_peak_dbtp`` is the largest so far.

    ``momentary_lufs`` looks back 0.4 s, ``short_term_lufs`` 3 s, ``integrated_lufs`` to the start.
    """

    momentary_lufs: float = -math.inf
    short_term_lufs: float = -math.inf
    integrated_lufs: float = -math.inf
    true_peak_dbtp: float = -math.inf


class LoudnessMeter:
    """Takes sound at any rate, in blocks of any size; one thread at a time.

    More than two channels: the first two are measured, as they are heard.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        from av.filter import Graph

        self._rate_hz = sample_rate_hz
        self._channels = min(channels, 2)
        self._layout = _LAYOUTS[self._channels]
        self._graph = Graph()
        self._into = self._graph.add(
            "abuffer",
            f"sample_rate={sample_rate_hz}:sample_fmt=flt:channel_layout={self._layout}",
        )
        meter = self._graph.add("ebur128", "metadata=1:peak=true")
        self._out = self._graph.add("abuffersink")
        self._into.link_to(meter)
        meter.link_to(self._out)
        self._graph.configure()

    def push(self, block: NDArray[np.floating]) -> Loudness | None:
        """Hear ``(frames, channels)``; the newest reading, or None if no step was filled."""
        from av import AudioFrame
        from av.error import BlockingIOError as Drained

        if not len(block):
            return None
        sound = np.nan_to_num(block[:, : self._channels].astype(np.float32, copy=False))
        packed = np.ascontiguousarray(sound).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="flt", layout=self._layout)
        frame.sample_rate = self._rate_hz
        self._into.push(frame)
        newest: dict[str, Any] | None = None
        while True:
            try:
                newest = self._out.pull().metadata
            except Drained:
                break
        return _reading(newest) if newest else None


def _reading(metadata: dict[str, Any]) -> Loudness:
    def lufs(name: str) -> float:
        value = float(metadata.get(f"lavfi.r128.{name}", "nan"))
        return value if value > _NOTHING_LUFS else -math.inf

    peak = float(metadata.get("lavfi.r128.true_peak", 0.0))  # as an amplitude
    peak_db = 20.0 * math.log10(peak) if peak > 0 else -math.inf
    return Loudness(lufs("M"), lufs("S"), lufs("I"), peak_db)
