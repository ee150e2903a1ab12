"""Writing a note bank (``training.bank.bank``).

A bank is written into a sibling folder whose name starts with a dot and gets
its own name only when it is whole, so a killed build leaves nothing that
could be taken for a bank.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import FINE
from realtime.whole_file import is_running
from training.bank.bank import AUDIO_FILE, COLUMNS, FORMAT, VERSION, Bank, clip_at
from training.bank.clips import KINDS, SPLITS, Clip, fault

PEAK = 10 ** (-3 / 20)
"""A clip's loudest sample (of a piece: that of its loudest stem), -3 dBFS."""


class BankWriter:
    """Writes a bank; use it as a context manager.

    Leaving the block normally makes the bank whole under its name; leaving it
    by an exception removes everything written. An existing bank is replaced
    only with ``overwrite=True``, and only once the new one is whole.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        seed: int | None = None,
        recipe: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.dropped: Counter[str] = Counter()
        self.clips = 0
        self.samples = 0
        self._seed = seed
        self._recipe = dict(recipe or {})
        self._overwrite = overwrite
        self._partial = self.path.parent / f".{self.path.name}.partial-{os.getpid()}"

    def __enter__(self) -> Self:
        if self.path.exists() and not self._overwrite:
            raise TuttiError(f"{self.path} exists already; remove it or choose another name.")
        with _naming_the_disk(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            remove_stale_partials(self.path)
            self._partial.mkdir()
            self._audio = (self._partial / AUDIO_FILE).open("wb")
            self._table = (self._partial / "clips.csv").open("w", newline="", encoding="utf-8")
            self._rows = csv.writer(self._table, lineterminator="\n")
            self._rows.writerow(COLUMNS)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                with _naming_the_disk(self.path):
                    self._finish()
        finally:
            for file in (self._audio, self._table):
                # A full disk fails again when the buffer is flushed; the folder goes anyway.
                with suppress(OSError):
                    file.close()
            shutil.rmtree(self._partial, ignore_errors=True)

    def append(self, clip: Clip) -> bool:
        """Adds one clip, peak-normalised; False if it was dropped (and counted)."""
        reason = fault(clip.samples)
        if reason:
            self.dropped[reason] += 1
            return False
        self._write(clip, to_pcm(clip.samples, PEAK / float(np.abs(clip.samples).max())))
        return True

    def append_piece(self, stems: Sequence[Clip]) -> int:
        """Adds the stems of one piece with their relative levels; returns how many stayed.

        The stems must share a non-empty ``piece`` and a length.
        """
        if len({(stem.piece, len(stem.samples)) for stem in stems}) > 1 or (
            stems and not stems[0].piece
        ):
            raise ValueError("the stems of a piece share its name and length")
        good = []
        for stem in stems:
            reason = fault(stem.samples)
            if reason:
                self.dropped[reason] += 1
            else:
                good.append(stem)
        if good:
            gain = PEAK / max(float(np.abs(stem.samples).max()) for stem in good)
            for stem in good:
                self._write(stem, to_pcm(stem.samples, gain))
        return len(good)

    def append_pcm(self, clip: Clip, pcm: NDArray[np.int16]) -> None:
        """Adds a clip whose samples are already those of a bank."""
        self._write(clip, pcm)

    def drop(self, reason: str, count: int = 1) -> None:
        """Counts clips that a reader refused."""
        self.dropped[reason] += count

    def _write(self, clip: Clip, pcm: NDArray[np.int16]) -> None:
        # Music names several instruments in one field.
        names = clip.label.split(";") if clip.kind == "music" else [clip.label]
        if clip.label and not FINE.keys() >= set(names):
            raise TuttiError(f"{clip.origin or self.path}: unknown label '{clip.label}'.")
        if clip.split not in SPLITS or clip.kind not in KINDS:
            raise ValueError(f"no such split or kind: {clip.split}, {clip.kind}")
        with _naming_the_disk(self.path):
            self._audio.write(pcm.astype("<i2", copy=False).tobytes())
            self._rows.writerow(
                (
                    self.samples, len(pcm), clip.label, clip.source, clip.split, clip.kind,
                    "" if clip.pitch is None else f"{clip.pitch:g}",
                    "" if clip.velocity is None else clip.velocity,
                    clip.articulation, int(clip.sustain), clip.piece, clip.onset,
                    clip.licence, clip.origin,
                )
            )  # fmt: skip
        self.clips += 1
        self.samples += len(pcm)

    def _finish(self) -> None:
        for file in (self._audio, self._table):
            file.flush()
            os.fsync(file.fileno())
            file.close()
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "clips": self.clips,
            "samples": self.samples,
            "dropped": dict(sorted(self.dropped.items())),
            "seed": self._seed,
            "recipe": self._recipe,
        }
        (self._partial / "bank.json").write_text(json.dumps(manifest, indent=1) + "\n")
        if self.path.exists():
            if not self._overwrite:
                raise TuttiError(f"{self.path} exists already; remove it or choose another name.")
            replaced = self.path.parent / f".{self.path.name}.replaced-{os.getpid()}"
            self.path.rename(replaced)
            self._partial.rename(self.path)
            shutil.rmtree(replaced)
        else:
            self._partial.rename(self.path)


@contextmanager
def _naming_the_disk(path: Path) -> Iterator[None]:
    """Turns an OSError into a TuttiError naming the bank."""
    try:
        yield
    except OSError as error:
        raise TuttiError(
            f"{path} cannot be written ({error.strerror}); free some space or choose "
            "another place. Nothing half-written was left."
        ) from error


def to_pcm(samples: NDArray[np.float32], gain: float) -> NDArray[np.int16]:
    """Float samples times ``gain`` as int16, rounded and clipped."""
    scaled: NDArray[np.float32] = np.rint(samples.astype(np.float32) * np.float32(gain * 32768))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def remove_stale_partials(path: Path) -> None:
    """Removes what builds of this bank left when they were killed."""
    for stale in path.parent.glob(f".{path.name}.partial-*"):
        pid = stale.name.rpartition("-")[2]
        if pid.isdigit() and not is_running(int(pid)):
            shutil.rmtree(stale, ignore_errors=True)


def copy_into(writer: BankWriter, bank: Bank) -> None:
    """Appends the clips of an open bank unchanged."""
    for index in range(len(bank)):
        start = int(bank.start[index])
        pcm = np.asarray(bank.audio[start : start + int(bank.length[index])])
        writer.append_pcm(clip_at(bank, index), pcm)
