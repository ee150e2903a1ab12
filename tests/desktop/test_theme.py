"""Contrast, and that no two families look alike, colour blind or not."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from desktop.looks.dress import first_scale
from realtime.colours import DARK, LIGHT, contrast_ratio
from realtime.taxonomy import FAMILIES

BOTH = pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])


def test_contrast_of_known_colours():
    assert contrast_ratio("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast_ratio("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@BOTH
def test_text_meets_wcag_aa(colours):
    for ground in (colours.window, colours.panel, colours.raised):
        for role in ("text", "muted", "faint", "accent", "good", "warn", "bad"):
            ratio = contrast_ratio(getattr(colours, role), ground)
            assert ratio >= 4.5, f"{role} on {ground}: {ratio:.2f}"
    assert contrast_ratio(colours.on_accent, colours.accent) >= 4.5
    assert contrast_ratio(colours.window, colours.bad) >= 4.5


@BOTH
def test_bars_stand_out_from_their_track(colours):
    assert set(colours.families) == set(FAMILIES)
    for family, colour in colours.families.items():
        for ground in (colours.panel, colours.track):
            ratio = contrast_ratio(colour, ground)
            assert ratio >= 3.0, f"{family} on {ground}: {ratio:.2f}"


def test_the_first_size_follows_the_screen():
    assert [first_scale(height) for height in (768, 1440, 2160, 2880)] == [1.0, 1.0, 1.5, 2.0]


def test_a_family_has_one_hue_in_both_themes():
    for family in FAMILIES:
        labs = [_lab(_linear(colours.families[family])) for colours in (DARK, LIGHT)]
        chromas = [np.hypot(lab[1], lab[2]) for lab in labs]
        if family == "percussion":
            assert max(chromas) < 12, "grey"
            continue
        assert min(chromas) > 25, f"{family} is all but grey"
        hues = [np.degrees(np.arctan2(lab[2], lab[1])) for lab in labs]
        apart = abs((hues[0] - hues[1] + 180) % 360 - 180)
        assert apart < 12, f"{family}: {apart:.0f} degrees apart"


def _linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    scaled = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Full protanopia and deuteranopia, Machado, Oliveira and Fernandes (2009), linear RGB.
SEEN_AS = {
    "all": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("eyes", list(SEEN_AS))
def test_families_differ_for_every_kind_of_eye(colours, eyes):
    """A difference of 2.3 is just noticeable (CIE 1976); asked for is three times that."""
    seen = {
        family: _lab(np.clip(SEEN_AS[eyes] @ _linear(colour), 0, 1))
        for family, colour in colours.families.items()
    }
    nearest = min(
        (float(np.linalg.norm(seen[a] - seen[b])), a, b) for a, b in combinations(seen, 2)
    )
    assert nearest[0] >= 7.0, nearest
