"""Builds a bank: a list of small independent jobs, run in parallel, written in order.

A job draws from a generator seeded by the bank's seed and the job's name, so
the same seed gives the same bank on any number of processes.
"""

from __future__ import annotations

import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from realtime.errors import TuttiError
from training.bank.clips import Clip
from training.bank.processes import pool
from training.bank.writer import BankWriter

CONTENTS = ("samples", "notes", "pieces", "voices", "noise")
PIECES = {"train": 400, "val": 45, "test": 45}
"""Composed pieces of a full bank."""
_PIECES_A_JOB = 10
_ROWS_A_JOB = 200
_PRESETS_A_JOB = 12
_TRACKS_A_JOB = 4


@dataclass(frozen=True)
class Job:
    """A function of this module by name, with its arguments and how long it may take."""

    name: str
    function: str
    arguments: tuple[Any, ...]


@dataclass
class Made:
    """What a job gives back: clips, pieces (stems belong together), refused ones."""

    clips: list[Clip] = field(default_factory=list)
    pieces: list[list[Clip]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


def jobs(samples: Path | None, contents: Sequence[str], scale: float) -> list[Job]:
    """The jobs of a bank; ``scale`` shrinks every part of it."""
    from training.sounds.soundfont import FONTS

    out: list[Job] = []
    if ("samples" in contents or "voices" in contents) and samples is None:
        raise TuttiError("The folder of recorded notes is missing; name it with --samples.")
    if "notes" in contents or "pieces" in contents:
        require_fonts()
    if "samples" in contents and samples is not None:
        out += _sample_jobs(samples, scale)
    if "notes" in contents:
        out += note_jobs(FONTS, scale)
    if "pieces" in contents:
        for split, count in PIECES.items():
            fonts = [font for font in FONTS if font.split == split]
            folders = [samples] if samples else []
            out += piece_jobs(split, split, max(1, round(count * scale)), fonts, folders)
    if "voices" in contents and samples is not None:
        from training.sounds.voices import speakers

        out += voice_jobs(speakers(samples, scale), samples, scale)
    if "noise" in contents:
        from training.sounds.noise import CLIPS

        out += [
            Job(f"noise {split}", "make_noise", (split, max(1, round(count * scale))))
            for split, count in CLIPS.items()
        ]
    return out


def require_fonts() -> None:
    """Raises TuttiError naming a soundfont of every bank that is not installed."""
    from training.sounds.soundfont import FONTS

    for font in FONTS:
        if not font.path.is_file():
            raise TuttiError(
                f"The soundfont {font.path} is missing; on Debian: apt-get install "
                "fluid-soundfont-gm musescore-general-soundfont timgm6mb-soundfont "
                "csound-soundfont opl3-soundfont."
            )


def _sample_jobs(samples: Path, scale: float) -> list[Job]:
    from training.sounds.folder import read_manifest

    rows = read_manifest(samples)
    if scale < 1:
        step = max(1, round(1 / scale))
        rows = rows[::step]
    return sample_jobs(samples, rows)


def sample_jobs(
    folder: Path, rows: Sequence[dict[str, str]], split: str | None = None
) -> list[Job]:
    """These rows of a folder of recordings; for one split, or each for its own."""
    return [
        Job(f"samples {first}", "make_samples", (folder, rows[first : first + _ROWS_A_JOB], split))
        for first in range(0, len(rows), _ROWS_A_JOB)
    ]


def stretch_jobs(folder: Path, rows: Sequence[dict[str, str]], split: str) -> list[Job]:
    """Stretches of several instruments or of none; ``split`` where a row states none."""
    some = [rows[first : first + _ROWS_A_JOB] for first in range(0, len(rows), _ROWS_A_JOB)]
    return [
        Job(f"stretches {number}", "make_stretches", (folder, its, split))
        for number, its in enumerate(some)
    ]


def music_jobs(tracks: Sequence[Any], longest_s: float) -> list[Job]:
    """A stretch of each of these files of music."""
    some = [tracks[first : first + _TRACKS_A_JOB] for first in range(0, len(tracks), _TRACKS_A_JOB)]
    return [
        Job(f"music {its[0].package} {its[0].origin}", "make_music", (its, longest_s))
        for its in some
    ]


def note_jobs(fonts: Sequence[Any], scale: float = 1.0) -> list[Job]:
    """Every label's notes and the drum kits of these fonts."""
    from training.sounds.soundfont import kits_of, notes_for, presets_of

    out = []
    for font in fonts:
        wanted = list(notes_for(presets_of(font), font.split, scale).items())
        for first in range(0, len(wanted), _PRESETS_A_JOB):
            some = tuple(wanted[first : first + _PRESETS_A_JOB])
            out.append(Job(f"notes {font.source} {first}", "make_notes", (font, some)))
        out += [
            Job(f"drums {font.source} {kit}", "make_drums", (font, kit, scale))
            for kit in kits_of(font)
        ]
    return out


def voice_jobs(speakers: Sequence[Any], folder: Path, scale: float = 1.0) -> list[Job]:
    """What each of these speakers sings."""
    return [
        Job(f"voices {speaker.source}", "make_voices", (speaker, folder, scale))
        for speaker in speakers
    ]


def piece_jobs(
    name: str,
    split: str,
    wanted: int,
    fonts: Sequence[Any],
    folders: Sequence[Path],
    left_out: frozenset[Path] = frozenset(),
) -> list[Job]:
    """Composed pieces for the sounds of these fonts and the recorded instruments of a split."""
    return [
        Job(
            f"pieces {name} {number}",
            "make_pieces",
            (
                f"{name}-{number:03}",
                split,
                min(_PIECES_A_JOB, wanted - first),
                fonts,
                folders,
                left_out,
            ),
        )
        for number, first in enumerate(range(0, wanted, _PIECES_A_JOB))
    ]


def recording_jobs(recordings: Sequence[Any], longest_s: float) -> list[Job]:
    """A data set's recordings; the stems of a piece are one job's."""
    alone = [one for one in recordings if not one.piece]
    together: dict[str, list[Any]] = {}
    for one in recordings:
        if one.piece:
            together.setdefault(one.piece, []).append(one)
    some = [alone[first : first + _ROWS_A_JOB] for first in range(0, len(alone), _ROWS_A_JOB)]
    return [
        Job(f"recordings {number}", "make_recordings", (its, longest_s))
        for number, its in enumerate([*some, *together.values()])
    ]


def make_recordings(rng: np.random.Generator, some: Sequence[Any], longest_s: float) -> Made:
    from training.sounds.labelled import clips, piece

    made = Made()
    if some[0].piece:
        made.pieces.append(piece(some, longest_s, made.dropped))
    else:
        made.clips += clips(some, longest_s, rng, made.dropped)
    return made


def make_samples(
    rng: np.random.Generator, folder: Path, rows: Sequence[dict[str, str]], split: str | None
) -> Made:
    from training.sounds.samples import clips

    made = Made()
    made.clips = list(clips(folder, rows, dropped=made.dropped, split=split))
    return made


def make_stretches(
    rng: np.random.Generator, folder: Path, rows: Sequence[dict[str, str]], split: str
) -> Made:
    from training.sounds.stretches import clips

    return Made(list(clips(folder, rows, split=split)))


def make_music(rng: np.random.Generator, tracks: Sequence[Any], longest_s: float) -> Made:
    from training.sounds.music import clips

    made = Made()
    for clip in clips(tracks, longest_s, rng):
        if isinstance(clip, str):
            made.dropped[clip] += 1
        else:
            made.clips.append(clip)
    return made


def make_notes(rng: np.random.Generator, font: Any, presets: Sequence[Any]) -> Made:
    from training.sounds.soundfont import melodic_clips

    return Made(list(melodic_clips(font, presets, rng)))


def make_drums(rng: np.random.Generator, font: Any, kit: int, scale: float) -> Made:
    from training.sounds.soundfont import drum_clips

    return Made(list(drum_clips(font, [kit], rng, scale)))


def make_pieces(
    rng: np.random.Generator,
    name: str,
    split: str,
    count: int,
    fonts: Sequence[Any],
    folders: Sequence[Path],
    left_out: frozenset[Path],
) -> Made:
    from training.pieces.compose import compose_many
    from training.pieces.players import band_of
    from training.pieces.render import stems

    band = band_of(fonts, folders, split, left_out)
    made = Made()
    for i, piece in enumerate(compose_many(band.palette, count, rng)):
        made.pieces.append(stems(piece, f"{name}-{i:02}", band, rng))
    return made


def make_voices(rng: np.random.Generator, speaker: Any, samples: Path, scale: float) -> Made:
    from training.sounds.voices import clips

    return Made(list(clips(speaker, samples, rng, scale)))


def make_noise(rng: np.random.Generator, split: str, count: int) -> Made:
    from training.sounds.noise import clips

    return Made(list(clips(split, count, rng)))


def make_second_takes(rng: np.random.Generator, path: Path, takes: Sequence[Sequence[int]]) -> Made:
    from training.bank.bank import Bank, clip_at
    from training.sounds.studio import retuned, treated

    bank = Bank.open(path)
    made = Made()
    for indexes in takes:
        dry = [clip_at(bank, index) for index in indexes]
        wet = [
            replace(
                clip,
                samples=treated(samples, rng, amplified=clip.label.startswith("electric_guitar")),
                pitch=None,
                piece=clip.piece and f"{clip.piece} again",
                articulation=f"{clip.articulation} treated".strip(),
            )
            for clip, samples in zip(dry, retuned([c.samples for c in dry], rng), strict=True)
        ]
        if wet[0].piece:
            made.pieces.append(wet)
        else:
            made.clips += wet
    return made


def run(job: Job, seed: int) -> Made:
    """Does one job."""
    rng = np.random.default_rng([seed, zlib.crc32(job.name.encode())])
    function: Callable[..., Made] = globals()[job.function]
    return function(rng, *job.arguments)


def results(todo: Sequence[Job], seed: int, processes: int) -> Iterator[tuple[Job, Made]]:
    """The jobs' results in order; few are held at a time."""
    if processes <= 1:
        for job in todo:
            yield job, run(job, seed)
        return
    with pool(processes) as workers:
        waiting: deque[tuple[Job, Future[Made]]] = deque()
        for job in todo:
            waiting.append((job, workers.submit(run, job, seed)))
            if len(waiting) >= 4 * processes:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()


Progress = Callable[[str, int, int], None]
"""Told a job's name, how many are done and of how many."""


def silent(name: str, done: int, total: int) -> None:
    """Progress that nobody asked for."""


def write(
    writer: BankWriter, todo: Sequence[Job], seed: int, processes: int, progress: Progress
) -> None:
    """Does the jobs and writes what they made, in their order."""
    for done, (job, made) in enumerate(results(todo, seed, processes), start=1):
        for clip in made.clips:
            writer.append(clip)
        for stems in made.pieces:
            writer.append_piece(stems)
        writer.dropped.update(made.dropped)
        progress(job.name, done, len(todo))


def build(
    path: Path,
    samples: Path | None,
    *,
    seed: int,
    scale: float = 1.0,
    contents: Sequence[str] = CONTENTS,
    processes: int = 2,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Builds the bank at ``path``; ``progress`` is told each job's name and the count."""
    todo = jobs(samples, contents, scale)
    recipe = {"contents": list(contents), "scale": scale}
    with BankWriter(path, seed=seed, recipe=recipe, overwrite=overwrite) as writer:
        write(writer, todo, seed, processes, progress)
