"""From the settings to a live session: which device, which channel, and what is logged."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

from desktop.kept.session_log import SessionLog
from desktop.kept.settings import Settings
from desktop.sessions.live_session import LiveSession
from realtime.downmix import Channel
from realtime.model import TagModel
from realtime.postprocess import Tags
from realtime.smoothing import Smoothing
from realtime.sources.base import Source
from realtime.sources.device import Device

DEFAULT = "default"
"""As a device's name: whatever is the system's default."""


def channel_of(settings: Settings) -> Channel:
    """The channel choice as the engine takes it."""
    chosen = settings.channel
    if isinstance(chosen, list):
        return chosen[0], chosen[1]
    return chosen  # type: ignore[return-value]


def open_live(
    settings: Settings,
    model: Future[TagModel],
    smoothing: Smoothing,
    log: SessionLog | None,
    chosen: Device | str | None = None,
    wait_for: threading.Thread | None = None,
) -> LiveSession:
    """Listen to the device of the settings, or to ``chosen``: a device, its name or a part of it.

    ``DEFAULT``, or settings that name none: what is the default, also when that changes.
    ``wait_for`` is the closing of the session before, which may hold the same device.
    """
    channel = channel_of(settings)
    name, host_api = settings.device["name"], settings.device["host_api"]
    if chosen == DEFAULT or (chosen is None and not name):
        title = "Default input"
    else:
        title = chosen.label if isinstance(chosen, Device) else chosen or name

    def make_source() -> Source:
        from realtime.sources.device import DeviceSource, known_device

        if wait_for is not None:
            wait_for.join(3.0)
        device = chosen
        if chosen == DEFAULT:
            device = None
        elif chosen is None and name:
            device = known_device(name, host_api)
        needed = max(channel) + 1 if isinstance(channel, tuple) else 2
        return DeviceSource(device, max(2, needed), settings.sample_rate_hz, settings.block_frames)

    def on_tags(tags: Tags, time_s: float) -> None:
        if log is not None:
            log.write("window", **window_fields(tags, time_s))

    session = LiveSession(
        title,
        make_source,
        model,
        hop_s=settings.hop_s,
        smoothing=smoothing,
        channel=channel,
        on_tags=on_tags,
        started=False,
    )
    session.start()
    return session


def device_latency_s(host_api: str, block_frames: int, sample_rate_hz: int) -> float:
    """What is asked of the system to hold back, at most, before a frame comes to us."""
    from realtime.sources import pulse, recorder

    block_s = block_frames / sample_rate_hz if block_frames and sample_rate_hz else 0.0
    if host_api == pulse.HOST_API:
        return block_s or pulse.LATENCY_MS / 1000
    return (block_s or recorder.BLOCK_S) + recorder.LATENCY_S


def window_fields(tags: Tags, time_s: float) -> dict[str, Any]:
    """A window in the log: session time, every probability to 3 decimals, level."""
    return {
        "time_s": round(time_s, 3),
        "instruments": [round(float(value), 3) for value in tags.instruments],
        "polyphony_expected": round(tags.polyphony_expected, 2),
        "rms_dbfs": round(tags.level.rms_dbfs, 1),
    }
