"""Who can play a part: soundfonts, recorded instruments, recorded drum kits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from training.bank.splits import coarse
from training.pieces.compose import Palette, Sound
from training.sounds import sampler
from training.sounds.presets import DRUM_BANK, SAMPLED_BANK
from training.sounds.soundfont import Font, kits_of, presets_of
from training.sounds.synth import Event, soundfont

_BEND_SEMITONES = 2.0
_EXPRESSION = 11


class Player(Protocol):
    """Plays one part of a piece; where its sound is from."""

    @property
    def split(self) -> str: ...

    @property
    def licence(self) -> str: ...

    def perform(
        self, part: pretty_midi.Instrument, duration_s: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Float32 of ``round(duration_s * 16000)`` samples."""
        ...


@dataclass(frozen=True)
class FontPlayer:
    """One preset of a soundfont."""

    font: Font
    bank: int
    program: int

    @property
    def split(self) -> str:
        return self.font.split

    @property
    def licence(self) -> str:
        return self.font.licence

    def perform(
        self, part: pretty_midi.Instrument, duration_s: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        return soundfont(self.font.path).render(
            self.bank, self.program, events_of(part), duration_s
        )


@dataclass(frozen=True)
class RecordedPlayer:
    """An instrument or a kit of recorded notes in a folder."""

    folder: Path
    plays: sampler.Instrument | sampler.Kit

    @property
    def split(self) -> str:
        return self.plays.split

    @property
    def licence(self) -> str:
        return self.plays.licence

    def perform(
        self, part: pretty_midi.Instrument, duration_s: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        notes = [
            sampler.Note(note.start, note.end, note.pitch, note.velocity) for note in part.notes
        ]
        if isinstance(self.plays, sampler.Kit):
            return sampler.strike(self.folder, self.plays, notes, duration_s, rng)
        bends = [(bend.time, bend.pitch / 8192 * _BEND_SEMITONES) for bend in part.pitch_bends]
        swells = [
            (change.time, (change.value / 127) ** 2)
            for change in part.control_changes
            if change.number == _EXPRESSION
        ]
        return sampler.play(
            self.folder, self.plays, notes, duration_s, rng, bends=bends, expression=swells
        )


def events_of(part: pretty_midi.Instrument) -> list[Event]:
    """A MIDI part as timed events for the synthesizer."""
    events = [Event(note.start, "on", note.pitch, note.velocity) for note in part.notes]
    events += [Event(note.end, "off", note.pitch) for note in part.notes]
    events += [
        Event(change.time, "cc", change.number, change.value) for change in part.control_changes
    ]
    events += [Event(bend.time, "bend", bend.pitch) for bend in part.pitch_bends]
    return events


@dataclass(frozen=True)
class Band:
    """Every sound to be had for a piece of one split, and who plays it."""

    palette: Palette
    players: Mapping[Sound, Player]


_UNPITCHED = ("drums", "cymbals", "percussion")


def band_of(
    fonts: Sequence[Font],
    folders: Sequence[Path] = (),
    split: str | None = None,
    left_out: frozenset[Path] = frozenset(),
) -> Band:
    """The sounds of some soundfonts, and of the recorded libraries of a split in some folders.

    Drum kits stand under ``drums``, ``cymbals`` and, of soundfonts, ``percussion``. An
    instrument or a kit with a recording that is ``left_out`` does not play.
    """
    palette: dict[str, list[Sound]] = {}
    players: dict[Sound, Player] = {}

    def enter(sound: Sound, player: Player, labels: Sequence[str]) -> None:
        players[sound] = player
        for label in labels:
            palette.setdefault(label, []).append(sound)

    for font in fonts:
        for preset in presets_of(font):
            labels = {preset.label, coarse(preset.label)} - {*_UNPITCHED}
            player = FontPlayer(font, preset.bank, preset.program)
            enter(Sound(font.source, preset=preset), player, sorted(labels))
        for kit in kits_of(font):
            enter(Sound(font.source, kit=kit), FontPlayer(font, DRUM_BANK, kit), _UNPITCHED)
    for samples in folders:
        for instrument in sampler.instruments(samples):
            heard = {samples / path for _, path in instrument.recordings}
            if instrument.split == split and not heard & left_out:
                labels = {instrument.label, coarse(instrument.label)}
                sound = Sound(instrument.source, preset=instrument.preset)
                enter(sound, RecordedPlayer(samples, instrument), sorted(labels))
        for recorded in sampler.kits(samples):
            heard = {samples / path for paths in recorded.recordings.values() for path in paths}
            if recorded.split == split and not heard & left_out:
                sound = Sound(recorded.source, kit=SAMPLED_BANK)
                enter(sound, RecordedPlayer(samples, recorded), ("drums", "cymbals"))
    return Band(palette, players)
