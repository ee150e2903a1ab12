"""Compose and render the demo piece that ships with the meters.

Fourteen bars in D minor written for this project: a piano, a bass, a drum kit and a trumpet have
two bars each, then all play together. Every note is a recorded one of ``../shared/samples``, moved
to its pitch where it was not recorded: Salamander Grand Piano by Alexander Holm (CC BY 3.0),
Pastabass by Karoryfer Samples (CC0), Virtuosity Drums by Versilian Studios and Karoryfer Samples
(CC0), a trumpet of tonejs-instruments by Nicholaus Brosowsky (CC BY 3.0). Whoever passes the
recording on keeps the names of the makers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from realtime.whole_file import whole_file
from training.bank.clips import trimmed
from training.sounds.folder import decode, read_manifest

BEAT_S = 60 / 96
BARS = 14
DURATION_S = BARS * 4 * BEAT_S + 1.0
RATE_HZ = 48_000
SAMPLES = Path("../shared/samples")


@dataclass(frozen=True)
class Notes:
    """Which recorded notes of a folder a player plays: label, source, words of the articulation."""

    label: str
    source: str
    articulation: str = ""
    release_s: float = 0.15
    """How long a note fades after its end."""
    keys: tuple[int, ...] = ()
    """Of a drum kit: the keys that sound so, at the pitch they were recorded."""
    gain_db: float = 0.0


@dataclass(frozen=True)
class DemoPart:
    """One player: notes, what plays them, where it stands (-1 left .. 1 right), how loud, how
    wet."""

    name: str
    notes: list[pretty_midi.Note]
    played_by: tuple[Notes, ...]
    gain_db: float = 0.0
    pan: float = 0.0
    reverb: float = 0.2


class Sampler:
    """Recorded notes of one instrument, moved to the pitch that is asked for."""

    def __init__(self, folder: Path, notes: Notes) -> None:
        """Raises TuttiError where the folder does not hold them."""
        self._notes = notes
        self._recorded: dict[int, list[NDArray[np.float32]]] = {}
        rows = [
            row
            for row in read_manifest(folder)
            if row["instrument"] == notes.label
            and notes.source in row["source"]
            and notes.articulation in row["articulation"]
        ]
        if not rows:
            raise TuttiError(f"{folder} has no {notes.label} of {notes.source}: it needs them.")
        for row in rows:
            pitch = round(float(row["midi_pitch"])) if row["midi_pitch"] else 0
            sound = trimmed(decode(folder / row["path"]))
            self._recorded.setdefault(pitch, []).append(sound / self._loudness(sound))

    @staticmethod
    def _loudness(sound: NDArray[np.float32]) -> float:
        """RMS of the first second: recordings differ more than players do."""
        return float(np.sqrt(np.mean(np.square(sound[:SAMPLE_RATE_HZ], dtype=np.float64))))

    def play(self, note: pretty_midi.Note, take: int) -> NDArray[np.float32]:
        """One note, float32 (frames,) at 48 kHz; ``take`` counts those before it."""
        import soxr

        nearest = min(self._recorded, key=lambda pitch: abs(pitch - note.pitch))
        takes = self._recorded[nearest]
        sound = takes[take % len(takes)]
        up = note.pitch - nearest if nearest else 0
        sound = soxr.resample(sound, SAMPLE_RATE_HZ * 2 ** (up / 12), RATE_HZ)
        held = round((note.end - note.start) * RATE_HZ)
        fade = round(self._notes.release_s * RATE_HZ)
        sound = sound[: held + fade].copy()
        shape = np.ones(len(sound), np.float32)
        shape[held:] = np.linspace(1, 0, fade, dtype=np.float32)[: max(0, len(sound) - held)] ** 2
        end = min(len(sound), round(0.03 * RATE_HZ))
        shape[len(sound) - end :] *= np.linspace(1, 0, end, dtype=np.float32)
        played: NDArray[np.float32] = sound * shape * np.float32((note.velocity / 100) ** 1.5)
        return played


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


def _drum_bar(
    bar: int, rng: np.random.Generator, *, full: bool, fill: bool
) -> list[pretty_midi.Note]:
    """Kick 36, snare 38, hats 42, ride 51 and crash 49."""
    hits = [(half / 2, 51 if full else 42, 70 if half % 2 else 88) for half in range(8)]
    snare = 76 if full else 118  # alone he plays out
    hits += [(0.0, 36, 100), (1.0, 38, snare), (2.5, 36, 92), (3.0, 38, snare)]
    if full:
        hits += [(1.5, 36, 74), (3.75, 38, 46)]
    if fill:
        hits = [hit for hit in hits if hit[0] < 2.0 or hit[1] in (42, 51)]
        hits += [(2.0, 38, 80), (2.5, 38, 86), (2.75, 38, 66), (3.0, 36, 96), (3.25, 38, 92)]
        hits += [(3.5, 38, 100), (3.75, 38, 84)]
    notes = []
    for beat, pitch, loud in hits:
        start_s = max((bar * 4 + beat) * BEAT_S + rng.normal(0.0, 0.004), 0.0)
        velocity = int(np.clip(loud + rng.normal(0, 4), 20, 124))
        notes.append(pretty_midi.Note(velocity, pitch, start_s, start_s + RINGS_S[pitch]))
    return notes


PIANO = Notes("piano", "Salamander", release_s=0.35)
BASS = Notes("electric_bass", "karoryfer.pastabass", "sustain", 0.12)
TRUMPET = Notes("trumpet", "nbrosowsky", "sustain", 0.12)
KIT = (
    Notes("drums", "Virtuosity", "kick", keys=(36,), gain_db=-7.0),
    Notes("drums", "Virtuosity", "snare", keys=(38,), gain_db=-10.0),
    Notes("cymbals", "Virtuosity", "hihat closed", keys=(42,), gain_db=-13.0),
    Notes("cymbals", "Virtuosity", "crash", keys=(49,), gain_db=-30.0),
    Notes("cymbals", "Virtuosity", "ride", keys=(51,), gain_db=-21.0),
)
RINGS_S = {36: 0.3, 38: 0.3, 42: 0.25, 49: 1.8, 51: 0.7}
TUTTI_BAR = 8
"""From here on everybody plays; before it each player has two bars alone."""


def compose(rng: np.random.Generator) -> list[DemoPart]:
    """The score, player by player."""
    arpeggios = {
        0: "D2+D3/.5 A3/.5 E4/.5 F4/.5 A4/.5 F4/.5 E4/.5 A3/.5",
        1: "Bb1+Bb2/.5 F3/.5 A3/.5 D4/.5 A1+A2/.5 E3/.5 G3/.5 C#4/.5",
        8: "F3/.5 C4/.5 E4/.5 A4/.5 C5/.5 A4/.5 E4/.5 C4/.5",
        9: "C3/.5 G3/.5 D4/.5 E4/.5 G4/.5 E4/.5 C4/.5 G3/.5",
        10: "D3/.5 A3/.5 E4/.5 F4/.5 A4/.5 F4/.5 E4/.5 A3/.5",
        11: "Bb3/.5 F4/.5 A4/.5 D5/.5 C4+G4/.5 E4/.5 C4/.5 G3/.5",
        12: "D4+F4+A4/.75 D4+F4+A4/1.25 E4+G4+C5/.75 E4+G4+C5/1.25",
        13: "D3+A3+E4+F4+A4/4",
    }
    theme = {
        0: "A5/1.5 F5/.5 E5/1 D5/1",
        1: "C6/1.5 A5/.5 A5/1 E5/1",
        9: "r/1 E5/.5 G5/.5 C6/1 G5/1",
        11: "r/1 F5/.5 A5/.5 E6/1 D6/.5 C6/.5",
    }
    alone = {
        2: "D2/1 D2/.5 F2/.5 G2/1 A2/.5 C3/.5",
        3: "Bb1/1 Bb1/.5 D2/.5 A1/1 C#2/.5 E2/.5",
    }
    bass = {
        8: "F2/1.5 F2/.5 C2/1 A1/1",
        9: "C2/1.5 C2/.5 G2/1 E2/1",
        10: "D2/1.5 D2/.5 A2/1 C3/1",
        11: "Bb1/1 D2/1 C2/1 E2/1",
        12: "Bb1/.75 Bb1/.75 F2/.5 C2/.75 C2/.75 E2/.5",
        13: "D2/4",
    }
    trumpet = {
        6: "r/.5 A4/.5 D5/.5 F5/.5 E5/1.5 D5/.5",
        7: "C5/.5 D5/.5 A4/1 G4/.5 A4/.5 C#5/1",
        8: "F4/1 A4/.5 C5/.5 E5/1 D5/.5 C5/.5",
        9: "D5/1.5 r/2.5",
        10: "F5/.5 E5/.5 D5/.5 C5/.5 A4/1 C5/.5 D5/.5",
        11: "F5/1.5 r/2.5",
        12: "D5/.75 F5/.75 A5/.5 G5/.75 C6/1.25",
        13: "A5/4",
    }

    def played(
        score: dict[int, str], velocity: int, legato: float = 0.95
    ) -> list[pretty_midi.Note]:
        return [
            note for bar, text in score.items() for note in phrase(bar, text, rng, velocity, legato)
        ]

    drums = [
        note
        for bar in (4, 5, 8, 9, 10, 11, 12)
        for note in _drum_bar(bar, rng, full=bar >= TUTTI_BAR, fill=bar in (5, 11))
    ]
    for bar in (4, 8, 12, 13):  # crash with the kick
        start_s = bar * 4 * BEAT_S
        drums.append(pretty_midi.Note(84, 49, start_s, start_s + RINGS_S[49]))
        drums.append(pretty_midi.Note(104, 36, start_s, start_s + RINGS_S[36]))
    piano = played(arpeggios, 74, 1.5) + played(theme, 90, 1.0)
    return [
        DemoPart("piano", piano, (PIANO,), gain_db=-3.5, pan=-0.15, reverb=0.25),
        DemoPart(
            "bass",
            played(alone, 120, 1.0) + played(bass, 96, 0.92),
            (BASS,),
            gain_db=-6.5,
            reverb=0.05,
        ),
        DemoPart("drums", drums, KIT, pan=0.05, reverb=0.12),
        DemoPart("trumpet", played(trumpet, 96), (TRUMPET,), gain_db=1.5, pan=0.25, reverb=0.3),
    ]


def render_part(part: DemoPart, folder: Path) -> NDArray[np.float32]:
    """One player, dry: float32 ``(samples, 2)`` at 48 kHz, the same on both sides.

    Raises:
        TuttiError: the folder does not hold the notes of the part.
    """
    sound = np.zeros(round(DURATION_S * RATE_HZ), np.float32)
    for notes in part.played_by:
        sampler = Sampler(folder, notes)
        mine = [note for note in part.notes if not notes.keys or note.pitch in notes.keys]
        gain = np.float32(10 ** (notes.gain_db / 20))
        for take, note in enumerate(mine):
            start = round(note.start * RATE_HZ)
            played = gain * sampler.play(note, take)[: len(sound) - start]
            sound[start : start + len(played)] += played
    return 0.1 * np.stack([sound, sound], axis=1)


def placed(part: DemoPart, folder: Path) -> NDArray[np.float32]:
    """One player at its place and level, dry: float32 ``(samples, 2)``."""
    angle = (part.pan + 1) * np.pi / 4
    balance = np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)], np.float32)
    gain = np.float32(10 ** (part.gain_db / 20))
    sound: NDArray[np.float32] = render_part(part, folder) * balance * gain
    return sound


def in_room(send: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the room answers."""
    from pedalboard import HighpassFilter, Pedalboard, Reverb

    room = Pedalboard(
        [HighpassFilter(200), Reverb(room_size=0.55, damping=0.5, wet_level=0.9, dry_level=0.0)]
    )
    return room(send.T, RATE_HZ).T


def mix(parts: list[DemoPart], folder: Path) -> NDArray[np.float32]:
    """All players in one room: float32 ``(samples, 2)``.

    Peaks stay at 0.6: Vorbis adds up to 2 dB to them.
    """
    from pedalboard import Compressor, Gain, HighpassFilter, Limiter, Pedalboard

    dry = np.zeros((round(DURATION_S * RATE_HZ), 2), np.float32)
    send = np.zeros_like(dry)
    for part in parts:
        sound = placed(part, folder)
        dry += sound
        send += sound * np.float32(part.reverb)
    together = dry + in_room(send)
    level_db = 20 * np.log10(np.sqrt(np.mean(together**2)) + 1e-12)
    master = Pedalboard(
        [
            HighpassFilter(30),
            Gain(-18.0 - level_db),
            Compressor(threshold_db=-16, ratio=1.3, attack_ms=20, release_ms=200),
            Gain(2.0),
            Limiter(threshold_db=-2.0),
        ]
    )
    mastered = master(together.T, RATE_HZ).T
    fade = round(0.8 * RATE_HZ)
    mastered[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None] ** 2
    safe: NDArray[np.float32] = mastered * min(1.0, 0.6 / np.abs(mastered).max())
    return safe.astype(np.float32)


def stems(parts: list[DemoPart], folder: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each player by name, with its share of the room: together they are the mix unmastered."""
    for part in parts:
        sound = placed(part, folder)
        yield part.name, sound + in_room(sound * np.float32(part.reverb))


def write(output: Path, samples: Path, folder: Path | None) -> Iterator[str]:
    """Write the piece to ``output`` and its players to ``folder``; yields what was written.

    Raises TuttiError where that is not possible.
    """
    import soundfile

    output.parent.mkdir(parents=True, exist_ok=True)  # told before a minute of rendering
    parts = compose(np.random.default_rng(16))
    audio = mix(parts, samples)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, sound in stems(parts, samples):
            path = folder / f"{name}.flac"
            soundfile.write(path, sound / 2, RATE_HZ, subtype="PCM_24")  # none clips
            yield str(path)
    try:
        with (
            whole_file(output) as partial,
            soundfile.SoundFile(
                partial, "w", RATE_HZ, 2, format="OGG", subtype="VORBIS", compression_level=0.7
            ) as file,
        ):
            for start in range(0, len(audio), RATE_HZ):  # one long write overflows libsndfile
                file.write(audio[start : start + RATE_HZ])
    except soundfile.LibsndfileError as error:
        raise TuttiError(
            f"{output} cannot be written ({error.error_string}): name another."
        ) from None
    yield f"{output}: {len(audio) / RATE_HZ:.1f} s, {output.stat().st_size / 1000:.0f} KB"
