"""The whole program as a user starts it: start, files, clips, live, memory.

Needs ``os.wait4``, which says what a process and those it waited for took: Linux, macOS.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from export.bench import child
from realtime.errors import TuttiError
from realtime.sources.file import FileSource

START_S = 10.0
CLIP_S = 3.0
_CLIP_FILES = 50
LIVE_HOPS_S = (0.5, 0.05)
LIVE_START_S = 12.0
"""A live run of this length is taken off a longer one: what is left had no start in it."""

Step = Callable[[str], None]


@dataclass(frozen=True)
class Spent:
    """What a process took: time passed, processor time, most resident memory."""

    passed_s: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True)
class FileTimes:
    """One thing done: middle of several runs, and how much sound it was."""

    name: str
    sound_s: float
    spent: Spent

    @property
    def speed(self) -> float:
        """Times real time."""
        return self.sound_s / self.spent.passed_s


@dataclass(frozen=True)
class LiveShare:
    """Share of a core, start left out, at a number of windows a second."""

    name: str
    cpu: float
    measured_s: float
    memory_mb: float


def can_measure() -> bool:
    return hasattr(os, "wait4")


def measure_files(
    folder: Path, minutes: float, clips: int, repeats: int, step: Step
) -> list[FileTimes]:
    """A short file, long ones, and many clips, made in ``folder`` of the demo piece."""
    import soundfile

    step("Making files")
    demo, rate_hz = _demo()
    copies = max(1, round(60 * minutes * rate_hz / len(demo)))
    jobs: list[tuple[str, float, list[str]]] = []
    short = folder / "short.flac"
    soundfile.write(short, demo[: round(START_S * rate_hz)], rate_hz)
    jobs.append((f"a file of {START_S:.0f} s", START_S, [str(short)]))
    long_s = copies * len(demo) / rate_hz
    kinds = [kind for kind in ("FLAC", "MP3") if kind in soundfile.available_formats()]
    for kind in kinds:
        path = folder / f"long.{kind.lower()}"
        with soundfile.SoundFile(path, "w", rate_hz, demo.shape[1], format=kind) as file:
            for _ in range(copies):
                file.write(demo)
        name = f"{long_s / 60:.0f} minutes of {kind}, {demo.shape[1]} channels, {rate_hz} Hz"
        jobs.append((name, long_s, [str(path)]))
    if clips:
        names = [str(path) for path in _clips(folder, demo, rate_hz)]
        many = [names[number % len(names)] for number in range(clips)]
        jobs.append((f"{clips} clips of {CLIP_S:.0f} s in one call", clips * CLIP_S, many))
    runs: list[list[Spent]] = [[] for _ in jobs]
    for number in range(repeats):
        for (name, sound_s, files), spent in zip(jobs, runs, strict=True):
            # A short run says little: more of them.
            for _ in range(1 if sound_s > 60 or repeats == 1 else 3):
                step(f"{name}, {number + 1} of {repeats}")
                spent.append(run_tutti("tag", "--format", "jsonl", *files))
    return [
        FileTimes(name, sound_s, _middle(spent))
        for (name, sound_s, _), spent in zip(jobs, runs, strict=True)
    ]


def measure_live(folder: Path, seconds: float, step: Step) -> list[LiveShare]:
    """``tutti listen`` to a stereo file at the speed it plays."""
    import soundfile

    demo, rate_hz = _demo()
    path = folder / "live.wav"
    with soundfile.SoundFile(path, "w", rate_hz, demo.shape[1]) as file:
        for _ in range(int(1 + (seconds + LIVE_START_S) * rate_hz / len(demo))):
            file.write(demo)
    found = []
    for hop_s in LIVE_HOPS_S:
        name = f"{1 / hop_s:.0f} windows/s"
        step(f"Live, {name}")
        short, long = (
            run_tutti(
                *("listen", "--file", str(path), "--format", "jsonl"),
                *("--hop", str(hop_s), "--duration", str(duration_s)),
            )
            for duration_s in (LIVE_START_S, LIVE_START_S + seconds)
        )
        cpu = (long.cpu_s - short.cpu_s) / seconds
        found.append(LiveShare(name, cpu, seconds, long.memory_mb))
    return found


def run_tutti(*arguments: str) -> Spent:
    """Run ``tutti`` as from a shell, what it prints thrown away.

    Raises:
        TuttiError: it ended with an error.
    """
    command = [sys.executable, child.__file__, sys.executable, "-m", "realtime.cli", *arguments]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if status := found["status"]:
        reason = found["said"].strip().splitlines() or [f"exit status {status}"]
        raise TuttiError(f"'tutti {arguments[0]}' cannot be measured: {reason[-1]}")
    return Spent(found["passed_s"], found["cpu_s"], found["memory_mb"])


def _middle(spent: Sequence[Spent]) -> Spent:
    columns = np.median([(one.passed_s, one.cpu_s, one.memory_mb) for one in spent], axis=0)
    return Spent(*columns.tolist())


def _demo() -> tuple[np.ndarray, int]:
    with (
        resources.as_file(resources.files("realtime") / "assets" / "demo.ogg") as path,
        FileSource(path) as source,
    ):
        return np.concatenate(list(source)), source.sample_rate_hz


def _clips(folder: Path, demo: np.ndarray, rate_hz: int) -> list[Path]:
    import soundfile

    length = round(CLIP_S * rate_hz)
    paths = []
    for number, first in enumerate(np.linspace(0, len(demo) - length, _CLIP_FILES, dtype=int)):
        paths.append(folder / f"clip{number}.wav")
        soundfile.write(paths[-1], demo[first : first + length], rate_hz)
    return paths
