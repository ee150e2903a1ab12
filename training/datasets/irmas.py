"""IRMAS (Bosch et al., ISMIR 2012): predominant instruments of music as it was released.

Training data: ``IRMAS-TrainingData/CODE/*.wav``, 3 s each, one predominant instrument by folder;
what else sounds, nobody says. A name ends in the number of its song and of the excerpt
(``[cel][cla]0001__1.wav``), by which ``validation_split`` keeps songs apart. Testing data: the
folders ``IRMAS-TestingData-Part1`` to ``-Part3``, for each ``x.wav`` of 5 to 20 s an ``x.txt`` with
one code a line. As in the literature, those of the eleven instruments that are not named there
count as absent; the other thirteen of ours are unknown.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from pathlib import Path

from realtime.errors import TuttiError
from realtime.taxonomy import IRMAS
from training.datasets.recording import Faults, Recording, to_score
from training.datasets.truth import Excerpt, existing

TRAINING = "IRMAS-TrainingData"
_EXCERPT = re.compile(r"-\d+$")
_SONG = re.compile(r"(\d+)__\d+$")
_HOW = "unpack IRMAS-TrainingData and the three IRMAS-TestingData-Part and name their folder"


def recordings(folder: Path) -> list[Recording]:
    """The training data, 15 % of it (Zhong et al., APSIPA 2023) to validate, and the testing data.

    Raises:
        TuttiError: there is neither, or a label or a file of it cannot be used.
    """
    existing(folder, "name the folder that holds IRMAS")
    faults = Faults(_HOW)
    found = _training(folder, faults) + _testing(folder, faults)
    faults.end()
    if not found:
        raise TuttiError(f"{folder} holds no IRMAS data, neither {TRAINING}/cel nor x.txt: {_HOW}.")
    return found


def load(folder: Path) -> list[Excerpt]:
    """The excerpts of the testing data.

    Raises:
        TuttiError: there are none, or a label file cannot be read.
    """
    existing(folder, "name the folder that holds IRMAS")
    faults = Faults(_HOW)
    clips = to_score(_testing(folder, faults))
    faults.end()
    if not clips:
        raise TuttiError(f"{folder} holds no IRMAS testing data (x.wav beside x.txt).")
    return clips


def _training(folder: Path, faults: Faults) -> list[Recording]:
    root = folder if folder.name == TRAINING else folder / TRAINING
    if not root.is_dir():
        return []
    for part in sorted(path for path in root.iterdir() if path.is_dir()):
        if part.name not in IRMAS and part.name[0] not in "._":  # what a Mac leaves in archives
            faults.add(f"{part} is none of IRMAS's eleven folders")
    songs: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for code in IRMAS:
        paths = sorted((root / code).glob("[!.]*.wav"))
        if not paths:
            faults.add(f"{root / code} holds no excerpt (x.wav)")
        for path in paths:
            if (number := _SONG.search(path.stem)) is None:
                faults.add(f"{path} does not end in the numbers of its song and excerpt")
            elif faults.need(path):
                songs[code, number[1]].append(path)
    held = validation_split({song: len(paths) for song, paths in songs.items()})
    return [
        Recording(
            path=path,
            labels=(str(IRMAS[code].instrument),),
            split="val" if (code, number) in held else "train",
            source=f"IRMAS {code} {number}",
            complete=False,
            licence="CC-BY-NC-SA-3.0",
        )
        for (code, number), paths in songs.items()
        for path in paths
    ]


def validation_split(
    songs: dict[tuple[str, str], int], share: float = 0.15
) -> set[tuple[str, str]]:
    """Songs (code, number) with ``share`` of the excerpts of each instrument, always the same."""
    held: set[tuple[str, str]] = set()
    for code in IRMAS:
        own = [song for song in songs if song[0] == code]
        wanted = share * sum(songs[song] for song in own)
        for song in sorted(own, key=lambda song: zlib.crc32("".join(song).encode())):
            if wanted >= songs[song]:
                held.add(song)
                wanted -= songs[song]
    return held


def _testing(folder: Path, faults: Faults) -> list[Recording]:
    clips = []
    for table in sorted(folder.rglob("*.txt")):
        path = table.with_suffix(".wav")
        codes = table.read_text(encoding="utf-8", errors="replace").split()
        labelled = bool(codes) and all(code in IRMAS for code in codes)
        if not path.exists() and not labelled:  # a readme
            continue
        if not labelled:
            wrong = [code for code in codes if code not in IRMAS]
            faults.add(f"{table} names {wrong or 'nothing'} instead of IRMAS's codes")
        elif faults.need(path):
            clips.append(
                Recording(
                    path=path,
                    labels=tuple(str(IRMAS[code].instrument) for code in codes),
                    split="test",
                    source=_EXCERPT.sub("", path.stem),  # excerpts of one track: "name-3.wav"
                    complete=False,
                    absent=tuple(
                        str(target.instrument)
                        for code, target in IRMAS.items()
                        if code not in codes
                    ),
                    licence="CC-BY-NC-SA-3.0",
                )
            )
    return clips
