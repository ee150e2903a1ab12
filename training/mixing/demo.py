"""Compose and render the demo piece that ships with the meters.

Sixteen bars in D minor written for this project: a piano alone, then bass, drums, a saxophone, a
quiet bridge of guitar, violin and cello, and everybody with a trumpet. Rendered with FluidR3 GM
(MIT licence), so the recording may be redistributed with the package.

    python -m training.mixing.demo realtime/assets/demo.ogg
    python -m training.mixing.demo build/session/mix.ogg --stems build/session    # players too
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from realtime.errors import TuttiError
from training.notes.presets import DRUM_BANK
from training.notes.synth import RENDER_RATE_HZ, Event, SoundFont
from training.tool import run

BEAT_S = 60 / 96
BARS = 16
DURATION_S = BARS * 4 * BEAT_S + 1.0
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")


@dataclass(frozen=True)
class Part:
    """One player: notes, where it stands (-1 left .. 1 right), how loud, how wet."""

    instrument: pretty_midi.Instrument
    gain_db: float
    pan: float = 0.0
    reverb: float = 0.2


def phrase(
    bar: int, text: str, rng: np.random.Generator, velocity: int = 84, legato: float = 0.95
) -> list[pretty_midi.Note]:
    """Notes of ``"A4/1.5 F4+A4/.5 r/1"``: pitches, a slash, the length in beats; r rests.

    Timing and velocity vary a little, as a player's do.
    """
    notes = []
    beat = bar * 4.0
    for token in text.split():
        names, length = token.split("/")
        start_s = beat * BEAT_S + rng.normal(0.0, 0.006)
        end_s = (beat + float(length) * legato) * BEAT_S
        for name in [] if names == "r" else names.split("+"):
            loud = int(np.clip(velocity + rng.normal(0, 4), 20, 124))
            pitch = pretty_midi.note_name_to_number(name)
            notes.append(pretty_midi.Note(loud, pitch, max(start_s, 0.0), end_s))
        beat += float(length)
    return notes


def _drum_bar(bar: int, rng: np.random.Generator, *, full: bool, fill: bool) -> list:
    """Kick 36, snare 38, hats 42 and ride 51, crash 49 on entering, toms in a fill."""
    hits = [(half / 2, 51 if full else 42, 62 if half % 2 else 78) for half in range(8)]
    hits += [(0.0, 36, 100), (1.0, 38, 84), (2.5, 36, 92), (3.0, 38, 88)]
    if full:
        hits += [(1.5, 36, 74), (3.75, 38, 40)]
    if fill:
        hits = [hit for hit in hits if hit[0] < 2.0]
        hits += [(2.0, 50, 96), (2.5, 48, 98), (3.0, 45, 100), (3.25, 45, 92), (3.5, 41, 108)]
    notes = []
    for beat, pitch, loud in hits:
        start_s = max((bar * 4 + beat) * BEAT_S + rng.normal(0.0, 0.004), 0.0)
        velocity = int(np.clip(loud + rng.normal(0, 4), 20, 124))
        notes.append(pretty_midi.Note(velocity, pitch, start_s, start_s + 0.3))
    return notes


def compose(rng: np.random.Generator) -> list[Part]:
    """The score, player by player."""
    arpeggios = (
        "D2+D3/.5 A3/.5 E4/.5 F4/.5 A4/.5 F4/.5 E4/.5 A3/.5",
        "Bb1+Bb2/.5 F3/.5 A3/.5 D4/.5 F4/.5 D4/.5 A3/.5 F3/.5",
        "G1+G2/.5 D3/.5 Bb3/.5 D4/.5 F4/.5 D4/.5 Bb3/.5 D3/.5",
        "A1+A2/.5 E3/.5 G3/.5 C#4/.5 E4/.5 C#4/.5 A3/.5 G3/.5",
    )
    melody = (
        "A5/1.5 F5/.5 E5/1 D5/1",
        "C6/1.5 A5/.5 Bb5/1 F5/1",
        "D6/1.5 C6/.5 Bb5/1 A5/1",
        "G5/1 A5/.5 Bb5/.5 A5/2",
    )
    comping = {
        4: "F3+C4+E4/1.5 F3+C4+E4/1 A3+C4+E4/1.5",
        5: "F3+A3+D4/1.5 F3+A3+D4/1 A3+D4+F4/1.5",
        6: "F3+Bb3+D4/1.5 F3+A3+D4/1 Bb3+D4+F4/1.5",
        7: "G3+C#4+E4/1.5 G3+Bb3+E4/1 C#4+E4+G4/1.5",
        8: "A3+C4+E4/1.5 A3+C4+E4/1 C4+E4+G4/1.5",
        9: "G3+C4+E4/1.5 G3+C4+D4/1 C4+E4+G4/1.5",
        10: "F3+C4+E4/1.5 F3+C4+E4/1 A3+C4+E4/1.5",
        11: "F3+A3+D4/1 A3+D4+F4/1 G3+C4+E4/1 Bb3+D4+G4/1",
        14: "D4+F4+A4/.75 D4+F4+A4/1.25 E4+G4+C5/.75 E4+G4+C5/1.25",
        15: "D2+D3+A3+E4+F4+A4/4",
    }
    bass = {
        4: "D2/1.5 D2/.5 A2/1 C3/1",
        5: "Bb1/1.5 Bb1/.5 F2/1 A2/1",
        6: "G1/1.5 G1/.5 D2/1 F2/1",
        7: "A1/1 C#2/1 E2/1 G2/1",
        8: "F2/1.5 F2/.5 C2/1 A1/1",
        9: "C2/1.5 C2/.5 G2/1 E2/1",
        10: "D2/1.5 D2/.5 A2/1 C3/1",
        11: "Bb1/1 D2/1 C2/1 E2/1",
        14: "Bb1/.75 Bb1/.75 F2/.5 C2/.75 C2/.75 E2/.5",
        15: "D2/4",
    }
    saxophone = {
        8: "r/.5 F4/.5 A4/.5 C5/.5 E5/1 D5/.5 C5/.5",
        9: "D5/1.5 C5/.5 G4/1.5 A4/.5",
        10: "F5/.5 E5/.5 D5/.5 C5/.5 A4/1 C5/.5 D5/.5",
        11: "F5/1 D5/.5 F5/.5 G5/1.5 r/.5",
        14: "F4/.75 A4/.75 D5/.5 E5/.75 G5/1.25",
        15: "A4/4",
    }
    violin = {
        12: "D5/2 F5/1 Bb5/1",
        13: "A5/1.5 G5/.5 E5/1 C5/1",
        14: "F5/2 G5/2",
        15: "A5/4",
    }
    cello = {12: "G2/2 D3/1 Bb2/1", 13: "A2/2 E3/2", 14: "Bb2/2 C3/2", 15: "D3/4"}
    guitar = {
        12: "G3/.5 D4/.5 Bb3/.5 F4/.5 D4/.5 Bb3/.5 A4/.5 F4/.5",
        13: "A3/.5 E4/.5 C4/.5 G4/.5 E4/.5 C4/.5 A4/.5 G4/.5",
    }
    trumpet = {14: "D5/.75 F5/.75 A5/.5 G5/.75 C6/1.25", 15: "A5/4"}

    def player(name: str, program: int, *passages: list) -> pretty_midi.Instrument:
        instrument = pretty_midi.Instrument(program, is_drum=name == "drums", name=name)
        instrument.notes = [note for passage in passages for note in passage]
        return instrument

    def played(score: dict[int, str], velocity: int, legato: float = 0.95) -> list:
        return [
            note for bar, text in score.items() for note in phrase(bar, text, rng, velocity, legato)
        ]

    drums = [
        note
        for bar in (6, 7, 8, 9, 10, 11, 14)
        for note in _drum_bar(bar, rng, full=bar >= 8, fill=bar in (7, 11))
    ]
    for bar in (8, 14, 15):  # crash with the kick
        start_s = bar * 4 * BEAT_S
        drums += [pretty_midi.Note(96, 49, start_s, start_s + 1.0)]
        drums += [pretty_midi.Note(104, 36, start_s, start_s + 0.3)]
    return [
        Part(
            player(
                "piano",
                0,
                played(dict(enumerate(arpeggios)), 58, 1.6),
                played(dict(enumerate(melody)), 82, 1.0),
                played(comping, 66, 0.7),
            ),
            gain_db=12.0,
            pan=-0.15,
            reverb=0.25,
        ),
        Part(player("double bass", 32, played(bass, 96, 0.9)), gain_db=-2.0, reverb=0.05),
        Part(player("drums", 0, drums), gain_db=9.0, pan=0.05, reverb=0.12),
        Part(player("saxophone", 66, played(saxophone, 96)), gain_db=2.0, pan=0.2, reverb=0.3),
        Part(player("violin", 40, played(violin, 92, 1.0)), gain_db=1.0, pan=-0.3, reverb=0.4),
        Part(player("cello", 42, played(cello, 88, 1.0)), gain_db=-1.0, pan=0.3, reverb=0.35),
        Part(player("guitar", 25, played(guitar, 80, 1.5)), gain_db=1.0, pan=0.35, reverb=0.25),
        Part(player("trumpet", 56, played(trumpet, 92)), gain_db=2.0, pan=-0.2, reverb=0.3),
    ]


def render_part(part: Part, font: SoundFont) -> NDArray[np.float32]:
    """One player, dry: float32 ``(samples, 2)`` at 48 kHz."""
    instrument = part.instrument
    events = [
        event
        for note in instrument.notes
        for event in (
            Event(note.start, "on", note.pitch, note.velocity),
            Event(note.end, "off", note.pitch),
        )
    ]
    bank = DRUM_BANK if instrument.is_drum else 0
    return font.render_stereo(bank, instrument.program, events, DURATION_S).T


def placed(part: Part, font: SoundFont) -> NDArray[np.float32]:
    """One player at its place and level, dry: float32 ``(samples, 2)``."""
    angle = (part.pan + 1) * np.pi / 4
    balance = np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)], np.float32)
    return render_part(part, font) * balance * np.float32(10 ** (part.gain_db / 20))


def in_room(send: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the room answers."""
    from pedalboard import HighpassFilter, Pedalboard, Reverb

    room = Pedalboard(
        [HighpassFilter(200), Reverb(room_size=0.55, damping=0.5, wet_level=0.9, dry_level=0.0)]
    )
    return room(send.T, RENDER_RATE_HZ).T


def mix(parts: list[Part]) -> NDArray[np.float32]:
    """All players in one room: float32 ``(samples, 2)``.

    Peaks stay at 0.6: Vorbis adds up to 2 dB to them.
    """
    from pedalboard import Compressor, Gain, HighpassFilter, Limiter, Pedalboard

    font = SoundFont(SOUNDFONT)
    dry = np.zeros((round(DURATION_S * RENDER_RATE_HZ), 2), np.float32)
    send = np.zeros_like(dry)
    for part in parts:
        sound = placed(part, font)
        dry += sound
        send += sound * np.float32(part.reverb)
    together = dry + in_room(send)
    level_db = 20 * np.log10(np.sqrt(np.mean(together**2)) + 1e-12)
    master = Pedalboard(
        [
            HighpassFilter(30),
            Gain(-18.0 - level_db),
            Compressor(threshold_db=-16, ratio=1.8, attack_ms=20, release_ms=200),
            Gain(2.0),
            Limiter(threshold_db=-2.0),
        ]
    )
    mastered = master(together.T, RENDER_RATE_HZ).T
    fade = round(0.8 * RENDER_RATE_HZ)
    mastered[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None] ** 2
    return (mastered * min(1.0, 0.6 / np.abs(mastered).max())).astype(np.float32)


def stems(parts: list[Part]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each player by name, with its share of the room: together they are the mix unmastered."""
    font = SoundFont(SOUNDFONT)
    for part in parts:
        sound = placed(part, font)
        yield part.instrument.name, sound + in_room(sound * np.float32(part.reverb))


def main(argv: list[str] | None = None) -> int:
    """Write the demo piece to the path given, and its players one by one where asked."""
    import soundfile

    parser = argparse.ArgumentParser(description="Compose and render the demo piece.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--stems", type=Path, help="a folder for a FLAC file of each player")
    arguments = parser.parse_args(argv)
    parts = compose(np.random.default_rng(16))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    if arguments.stems:
        arguments.stems.mkdir(parents=True, exist_ok=True)
        for name, sound in stems(parts):
            path = arguments.stems / f"{name}.flac"
            soundfile.write(path, sound / 2, RENDER_RATE_HZ, subtype="PCM_24")  # none clips
            print(path)
    audio = mix(parts)
    try:
        with soundfile.SoundFile(
            arguments.output, "w", RENDER_RATE_HZ, 2, format="OGG", subtype="VORBIS",
            compression_level=0.85,
        ) as file:  # fmt: skip
            for start in range(0, len(audio), RENDER_RATE_HZ):  # a long write overflows libsndfile
                file.write(audio[start : start + RENDER_RATE_HZ])
    except soundfile.LibsndfileError as error:
        raise TuttiError(
            f"{arguments.output} cannot be written ({error.error_string}): name another."
        ) from None
    size_kb = arguments.output.stat().st_size / 1000
    print(f"{arguments.output}: {len(audio) / RENDER_RATE_HZ:.1f} s, {size_kb:.0f} KB")
    return 0


if __name__ == "__main__":
    run(main)
