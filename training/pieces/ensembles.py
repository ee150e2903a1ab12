"""Who plays together: styles as lists of seats.

A seat is a role and the labels that may take it. Seats whose chance is below
one are left empty at times, so that every style also comes in small settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.pieces import parts
from training.pieces.parts import Role

ROLES: dict[str, Role] = {
    "melody": parts.melody,
    "counter": parts.counter_melody,
    "bass": parts.bass,
    "comping": parts.comping,
    "pad": parts.pad,
    "strum": parts.strum,
    "power": parts.power_chords,
    "arpeggio": parts.arpeggio,
    "two hands": parts.two_hands,
    "tremolo": parts.tremolo,
}
"""Pitched roles; ``drums`` and ``percussion`` are played in ``drumming``."""


@dataclass(frozen=True)
class Seat:
    role: str
    labels: tuple[str, ...]
    chance: float = 1.0


@dataclass(frozen=True)
class Style:
    name: str
    seats: tuple[Seat, ...]
    tempo_bpm: tuple[float, float] = (60, 180)
    swings: bool = False


_GUITARS = ("acoustic_guitar", "electric_guitar")
_LEADS = (
    "violin",
    "flute",
    "clarinet",
    "oboe",
    "saxophone",
    "trumpet",
    "trombone",
    "horn",
    "voice",
)

STYLES = (
    Style("rock", (
        Seat("drums", ("drums",)), Seat("bass", ("bass",), 0.9),
        Seat("power", ("electric_guitar",), 0.8), Seat("strum", _GUITARS, 0.5),
        Seat("melody", ("voice", "electric_guitar", "organ", "synthesizer"), 0.7),
        Seat("comping", ("organ", "piano"), 0.4),
    ), (90, 180)),
    Style("pop", (
        Seat("drums", ("drums",), 0.8), Seat("bass", ("bass",), 0.9),
        Seat("comping", ("piano", "electric_guitar", "synthesizer"), 0.8),
        Seat("strum", ("acoustic_guitar", "ukulele"), 0.5), Seat("melody", ("voice",), 0.8),
        Seat("pad", ("synthesizer", "string_ensemble", "organ"), 0.5),
        Seat("percussion", ("percussion",), 0.25),
    ), (70, 140)),
    Style("jazz combo", (
        Seat("drums", ("drums",), 0.8), Seat("bass", ("bass",)),
        Seat("comping", ("piano", "electric_guitar", "vibraphone"), 0.8),
        Seat("melody", ("saxophone", "trumpet", "trombone", "clarinet", "flute")),
        Seat("counter", ("trumpet", "trombone", "saxophone", "vibraphone"), 0.4),
    ), (80, 180), True),
    Style("string quartet", (
        Seat("melody", ("violin",)), Seat("counter", ("violin",), 0.9),
        Seat("counter", ("viola",), 0.8), Seat("bass", ("cello",)),
    ), (60, 140)),
    Style("wind quintet", (
        Seat("melody", ("flute", "oboe")), Seat("counter", ("oboe", "clarinet")),
        Seat("arpeggio", ("clarinet",), 0.5), Seat("pad", ("horn",), 0.7),
        Seat("bass", ("bassoon",), 0.6),
    ), (60, 150)),
    Style("brass ensemble", (
        Seat("melody", ("trumpet",)), Seat("counter", ("trumpet", "horn"), 0.8),
        Seat("counter", ("horn",), 0.7), Seat("pad", ("trombone",), 0.8),
        Seat("bass", ("trombone", "tuba"), 0.7),
    ), (60, 150)),
    Style("orchestra", (
        Seat("melody", ("violin", "oboe", "flute", "clarinet", "horn", "trumpet")),
        Seat("pad", ("string_ensemble", "horn"), 0.8), Seat("counter", ("cello", "horn"), 0.7),
        Seat("arpeggio", ("harp", "mallet_percussion"), 0.5),
        Seat("counter", ("clarinet", "oboe", "flute", "trombone"), 0.6),
        Seat("bass", ("cello", "bowed_double_bass"), 0.5), Seat("bass", ("timpani",), 0.15),
    ), (60, 140)),
    Style("folk", (
        Seat("strum", ("acoustic_guitar", "ukulele", "mandolin"), 0.8),
        Seat("arpeggio", ("banjo",), 0.7), Seat("tremolo", ("mandolin",), 0.5),
        Seat("melody", ("violin", "accordion", "voice", "flute"), 0.9),
        Seat("comping", ("accordion",), 0.35), Seat("bass", ("bass",), 0.6),
    ), (80, 170)),
    Style("electronic", (
        Seat("drums", ("drums",), 0.8), Seat("bass", ("synth_bass", "synthesizer"), 0.8),
        Seat("arpeggio", ("synthesizer",), 0.8), Seat("pad", ("synthesizer",), 0.6),
        Seat("melody", ("synthesizer", "voice"), 0.5), Seat("comping", ("piano",), 0.2),
    ), (100, 175)),
    Style("song", (
        Seat("melody", ("voice",)),
        Seat("two hands", ("piano",), 0.6), Seat("arpeggio", ("acoustic_guitar", "harp"), 0.4),
    ), (60, 130)),
    Style("latin", (
        Seat("percussion", ("percussion",), 0.9), Seat("drums", ("drums",), 0.4),
        Seat("bass", ("bass",)), Seat("comping", ("piano", "acoustic_guitar", "mallet_percussion")),
        Seat("melody", ("trumpet", "flute", "trombone", "voice", "saxophone", "accordion"), 0.9),
    ), (85, 170)),
    Style("duo", (
        Seat("melody", _LEADS), Seat("two hands", ("piano",), 0.7),
        Seat("arpeggio", ("harp", "acoustic_guitar"), 0.35),
    ), (60, 140)),
    Style("tango", (
        Seat("melody", ("accordion", "violin")), Seat("comping", ("accordion", "piano")),
        Seat("bass", ("bass",), 0.7), Seat("arpeggio", ("acoustic_guitar",), 0.4),
    ), (60, 130)),
    Style("church", (
        Seat("pad", ("organ",)), Seat("melody", ("organ", "trumpet", "oboe", "voice")),
        Seat("pad", ("choir",), 0.6), Seat("bass", ("organ",), 0.3),
    ), (60, 110)),
    Style("mallets", (
        Seat("melody", ("mallet_percussion",)), Seat("arpeggio", ("mallet_percussion",), 0.6),
        Seat("bass", ("bass",), 0.5), Seat("drums", ("drums",), 0.4),
    ), (80, 170)),
)  # fmt: skip

ROLES_OF: dict[str, tuple[str, ...]] = {
    "voice": ("melody", "melody", "melody", "pad"),
    "drums": ("drums",),
    "cymbals": ("drums",),
    "mallet_percussion": ("melody", "arpeggio", "comping"),
    "bass": ("bass", "bass", "bass", "melody"),
    "acoustic_guitar": ("strum", "arpeggio", "melody", "strum"),
    "electric_guitar": ("power", "melody", "strum", "arpeggio", "melody"),
    "banjo": ("arpeggio", "arpeggio", "strum", "melody"),
    "mandolin": ("tremolo", "strum", "melody"),
    "ukulele": ("strum", "strum", "arpeggio", "melody"),
    "harp": ("arpeggio", "arpeggio", "comping", "melody"),
    "violin": ("melody", "melody", "melody", "counter"),
    "cello": ("melody", "melody", "counter", "bass"),
    "piano": ("two hands", "two hands", "comping", "melody"),
    "organ": ("pad", "comping", "melody", "two hands"),
    "accordion": ("melody", "comping", "two hands", "pad"),
    "synthesizer": ("arpeggio", "pad", "melody", "comping"),
}
"""What a label does in a random group; winds and brass lead or answer."""
WIND_ROLES = ("melody", "melody", "counter")
