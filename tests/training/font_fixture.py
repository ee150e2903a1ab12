"""The soundfonts of this machine, for tests that render."""

from __future__ import annotations

import pytest

from training.sounds.soundfont import FONTS, Font


def small_font() -> Font:
    """The smallest of the soundfonts that bank builds use; skips where none is installed."""
    here = [font for font in FONTS if font.path.is_file() and font.source != "OPL-3_FM"]
    if not here:
        pytest.skip("needs one of the soundfonts that 'tutti bank build' uses")
    return min(here, key=lambda font: font.path.stat().st_size)
