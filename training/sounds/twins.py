"""Which sounds of a soundfont are the recordings that validation and test hold.

Free soundfonts are often made of each other's samples, under other names. What
is scored must not have been learned, so a font that joins training is compared
first: each preset plays the held-out notes of its label at their own pitch, and
is left out where a waveform comes back the same. Recorded notes are compared as they
are. Labels that are masked are never scored, so they are not compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import INSTRUMENTS
from training.bank.bank import Bank
from training.bank.clips import Clip
from training.bank.splits import coarse
from training.sounds.presets import DRUM_BANK, Preset
from training.sounds.soundfont import Font
from training.sounds.synth import Event, soundfont

Samples = NDArray[np.float32]

SAME = 0.9
"""Likeness from which on two notes are the same recording. Of FluidR3's 124
presets, which share none with the held-out soundfonts, 6 reach it by chance,
nearly pure tones most of them; a soundfont grown out of a held-out one gets 0.99
to 1.00."""
_SKIP_S, _EXCERPT_S, _RENDER_S = 0.01, 0.3, 0.7
_AUDIBLE = 0.1
_QUIET = 1e-3


def likeness(held_out: Samples, other: Samples) -> float:
    """Largest normalised cross-correlation (0 to 1) of a note's beginning with another note.

    The excerpt, 0.3 s from just after the onset, may lie anywhere in ``other``;
    level and sign do not matter. Both are differentiated twice: the overtones tell
    two recordings of one pitch apart, and without that the fundamental drowns them.
    """
    loud = np.flatnonzero(np.abs(held_out) > _AUDIBLE * np.abs(held_out).max(initial=1e-6))
    if not len(loud):
        return 0.0
    first = int(loud[0]) + round(_SKIP_S * SAMPLE_RATE_HZ)
    excerpt = np.diff(held_out[first : first + round(_EXCERPT_S * SAMPLE_RATE_HZ)], n=2)
    other = np.diff(other, n=2)
    lags = len(other) - len(excerpt) + 1
    if len(excerpt) < round(_EXCERPT_S / 2 * SAMPLE_RATE_HZ) or lags < 1:
        return 0.0
    size = 1 << (len(other) + len(excerpt) - 1).bit_length()
    spectrum = np.fft.rfft(other, size) * np.conj(np.fft.rfft(excerpt, size))
    products = np.abs(np.fft.irfft(spectrum, size)[:lags])
    energy = np.concatenate(([0.0], np.cumsum(np.square(other, dtype=np.float64))))
    norms = np.sqrt(energy[len(excerpt) :] - energy[:lags])
    heard = norms > _QUIET * max(float(norms.max()), 1e-9)
    norm = float(np.linalg.norm(excerpt))
    return float((products[heard] / norms[heard]).max(initial=0.0)) / norm if norm else 0.0


def shared_presets(font: Font, presets: list[Preset], bank: Bank) -> set[tuple[int, int]]:
    """Bank and program of the presets that play a held-out recording."""
    held = _held_out(bank)
    return {
        (preset.bank, preset.program)
        for preset in presets
        if _plays_any(font, (preset.bank, preset.program), held.get(coarse(preset.label), {}), bank)
    }


def shared_kits(font: Font, kits: list[int], bank: Bank) -> set[tuple[int, int]]:
    """Bank and program of the drum kits that hold a held-out hit."""
    hits: dict[int, list[int]] = defaultdict(list)
    unpitched = (bank.split != "train") & np.isin(bank.label, ("drums", "cymbals"))
    for index in np.flatnonzero(unpitched):
        drum, _, key = str(bank.origin[index]).partition(":")
        if drum.startswith(f"{DRUM_BANK}/") and key.isdigit():
            hits[int(key)].append(int(index))
    return {(DRUM_BANK, kit) for kit in kits if _plays_any(font, (DRUM_BANK, kit), hits, bank)}


def shared_notes(notes: Iterable[Clip], bank: Bank) -> set[str]:
    """Origins of the notes that are a held-out recording.

    Phrases and masked labels are not compared; hits are, with every held-out hit of
    their label.
    """
    held = _held_out(bank)
    hits: dict[str, list[int]] = defaultdict(list)
    for index in np.flatnonzero(
        (bank.kind == "note") & (bank.split != "train") & np.isnan(bank.pitch)
    ):
        hits[coarse(str(bank.label[index]))].append(int(index))
    shared = set()
    for note in notes:
        label = coarse(note.label)
        if note.kind != "note" or label not in INSTRUMENTS:
            continue
        key = None if note.pitch is None else round(note.pitch)
        same = hits[label] if key is None else held[label][key]
        if any(likeness(bank.clip(index), note.samples) > SAME for index in same):
            shared.add(note.origin)
    return shared


def _held_out(bank: Bank) -> dict[str, dict[int, list[int]]]:
    """Pitched notes outside training: label of the model to key to clips."""
    found: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    pitched = (bank.kind == "note") & (bank.split != "train") & ~np.isnan(bank.pitch)
    for index in np.flatnonzero(pitched):
        label = coarse(str(bank.label[index]))
        if label in INSTRUMENTS:
            found[label][round(float(bank.pitch[index]))].append(int(index))
    return found


def _plays_any(
    font: Font, program: tuple[int, int], by_key: dict[int, list[int]], bank: Bank
) -> bool:
    return any(
        likeness(bank.clip(index), own) > SAME
        for key, own in _played(font, program, by_key)
        for index in by_key[key]
    )


def _played(
    font: Font, program: tuple[int, int], keys: dict[int, list[int]]
) -> Iterator[tuple[int, Samples]]:
    player = soundfont(font.path)
    for key in keys:
        events = [Event(0.0, "on", key, 100), Event(_RENDER_S, "off", key)]
        yield key, player.render(*program, events, _RENDER_S)
