"""OpenMIC-2018 (Humphrey, Durand and McFee, ISMIR 2018): 10-s clips, 20 tags, partly labelled.

The folder as unpacked from Zenodo record 1432913: ``openmic-2018-aggregated-labels.csv``,
``audio/xxx/*.ogg``, ``partitions/split01_train.csv`` and ``split01_test.csv``, and
``openmic-2018.npz``, whose ``Y_true`` and ``Y_mask`` say the same as the table. A tag with
relevance 0.5 or more sounds, one with less does not, and one without a row is unknown: most are.
The npz names its rows by a pickle, which could run anything, so the table is read, and held
against the npz where that is there.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from realtime.taxonomy import FINE, OPENMIC
from training.datasets.recording import Faults, Recording, to_score
from training.datasets.truth import Excerpt, existing

PRESENT_RELEVANCE = 0.5
TAGS = tuple(OPENMIC)
_HOW = "unpack OpenMIC-2018 whole and name the folder that holds it"


def recordings(folder: Path, splits: tuple[str, ...] = ("train", "test")) -> list[Recording]:
    """The labelled clips of the official splits.

    Raises:
        TuttiError: a file is missing or a row cannot be read.
    """
    faults = Faults(_HOW)
    heard, absent = _labels(folder, faults)
    found = []
    for split in splits:
        table = existing(folder / "partitions" / f"split01_{split}.csv", _HOW)
        for key in table.read_text(encoding="utf-8").split():
            path = folder / "audio" / key[:3] / f"{key}.ogg"
            if (heard[key] or absent[key]) and faults.need(path):
                found.append(
                    Recording(
                        path=path,
                        labels=tuple(heard[key]),
                        split=split,
                        source=key.split("_")[0],  # the track the clip was cut from
                        complete=False,
                        absent=tuple(name for tag in absent[key] for name in OPENMIC[tag].any_of),
                        licence="CC-BY-4.0",
                    )
                )
    faults.end()
    return found


def load(folder: Path) -> list[Excerpt]:
    """The clips of the official test split.

    Raises:
        TuttiError: a file is missing or a row cannot be read.
    """
    return to_score(recordings(folder, ("test",)))


def _labels(folder: Path, faults: Faults) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The tags that sound, and those that do not, by the clip's key."""
    table = existing(folder / "openmic-2018-aggregated-labels.csv", _HOW)
    heard: dict[str, list[str]] = defaultdict(list)
    absent: dict[str, list[str]] = defaultdict(list)
    rows = 0
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                tag, key = row["instrument"], row["sample_key"]
                present = float(row["relevance"]) >= PRESENT_RELEVANCE
                if tag not in OPENMIC or tag not in FINE:
                    raise KeyError(tag)
            except (KeyError, TypeError, ValueError) as error:
                faults.add(f"{table}, line {reader.line_num}: {error}")
                continue
            (heard if present else absent)[key].append(tag)
            rows += 1
    _hold_against(folder / "openmic-2018.npz", rows, sum(map(len, heard.values())), faults)
    return heard, absent


def _hold_against(path: Path, rows: int, present: int, faults: Faults) -> None:
    """The npz, where it is there, has as many labels as the table, give or take a tenth."""
    if not path.exists():
        return
    try:
        with np.load(path, allow_pickle=False) as arrays:
            true, mask = arrays["Y_true"], arrays["Y_mask"].astype(bool)
    except (OSError, ValueError, KeyError) as error:
        faults.add(f"{path} cannot be read ({error})")
        return
    if true.shape != mask.shape or true.shape[1:] != (len(TAGS),):
        faults.add(f"{path} is not of {len(TAGS)} tags: Y_true {true.shape}, Y_mask {mask.shape}")
    elif not faults.found:
        told = int(mask.sum()), int(((true >= PRESENT_RELEVANCE) & mask).sum())
        if abs(told[0] - rows) > rows / 10 or abs(told[1] - present) > present / 10:
            faults.add(
                f"{path} has {told[0]} labels, {told[1]} of them present, and the table {rows} "
                f"and {present}: the two are not of one version"
            )


def targets(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """``Y_true`` at 0.5 and ``Y_mask`` of a clip, float32 ``[20]`` each, in the order of ``TAGS``.

    A tag is known absent where its instruments are; ``guitar`` where both of ours are.
    """
    true = np.array([tag in recording.labels for tag in TAGS], np.float32)
    gone = [set(OPENMIC[tag].any_of) <= set(recording.absent) for tag in TAGS]
    return true, np.maximum(true, np.array(gone, np.float32))
