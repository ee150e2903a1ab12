"""The music of games in packages of Debian: fetched by name, and only the music of it kept.

Nobody labelled it; teachers speak of it (``training.teachers``).
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from realtime.errors import TuttiError
from realtime.sources.file import FileSource
from training.making.build import Progress, silent
from training.sounds.music import COPYRIGHT, LONG_ENOUGH_S, SOUNDS

PACKAGES = (
    "0ad-data", "drascula-music", "freedroidrpg-data", "hedgewars-data", "hyperrogue-music",
    "lincity-ng-data", "megaglest-data", "naev-data", "nexuiz-music", "planetblupi-music-ogg",
    "singularity-music", "supertux-data", "supertuxkart-data", "trackballs-data", "ufoai-music",
    "unknown-horizons", "warmux-data", "warzone2100-music", "wesnoth-1.16-music",
    "widelands-data",
)  # fmt: skip
_ARCHIVES = {".zip", ".pk3"}
_EFFECTS = ("ambient", "effect", "interface", "sfx", "sound", "speech", "voice")
"""What stands in the names of folders of effects; one named music in the path outweighs it."""
_NEEDED = {"apt-get": "apt", "dpkg-deb": "dpkg"}
Fetch = Callable[[str, Path], Path]
"""Brings the package of a name into a folder; raises TuttiError where it cannot be had."""


def gather_music(
    out: Path,
    packages: tuple[str, ...] = PACKAGES,
    *,
    progress: Progress = silent,
    fetch: Fetch | None = None,
) -> list[str]:
    """Makes ``out/music/PACKAGE`` of each package, whole or not at all.

    What is there is not made again; a package file in ``out/packages`` is not fetched again.
    Returns a sentence for each package that could not be had.

    Raises TuttiError where a program that opens packages is missing.
    """
    for program, its_package in _NEEDED.items():
        if fetch is None and shutil.which(program) is None:
            raise TuttiError(
                f"{program} is missing; music is fetched with Debian's own programs "
                f"(package {its_package})."
            )
    failed = []
    for done, name in enumerate(packages):
        progress(f"music of {name}", done, len(packages))
        target = out / "music" / name
        if target.is_dir():
            continue
        try:
            _gather(name, target, out / "packages", fetch or _apt)
        except TuttiError as error:
            failed.append(str(error))
        except OSError as error:
            raise TuttiError(f"{out} cannot be written ({error.strerror}).") from error
    return failed


def is_music(path: str) -> bool:
    """Whether a sound file's path says that it is music rather than an effect.

    ``path`` is relative; that of a file in an archive begins with the archive's.
    """
    parts = PurePosixPath(path).parts
    if ".." in parts or PurePosixPath(path).suffix.lower() not in SOUNDS:
        return False
    folders = "/".join(parts[:-1]).lower()
    return "music" in folders or not any(word in folders for word in _EFFECTS)


def _gather(name: str, target: Path, packages: Path, fetch: Fetch) -> None:
    part = target.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        held = sorted(packages.glob(f"{name}_*.deb"))
        package = held[-1] if held else fetch(name, packages)
        part.mkdir(parents=True)
        _open(package, part)
        if not any(path.suffix.lower() in SOUNDS for path in part.rglob("*")):
            raise TuttiError(f"The package {name} holds no music of {LONG_ENOUGH_S:g} s or more.")
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _apt(name: str, packages: Path) -> Path:
    """Downloads a package into a folder of its own first, so that none is there in part."""
    part = packages / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        done = subprocess.run(["apt-get", "download", name], cwd=part, capture_output=True)
        found = sorted(part.glob("*.deb"))
        if done.returncode or not found:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise TuttiError(
                f"The package {name} cannot be had ({said[-1] if said else 'nothing came'}); "
                "the rest goes on without it."
            )
        return found[0].rename(packages / found[0].name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _open(package: Path, part: Path) -> None:
    """The music of a package, and its file of licences, as they stand in it."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as opened:
        assert opened.stdout is not None
        assert opened.stderr is not None
        try:
            with tarfile.open(fileobj=opened.stdout, mode="r|") as tar:
                for entry in tar:
                    content = tar.extractfile(entry) if entry.isreg() else None
                    if content is not None:
                        _take(entry.name.removeprefix("./"), content, part)
        except (tarfile.TarError, zipfile.BadZipFile) as error:
            said = opened.stderr.read().decode(errors="replace").strip().splitlines()
            raise TuttiError(
                f"{package} cannot be opened ({said[-1] if said else error}); remove it and "
                "fetch again."
            ) from error


def _take(path: str, content: IO[bytes], part: Path) -> None:
    suffix = PurePosixPath(path).suffix.lower()
    if path.startswith("usr/share/doc/") and path.endswith(f"/{COPYRIGHT}"):
        _write(content, part / COPYRIGHT)
    elif suffix in _ARCHIVES:
        # An archive is read from its end, so it needs a file.
        inner = part / f"archive{suffix}"
        _write(content, inner)
        if zipfile.is_zipfile(inner):
            with zipfile.ZipFile(inner) as archive:
                for name in archive.namelist():
                    if is_music(f"{path}/{name}"):
                        with archive.open(name) as file:
                            _write_music(file, part / path / name)
        inner.unlink()
    elif is_music(path):
        _write_music(content, part / path)


def _write(content: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)


def _write_music(content: IO[bytes], path: Path) -> None:
    """Keeps a file where it is long enough, and sound."""
    _write(content, path)
    try:
        with FileSource(path) as source:  # read, because a header may only estimate
            wanted = round(LONG_ENOUGH_S * source.sample_rate_hz)
            long_enough = len(source.take(wanted)) == wanted
    except TuttiError:
        long_enough = False
    if not long_enough:
        path.unlink()
