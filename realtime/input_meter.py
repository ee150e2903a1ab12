"""The level of the newest input, for a meter that shows it between windows."""

from __future__ import annotations

import numpy as np

from realtime.levels import OPEN_DBFS, LevelReading, to_dbfs
from realtime.sources.base import Block
from realtime.windows import CLIP_LEVEL


def read_level(block: Block) -> LevelReading:
    """Level of a block (frames, channels): the loudest channel's RMS, and the peak of all."""
    if not block.size:
        return LevelReading(to_dbfs(0.0), to_dbfs(0.0), False, True, True)
    finite = np.isfinite(block)
    bad = int(block.size - np.count_nonzero(finite))
    if bad:
        block = np.where(finite, block, 0.0)
    peak = float(np.abs(block).max())
    rms_dbfs = to_dbfs(float(np.std(block, axis=0, dtype=np.float64).max()))
    return LevelReading(
        rms_dbfs=rms_dbfs,
        peak_dbfs=to_dbfs(peak),
        clipped=peak >= CLIP_LEVEL,
        silent=rms_dbfs < OPEN_DBFS,
        exact_zeros=peak == 0.0 and not bad,
        non_finite=bad,
    )
