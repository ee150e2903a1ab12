"""Plays a composed piece, each part alone, so that the mixer knows every stem.

Drums keys, cymbals keys and other percussion of one part become three stems.
The stems of a piece start together, are equally long, and keep levels that a
mix of them would have: each part's loudness is set by its role, not by how
loud its soundfont happens to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ
from training.mixing.compose import Palette, Part, Piece, Sound
from training.notes.clips import Clip
from training.notes.presets import DRUM_BANK, drum_label
from training.notes.soundfont import Font, kits_of, presets_of
from training.notes.splits import coarse
from training.notes.synth import Event, soundfont

_LOUDNESS_DB = {
    "melody": 0.0, "tremolo": 0.0, "drums": 1.0, "bass": -1.0, "power": -2.0, "two hands": -1.0,
    "counter": -4.0, "arpeggio": -4.0, "comping": -5.0, "strum": -5.0, "percussion": -6.0,
    "pad": -7.0,
}  # fmt: skip
_LOUDNESS_SPREAD_DB = 4.0
_FADE_S = 0.1


def palette_of(fonts: Sequence[Font]) -> Palette:
    """Every sound of some fonts by label; drum kits under ``drums`` and ``percussion``."""
    held: dict[str, list[Sound]] = {}
    for font in fonts:
        for preset in presets_of(font):
            names = {preset.label, coarse(preset.label)}
            for name in names - {"drums", "cymbals", "percussion"}:
                held.setdefault(name, []).append(Sound(font.source, preset=preset))
        for kit in kits_of(font):
            for name in ("drums", "cymbals", "percussion"):
                held.setdefault(name, []).append(Sound(font.source, kit=kit))
    return held


def stems(
    piece: Piece, name: str, fonts: Mapping[str, Font], rng: np.random.Generator
) -> list[Clip]:
    """The stems of a piece as clips that share ``name``; raises nothing for silent ones."""
    clips = []
    for part in piece.parts:
        rendered = list(_stems_of(piece, part, fonts[part.sound.font]))
        loudest = max((_active_rms(samples) for _, samples in rendered), default=0.0)
        if not loudest:
            continue
        level_db = _LOUDNESS_DB[part.role] + rng.normal(0, _LOUDNESS_SPREAD_DB)
        gain = np.float32(10 ** ((level_db - 20) / 20) / loudest)
        for label, samples in rendered:
            font = fonts[part.sound.font]
            preset = part.sound.preset
            if samples.any():
                clips.append(
                    Clip(
                        samples=samples * gain, label=label, source=font.source, split=font.split,
                        kind="stem", articulation=part.role, piece=name, licence=font.licence,
                        sustain=bool(preset and preset.sustain),
                        onset=_onset(samples), origin=f"{piece.style}/{_origin(part)}",
                    )
                )  # fmt: skip
    return clips


def _origin(part: Part) -> str:
    preset = part.sound.preset
    if preset is None:
        return f"{DRUM_BANK}/{part.sound.kit}"
    return f"{preset.bank}/{preset.program} {preset.name}"


def _stems_of(piece: Piece, part: Part, font: Font) -> Iterator[tuple[str, NDArray[np.float32]]]:
    instrument = piece.midi.instruments[part.index]
    preset = part.sound.preset
    if preset is not None:
        yield preset.label, _play(font, preset.bank, preset.program, instrument, piece.duration_s)
        return
    kit = part.sound.kit or 0
    for label in ("drums", "cymbals", "percussion"):
        notes = [note for note in instrument.notes if drum_label(note.pitch) == label]
        if notes:
            alone = pretty_midi.Instrument(program=kit, is_drum=True)
            alone.notes = notes
            yield label, _play(font, DRUM_BANK, kit, alone, piece.duration_s)


def _play(
    font: Font, bank: int, program: int, part: pretty_midi.Instrument, duration_s: float
) -> NDArray[np.float32]:
    samples = soundfont(Path(font.path)).render(bank, program, events_of(part), duration_s)
    fade = round(_FADE_S * SAMPLE_RATE_HZ)
    samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return samples


def events_of(part: pretty_midi.Instrument) -> list[Event]:
    """A MIDI part as timed events for the synthesizer."""
    events = [Event(note.start, "on", note.pitch, note.velocity) for note in part.notes]
    events += [Event(note.end, "off", note.pitch) for note in part.notes]
    events += [
        Event(change.time, "cc", change.number, change.value) for change in part.control_changes
    ]
    events += [Event(bend.time, "bend", bend.pitch) for bend in part.pitch_bends]
    return events


def _active_rms(samples: NDArray[np.float32]) -> float:
    """RMS of the parts that sound: 50 ms frames within 30 dB of the loudest."""
    frame = SAMPLE_RATE_HZ // 20
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    power = np.mean(frames.astype(np.float64) ** 2, axis=1)
    peak = power.max(initial=0.0)
    return float(np.sqrt(power[power > peak * 1e-3].mean())) if peak > 0 else 0.0


def _onset(samples: NDArray[np.float32]) -> int:
    return int(np.argmax(np.abs(samples) > 10 ** (-50 / 20) * np.abs(samples).max()))
