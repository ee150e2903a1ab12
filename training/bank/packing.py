"""The packed form of a bank: Ogg Vorbis shards in folders of limited size.

Needs only NumPy and soundfile, so that a bank can be unpacked on a machine
that has little else. Vorbis, because at 16 kHz mono it kept 1 to 4 dB more
signal over error than Opus at the same size, and decodes eight times faster.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training.bank.bank import AUDIO_FILE, Bank, parse_rows, read_manifest
from training.bank.processes import pool
from training.bank.writer import remove_stale_partials

INDEX = "index.json.gz"
_FORMAT = "tutti-packed-bank"
SHARD_S = 150.0
"""A shard closes with the first clip that makes it this long."""
_COMPRESSION_LEVEL = 0.7
"""soundfile's scale: about 3.3 kB/s for the notes of a bank."""
_BLOCK = 1 << 16
_TELL = Callable[[int, int], None]


def shards_of(lengths: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First sample and sample count of each shard: whole clips, about ``SHARD_S`` long."""
    start = samples = 0
    for length in lengths.tolist():
        samples += length
        if samples >= SHARD_S * SAMPLE_RATE_HZ:
            yield start, samples
            start, samples = start + samples, 0
    if samples:
        yield start, samples


def pack(
    bank_path: Path,
    out: Path,
    *,
    max_part_mib: float = 58.0,
    processes: int = 2,
    progress: _TELL = lambda done, total: None,
) -> list[int]:
    """Writes ``out/part0``, ``out/part1`` ... and returns each part's size in bytes.

    Raises TuttiError if ``out`` exists or the disk is full.
    """
    bank = Bank.open(bank_path)
    if out.exists():
        raise TuttiError(f"{out} exists already; remove it or choose another name.")
    limit = int(max_part_mib * 2**20)
    spans = list(shards_of(bank.length))
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        remove_stale_partials(out)
        partial.mkdir(parents=True)
        names = [f"shard-{number:04}.ogg" for number in range(len(spans))]
        todo = [
            (bank_path / AUDIO_FILE, start, samples, partial / name)
            for (start, samples), name in zip(spans, names, strict=True)
        ]
        made = []
        for done, crc in enumerate(_in_parallel(_encode, todo, processes), start=1):
            made.append(crc)
            progress(done, len(todo))
        index = {
            "format": _FORMAT,
            "version": 1,
            "bank": read_manifest(bank_path),
            "clips": (bank_path / "clips.csv").read_text(encoding="utf-8"),
            "shards": [
                {"name": name, "start": start, "samples": samples, "crc32": crc}
                for name, (start, samples), crc in zip(names, spans, made, strict=True)
            ],
        }
        (partial / INDEX).write_bytes(gzip.compress(json.dumps(index).encode(), mtime=0))
        sizes = _into_parts(partial, [INDEX, *names], limit)
        partial.rename(out)
    except OSError as error:
        raise TuttiError(
            f"{out} cannot be written ({error.strerror}); free some space or choose another place."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sizes


def _into_parts(folder: Path, names: list[str], limit: int) -> list[int]:
    sizes: list[int] = []
    for name in names:
        size = (folder / name).stat().st_size
        if size > limit:
            raise TuttiError(
                f"{name} alone has {size / 2**20:.1f} MiB; give --max-part-mib a larger number."
            )
        if not sizes or sizes[-1] + size > limit:
            sizes.append(0)
            (folder / f"part{len(sizes) - 1}").mkdir()
        (folder / name).rename(folder / f"part{len(sizes) - 1}" / name)
        sizes[-1] += size
    return sizes


def _encode(job: tuple[Path, int, int, Path]) -> int:
    import soundfile

    audio_path, start, samples, path = job
    audio = np.memmap(audio_path, dtype="<i2", mode="r")
    with soundfile.SoundFile(
        path, "w", SAMPLE_RATE_HZ, 1, "VORBIS", format="OGG", compression_level=_COMPRESSION_LEVEL
    ) as file:
        # One write of minutes overflows the stack of some libsndfile builds.
        for at in range(start, start + samples, _BLOCK):
            file.write(np.asarray(audio[at : min(at + _BLOCK, start + samples)]))
    if soundfile.info(path).frames != samples:
        raise TuttiError(f"{path} did not keep its length; report this with your soundfile version")
    return zlib.crc32(path.read_bytes())


def read_index(folder: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """The index of a packed bank and where its files lie, in parts or loose in ``folder``."""
    files = {path.name: path for path in sorted(folder.rglob("*")) if path.is_file()}
    if INDEX not in files:
        raise TuttiError(f"{folder} holds no packed bank ({INDEX} is missing).")
    try:
        index = json.loads(gzip.decompress(files[INDEX].read_bytes()))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise TuttiError(f"{files[INDEX]} is damaged ({error}); pack the bank again.") from error
    if index.get("format") != _FORMAT or index.get("version") != 1:
        raise TuttiError(f"{files[INDEX]} is of another version; pack the bank again.")
    missing = [shard["name"] for shard in index["shards"] if shard["name"] not in files]
    if missing:
        raise TuttiError(
            f"{folder} lacks {missing[0]} ({len(missing)} shards in all); bring every part."
        )
    return index, files


def unpack(
    packed: Path,
    path: Path,
    *,
    processes: int | None = None,
    progress: _TELL = lambda done, total: None,
) -> None:
    """Decodes a packed bank into a bank; raises TuttiError naming a missing or damaged shard."""
    index, files = read_index(packed)
    if path.exists():
        raise TuttiError(f"{path} exists already; remove it or choose another name.")
    parse_rows(index["clips"].splitlines(), files[INDEX])
    partial = path.parent / f".{path.name}.partial-{os.getpid()}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_partials(path)
        partial.mkdir()
        audio_path = partial / AUDIO_FILE
        with audio_path.open("wb") as file:
            file.truncate(2 * index["bank"]["samples"])
        todo = [
            (files[shard["name"]], shard["start"], shard["samples"], shard["crc32"], audio_path)
            for shard in index["shards"]
        ]
        workers = processes or os.cpu_count() or 1
        for done, _ in enumerate(_in_parallel(_decode, todo, workers), start=1):
            progress(done, len(todo))
        (partial / "clips.csv").write_text(index["clips"], encoding="utf-8", newline="")
        (partial / "bank.json").write_text(json.dumps(index["bank"], indent=1) + "\n")
        partial.rename(path)
    except OSError as error:
        raise TuttiError(
            f"{path} cannot be written ({error.strerror}); free some space or choose another place."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _decode(job: tuple[Path, int, int, int, Path]) -> None:
    import soundfile

    shard, start, samples, crc, audio_path = job
    if zlib.crc32(shard.read_bytes()) != crc:
        raise TuttiError(f"{shard} is damaged; bring it again.")
    pcm, rate_hz = soundfile.read(shard, dtype="int16")
    if len(pcm) != samples or rate_hz != SAMPLE_RATE_HZ:
        raise TuttiError(f"{shard} decodes to {len(pcm)} samples instead of {samples}.")
    with audio_path.open("r+b") as file:
        file.seek(2 * start)
        file.write(pcm.astype("<i2", copy=False).tobytes())


def _in_parallel(function: Callable[[Any], Any], todo: list[Any], processes: int) -> Iterator[Any]:
    if processes <= 1 or len(todo) <= 1:
        yield from map(function, todo)
        return
    with pool(min(processes, len(todo))) as workers:
        yield from workers.map(function, todo)
