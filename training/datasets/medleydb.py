"""MedleyDB 1 and 2 (Bittner et al., ISMIR 2014; LBD 2016): songs with a stem an instrument.

The folders ``Audio/NAME``, wherever they lie under the one named, each with ``NAME_MIX.wav`` and
``NAME_STEMS/*.wav``; ``NAME_METADATA.yaml`` lies beside them (version 1) or in ``Metadata``
(version 2, and the annotations' repository). Songs whose stems bleed into each other are left
out, as in the papers. No split is official: artists are drawn into 65, 17.5 and 17.5 % of training,
validation and test, the shares of the musical/non-musical mixtures paper, which drew songs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from training.datasets.recording import Faults, Recording, drawn_split
from training.datasets.songs import Song, Stem, mixes_of, stems_of
from training.datasets.truth import Excerpt, existing
from training.datasets.yaml_file import read_yaml

NAME = "MedleyDB"
_SUFFIX = "_METADATA.yaml"
_VOICES = (
    "male singer", "female singer", "male speaker", "female speaker", "male rapper",
    "female rapper", "male screamer", "female screamer", "vocalists", "choir",
)  # fmt: skip
_PERCUSSION = (
    "auxiliary percussion", "bongo", "conga", "tambourine", "darbuka", "doumbek", "tabla",
    "triangle", "sleigh bells", "cowbell", "cabasa", "guiro", "gu", "chimes", "castanet", "claps",
    "rattle", "shaker", "maracas", "whistle", "snaps",
)  # fmt: skip
_UNNAMED = (
    "erhu", "guzheng", "liuqin", "oud", "zhongruan", "dulcimer", "yangqin", "dizi",
    "bamboo flute", "panpipes", "bagpipe", "concertina", "melodica", "beatboxing", "crowd",
    "theremin", "fx/processed sound", "scratches", "sampler", "Main System",
    "Unlabeled",
)  # fmt: skip
LABELS: dict[str, str] = {
    **dict.fromkeys(_VOICES, "voice"),
    **dict.fromkeys(_PERCUSSION, "percussion"),
    **dict.fromkeys(_UNNAMED, "other"),
    "violin": "violin", "violin section": "violin", "viola": "viola", "viola section": "viola",
    "cello": "cello", "cello section": "cello", "string section": "string_ensemble",
    "double bass": "double_bass", "acoustic guitar": "acoustic_guitar", "banjo": "banjo",
    "harp": "harp", "harpsichord": "harpsichord", "mandolin": "mandolin",
    "slide guitar": "guitar", "ukulele": "ukulele", "sitar": "sitar", "piano": "piano",
    "tack piano": "piano", "flute": "flute", "flute section": "flute", "piccolo": "flute",
    "recorder": "recorder", "alto saxophone": "saxophone", "baritone saxophone": "saxophone",
    "tenor saxophone": "saxophone", "soprano saxophone": "saxophone", "clarinet": "clarinet",
    "bass clarinet": "clarinet", "clarinet section": "clarinet", "oboe": "oboe",
    "english horn": "oboe", "bassoon": "bassoon", "trumpet": "trumpet", "cornet": "trumpet",
    "trumpet section": "trumpet", "trombone": "trombone", "trombone section": "trombone",
    "french horn": "horn", "french horn section": "horn", "horn section": "brass_section",
    "brass section": "brass_section", "euphonium": "brass", "tuba": "tuba",
    "harmonica": "harmonica", "accordion": "accordion", "bandoneon": "accordion",
    "harmonium": "harmonium", "pipe organ": "organ", "electronic organ": "organ",
    "high hat": "cymbals", "cymbal": "cymbals", "gong": "percussion", "xylophone": "xylophone",
    "vibraphone": "vibraphone", "marimba": "marimba", "glockenspiel": "glockenspiel",
    "timpani": "timpani", "toms": "drums", "snare drum": "drums", "kick drum": "drums",
    "bass drum": "drums", "drum set": "drum_kit",
    "drum machine": "drum_kit", "clean electric guitar": "electric_guitar",
    "distorted electric guitar": "electric_guitar", "lap steel guitar": "electric_guitar",
    "electric bass": "bass", "electric piano": "electric_piano", "synthesizer": "synthesizer",
}  # fmt: skip
"""Every instrument of MedleyDB's taxonomy, as a name of ``taxonomy.FINE``."""
_BY_LOWER_CASE = {name.lower(): label for name, label in LABELS.items()}


def songs(
    folder: Path, name: str = NAME, more_labels: Mapping[str, str] | None = None
) -> list[Song]:
    """The songs whose stems do not bleed, with their stems.

    ``more_labels``: names beside ``LABELS``, in lower case; with them, a name that is not known
    leaves open what sounds, without them it is a fault.

    Raises:
        TuttiError: there are none, or a file or a label of one cannot be used.
    """
    how = f"bring {name} whole, Audio and Metadata, and name the folder that holds them"
    existing(folder, how)
    faults = Faults(how)
    tables = {path.name.removesuffix(_SUFFIX): path for path in folder.rglob(f"*{_SUFFIX}")}
    parts = {path.name: path for path in folder.rglob("*_*") if _is_song(path)}
    for title in sorted(parts.keys() - tables.keys()):
        faults.add(f"{parts[title]} has no {title}{_SUFFIX}, beside it or in Metadata")
    found = []
    for title, part in sorted(parts.items()):
        if title not in tables:
            continue
        before = len(faults.found)
        song = _song(title, part, tables[title], faults, more_labels)
        if song is not None and len(faults.found) == before:
            found.append(song)
    faults.end()
    if not found:
        raise TuttiError(f"{folder} holds no song of {name} (NAME_MIX.wav, NAME_STEMS): {how}.")
    return found


def recordings(folder: Path) -> list[Recording]:
    """The stems; raises as ``songs`` does."""
    return stems_of(songs(folder), NAME)


def load(folder: Path) -> list[Excerpt]:
    """The mixes of the test songs; raises as ``songs`` does."""
    return mixes_of(songs(folder))


def _is_song(path: Path) -> bool:
    return (path / f"{path.name}_STEMS").is_dir() or (path / f"{path.name}_MIX.wav").exists()


def _song(
    title: str, part: Path, table: Path, faults: Faults, more_labels: Mapping[str, str] | None
) -> Song | None:
    """A song by its metadata; None where its stems bleed, or nothing is known of them."""
    about = read_yaml(table, faults)
    if about is None or str(about.get("has_bleed", "no")).lower() in ("yes", "true"):
        return None
    mix = part / f"{title}_MIX.wav"
    faults.need(mix)
    if not isinstance(about.get("stems"), dict):
        faults.add(f"{table} names no stems")
        return None
    stems = []
    for key, entry in sorted(about["stems"].items()):
        where = f"{table}, stem {key}"
        stem = _stem(part / f"{title}_STEMS", where, entry, faults, more_labels)
        if stem is not None:
            stems.append(stem)
    artist = str(about.get("artist") or title.partition("_")[0])
    return Song(title, artist, drawn_split(artist), mix, tuple(stems), "CC-BY-NC-SA-4.0")


def _stem(
    folder: Path, where: str, entry: Any, faults: Faults, more_labels: Mapping[str, str] | None
) -> Stem | None:
    if not isinstance(entry, dict) or "filename" not in entry or "instrument" not in entry:
        faults.add(f"{where}: filename or instrument is missing")
        return None
    named = entry["instrument"]
    several = [str(one) for one in named] if isinstance(named, list) else [str(named)]
    known = _BY_LOWER_CASE | dict(more_labels or {})
    unknown = [one for one in several if one.lower() not in known]
    if unknown and more_labels is None:
        faults.add(f"{where}: unknown instrument '{unknown[0]}'")
        return None
    path = folder / str(entry["filename"])
    faults.need(path)
    labels = {known.get(one.lower(), "other") for one in several}
    return Stem(path, labels.pop() if len(labels) == 1 else "other")
