"""Whether every sound of a data set can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import TuttiError
from realtime.sources.file import FileSource

if TYPE_CHECKING:
    from training.datasets import DataSet


def check(
    data_set: DataSet, folder: Path, progress: Callable[[int, int], None]
) -> tuple[list[str], Counter[str]]:
    """A sentence for each file that cannot be decoded to its end, and how many there are of what.

    Raises:
        TuttiError: tables or files are missing or wrong; nothing is decoded then.
    """
    counts: Counter[str] = Counter()
    if data_set.recordings is not None:
        trained = data_set.recordings(folder)
        for one in trained:
            counts[f"{one.kind}s of {one.split}"] += 1
        paths = [one.path for one in trained]
        if any(one.split == "test" for one in trained):
            paths += [clip.path for clip in data_set.load(folder)]
    else:
        clips = data_set.load(folder)
        counts["clips that score"] = len(clips)
        paths = [clip.path for clip in clips]
    paths = list(dict.fromkeys(paths))
    faults = []
    for number, path in enumerate(paths, start=1):
        if (fault := unreadable(path)) is not None:
            faults.append(fault)
        progress(number, len(paths))
    counts["sound files"] = len(paths)
    counts["of them unreadable"] = len(faults)
    return faults, counts


def unreadable(path: Path) -> str | None:
    """Why a sound file cannot be read to its end, or None."""
    try:
        with FileSource(path) as source:
            frames = sum(len(block) for block in source)
    except TuttiError as error:
        return str(error)
    return None if frames else f"{path} holds no sound."
