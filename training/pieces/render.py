"""Plays a composed piece, each part alone, so that the mixer knows every stem.

Drums keys, cymbals keys and other percussion of one part become three stems.
The stems of a piece start together, are equally long, and keep levels that a
mix of them would have: each part's loudness is set by its role, not by how
loud its source happens to be.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pretty_midi
from numpy.typing import NDArray

from realtime.spec import SAMPLE_RATE_HZ
from training.bank.clips import Clip
from training.pieces.compose import Part, Piece
from training.pieces.players import Band, Player
from training.sounds.presets import DRUM_BANK, drum_label

_LOUDNESS_DB = {
    "melody": 0.0, "tremolo": 0.0, "drums": 1.0, "bass": -1.0, "power": -2.0, "two hands": -1.0,
    "counter": -4.0, "arpeggio": -4.0, "comping": -5.0, "strum": -5.0, "percussion": -6.0,
    "pad": -7.0,
}  # fmt: skip
_LOUDNESS_SPREAD_DB = 4.0
_FADE_S = 0.1


def stems(piece: Piece, name: str, band: Band, rng: np.random.Generator) -> list[Clip]:
    """The stems of a piece as clips that share ``name``; parts that stay silent are left out."""
    clips = []
    for part in piece.parts:
        player = band.players[part.sound]
        rendered = list(_stems_of(piece, part, player, rng))
        loudest = max((active_rms(samples) for _, samples in rendered), default=0.0)
        if not loudest:
            continue
        level_db = _LOUDNESS_DB[part.role] + rng.normal(0, _LOUDNESS_SPREAD_DB)
        gain = np.float32(10 ** ((level_db - 20) / 20) / loudest)
        preset = part.sound.preset
        for label, samples in rendered:
            if samples.any():
                clips.append(
                    Clip(
                        samples=samples * gain, label=label, source=part.sound.source,
                        split=player.split, kind="stem", articulation=part.role, piece=name,
                        licence=player.licence, sustain=bool(preset and preset.sustain),
                        onset=_onset(samples), origin=f"{piece.style}/{_origin(part)}",
                    )
                )  # fmt: skip
    return clips


def _origin(part: Part) -> str:
    preset = part.sound.preset
    if part.sound.recorded:
        return f"recorded {preset.name if preset else 'kit'}"
    if preset is None:
        return f"{DRUM_BANK}/{part.sound.kit}"
    return f"{preset.bank}/{preset.program} {preset.name}"


def _stems_of(
    piece: Piece, part: Part, player: Player, rng: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    instrument = piece.midi.instruments[part.index]
    if part.sound.preset is not None:
        samples = player.perform(instrument, piece.duration_s, rng)
        yield part.sound.preset.label, _faded(samples)
        return
    for label in ("drums", "cymbals", "percussion"):
        notes = [note for note in instrument.notes if drum_label(note.pitch) == label]
        if notes:
            alone = pretty_midi.Instrument(program=0, is_drum=True)
            alone.notes = notes
            yield label, _faded(player.perform(alone, piece.duration_s, rng))


def _faded(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    fade = round(_FADE_S * SAMPLE_RATE_HZ)
    samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return samples


def active_rms(samples: NDArray[np.float32]) -> float:
    """RMS of the parts that sound: 50 ms frames within 30 dB of the loudest."""
    frame = SAMPLE_RATE_HZ // 20
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    power = np.mean(frames.astype(np.float64) ** 2, axis=1)
    peak = power.max(initial=0.0)
    return float(np.sqrt(power[power > peak * 1e-3].mean())) if peak > 0 else 0.0


def _onset(samples: NDArray[np.float32]) -> int:
    return int(np.argmax(np.abs(samples) > 10 ** (-50 / 20) * np.abs(samples).max()))
