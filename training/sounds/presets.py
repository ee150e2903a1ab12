"""What the presets of the soundfonts are: label, range, whether they sustain.

General MIDI programs take their label from ``taxonomy.GENERAL_MIDI``; the
variation banks of the fonts used here are listed by hand. Ranges are sounding
MIDI numbers within which the instrument is played.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from realtime.taxonomy import GENERAL_MIDI, GM_DRUM_CHANNEL

DRUM_BANK = 128
SAMPLED_BANK = -1
"""Bank of presets, and number of kits, that are played from recordings."""


@dataclass(frozen=True)
class Preset:
    """One sound of a soundfont, as the bank renders it."""

    bank: int
    program: int
    name: str
    label: str
    low: int
    high: int
    sustain: bool
    swells: bool = False
    """Its level follows breath and expression (CC 2 and 11) instead of velocity."""


_MASKED_LABELS: dict[int, str] = {
    4: "electric_piano", 5: "electric_piano", 6: "harpsichord", 7: "electric_piano",
    22: "harmonica", 31: "guitar", 38: "synth_bass", 39: "synth_bass", 41: "viola",
    43: "bowed_double_bass", 44: "string_ensemble", 45: "string_ensemble", 47: "timpani",
    48: "string_ensemble", 49: "string_ensemble", 58: "tuba", 61: "brass_section",
    70: "bassoon", 74: "recorder", 75: "recorder", 76: "recorder", 77: "recorder",
    78: "recorder", 79: "recorder", 104: "sitar", 106: "sitar", 107: "sitar",
    113: "percussion", 115: "percussion", 116: "percussion",
}  # fmt: skip
"""Programs that name no instrument of ours but have a name in ``taxonomy.FINE``."""

_FINER: dict[int, str] = {
    9: "glockenspiel", 11: "vibraphone", 12: "marimba", 13: "xylophone",
    80: "synth_lead", 81: "synth_lead", 52: "choir",
}  # fmt: skip

_RANGES: dict[int, tuple[int, int]] = {
    0: (24, 104), 1: (24, 104), 2: (28, 100), 3: (28, 100), 4: (32, 92), 5: (32, 92), 6: (34, 88),
    7: (34, 88), 9: (72, 103), 11: (53, 89), 12: (45, 94), 13: (65, 104), 16: (36, 94),
    17: (36, 94), 18: (36, 94), 19: (31, 94), 20: (36, 89), 21: (45, 91), 22: (58, 94),
    23: (45, 91), 24: (40, 81), 25: (40, 83), 26: (40, 82), 27: (40, 86), 28: (40, 76),
    29: (40, 86), 30: (40, 86), 31: (60, 88), 32: (28, 60), 33: (28, 62), 34: (28, 62),
    35: (28, 64), 36: (28, 60), 37: (28, 60), 38: (28, 60), 39: (28, 60), 40: (55, 98),
    41: (48, 86), 42: (36, 79), 43: (28, 58), 44: (40, 90), 45: (36, 88), 46: (28, 98),
    47: (38, 57), 48: (36, 92), 49: (36, 92), 52: (43, 81), 53: (45, 81), 56: (54, 84),
    57: (36, 74), 58: (28, 58), 59: (55, 82), 60: (36, 76), 61: (40, 80), 64: (56, 87),
    65: (49, 81), 66: (44, 76), 67: (37, 69), 68: (58, 91), 69: (52, 80), 70: (34, 72),
    71: (50, 91), 72: (74, 102), 73: (60, 96), 104: (48, 76), 105: (48, 84), 106: (50, 79),
    107: (48, 84), 110: (55, 96), 113: (60, 79), 115: (60, 79), 116: (43, 62), 117: (38, 67),
    118: (38, 67), 119: (58, 62),
}  # fmt: skip
_DECAYING = {*range(16), *range(24, 40), 45, 46, 47, *range(104, 109), *range(112, 120)}

_VARIATIONS: dict[tuple[int, int], tuple[str, int]] = {
    # (bank, program): (label, General MIDI program whose range and decay it has)
    (8, 0): ("piano", 0), (8, 4): ("electric_piano", 4), (8, 5): ("electric_piano", 5),
    (8, 6): ("harpsichord", 6), (8, 16): ("organ", 16), (8, 17): ("organ", 17),
    (8, 19): ("organ", 19), (8, 21): ("accordion", 21), (8, 25): ("acoustic_guitar", 25),
    (8, 27): ("electric_guitar", 27), (8, 28): ("electric_guitar", 28),
    (8, 30): ("electric_guitar", 30), (8, 38): ("synth_bass", 38), (8, 39): ("synth_bass", 39),
    (8, 40): ("violin", 40), (8, 61): ("brass_section", 61), (8, 80): ("synth_lead", 80),
    (8, 117): ("drums", 117), (8, 118): ("drums", 118),
}  # fmt: skip
_UKULELE_AND_MANDOLIN = {(8, 24): ("ukulele", (60, 84)), (16, 25): ("mandolin", (55, 91))}

_MUSESCORE_SECTIONS: dict[int, tuple[str, int]] = {
    20: ("violin", 40), 25: ("violin", 40), 30: ("viola", 41), 40: ("cello", 42),
    50: ("bowed_double_bass", 43),
}  # fmt: skip

_MT32: dict[int, int] = {  # sf_GMbank, bank 127: MT-32 program to General MIDI program
    0: 0, 1: 0, 7: 3, 8: 16, 9: 16, 10: 17, 11: 18, 12: 19, 13: 19, 14: 20, 15: 21, 16: 6, 17: 6,
    52: 40, 53: 40, 54: 42, 55: 42, 57: 46, 58: 46, 59: 24, 60: 25, 61: 27, 62: 27, 64: 32, 65: 32,
    66: 33, 67: 33, 70: 35, 71: 35, 72: 73, 73: 73, 74: 72, 75: 72, 78: 65, 79: 66, 80: 65, 81: 66,
    82: 71, 83: 71, 84: 68, 85: 69, 86: 70, 88: 56, 89: 56, 90: 57, 91: 57, 92: 60, 93: 60, 94: 58,
    97: 11, 98: 11, 101: 9, 103: 13, 104: 12,
}  # fmt: skip


def gm_label(program: int) -> str | None:
    """The name in ``taxonomy.FINE`` of a General MIDI program, None where there is none."""
    finer = _FINER.get(program) or _MASKED_LABELS.get(program)
    return finer or GENERAL_MIDI[program].instrument


def drum_label(key: int) -> str:
    """``drums``, ``cymbals`` or ``percussion`` for a key of the drum channel (35 to 81)."""
    return GM_DRUM_CHANNEL[key].instrument or "percussion"


def _like(program: int, label: str, bank: int, number: int, name: str, *, swells: bool) -> Preset:
    low, high = _RANGES.get(program, (36, 92))
    return Preset(bank, number, name, label, low, high, program not in _DECAYING, swells)


def _melodic(source: str, bank: int, program: int, name: str) -> Preset | None:
    if source == "OPL-3_FM":
        # An FM chip imitating a trumpet is a synthesizer; its program numbers say no more.
        if bank == 0 and GENERAL_MIDI[program].instrument == "synthesizer":
            return _like(program, "synthesizer", bank, program, name, swells=False)
        return None
    if (bank, program) in _UKULELE_AND_MANDOLIN:
        label, (low, high) = _UKULELE_AND_MANDOLIN[bank, program]
        return Preset(bank, program, name, label, low, high, sustain=False)
    if (bank, program) in _VARIATIONS:
        label, like = _VARIATIONS[bank, program]
        return _like(like, label, bank, program, name, swells=False)
    if bank == 127 and source == "sf_GMbank" and program in _MT32:
        like = _MT32[program]
        return _like(like, gm_label(like) or "", bank, program, name, swells=False)
    if bank in _MUSESCORE_SECTIONS and program in (44, 45, 48, 49) and source.startswith("Muse"):
        label, like = _MUSESCORE_SECTIONS[bank]
        plucked = program == 45
        if plucked and label == "bowed_double_bass":
            label = "double_bass"
        low, high = _RANGES[like]
        return Preset(bank, program, name, label, low, high, sustain=not plucked)
    if bank in (0, 17) and program < 120:
        its_label = gm_label(program)
        if its_label:
            return _like(program, its_label, bank, program, name, swells=bank == 17)
    return None


def melodic_presets(source: str, names: Mapping[tuple[int, int], str]) -> list[Preset]:
    """The pitched presets of a font that have a label; ``names`` are those it holds."""
    found = (
        _melodic(source, bank, program, name)
        for (bank, program), name in sorted(names.items())
        if bank != DRUM_BANK
    )
    return [preset for preset in found if preset]


_KITS = (0, 1, 2, 8, 16, 24, 25, 32, 40, 48)


def drum_kits(names: Iterable[tuple[int, int]]) -> list[int]:
    """The drum kits of a font that sound different enough to be rendered."""
    held = {program for bank, program in names if bank == DRUM_BANK}
    return [kit for kit in _KITS if kit in held]
