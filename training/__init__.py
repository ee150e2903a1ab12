"""Learn: note banks, mixing, models, fitting and evaluation (torch)."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from realtime.folders import folder


def _cache_folder() -> Path:
    cache = folder("cache")
    return cache if _can_be_made(cache) else _passing_folder()


def _can_be_made(wanted: Path) -> bool:
    there = next(path for path in (wanted, *wanted.parents) if os.path.exists(path))
    return there.is_dir() and os.access(there, os.W_OK)


def _passing_folder() -> Path:
    """Where there is no home, or none to write to: until the end. torch does not go without."""
    passing = tempfile.mkdtemp(prefix="tutti-")
    atexit.register(shutil.rmtree, passing, ignore_errors=True)
    return Path(passing)


# These libraries leave folders in the user's home and the system's temporary folder as soon
# as they are imported: here, before any of them can be, they are told where Tutti's own is.
_CACHES = {
    "MPLCONFIGDIR": "matplotlib",
    "NUMBA_CACHE_DIR": "numba",
    "TORCHINDUCTOR_CACHE_DIR": "torch",
}
if not _CACHES.keys() <= os.environ.keys():
    _folder = _cache_folder()
    for _variable, _name in _CACHES.items():
        os.environ.setdefault(_variable, str(_folder / _name))
