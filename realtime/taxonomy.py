"""The vocabulary: 8 families, 24 instruments, and maps from other vocabularies.

A map never turns a missing label into "absent": it says which instruments
certainly sound, which may sound, and leaves the rest to whoever knows whether
the source's label list is complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FAMILY_OF: Mapping[str, str] = {
    "voice": "voice",
    "drums": "percussion",
    "cymbals": "percussion",
    "mallet_percussion": "percussion",
    "bass": "plucked_string",
    "acoustic_guitar": "plucked_string",
    "electric_guitar": "plucked_string",
    "banjo": "plucked_string",
    "mandolin": "plucked_string",
    "ukulele": "plucked_string",
    "harp": "plucked_string",
    "violin": "bowed_string",
    "cello": "bowed_string",
    "flute": "woodwind",
    "clarinet": "woodwind",
    "oboe": "woodwind",
    "saxophone": "woodwind",
    "trumpet": "brass",
    "trombone": "brass",
    "horn": "brass",
    "piano": "key",
    "organ": "key",
    "accordion": "key",
    "synthesizer": "synth",
}
"""Instrument to family, in the order of the model's outputs."""

INSTRUMENTS: tuple[str, ...] = tuple(FAMILY_OF)
FAMILIES: tuple[str, ...] = (
    "voice",
    "percussion",
    "bowed_string",
    "plucked_string",
    "woodwind",
    "brass",
    "key",
    "synth",
)


def instruments_of(family: str) -> tuple[str, ...]:
    """The instruments of a family, in vocabulary order."""
    return tuple(name for name, its_family in FAMILY_OF.items() if its_family == family)


def display_name(label: str) -> str:
    """``acoustic_guitar`` -> ``Acoustic guitar``."""
    return label.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Target:
    """What a foreign label says in this vocabulary.

    ``any_of``: at least one of these instruments sounds (one name: it is that one).
    ``maybe``: these may sound too, the label does not tell; never taught as absent.
    ``families``: these families sound. ``maybe_families``: these may.
    """

    any_of: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    maybe_families: tuple[str, ...] = ()

    @property
    def instrument(self) -> str | None:
        """The instrument, where the label names exactly one."""
        return self.any_of[0] if len(self.any_of) == 1 else None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Instruments whose presence the label leaves open."""
        return self.maybe if self.instrument else self.any_of + self.maybe


def _is(instrument: str) -> Target:
    return Target(any_of=(instrument,), families=(FAMILY_OF[instrument],))


def _either(*instruments: str, maybe: Iterable[str] = ()) -> Target:
    families = tuple(dict.fromkeys(FAMILY_OF[name] for name in instruments))
    if len(families) == 1:
        return Target(instruments, tuple(maybe), families)
    return Target(instruments, tuple(maybe), maybe_families=families)


def _family(family: str, *, not_instruments: Iterable[str] = ()) -> Target:
    """The family sounds; which of its instruments, if any of ours, is unknown."""
    ruled_out = set(not_instruments)
    maybe = tuple(name for name in instruments_of(family) if name not in ruled_out)
    return Target(maybe=maybe, families=(family,))


UNKNOWN = Target(maybe=INSTRUMENTS, maybe_families=FAMILIES)
"""Says nothing at all (sound effects, "other")."""

_SYNTH_BASS = _either("bass", "synthesizer")
_BRASS_SECTION = _either("trumpet", "trombone", "horn")
_BASSES = ("bass",)
_GUITARS = ("acoustic_guitar", "electric_guitar")
_ENSEMBLE = _either("violin", "cello", maybe=_BASSES)
_HAMMERED_OR_PLUCKED = Target(
    maybe=("harp", "mandolin", "banjo", "acoustic_guitar", "mallet_percussion"),
    maybe_families=("plucked_string", "percussion"),
)
_KEYBOARD_BELL = Target(
    maybe=("mallet_percussion",), families=("percussion",), maybe_families=("key",)
)
_OTHER_KEYBOARD = Target(maybe=("piano", "synthesizer"), families=("key",))

FINE: Mapping[str, Target] = {name: _is(name) for name in INSTRUMENTS} | {
    "electric_bass": _is("bass"),
    "double_bass": Target(
        ("bass",), families=("plucked_string",), maybe_families=("bowed_string",)
    ),
    "bowed_double_bass": Target(
        maybe=("bass", "cello"), families=("bowed_string",), maybe_families=("plucked_string",)
    ),
    "synth_bass": _SYNTH_BASS,
    "synth_lead": _is("synthesizer"),
    "synth_pad": _is("synthesizer"),
    "french_horn": _is("horn"),
    "tuba": Target(maybe=("trombone", "horn"), families=("brass",)),
    "brass_section": _BRASS_SECTION,
    "viola": Target(maybe=("violin", "cello"), families=("bowed_string",)),
    "string_ensemble": _ENSEMBLE,
    "strings": _ENSEMBLE,
    "electric_piano": _OTHER_KEYBOARD,
    "harpsichord": Target(families=("key",), maybe_families=("plucked_string",)),
    "harmonium": Target(maybe=("organ", "accordion"), families=("key",)),
    "harmonica": Target(maybe=("accordion",), families=("woodwind",)),
    "vibraphone": _is("mallet_percussion"),
    "marimba": _is("mallet_percussion"),
    "xylophone": _is("mallet_percussion"),
    "glockenspiel": _is("mallet_percussion"),
    "mallet": _is("mallet_percussion"),
    "drum_kit": Target(("drums",), maybe=("cymbals",), families=("percussion",)),
    "percussion": Target(maybe=("drums", "cymbals"), families=("percussion",)),
    "timpani": Target(maybe=("drums",), families=("percussion",)),
    "bassoon": Target(maybe=("saxophone", "clarinet", "oboe"), families=("woodwind",)),
    "recorder": Target(maybe=("flute",), families=("woodwind",)),
    "sitar": Target(
        maybe=("acoustic_guitar", "banjo", "mandolin", "ukulele"), families=("plucked_string",)
    ),
    "choir": _is("voice"),
    "speech": _is("voice"),
    "brass": _family("brass"),
    "reed": _family("woodwind", not_instruments=("flute",)),
    "bowed_string": _family("bowed_string"),
    "guitar": _either(*_GUITARS),
    "other": UNKNOWN,
}
"""Finer or coarser names met in sample libraries and recordings."""

OPENMIC: Mapping[str, Target] = {
    name: _is(name)
    for name in (
        "accordion", "banjo", "bass", "cello", "clarinet", "cymbals", "drums", "flute",
        "mallet_percussion", "mandolin", "organ", "piano", "saxophone", "synthesizer",
        "trombone", "trumpet", "ukulele", "violin", "voice",
    )
} | {"guitar": FINE["guitar"]}  # fmt: skip
"""OpenMIC-2018 (Humphrey et al., ISMIR 2018), 20 tags."""

IRMAS: Mapping[str, Target] = {
    "cel": _is("cello"),
    "cla": _is("clarinet"),
    "flu": _is("flute"),
    "gac": _is("acoustic_guitar"),
    "gel": _is("electric_guitar"),
    "org": _is("organ"),
    "pia": _is("piano"),
    "sax": _is("saxophone"),
    "tru": _is("trumpet"),
    "vio": _is("violin"),
    "voi": _is("voice"),
}
"""IRMAS (Bosch et al., ISMIR 2012), 11 codes."""

NSYNTH: Mapping[str, Target] = {
    "bass": _SYNTH_BASS,
    "brass": _family("brass"),
    "flute": _is("flute"),
    "guitar": FINE["guitar"],
    "keyboard": _OTHER_KEYBOARD,
    "mallet": _is("mallet_percussion"),
    "organ": _is("organ"),
    "reed": _family("woodwind", not_instruments=("flute",)),
    "string": _family("bowed_string"),
    "synth_lead": _is("synthesizer"),
    "vocal": _is("voice"),
}
"""NSynth (Engel et al., ICML 2017), 11 instrument families."""

TWO_LEVEL_15: Mapping[str, Target] = {
    "singer": _is("voice"),
    "drums": FINE["drum_kit"],
    "violin": _is("violin"),
    "electric_guitar": _is("electric_guitar"),
    "acoustic_guitar": _is("acoustic_guitar"),
    "electric_bass": _is("bass"),
    "piano": _is("piano"),
} | {f"family:{family}": _family(family) for family in FAMILIES}
"""The 7 instruments and 8 families of the musical/non-musical mixture study."""

_GM_RUNS: tuple[tuple[int, Target], ...] = (
    (4, _is("piano")),  # 0-3
    (2, _OTHER_KEYBOARD),  # 4-5 electric pianos
    (1, FINE["harpsichord"]),  # 6
    (1, _OTHER_KEYBOARD),  # 7 clavinet
    (1, _KEYBOARD_BELL),  # 8 celesta
    (1, _is("mallet_percussion")),  # 9 glockenspiel
    (1, _KEYBOARD_BELL),  # 10 music box
    (3, _is("mallet_percussion")),  # 11-13 vibraphone, marimba, xylophone
    (1, _KEYBOARD_BELL),  # 14 tubular bells
    (1, _HAMMERED_OR_PLUCKED),  # 15 dulcimer
    (5, _is("organ")),  # 16-20
    (1, _is("accordion")),  # 21
    (1, FINE["harmonica"]),  # 22
    (1, _is("accordion")),  # 23 tango accordion
    (2, _is("acoustic_guitar")),  # 24-25
    (5, _is("electric_guitar")),  # 26-30
    (1, FINE["guitar"]),  # 31 harmonics
    (6, _is("bass")),  # 32-37
    (2, _SYNTH_BASS),  # 38-39
    (1, _is("violin")),  # 40
    (1, FINE["viola"]),  # 41
    (1, _is("cello")),  # 42
    (1, FINE["bowed_double_bass"]),  # 43
    (2, _ENSEMBLE),  # 44-45 tremolo, pizzicato
    (1, _is("harp")),  # 46
    (1, FINE["timpani"]),  # 47
    (2, _ENSEMBLE),  # 48-49
    (2, Target(maybe=("violin", "cello", "synthesizer"), maybe_families=("synth", "bowed_string"))),
    (2, _is("voice")),  # 52-53 choir, voice
    (1, _either("voice", "synthesizer")),  # 54 synth voice
    (1, UNKNOWN),  # 55 orchestra hit
    (1, _is("trumpet")),  # 56
    (1, _is("trombone")),  # 57
    (1, FINE["tuba"]),  # 58
    (1, _is("trumpet")),  # 59 muted trumpet
    (1, _is("horn")),  # 60
    (1, _BRASS_SECTION),  # 61
    (2, Target(maybe=("trumpet", "trombone", "horn", "synthesizer"),
               maybe_families=("brass", "synth"))),  # 62-63 synth brass
    (4, _is("saxophone")),  # 64-67
    (2, _is("oboe")),  # 68-69 oboe, English horn
    (1, FINE["bassoon"]),  # 70
    (1, _is("clarinet")),  # 71
    (2, _is("flute")),  # 72-73 piccolo, flute
    (6, FINE["recorder"]),  # 74-79 recorder to ocarina
    (24, _is("synthesizer")),  # 80-103 leads, pads, effects
    (1, FINE["sitar"]),  # 104
    (1, _is("banjo")),  # 105
    (2, FINE["sitar"]),  # 106-107 shamisen, koto
    (1, _HAMMERED_OR_PLUCKED),  # 108 kalimba
    (1, _family("woodwind", not_instruments=("flute",))),  # 109 bagpipe
    (1, _is("violin")),  # 110 fiddle
    (1, _family("woodwind", not_instruments=("flute",))),  # 111 shanai
    (5, Target(maybe=("drums", "cymbals", "mallet_percussion"), families=("percussion",))),
    (2, _is("drums")),  # 117-118 melodic tom, synth drum
    (1, _is("cymbals")),  # 119 reverse cymbal
    (8, UNKNOWN),  # 120-127 sound effects
)  # fmt: skip

GENERAL_MIDI: tuple[Target, ...] = tuple(target for count, target in _GM_RUNS for _ in range(count))
"""Target of each General MIDI program, by zero-based program number."""

_GM_DRUM_KEYS = {"drums": (35, 36, 37, 38, 40, 41, 43, 45, 47, 48, 50),
                 "cymbals": (42, 44, 46, 49, 51, 52, 53, 55, 57, 59)}  # fmt: skip

GM_DRUM_CHANNEL: Mapping[int, Target] = {
    key: _is(name) for name, keys in _GM_DRUM_KEYS.items() for key in keys
} | {
    key: FINE["percussion"]
    for key in range(35, 82)
    if not any(key in keys for keys in _GM_DRUM_KEYS.values())
}
"""Target of each key of the General MIDI drum channel (keys 35 to 81)."""


def tags_for(instrument: str, vocabulary: Mapping[str, Target]) -> tuple[str, ...]:
    """The foreign tags that may stand for an instrument; empty where there is none.

    ``tags_for("acoustic_guitar", OPENMIC)`` is ``("guitar",)``.
    """
    return tuple(tag for tag, target in vocabulary.items() if instrument in target.any_of)


def gm_programs_for(instrument: str) -> tuple[int, ...]:
    """General MIDI programs (zero-based) that are exactly this instrument."""
    return tuple(
        program for program, target in enumerate(GENERAL_MIDI) if target.instrument == instrument
    )
