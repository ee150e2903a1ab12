"""FreePats: patches of the Gravis Ultrasound, played by TiMidity++."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from realtime.spec import SAMPLE_RATE_HZ
from training.bank.clips import trimmed
from training.making.free import packages
from training.making.free.drumkits import drum
from training.making.free.sound import FreeSound, Samples, run
from training.sounds.folder import decode
from training.sounds.presets import Preset, drum_label, melodic_presets

_EVERY = 2
"""Semitones between the notes of a patch."""
_NOTE_S, _APART_S = 1.5, 3.0
_PATCH = re.compile(r"(\d+)_(.+)\.pat$")


def freepats(opened: Path) -> Iterator[FreeSound]:
    """Every other note of each patch that has a label, and its drums."""
    folder = packages.opened(packages.FREEPATS, opened) / "usr/share/midi/freepats"
    licence = "FreePats (GPL-2+ and others, see its copyright file)"
    patches = [
        (number, path)
        for path in sorted(folder.glob("*_000/*.pat"))
        if (number := _patch_number(path)) is not None
    ]
    config = opened / "freepats.cfg"
    banks = {"Tone_000": "bank 0", "Drum_000": "drumset 0"}
    with config.open("w", encoding="utf-8") as file:
        file.write(f"dir {folder.resolve()}\n")
        for name, bank in banks.items():
            lines = [f"{n} {p.relative_to(folder)}" for n, p in patches if p.parent.name == name]
            file.write("\n".join((bank, *lines, "")))
    melodic = {
        (0, n): p.stem[4:].replace("_", " ") for n, p in patches if p.parent.name == "Tone_000"
    }
    for preset in melodic_presets("FreePats", melodic):
        keys = range(preset.low, preset.high + 1, _EVERY)
        for key, samples in zip(keys, _played(config, preset, keys), strict=True):
            name = f"freepats/{preset.program:03}-{key:03}"
            timbre = preset.name.lower()
            yield FreeSound(name, samples, preset.label, "FreePats", licence, key, timbre)
    drums = {n: p.stem[4:] for n, p in patches if p.parent.name == "Drum_000" and 35 <= n <= 81}
    for (key, name), samples in zip(drums.items(), _played(config, None, list(drums)), strict=True):
        label, articulation = drum_label(key), drum(name.replace("_", " "))
        yield FreeSound(
            f"freepats/drum-{key:03}", samples, label, "FreePats", licence,
            articulation=articulation[1] if articulation else "",
        )  # fmt: skip


def _patch_number(path: Path) -> int | None:
    found = _PATCH.match(path.name)
    return int(found[1]) if found else None


def _played(config: Path, preset: Preset | None, keys: Sequence[int]) -> list[Samples]:
    """One note each of a patch, or of the drums where ``preset`` is None."""
    import pretty_midi

    part = pretty_midi.Instrument(preset.program if preset else 0, is_drum=preset is None)
    part.notes = [
        pretty_midi.Note(100, key, i * _APART_S, i * _APART_S + _NOTE_S)
        for i, key in enumerate(keys)
    ]
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(part)
    score, sound = config.with_suffix(".mid"), config.with_suffix(".wav")
    midi.write(str(score))
    run(
        "timidity", "-c", config, "-OwM", "-s", "44100", "-EFreverb=0", "-EFchorus=0", "-idqq",
        "-o", sound, score,
    )  # fmt: skip
    samples = decode(sound)
    apart = round(_APART_S * SAMPLE_RATE_HZ)
    found = [trimmed(samples[i * apart : (i + 1) * apart]) for i in range(len(keys))]
    score.unlink()
    sound.unlink()
    return found
