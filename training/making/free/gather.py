"""Gathers the free sounds of public packages: soundfonts, a folder of notes, and real music.

``soundfonts`` and ``samples`` (with its ``manifest.csv``) are for ``tutti bank add``;
``recordings`` (with its ``recordings.csv``) is real music that never trains, for
``tutti evaluate``.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from realtime.whole_file import whole_file
from training.making.build import Progress, silent
from training.making.free import notes, packages, recordings
from training.making.free.drumkits import drumkits
from training.making.free.freepats import freepats
from training.making.free.sound import FreeSound
from training.making.free.unheard import unheard
from training.sounds.folder import COLUMNS

_SOURCES: dict[str, Callable[[Path], Iterator[FreeSound]]] = {
    "tonejs-instruments": notes.tonejs,
    "FreePats": freepats,
    "drum kits": drumkits,
    "guitar strums": notes.strums,
    "pipe organ": notes.pipe_organ,
    "electric guitars": recordings.metal,
    "speakers": recordings.speech,
}
_NEEDED = {"timidity": "timidity", "wvunpack": "wavpack"}
"""Programs that play FreePats and open the organ, and the packages they are in."""


def gather(out: Path, progress: Progress = silent) -> None:
    """Downloads, opens and writes everything; packages that are there are not downloaded again.

    Raises TuttiError where a package cannot be had, is another than it was, or where a
    registry's client, TiMidity++, which plays FreePats, or wvunpack, which opens the organ,
    is missing.
    """
    for program, its_package in _NEEDED.items():
        if shutil.which(program) is None:
            raise TuttiError(
                f"{program} is missing; install it (Debian: apt-get install {its_package}, "
                f"macOS: brew install {its_package})."
            )
    opened = out / "packages"
    missing = [package for package in packages.ALL if not packages.is_here(package, opened)]
    packages.require_clients(missing)
    for number, package in enumerate(missing):
        progress(f"downloading {package.name}", number, len(missing))
        packages.opened(package, opened)
    total = 2 + len(_SOURCES)
    progress("soundfonts", 0, total)
    _soundfonts(opened, out / "soundfonts")
    progress("recordings", 1, total)
    _recordings(opened, out / "recordings")
    rows: list[dict[str, str]] = []
    for done, (name, sounds) in enumerate(_SOURCES.items(), start=2):
        progress(name, done, total)
        rows += [_written(sound, out / "samples") for sound in sounds(opened)]
    _table(out / "samples" / "manifest.csv", COLUMNS, rows)


def _written(sound: FreeSound, folder: Path) -> dict[str, str]:
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


def _table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _soundfonts(opened: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, _) in packages.SOUNDFONTS.items():
        found = next(packages.opened(package, opened).rglob(name))
        shutil.copyfile(found, folder / name)


def _recordings(opened: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for recording in unheard(opened):
        (folder / recording.row["path"]).write_bytes(recording.content)
        rows.append(recording.row)
    _table(folder / "recordings.csv", list(rows[0]), rows)
