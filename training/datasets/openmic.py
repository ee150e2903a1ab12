"""OpenMIC-2018 (Humphrey, Durand and McFee, ISMIR 2018): 10-s clips, 20 tags, partly labelled.

The folder as unpacked from Zenodo record 1432913: ``openmic-2018-aggregated-labels.csv``,
``audio/xxx/*.ogg`` and ``partitions/split01_test.csv``. A tag with relevance 0.5 or more sounds,
one with less does not, and one without a row is unknown: most are.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

from realtime.errors import TuttiError
from realtime.taxonomy import OPENMIC
from training.datasets.truth import Excerpt, existing, truth_of

PRESENT_RELEVANCE = 0.5


def load(folder: Path) -> list[Excerpt]:
    """The clips of the official test split.

    Raises:
        TuttiError: a file is missing or a row cannot be read.
    """
    how = "unpack OpenMIC-2018 and name the folder that holds it"
    table = existing(folder / "openmic-2018-aggregated-labels.csv", how)
    split = existing(folder / "partitions" / "split01_test.csv", how)
    chosen = split.read_text(encoding="utf-8").split()
    heard: dict[str, list[str]] = defaultdict(list)
    absent: dict[str, list[str]] = defaultdict(list)
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                tag, key = row["instrument"], row["sample_key"]
                if float(row["relevance"]) >= PRESENT_RELEVANCE:
                    heard[key].append(tag)
                else:
                    absent[key] += OPENMIC[tag].any_of
            except (KeyError, TypeError, ValueError) as error:
                raise TuttiError(f"{table}, line {reader.line_num}: {error}.") from None
    return [
        Excerpt(
            path=existing(folder / "audio" / key[:3] / f"{key}.ogg", how),
            truth=truth_of(heard[key], complete=False, absent=absent[key], vocabulary=OPENMIC),
            kind="mix",
            group=key.split("_")[0],  # the track the clip was cut from
        )
        for key in chosen
        if heard[key] or absent[key]
    ]
