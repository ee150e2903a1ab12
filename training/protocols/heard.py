"""Sound of data sets for protocols: seconds of files, decoded as they are wanted."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.sources.file import FileSource

Sound = NDArray[np.float32]


@lru_cache(maxsize=512)
def mono(path: Path, sample_rate_hz: int, most_s: float = 30.0) -> Sound:
    """At most ``most_s`` from the start of a short file, the mean of its channels."""
    blocks: list[Sound] = []
    frames = 0
    with FileSource(path) as source:
        rate_hz = source.sample_rate_hz
        for block in source:
            blocks.append(block.mean(axis=1))
            frames += len(block)
            if frames >= most_s * rate_hz:
                break
    sound = np.concatenate(blocks)[: round(most_s * rate_hz)] if blocks else np.zeros(0, np.float32)
    if rate_hz != sample_rate_hz:
        import soxr

        sound = soxr.resample(sound, rate_hz, sample_rate_hz)
    return np.asarray(sound, np.float32)


@lru_cache(maxsize=100_000)
def length_s(path: Path) -> float:
    """How long a file is, by its header; raises TuttiError naming one that has none."""
    import soundfile

    try:
        return float(soundfile.info(str(path)).duration)
    except soundfile.LibsndfileError as error:
        raise TuttiError(f"{path} cannot be read ({error}).") from None


def stretch(path: Path, start_s: float, seconds: float, sample_rate_hz: int) -> Sound:
    """Some seconds of a long file without decoding the rest, the mean of its channels."""
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            file.seek(min(file.frames, round(start_s * file.samplerate)))
            sound = file.read(round(seconds * file.samplerate), "float32", always_2d=True)
            rate_hz = file.samplerate
    except soundfile.LibsndfileError as error:
        raise TuttiError(f"{path} cannot be read ({error}).") from None
    sound = sound.mean(axis=1)
    if rate_hz != sample_rate_hz:
        import soxr

        sound = soxr.resample(sound, rate_hz, sample_rate_hz)
    return np.asarray(sound, np.float32)


def exactly(sound: Sound, samples: int, *, loop: bool = False) -> Sound:
    """Cut to a length; what is shorter is followed by silence, or by itself again."""
    if loop and 0 < len(sound) < samples:
        sound = np.tile(sound, -(-samples // len(sound)))
    return np.pad(sound[:samples], (0, max(0, samples - len(sound))))


def half_overlapping(sound: Sound, samples: int) -> Sound:
    """Windows that overlap by half, ``[windows, samples]``; one, padded, where it is short."""
    if len(sound) < samples:
        return exactly(sound, samples)[None]
    starts = range(0, len(sound) - samples + 1, samples // 2)
    return np.stack([sound[start : start + samples] for start in starts])


def peak_normalised(sound: Sound) -> Sound:
    """With a loudest sample of 1; silence stays."""
    peak = float(np.abs(sound).max(initial=0.0))
    return sound / np.float32(peak) if peak > 1e-6 else sound
