"""Sound that a user corrected, kept on this computer as clips that ``tutti bank add`` takes.

A clip is a WAV file and a row of ``several.csv``: what sounds in it, and whether that is all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.folders import folder
from realtime.whole_file import whole_file, write_whole

COLUMNS = ("path", "source", "licence", "split", "instruments", "complete")
_MANIFEST = "path,instrument\n"
"""``tutti bank add --folder`` reads one, with notes or without."""


def clips_folder() -> Path:
    """Where the clips lie."""
    return folder("data") / "clips"


def keep(
    into: Path,
    sound: NDArray[np.floating],
    sample_rate_hz: int,
    instruments: Collection[str],
    *,
    complete: bool,
    now: datetime | None = None,
) -> Path:
    """Write ``sound`` (frames, channels), in which ``instruments`` sound; returns its file.

    ``complete``: they are all that sounds, so that every other is known to be silent.

    Raises:
        TuttiError: the folder cannot be written.
    """
    import soundfile

    name = f"{now or datetime.now():%Y-%m-%d-%H%M%S}"
    try:
        into.mkdir(parents=True, exist_ok=True)
        path = into / f"{name}.wav"
        number = 1
        while path.exists():
            number += 1
            path = into / f"{name}-{number}.wav"
        # The sound first: a row without its file would be refused, and so would all the others.
        with whole_file(path) as partial:
            soundfile.write(partial, sound, sample_rate_hz, subtype="PCM_16")
        try:
            if not (into / "manifest.csv").exists():
                write_whole(into / "manifest.csv", _MANIFEST)
            _add_row(into / "several.csv", path.name, instruments, complete)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise TuttiError(
            f"The sound was not kept: {into} cannot be written ({error.strerror or error})."
        ) from None
    return path


def _add_row(table: Path, path: str, instruments: Collection[str], complete: bool) -> None:
    text = table.read_text(encoding="utf-8") if table.exists() else ",".join(COLUMNS) + "\n"
    row = io.StringIO()
    writer = csv.writer(row, lineterminator="\n")
    writer.writerow((path, "corrections", "", "train", ";".join(instruments), int(complete)))
    write_whole(table, text.rstrip("\n") + "\n" + row.getvalue())
