"""At which gain each stem sits in the mix, by band: least squares with a prior.

The mix is taken as the sum of the stems, each times a complex gain that varies
slowly with time and frequency (fader, pan, equaliser, master processing), plus a
residual. The gains that explain a stretch best follow from the cross-spectra
alone, so nothing else is kept. Where the data cannot tell (two stems are alike, or
a stem is far below the residual), the Gaussian prior decides: the gains are near
those of the whole session, which in turn are near one gain common to all stems.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.audit.ear import bin_hz, erb_number

GROUP_ERB = 2.0
HIGHEST_GROUP_HZ = 15_000.0
CORRELATED = 2.4
"""Spectra per independent observation: neighbouring bins (1.5) and frames (1.6) overlap."""
MIN_NOISE = 1e-4
"""Of the mix's power: no mix is trusted to be its stems' sum more exactly than that."""
ROUNDS = 3


def _edges() -> NDArray[np.int64]:
    numbers = erb_number(bin_hz())
    count = int(erb_number(np.array([HIGHEST_GROUP_HZ]))[0] / GROUP_ERB)
    edges = np.searchsorted(numbers, np.arange(count + 1) * GROUP_ERB)
    return np.append(edges[:-1], np.searchsorted(bin_hz(), HIGHEST_GROUP_HZ))


EDGES = _edges()
"""First bin of each group of bins that shares a gain, and the end."""
GROUPS = len(EDGES) - 1


@dataclass
class CrossSpectra:
    """Sums over bins and frames, by channel and group.

    ``gram`` (channels, groups, stems, stems), ``with_mix`` (channels, groups, stems),
    ``mix`` (channels, groups), ``count`` (groups,) spectra summed.
    """

    gram: NDArray[np.complex128]
    with_mix: NDArray[np.complex128]
    mix: NDArray[np.float64]
    count: NDArray[np.float64]

    def __add__(self, other: CrossSpectra) -> CrossSpectra:
        return CrossSpectra(
            self.gram + other.gram,
            self.with_mix + other.with_mix,
            self.mix + other.mix,
            self.count + other.count,
        )

    def __mul__(self, weight: float) -> CrossSpectra:
        return CrossSpectra(
            self.gram * weight, self.with_mix * weight, self.mix * weight, self.count * weight
        )


def cross_spectra(spectra: NDArray[np.complex64]) -> CrossSpectra:
    """Of spectra (1 + stems, channels, frames, bins), the mix first."""
    channels, frames = spectra.shape[1:3]
    products = np.empty((channels, GROUPS, len(spectra), len(spectra)), np.complex128)
    for group in range(GROUPS):
        part = spectra[..., EDGES[group] : EDGES[group + 1]]
        flat = part.transpose(1, 0, 2, 3).reshape(channels, len(spectra), -1)
        products[:, group] = flat.conj() @ flat.transpose(0, 2, 1)
    return CrossSpectra(
        products[:, :, 1:, 1:],
        products[:, :, 1:, 0],
        products[:, :, 0, 0].real.copy(),
        np.diff(EDGES) * float(frames),
    )


def common_gain(sums: CrossSpectra) -> float:
    """The one gain at which the plain sum of the stems explains the mix best."""
    own = float(sums.gram.sum().real)
    power = float(sums.mix.sum())
    if own <= 0.0:
        return 1.0
    fitted = abs(float(sums.with_mix.sum().real)) / own
    gain: float = max(fitted, 0.1 * np.sqrt(power / own))
    return gain


def solve(
    sums: CrossSpectra, prior: NDArray[np.complex128] | float, spread: float
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Gains (channels, groups, stems) and residual power (channels, groups).

    ``prior``: the expected gains, ``spread``: their standard deviation. The residual's
    level, which weighs data against prior, is estimated along with the gains.
    """
    stems = sums.gram.shape[-1]
    prior = np.broadcast_to(np.asarray(prior, np.complex128), sums.with_mix.shape)
    count = np.maximum(sums.count / CORRELATED, 1.0)
    power = sums.mix / count
    noise = 1e-3 * power
    trace = np.trace(sums.gram, axis1=-2, axis2=-1).real
    for _ in range(ROUNDS):
        ridge = noise / spread**2 + 1e-9 * trace + 1e-30
        matrix = sums.gram + ridge[..., np.newaxis, np.newaxis] * np.eye(stems)
        right = sums.with_mix + ridge[..., np.newaxis] * prior
        gains = np.linalg.solve(matrix, right[..., np.newaxis])[..., 0]
        explained = 2.0 * np.sum(gains.conj() * sums.with_mix, axis=-1).real
        fitted = np.einsum("cgi,cgij,cgj->cg", gains.conj(), sums.gram, gains).real
        residual = np.maximum(sums.mix - explained + fitted, 0.0)
        free = np.maximum(count - stems, count / 4.0)
        noise = np.maximum(residual / free, MIN_NOISE * power)
    return gains, residual


def by_bin(gains: NDArray[np.complex128]) -> NDArray[np.complex64]:
    """Gains (channels, groups, stems) to (stems, channels, 1, bins), interpolated by ERB."""
    numbers = erb_number(bin_hz())
    centres = (np.arange(GROUPS) + 0.5) * GROUP_ERB
    place = np.clip((numbers - centres[0]) / GROUP_ERB, 0.0, GROUPS - 1.0)
    low = np.minimum(place.astype(int), GROUPS - 2)
    share = (place - low).astype(np.float32)
    narrow = gains.transpose(2, 0, 1).astype(np.complex64)
    full: NDArray[np.complex64] = narrow[..., low] * (1 - share) + narrow[..., low + 1] * share
    return full[:, :, np.newaxis, :]
