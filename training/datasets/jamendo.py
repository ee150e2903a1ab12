"""MTG-Jamendo (Bogdanov et al., ML4MD 2019): whole tracks with tags, most of them not complete.

The repository's ``data`` folder with ``splits/split-0/autotagging_SET-train.tsv``, ``-validation``
and ``-test``, and the audio, ``14/214.mp3`` or ``14/214.low.mp3``, somewhere beside it: name the
folder that holds both. ``SET`` is ``instrument`` for what is trained and scored here, and
``top50tags`` for the pre-training of the musical/non-musical mixtures paper (``tags``). A tag that
is not given says nothing: listeners tagged what they thought of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import TuttiError
from training.datasets.recording import Faults, Recording, to_score
from training.datasets.truth import Excerpt, existing

SPLITS = {"train": "train", "validation": "val", "test": "test"}
_INSTRUMENT = "instrument---"
_COLUMNS = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
LABELS: dict[str, str] = {
    **dict.fromkeys(("beat", "bell", "computer", "orchestra", "sampler"), "other"),
    "accordion": "accordion", "acousticbassguitar": "bass", "acousticguitar": "acoustic_guitar",
    "bass": "synth_bass", "bongo": "percussion", "brass": "brass", "cello": "cello",
    "clarinet": "clarinet", "classicalguitar": "acoustic_guitar", "doublebass": "double_bass",
    "drummachine": "drum_kit", "drums": "drum_kit", "electricguitar": "electric_guitar",
    "electricpiano": "electric_piano", "flute": "flute", "guitar": "guitar",
    "harmonica": "harmonica", "harp": "harp", "horn": "brass", "keyboard": "electric_piano",
    "oboe": "oboe", "organ": "organ", "pad": "synth_pad", "percussion": "percussion",
    "piano": "piano", "pipeorgan": "organ", "rhodes": "electric_piano", "saxophone": "saxophone",
    "strings": "strings", "synthesizer": "synthesizer", "trombone": "trombone",
    "trumpet": "trumpet", "viola": "viola", "violin": "violin", "voice": "voice",
}  # fmt: skip
"""The 41 instrument tags as names of ``taxonomy.FINE``."""
_HOW = (
    "bring the data folder of the MTG-Jamendo repository and its audio together and name the "
    "folder that holds both"
)


@dataclass(frozen=True)
class Track:
    """A track as a table has it: its tags are whole, as ``genre---rock``."""

    path: Path
    artist: str
    tags: tuple[str, ...]
    split: str


def tags(folder: Path, tag_set: str) -> list[Track]:
    """The tracks of a set of tags in its official split 0.

    Raises:
        TuttiError: a table or a track is missing, or a line cannot be read.
    """
    existing(folder, _HOW)
    faults = Faults(_HOW)
    audio = {
        f"{path.parent.name}/{path.name.replace('.low.mp3', '.mp3')}": path
        for path in folder.rglob("*.mp3")
    }
    found = []
    for name, split in SPLITS.items():
        tables = sorted(folder.rglob(f"split-0/autotagging_{tag_set}-{name}.tsv"))
        if not tables:
            raise TuttiError(
                f"{folder} holds no splits/split-0/autotagging_{tag_set}-{name}.tsv: {_HOW}."
            )
        for where, fields in _rows(tables[0], faults):
            path = audio.get(fields[3])
            if path is None:
                faults.add(f"{fields[3]}, which {where} names, is missing")
            elif faults.need(path):
                found.append(Track(path, fields[1], tuple(fields[5:]), split))
    faults.end()
    return found


def recordings(folder: Path) -> list[Recording]:
    """The tracks with instrument tags; raises as ``tags`` does, and for a tag it does not know."""
    faults = Faults("this version of Tutti knows the tags of the first release")
    found = []
    for track in tags(folder, "instrument"):
        names = [tag.removeprefix(_INSTRUMENT) for tag in track.tags if tag.startswith(_INSTRUMENT)]
        if unknown := [name for name in names if name not in LABELS]:
            faults.add(f"{track.path}: unknown tag '{_INSTRUMENT}{unknown[0]}'")
            continue
        labels = tuple(dict.fromkeys(LABELS[name] for name in names if LABELS[name] != "other"))
        found.append(
            Recording(
                path=track.path,
                labels=labels,
                split=track.split,
                source=f"Jamendo {track.artist}",
                complete=False,
                licence="Creative Commons, by track",
            )
        )
    faults.end()
    return found


def load(folder: Path) -> list[Excerpt]:
    """The tracks of the test split with an instrument of ours; raises as ``recordings`` does."""
    return to_score(recordings(folder))


def _rows(table: Path, faults: Faults) -> Iterator[tuple[str, list[str]]]:
    """Where a line stands, and its fields; tags follow the fifth without end."""
    lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or lines[0].split("\t") != _COLUMNS:
        faults.add(f"{table} does not begin with {' '.join(_COLUMNS)}")
        return
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) < len(_COLUMNS):
            faults.add(f"{table}, line {number}: {len(fields)} fields, not {len(_COLUMNS)} or more")
        else:
            yield f"{table}, line {number},", fields
