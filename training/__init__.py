"""Learn: note banks, mixing, models, fitting and evaluation (torch)."""

import os
import sys
from pathlib import Path

from realtime.folders import home
from training.tool import explain_missing_packages


def _cache_folder() -> Path:
    """Each system's own place for what a program can make again."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache")
    return base / "tutti"


# These libraries leave folders in the user's home and the system's temporary folder as soon
# as they are imported: here, before any of them can be, they are told where Tutti's own is.
for _variable, _name in (
    ("MPLCONFIGDIR", "matplotlib"),
    ("NUMBA_CACHE_DIR", "numba"),
    ("TORCHINDUCTOR_CACHE_DIR", "torch"),
):
    os.environ.setdefault(_variable, str(_cache_folder() / _name))

if sys.argv[:1] == ["-m"]:  # python -m training.NAME, before NAME itself is imported
    explain_missing_packages()
