"""Round-trip latency, measured: a sweep out, and how long until it comes back in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.host.devices import LiveSettings, Streams, open_streams

SWEEP_S = 0.25
LISTEN_S = 1.5
LEAD_S = 0.5
SWEEP_LEVEL = 0.1
LOW_HZ, HIGH_HZ = 200.0, 8000.0
CERTAIN = 10.0
"""A peak so many times the correlation's RMS is the sweep; noise alone gives some 5."""


@dataclass(frozen=True)
class RoundTrip:
    """How long a sound needs from being read to being written, through both devices."""

    latency_s: float
    input_name: str
    output_name: str
    sample_rate_hz: int
    block_frames: int
    reported_s: float
    """What the system says of itself."""


def measure_round_trip(
    settings: LiveSettings | None = None,
    open_device: Callable[[LiveSettings], Streams] = open_streams,
) -> RoundTrip:
    """Play a quiet sweep through the output and find it in the input.

    The same loop as a live session runs, without a chain; output and input must
    be connected: by a cable, by ear and microphone, or by a monitor device.

    Raises:
        TuttiError: a device cannot be opened, or the sweep does not come back.
    """
    settings = settings or LiveSettings()
    streams = open_device(settings)
    rate_hz, frames = streams.sample_rate_hz, settings.block_frames
    try:
        played = np.zeros(round((LEAD_S + SWEEP_S + LISTEN_S) * rate_hz), np.float32)
        sweep = make_sweep(rate_hz)
        lead = round(LEAD_S * rate_hz)
        played[lead : lead + len(sweep)] = sweep
        heard = []
        streams.start(frames)
        for at in range(0, len(played) - frames + 1, frames):
            block, _ = streams.read(frames)
            heard.append(block.mean(axis=0))
            streams.write(np.repeat(played[np.newaxis, at : at + frames], streams.channels, 0))
    finally:
        streams.close()
    lag = find_lag(np.concatenate(heard), sweep, lead)
    if lag is None:
        raise TuttiError(
            f"The sweep from '{streams.output_name}' did not come back through "
            f"'{streams.input_name}': connect them with a cable, or choose a monitor as input."
        )
    return RoundTrip(
        lag / rate_hz,
        streams.input_name,
        streams.output_name,
        rate_hz,
        frames,
        streams.reported_latency_s,
    )


def make_sweep(sample_rate_hz: int) -> NDArray[np.float32]:
    """An exponential sweep with soft ends."""
    t = np.arange(round(SWEEP_S * sample_rate_hz)) / sample_rate_hz
    high_hz = min(HIGH_HZ, 0.4 * sample_rate_hz)
    rate = np.log(high_hz / LOW_HZ) / SWEEP_S
    phase = 2 * np.pi * LOW_HZ * np.expm1(rate * t) / rate
    ends = np.minimum(1.0, np.minimum(t, t[-1] - t) / 0.01)
    sweep: NDArray[np.float32] = (SWEEP_LEVEL * ends * np.sin(phase)).astype(np.float32)
    return sweep


def find_lag(heard: NDArray[np.float32], sweep: NDArray[np.float32], played_at: int) -> int | None:
    """Frames between playing the sweep at frame ``played_at`` and hearing it; None if unheard."""
    size = 1 << (len(heard) + len(sweep)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sweep, size))
    correlation = np.abs(np.fft.irfft(spectrum, size)[played_at : len(heard)])
    rms = float(np.sqrt(np.mean(correlation**2)))
    peak = int(np.argmax(correlation))
    return peak if rms > 0.0 and correlation[peak] > CERTAIN * rms else None
