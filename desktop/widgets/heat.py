"""Colours of the heat map: probability to family colour, one image column a moment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QColor, QImage

from desktop.looks.theme import Theme
from realtime.taxonomy import FAMILY_OF, INSTRUMENTS

_LEVELS = 256
_BELOW = 0.5
"""How strong a value just below its threshold looks; from the threshold on it is full colour."""


def lane_tables(
    theme: Theme, lanes: list[str], thresholds: Mapping[str, float]
) -> NDArray[np.uint32]:
    """Colour tables ``(lanes, 256)`` as 0xffRRGGBB; lanes are instruments or families.

    Below its threshold a value fades towards the background, at it the colour steps up,
    so that "heard" can be told from "perhaps" without reading a number.
    """
    ground = _rgb(theme.colour("panel"))
    values = np.linspace(0.0, 1.0, _LEVELS)
    tables = np.empty((len(lanes), _LEVELS), np.uint32)
    for index, lane in enumerate(lanes):
        colour = _rgb(theme.colour(FAMILY_OF.get(lane, lane)))
        threshold = thresholds.get(lane, 0.5)
        below = values / max(threshold, 1e-6) * _BELOW
        above = 0.75 + 0.25 * (values - threshold) / max(1.0 - threshold, 1e-6)
        share = np.where(values >= threshold, above, below**1.6)[:, np.newaxis]
        mixed = np.round(ground + np.clip(share, 0, 1) * (colour - ground)).astype(np.uint32)
        tables[index] = 0xFF000000 | mixed[:, 0] << 16 | mixed[:, 1] << 8 | mixed[:, 2]
    return tables


def paint_columns(
    tables: NDArray[np.uint32],
    values: NDArray[np.float32],
    centre_s: NDArray[np.float64],
    edges_s: tuple[float, float],
    width: int,
    reach_s: float,
    height: int = 0,
) -> QImage:
    """An image, one lane under the other and ``width`` columns from ``edges_s[0]`` to ``[1]``.

    ``values``: ``(n, lanes)`` at ``centre_s`` ``(n,)``. Each column shows the nearest window
    within ``reach_s`` seconds, or nothing. Where several windows fall into one column the
    strongest shows, so that a short entry does not vanish when zoomed out. With a ``height``
    the lanes are stretched to it, which Qt would do more slowly.
    """
    lanes = len(tables)
    pixels = np.repeat(tables[:, :1], max(width, 1), axis=1)
    if len(centre_s) and width > 0:
        step_s = (edges_s[1] - edges_s[0]) / width
        times = edges_s[0] + (np.arange(width) + 0.5) * step_s
        after = np.clip(np.searchsorted(centre_s, times), 0, len(centre_s) - 1)
        before = np.maximum(after - 1, 0)
        nearer = np.abs(times - centre_s[before]) < np.abs(centre_s[after] - times)
        nearest = np.where(nearer, before, after)
        known = np.abs(times - centre_s[nearest]) <= reach_s
        if len(centre_s) > 2 * width:
            starts = np.searchsorted(centre_s, times - step_s / 2)
            shown = np.maximum.reduceat(
                np.concatenate([values, values[-1:]]), np.minimum(starts, len(values)), axis=0
            )
        else:
            shown = values[nearest]
        quantised = np.clip(shown * (_LEVELS - 1) + 0.5, 0, _LEVELS - 1).astype(np.uint8)
        coloured = tables[np.arange(lanes)[:, np.newaxis], quantised.T]
        pixels = np.where(known, coloured, tables[:, :1])
    if height > lanes:
        pixels = pixels[np.arange(height) * lanes // height]
    rows, columns = pixels.shape
    data = np.ascontiguousarray(pixels).tobytes()
    image = QImage(data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
    image.pixels_kept_alive = data  # type: ignore[attr-defined]  # QImage borrows them.
    return image


def instrument_lanes(families: tuple[str, ...]) -> list[str]:
    """Instruments in the order of the families given."""
    return [name for family in families for name in INSTRUMENTS if FAMILY_OF[name] == family]


def lane_indices(lanes: list[str], known: tuple[str, ...] = INSTRUMENTS) -> NDArray[np.intp]:
    """Columns of a ``Rows.instruments`` array (``known``: or ``FAMILIES``) for the lanes."""
    return np.array([known.index(lane) for lane in lanes], np.intp)


def _rgb(colour: QColor) -> NDArray[np.float64]:
    return np.array([colour.red(), colour.green(), colour.blue()], float)
