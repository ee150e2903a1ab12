"""Single notes and drum hits from soundfonts.

Each font gives about the same number of notes to every label, spread over the
presets of the label, over the whole range of each preset (its own random
offset, so that two fonts meet at different pitches), over velocities and
lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime.taxonomy import INSTRUMENTS
from training.bank.clips import Clip, as_note
from training.bank.splits import SOUNDFONT_SPLIT, coarse
from training.sounds.presets import (
    DRUM_BANK,
    Preset,
    drum_kits,
    drum_label,
    melodic_presets,
)
from training.sounds.synth import Event, soundfont

_MODULATION, _EXPRESSION, _BREATH = 1, 11, 2


@dataclass(frozen=True)
class Font:
    """A General MIDI soundfont; one that is not in ``SOUNDFONT_SPLIT`` trains.

    ``left_out`` holds the bank and program of presets that are not to be played.
    """

    source: str
    path: Path
    licence: str
    left_out: frozenset[tuple[int, int]] = frozenset()

    @property
    def split(self) -> str:
        return SOUNDFONT_SPLIT.get(self.source, "train")


_SHARED = Path("/usr/share/sounds")
FONTS = (
    Font("FluidR3_GM", _SHARED / "sf2/FluidR3_GM.sf2", "MIT"),
    Font("MuseScore_General", _SHARED / "sf3/MuseScore_General_Full.sf3", "MIT"),
    Font("OPL-3_FM", _SHARED / "sf2/OPL-3_FM_128M.sf2", "GPL-3+"),
    Font("sf_GMbank", _SHARED / "sf2/sf_GMbank.sf2", "LGPL-2.1+"),
    Font("TimGM6mb", _SHARED / "sf2/TimGM6mb.sf2", "GPL-2"),
)
"""The soundfonts of Debian's packages (fluid-soundfont-gm, musescore-general-soundfont,
opl3-soundfont, csound-soundfont, timgm6mb-soundfont)."""

NOTES_A_LABEL = {"train": 130, "val": 40, "test": 40}
"""Notes a font gives to a label of the model; a masked label gets a third."""
_MIN_NOTES_A_PRESET = 7
_VELOCITIES = (105, 60, 84, 105, 60, 30)
_KIT_VELOCITIES = {"train": (112, 70), "val": (100,), "test": (100,)}
_KITS_AT_MOST = {"train": 10, "val": 5, "test": 5}


def presets_of(font: Font) -> list[Preset]:
    """The font's pitched presets that have a label."""
    return melodic_presets(font.source, _names(font))


def _names(font: Font) -> dict[tuple[int, int], str]:
    names = soundfont(font.path).names()
    return {at: name for at, name in names.items() if at not in font.left_out}


def notes_for(presets: Sequence[Preset], split: str, scale: float = 1.0) -> dict[Preset, int]:
    """How many notes each preset gives so that every label gets about as many."""
    by_label: dict[str, list[Preset]] = {}
    for preset in presets:
        by_label.setdefault(coarse(preset.label), []).append(preset)
    counts = {}
    for label, its in by_label.items():
        wanted = NOTES_A_LABEL[split] * (1.0 if label in INSTRUMENTS else 1 / 3)
        each = max(_MIN_NOTES_A_PRESET, wanted / len(its))
        counts.update({preset: max(1, round(scale * each)) for preset in its})
    return counts


def spread_pitches(preset: Preset, count: int, rng: np.random.Generator) -> list[int]:
    """``count`` keys evenly over the preset's range, in a random order of their own offset."""
    span = preset.high - preset.low
    step = span / count
    keys = preset.low + (np.arange(count) + rng.random()) * step
    return [int(key) for key in rng.permutation(np.round(keys).clip(preset.low, preset.high))]


def melodic_clips(
    font: Font, presets: Sequence[tuple[Preset, int]], rng: np.random.Generator
) -> Iterator[Clip]:
    """So many notes of each preset."""
    player = soundfont(font.path)
    for preset, count in presets:
        turn = int(rng.integers(len(_VELOCITIES)))
        for number, key in enumerate(spread_pitches(preset, count, rng)):
            velocity = _VELOCITIES[(turn + number) % len(_VELOCITIES)]
            events, duration_s, articulation = note_events(preset, key, velocity, rng)
            samples = player.render(preset.bank, preset.program, events, duration_s)
            yield as_note(
                Clip(
                    samples=samples, label=preset.label, source=font.source, split=font.split,
                    pitch=float(key), velocity=velocity, articulation=articulation,
                    sustain=preset.sustain, licence=font.licence,
                    origin=f"{preset.bank}/{preset.program}:{key} {preset.name}",
                )
            )  # fmt: skip


def note_events(
    preset: Preset, key: int, velocity: int, rng: np.random.Generator
) -> tuple[list[Event], float, str]:
    """One note of varied length; held notes at times with vibrato or a swell.

    Returns the events, how long to render, and the articulation's name.
    """
    articulation = "normal"
    if rng.random() < 0.15:
        hold_s, articulation = rng.uniform(0.12, 0.3), "short"
    else:
        hold_s = rng.uniform(0.4, 2.2)
    release_s = 0.5 if preset.sustain else 0.7
    events = [Event(0.0, "on", key, velocity), Event(hold_s, "off", key)]
    if preset.swells:
        events.append(Event(0.0, "cc", _BREATH, velocity))
    if preset.sustain and articulation == "normal":
        if rng.random() < 0.35:
            articulation = "vibrato"
            depth = int(rng.integers(40, 110))
            events.append(Event(rng.uniform(0.0, 0.4), "cc", _MODULATION, depth))
        if hold_s > 0.9 and (preset.swells or rng.random() < 0.2):
            articulation = "swell"
            events += swell(0.0, hold_s, rng, breath=preset.swells)
    return events, min(hold_s + release_s, 3.0), articulation


def swell(start_s: float, end_s: float, rng: np.random.Generator, *, breath: bool) -> list[Event]:
    """Loudness rising and falling over a stretch, by expression and, if asked, breath."""
    low, high, top = rng.uniform(35, 80), rng.uniform(100, 127), rng.uniform(0.3, 0.9)
    times = np.arange(start_s, end_s, 0.04)
    at = (times - start_s) / max(end_s - start_s, 1e-3)
    shape = np.where(at < top, at / top, (1 - at) / (1 - top))
    values = np.round(low + (high - low) * shape).astype(int)
    controllers = (_EXPRESSION, _BREATH) if breath else (_EXPRESSION,)
    return [
        Event(float(time), "cc", controller, int(value))
        for time, value in zip(times, values, strict=True)
        for controller in controllers
    ]


def drum_clips(
    font: Font, kits: Sequence[int], rng: np.random.Generator, scale: float = 1.0
) -> Iterator[Clip]:
    """Every key of the drum channel in these kits, at several velocities."""
    player = soundfont(font.path)
    for kit in kits:
        for key in range(35, 82):
            label = drum_label(key)
            velocities = _KIT_VELOCITIES[font.split]
            if label == "percussion":
                velocities = velocities[:1]
            for velocity in velocities:
                if rng.random() >= scale:
                    continue
                hit = int(np.clip(velocity + rng.integers(-15, 16), 1, 127))
                samples = player.render(
                    DRUM_BANK, kit, [Event(0.0, "on", key, hit)], drum_length_s(key, rng)
                )
                yield as_note(
                    Clip(
                        samples=samples, label=label, source=font.source, split=font.split,
                        velocity=hit, articulation=_DRUM_NAMES.get(key, "hit"),
                        licence=font.licence, origin=f"{DRUM_BANK}/{kit}:{key}",
                    )
                )  # fmt: skip


def drum_length_s(key: int, rng: np.random.Generator) -> float:
    """Long for what rings, short for what does not."""
    return rng.uniform(1.6, 3.0) if key in (46, 49, 51, 52, 53, 55, 57, 59) else 1.0


def kits_of(font: Font) -> list[int]:
    """The kits rendered of a font."""
    if font.source == "OPL-3_FM":
        return []
    return drum_kits(_names(font))[: _KITS_AT_MOST[font.split]]


_DRUM_NAMES = {
    35: "kick", 36: "kick", 37: "side stick", 38: "snare", 39: "clap", 40: "snare", 41: "tom",
    42: "hihat closed", 43: "tom", 44: "hihat pedal", 45: "tom", 46: "hihat open", 47: "tom",
    48: "tom", 49: "crash", 50: "tom", 51: "ride", 52: "china", 53: "ride bell", 54: "tambourine",
    55: "splash", 56: "cowbell", 57: "crash", 59: "ride",
}  # fmt: skip
