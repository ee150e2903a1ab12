"""IRMAS, testing data (Bosch et al., ISMIR 2012): excerpts of 5 to 20 s with predominant
instruments.

The folders ``IRMAS-TestingData-Part1`` to ``-Part3``, wherever they lie under the one named: for
each ``x.wav`` an ``x.txt`` with one code a line. As in the literature, those of the eleven
instruments that are not named count as absent; the other thirteen of ours are unknown.
"""

from __future__ import annotations

import re
from pathlib import Path

from realtime.errors import TuttiError
from realtime.taxonomy import IRMAS
from training.datasets.truth import Excerpt, existing, truth_of

_EXCERPT = re.compile(r"-\d+$")


def load(folder: Path) -> list[Excerpt]:
    """The excerpts of the testing data.

    Raises:
        TuttiError: there are none, or a label file cannot be read.
    """
    clips = []
    for table in sorted(existing(folder, "name the folder that holds IRMAS").rglob("*.txt")):
        path = table.with_suffix(".wav")
        if not path.exists():  # a readme
            continue
        codes = table.read_text(encoding="utf-8").split()
        wrong = [code for code in codes if code not in IRMAS]
        if wrong or not codes:
            raise TuttiError(f"{table} names {wrong or 'nothing'}: expected codes of IRMAS.")
        absent = [target.any_of[0] for code, target in IRMAS.items() if code not in codes]
        clips.append(
            Excerpt(
                path=path,
                truth=truth_of(codes, complete=False, absent=absent, vocabulary=IRMAS),
                kind="mix",
                group=_EXCERPT.sub("", path.stem),  # excerpts of one track: "name-3.wav"
            )
        )
    if not clips:
        raise TuttiError(f"{folder} holds no IRMAS testing data (x.wav beside x.txt).")
    return clips
