"""Colours of the monitor and of the page in a browser: one dark and one light theme.

Family colours derive from Okabe and Ito (2008), "Color Universal Design", shifted in
hue and lightness until each stands at 3:1 or better against its panel (WCAG 2.2, 1.4.11) and
every two can be told apart with full protanopia or deuteranopia; a family has the same hue in
both themes, and percussion is grey in both. Text colours stand at 4.5:1 or better. Colour never
carries a meaning alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_FAMILY_DARK = {
    "voice": "#7CC7F2",
    "percussion": "#C9CED6",
    "bowed_string": "#EC7B45",
    "plucked_string": "#F0AC1E",
    "woodwind": "#2BB98F",
    "brass": "#F0E442",
    "key": "#5590E2",
    "synth": "#D98CB8",
}
_FAMILY_LIGHT = {
    "voice": "#0B82B1",
    "percussion": "#4A545F",
    "bowed_string": "#9E2B00",
    "plucked_string": "#975F00",
    "woodwind": "#028A5B",
    "brass": "#858600",
    "key": "#256CCF",
    "synth": "#B0528A",
}


@dataclass(frozen=True)
class Colours:
    """The colours of one theme, as ``#RRGGBB``."""

    window: str
    panel: str
    raised: str
    line: str
    track: str
    text: str
    muted: str
    faint: str
    accent: str
    on_accent: str
    good: str
    warn: str
    bad: str
    families: Mapping[str, str]


DARK = Colours(
    window="#0E1115",
    panel="#15191F",
    raised="#1F252D",
    line="#2B323C",
    track="#242B34",
    text="#E9EDF2",
    muted="#AAB4C0",
    faint="#838E9C",
    accent="#8AB4F8",
    on_accent="#0E1115",
    good="#5FC58F",
    warn="#F2B84B",
    bad="#FF7A6E",
    families=_FAMILY_DARK,
)
LIGHT = Colours(
    window="#EEF1F4",
    panel="#FBFCFD",
    raised="#E4E9EE",
    line="#CDD5DD",
    track="#DEE4EA",
    text="#171D24",
    muted="#45505D",
    faint="#5C6875",
    accent="#1A5FB4",
    on_accent="#FFFFFF",
    good="#15703E",
    warn="#8A5A00",
    bad="#C0271A",
    families=_FAMILY_LIGHT,
)


def contrast_ratio(first: str, second: str) -> float:
    """WCAG 2.2 contrast ratio of two ``#RRGGBB`` colours, 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
