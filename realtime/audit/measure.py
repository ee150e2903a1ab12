"""The signals' side of an audit: levels, gains and margins of each stem, step by step."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.audit import align, ear, gains
from realtime.audit.ear import SAMPLE_RATE_HZ, STEP_FRAMES
from realtime.audit.streams import AlignedFiles
from realtime.errors import TuttiError

BLOCK_STEPS = 2
BLOCK_FRAMES = BLOCK_STEPS * STEP_FRAMES
WEIGHTS = (1 / 3, 2 / 3, 1.0, 2 / 3, 1 / 3)
"""Of blocks of 0.2 s around the one whose gains are sought: a window of 1 s."""
ABSENT_DB = 40.0
"""A stem this far below the gain common to all is not in the mix."""
SIGNIFICANT = 4.0
"""A stem is found if it explains this many times the power that chance would."""
FLOOR_DBFS = -120.0

Progress = Callable[[str, float, float], None]
"""Called with what is being done, seconds done and seconds in all."""


@dataclass(frozen=True, eq=False)
class StemSignal:
    """One stem against the mix; arrays have one value for each step of 0.1 s.

    ``level_dbfs``: of the stem by itself. ``margin_db``: above (negative: below)
    the level at which it could just be heard. ``in_mix_db``: its level in the mix
    relative to what the gain common to all stems would give. ``gain_db``: its mean
    gain in the mix. ``late_s``: how much later it is in the mix.
    """

    level_dbfs: NDArray[np.float32]
    margin_db: NDArray[np.float32]
    in_mix_db: NDArray[np.float32]
    gain_db: float
    late_s: float
    found: bool
    duration_s: float
    non_finite: int


@dataclass(frozen=True, eq=False)
class Measurement:
    """All stems; ``residual_db`` is the part of the mix that no stem explains, to the mix."""

    stems: tuple[StemSignal, ...]
    residual_db: float
    mix_dbfs: float
    duration_s: float
    non_finite: int


def measure(mix: Path, stems: list[Path], progress: Progress) -> Measurement:
    """Compare stems with a mix, in blocks: memory does not grow with the session.

    Raises:
        TuttiError: a file cannot be read, or the mix is silent.
    """
    stated_s, channels = _shape(mix)

    def tell(what: str, done_s: float) -> None:
        progress(what, done_s, max(stated_s, done_s))  # a header may only estimate

    offsets = align.offsets(mix, stems, lambda done_s: tell("Aligning", done_s))
    sums, mix_power = _whole(
        mix, stems, channels, offsets, lambda done_s: tell("Finding gains", done_s)
    )
    if mix_power <= 10 ** (-70 / 10):
        raise TuttiError(f"{mix} is silent (below -70 dBFS throughout): give the mix itself.")
    session_fit = _fit(sums)
    spl_offset_db = ear.LISTENING_LEVEL_DB_SPL - 10.0 * np.log10(mix_power)
    columns = [(array("f"), array("f"), array("f")) for _ in stems]
    unexplained = 0.0
    with AlignedFiles(mix, stems, channels, offsets) as session:
        for spectra, local in _windows(session):
            local_gains, _ = gains.solve(local, session_fit.gains, session_fit.common)
            local_gains = np.where(session_fit.found, local_gains, 0.0)
            *values, rest = _compare(spectra, local_gains, session_fit.common, spl_offset_db)
            unexplained += rest
            for number, column in enumerate(columns):
                for cells, rows in zip(column, values, strict=True):
                    cells.extend(rows[number].tolist())
            tell("Comparing", len(columns[0][0]) * ear.STEP_S)
        files = session.files
    duration_s = files[0].frames / SAMPLE_RATE_HZ
    steps = int(np.ceil(duration_s / ear.STEP_S))
    measured = []
    for number, column in enumerate(columns):
        level, margin, in_mix = (np.array(cells[:steps], np.float32) for cells in column)
        file = files[1 + number]
        measured.append(
            StemSignal(
                level_dbfs=level,
                margin_db=margin,
                in_mix_db=in_mix,
                gain_db=float(20.0 * np.log10(max(session_fit.gain[number], 1e-6))),
                late_s=offsets[number] / SAMPLE_RATE_HZ,
                found=bool(session_fit.found[number]),
                duration_s=file.frames / SAMPLE_RATE_HZ,
                non_finite=file.non_finite,
            )
        )
    residual_db = 10.0 * np.log10(max(unexplained / float(sums.mix.sum()), 1e-12))
    return Measurement(
        tuple(measured),
        float(residual_db),
        float(10.0 * np.log10(mix_power)),
        duration_s,
        files[0].non_finite,
    )


@dataclass(frozen=True, eq=False)
class _SessionFit:
    """Gains of the whole session: by band, per stem (linear), the common one, and who is there."""

    gains: NDArray[np.complex128]
    gain: NDArray[np.float64]
    common: float
    found: NDArray[np.bool_]


def _fit(sums: gains.CrossSpectra) -> _SessionFit:
    common = gains.common_gain(sums)
    fitted, residual = gains.solve(sums, common, common)
    own = np.diagonal(sums.gram, axis1=-2, axis2=-1).real
    power = own.sum(axis=(0, 1))
    in_mix = (np.abs(fitted) ** 2 * own).sum(axis=(0, 1))
    by_chance = gains.CORRELATED * (residual / sums.count).sum()
    gain = np.sqrt(in_mix / np.maximum(power, 1e-30))
    found = (
        (power > 1e-30)
        & (gain > common * 10 ** (-ABSENT_DB / 20))
        & (in_mix > SIGNIFICANT * by_chance)
    )
    return _SessionFit(fitted, gain, common, found)


def _shape(mix: Path) -> tuple[float, int]:
    """Length for the progress bar, and 1 or 2 channels."""
    from realtime.sources.file import FileSource

    with FileSource(mix) as source:
        return source.duration_s, min(source.channels, 2)


def _whole(
    mix: Path,
    stems: list[Path],
    channels: int,
    offsets: list[int],
    progress: Callable[[float], None],
) -> tuple[gains.CrossSpectra, float]:
    """Cross-spectra of the whole session, and the mix's mean square where it sounds."""
    sums: gains.CrossSpectra | None = None
    power, sounding = 0.0, 0
    with AlignedFiles(mix, stems, channels, offsets) as session:
        for spectra in session.spectra(5 * BLOCK_FRAMES):
            part = gains.cross_spectra(spectra)
            sums = part if sums is None else sums + part
            frame_power = np.sum(np.abs(spectra[0]) ** 2, axis=-1).mean(axis=0)
            loud = frame_power[frame_power > 10 ** (-70 / 10)]
            power += float(loud.sum())
            sounding += len(loud)
            progress(session.files[0].frames / SAMPLE_RATE_HZ)
    assert sums is not None  # FileSource refuses an empty file
    return sums, power / max(sounding, 1)


def _windows(session: AlignedFiles) -> Iterator[tuple[NDArray[np.complex64], gains.CrossSpectra]]:
    """Each block of spectra with the cross-spectra of the second around it."""
    held: deque[tuple[NDArray[np.complex64], gains.CrossSpectra] | None] = deque(
        [None] * len(WEIGHTS), maxlen=len(WEIGHTS)
    )
    middle = len(WEIGHTS) // 2

    def ready() -> Iterator[tuple[NDArray[np.complex64], gains.CrossSpectra]]:
        if (centre := held[middle]) is not None:
            parts = [one[1] * weight for one, weight in zip(held, WEIGHTS, strict=True) if one]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            yield centre[0], total

    for spectra in session.spectra(BLOCK_FRAMES):
        held.append((spectra, gains.cross_spectra(spectra)))
        yield from ready()
    for _ in range(middle):
        held.append(None)
        yield from ready()


def _compare(
    spectra: NDArray[np.complex64],
    local_gains: NDArray[np.complex128],
    common: float,
    spl_offset_db: float,
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating], float]:
    """Level, margin and level in the mix of each stem (stems, steps); unexplained power."""
    mix, stems = spectra[0], spectra[1:]
    in_mix = stems * gains.by_bin(local_gains)
    residual = mix - in_mix.sum(axis=0)
    inside = slice(0, gains.EDGES[-1])
    unexplained = float(np.sum(np.abs(residual[..., inside]) ** 2))
    own = _step_power(stems)
    mixed = _step_power(in_mix)
    rest = _step_power(mix - in_mix)
    filters = ear.auditory_filters()
    margins = ear.margin_db(
        (own * np.float32(common**2)) @ filters, mixed @ filters, rest @ filters, spl_offset_db
    ).max(axis=1)
    level = own.sum(axis=-1).mean(axis=1, dtype=np.float64)
    relative = mixed.sum(axis=-1).mean(axis=1) / np.maximum(level * common**2, 1e-20)
    levels = np.maximum(10.0 * np.log10(np.maximum(level, 1e-20)), FLOOR_DBFS)
    return levels, margins, 10.0 * np.log10(np.maximum(relative, 1e-12)), unexplained


def _step_power(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Spectra (stems, channels, frames, bins) -> mean power (stems, channels, steps, bins)."""
    power = np.square(spectra.real) + np.square(spectra.imag)
    steps = power.shape[2] // STEP_FRAMES
    framed = power.reshape(*power.shape[:2], steps, STEP_FRAMES, -1)
    means: NDArray[np.float32] = framed.mean(axis=3)
    return means
