"""Sound as it goes through a host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BoardBlock = NDArray[np.float32]
"""pedalboard's layout: float32 (channels, frames). A source's ``Block`` lies the other way."""
