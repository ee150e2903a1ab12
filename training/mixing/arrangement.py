"""What plays in each window: how many parts, which sounds, which notes.

Three kinds of parts share one list of events: *notes* played from single-note
clips as a phrase (melody, chords, arpeggio, strum, drum pattern), *crops* of
longer phrases, and *stems* of a composed piece. In a *musical* window the parts
share key, tempo and beat; otherwise each has its own (musical and non-musical
mixtures, p of 0.4 to 0.6: see ``docs/experiments.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from realtime.spec import SAMPLE_RATE_HZ
from training.mixing.palette import Palette
from training.mixing.place import Events, sounding

ONSETS_PER_S = 7
"""Onsets considered for a phrase, a second of buffer, counted back from its end."""
VOICES = 4
"""Notes sounding together at one onset, at most."""
_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # natural minor
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 2, 4, 5, 7, 9, 10),  # mixolydian
)
_BEAT_FRACTIONS = (0.25, 1 / 3, 0.5, 0.5, 1.0, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class ArrangementConfig:
    """How windows are filled. ``count_weights``: odds of 0, 1, 2... parts.

    ``transpose_semitones``: how far stretches of phrases and pieces are moved, either way.
    ``stretch_semitones``: how far off, in a third of the phrases, the recording may lie that
    plays a note, as in small samplers, which spread one over many keys.
    """

    count_weights: tuple[float, ...] = (0.05, 0.30, 0.19, 0.15, 0.12, 0.08, 0.06, 0.03, 0.02)
    musical_p: float = 0.5
    piece_p: float = 0.3
    stem_p: float = 0.2
    phrase_p: float = 0.3
    max_detune_semitones: float = 0.3
    transpose_semitones: float = 2.0
    stretch_semitones: float = 0.0


@dataclass(frozen=True)
class Arrangement:
    """A batch of windows on paper.

    ``window``: the window of each part ``[parts]``; ``sound``: its class in the
    palette ``[parts]``; ``relative``: whether the part keeps its own level
    (stems of one piece) instead of being levelled, bool ``[parts]``.
    """

    window: Tensor
    sound: Tensor
    relative: Tensor
    events: Events


def uniform(n: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(n, generator=rng, device=rng.device) * (high - low) + low


def chance(n: int, p: float, rng: torch.Generator) -> Tensor:
    return torch.rand(n, generator=rng, device=rng.device) < p


def _integers(n: int, high: int, rng: torch.Generator) -> Tensor:
    return torch.randint(high, (n,), generator=rng, device=rng.device)


def arrange(
    palette: Palette, windows: int, samples: int, config: ArrangementConfig, rng: torch.Generator
) -> Arrangement:
    """Draw a batch of windows of ``samples`` each, lead-in included."""
    device = palette.device
    weights = torch.tensor(config.count_weights, device=device)
    counts = torch.multinomial(weights, windows, replacement=True, generator=rng)
    from_piece = chance(windows, config.piece_p if len(palette.pieces) else 0.0, rng)
    from_piece &= counts > 0
    drawn = _draw_classes(palette, torch.where(from_piece, 0, counts), len(weights) - 1, rng)
    window, sound = drawn
    parts = len(window)
    kind = _draw_kinds(palette, sound, config, rng)
    timbre = torch.zeros(parts, dtype=torch.int64, device=device)
    for index, name in enumerate(("note", "phrase", "stem")):
        chosen = kind == index
        table = palette.timbres[name]
        timbre[chosen] = table.draw(sound[chosen], uniform(int(chosen.sum()), 0, 1, rng))
    notes = _phrases(palette, window, timbre, kind == 0, windows, samples, config, rng)
    crops = _crops(palette, timbre, kind > 0, samples, config, rng)
    stem_window, stem_sound, stems = _pieces(
        palette, from_piece, counts, samples, parts, config, rng
    )
    events = Events.join([notes, crops, stems])
    return Arrangement(
        window=torch.cat([window, stem_window]),
        sound=torch.cat([sound, stem_sound]),
        relative=torch.arange(parts + len(stem_window), device=device) >= parts,
        events=events.keep(sounding(events, palette, samples)),
    )


def _draw_classes(
    palette: Palette, counts: Tensor, most: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Distinct classes for each window by Gumbel top-k: (window, class) ``[parts]``."""
    shape = (len(counts), len(palette.classes))
    noise = torch.rand(shape, generator=rng, device=palette.device).clamp(1e-9, 1 - 1e-7)
    keys = palette.class_weight.log() - torch.log(-torch.log(noise))
    most = min(most, int((palette.class_weight > 0).sum()))
    top = keys.topk(most, dim=1).indices
    used = torch.arange(most, device=palette.device) < counts[:, None]
    window = torch.arange(len(counts), device=palette.device)[:, None].expand(-1, most)
    return window[used], top[used]


def _draw_kinds(
    palette: Palette, sound: Tensor, config: ArrangementConfig, rng: torch.Generator
) -> Tensor:
    """0 note, 1 phrase, 2 stem; what a class lacks goes to what it has."""
    has = [palette.class_has[name][sound].float() for name in ("note", "phrase", "stem")]
    odds = (1.0 - config.phrase_p - config.stem_p, config.phrase_p, config.stem_p)
    weight = torch.stack(
        [p * h for p, h in zip(odds, has, strict=True)], dim=1
    ) + 1e-6 * torch.stack(has, dim=1)
    if len(sound) == 0:
        return sound
    return torch.multinomial(weight, 1, generator=rng)[:, 0]


def _crops(
    palette: Palette,
    timbre: Tensor,
    chosen: Tensor,
    samples: int,
    config: ArrangementConfig,
    rng: torch.Generator,
) -> Events:
    """One event a part: a random stretch of a long clip."""
    part = chosen.nonzero()[:, 0]
    n = len(part)
    clip = palette.timbre_clips.draw(timbre[part], uniform(n, 0, 1, rng))
    reach = config.transpose_semitones
    semitones = uniform(n, -reach, reach, rng) * chance(n, 0.5, rng)
    ratio = 2.0 ** (semitones / 12)
    spare = (palette.length[clip] / ratio - samples).clamp(min=0)
    onset = -torch.floor(uniform(n, 0, 1, rng) * spare)
    short = palette.length[clip] / ratio < samples
    # A clip shorter than the buffer starts anywhere that leaves some of it in.
    onset = torch.where(short, torch.floor(uniform(n, -0.2, 0.8, rng) * samples), onset)
    return _held(part, clip, onset, ratio, torch.ones(n, device=palette.device), samples)


def _held(
    part: Tensor, clip: Tensor, onset: Tensor, ratio: Tensor, gain: Tensor, samples: int
) -> Events:
    """Events that are never let go."""
    off = torch.full_like(gain, 4.0 * samples)
    return Events(part, clip, onset.float(), ratio, gain, off, torch.ones_like(gain))


def _pieces(
    palette: Palette,
    from_piece: Tensor,
    counts: Tensor,
    samples: int,
    first_part: int,
    config: ArrangementConfig,
    rng: torch.Generator,
) -> tuple[Tensor, Tensor, Events]:
    """Stems of one composed piece at one instant: (window, class, events)."""
    window = from_piece.nonzero()[:, 0]
    n = len(window)
    if n == 0 or len(palette.pieces) == 0:
        none = torch.zeros(0, dtype=torch.int64, device=palette.device)
        empty = torch.zeros(0, device=palette.device)
        return none, none, _held(none, none, empty, empty, empty, samples)
    stems = palette.pieces[_integers(n, len(palette.pieces), rng)]
    order = torch.rand(stems.shape, generator=rng, device=palette.device)
    order = order.masked_fill(stems < 0, 2.0).argsort(dim=1)
    stems = stems.gather(1, order)
    used = (torch.arange(stems.shape[1], device=palette.device) < counts[window, None]) & (
        stems >= 0
    )
    length = palette.length[stems[:, 0].clamp(min=0)]
    onset = -torch.floor(uniform(n, 0, 1, rng) * (length - samples).clamp(min=0))
    reach = config.transpose_semitones
    ratio = 2.0 ** (uniform(n, -reach, reach, rng) / 12)
    # A slower piece is longer, so the crop stays inside; a faster one may run out and end.
    clip = stems[used]
    row = torch.arange(n, device=palette.device)[:, None].expand_as(stems)[used]
    part = first_part + torch.arange(len(clip), device=palette.device)
    gain_db = uniform(len(clip), -9.0, 9.0, rng)
    events = _held(part, clip, (onset / ratio)[row], ratio[row], 10.0 ** (gain_db / 20), samples)
    return window[row], palette.clip_class[clip], events


def _phrases(
    palette: Palette,
    window: Tensor,
    timbre: Tensor,
    chosen: Tensor,
    windows: int,
    samples: int,
    config: ArrangementConfig,
    rng: torch.Generator,
) -> Events:
    """Note clips as music: one row a part, a column an onset, up to ``VOICES`` notes each."""
    device = palette.device
    part = chosen.nonzero()[:, 0]
    n = len(part)
    timbre = timbre[part]
    onsets = -(-ONSETS_PER_S * samples // SAMPLE_RATE_HZ)
    grid = (n, onsets)

    # Key, tempo and beat: the window's own where it is musical, else the part's own.
    musical = chance(windows, config.musical_p, rng)[window[part]]

    def shared(low: float, high: float) -> Tensor:
        return torch.where(
            musical, uniform(windows, low, high, rng)[window[part]], uniform(n, low, high, rng)
        )

    beat_s = 60.0 / shared(60.0, 170.0)
    beat_phase = shared(0.0, 1.0)
    key = shared(0.0, 12.0).floor()
    scales = torch.tensor(_SCALES, device=device, dtype=torch.float32)
    scale = scales[shared(0.0, len(_SCALES)).long().clamp(max=len(_SCALES) - 1)]
    chord_root = shared(0.0, 7.0).floor()
    tuning = torch.where(musical, 0.0, 1.0) * uniform(n, -0.5, 0.5, rng)

    # Rhythm: onsets run backwards from the last grid point before the window's end.
    fractions = torch.tensor(_BEAT_FRACTIONS, device=device)
    step_s = (beat_s * fractions[_integers(n, len(fractions), rng)]).clamp(0.09, 2.5)
    end_s = samples / SAMPLE_RATE_HZ
    back = torch.arange(onsets, device=device)
    onset_s = end_s - (beat_phase * step_s)[:, None] - back * step_s[:, None]
    onset_s = onset_s + 0.012 * torch.randn(grid, generator=rng, device=device)
    rest = torch.rand(grid, generator=rng, device=device) < uniform(n, 0.0, 0.35, rng)[:, None]
    single = chance(n, 0.15, rng)
    rest |= single[:, None] & (back != _integers(n, 3, rng)[:, None])

    sustain = palette.sustain[palette.timbre_nearest[timbre, 60, 0].clamp(min=0)]
    pitched = palette.timbre_pitched[timbre]
    gate = torch.where(sustain, uniform(n, 0.4, 1.1, rng), uniform(n, 0.3, 1.5, rng))
    rings = ~sustain & chance(n, 0.6, rng) | ~pitched
    fade_s = torch.where(sustain, uniform(n, 0.02, 0.12, rng), uniform(n, 0.03, 0.3, rng))

    # Pitch: a walk on the scale inside the timbre's range; chords are stacked thirds.
    low, high = palette.timbre_low[timbre], palette.timbre_high[timbre]
    centre = low + (high - low) * uniform(n, 0.1, 0.9, rng)
    leap = torch.tensor([-4, -2, -1, -1, 0, 1, 1, 2, 4], device=device)
    steps = leap[torch.randint(len(leap), grid, generator=rng, device=device)]
    arpeggio = chance(n, 0.25, rng)
    steps = torch.where(arpeggio[:, None], 2 * steps.sign(), steps)
    degree = chord_root[:, None] + steps.cumsum(dim=1)
    polyphonic = (~sustain & chance(n, 0.5, rng)) | (sustain & chance(n, 0.25, rng))
    size = torch.where(polyphonic, 2 + _integers(n, VOICES - 1, rng), 1)
    voice = torch.arange(VOICES, device=device)
    spread = 2 + 2 * _integers(n, 2, rng)
    degree = degree[:, :, None] + voice * spread[:, None, None]
    octave = torch.div(degree, 7, rounding_mode="floor")
    in_scale = (degree - 7 * octave).long().clamp(0, 6)
    semitone = (
        scale[:, None, None, :].expand(*degree.shape, 7).gather(3, in_scale[..., None])[..., 0]
    )
    base = centre - (centre - key) % 12
    pitch = base[:, None, None] + 12 * octave + semitone
    # Fold what leaves the range back by octaves.
    top, bottom = high[:, None, None], low[:, None, None]
    pitch = pitch - 12 * torch.ceil((pitch - top).clamp(min=0) / 12)
    pitch = pitch + 12 * torch.ceil((bottom - pitch).clamp(min=0) / 12)
    # A range narrower than an octave has no octave to fold into.
    pitch = torch.maximum(torch.minimum(pitch, top), bottom).clamp(0, 127)

    strum_s = torch.where(sustain, 0.004, 0.03) * torch.rand(n, generator=rng, device=device)
    onset = onset_s[:, :, None] + voice * strum_s[:, None, None]
    exists = (voice < size[:, None, None]) & ~rest[:, :, None]

    rows, columns, voices = exists.nonzero(as_tuple=True)
    count = len(rows)
    wanted = pitch[rows, columns, voices] + tuning[rows]
    alternative = torch.randint(4, (count,), generator=rng, device=device)
    nearest = wanted
    if config.stretch_semitones > 0:
        reach = config.stretch_semitones
        nearest = wanted + (uniform(n, -reach, reach, rng) * chance(n, 0.35, rng))[rows]
    near = palette.timbre_nearest[timbre[rows], nearest.round().long().clamp(0, 127), alternative]
    anyone = palette.timbre_clips.draw(timbre[rows], uniform(count, 0, 1, rng))
    # A steady stroke (hi-hat, one drum) keeps its clip over the phrase; others change.
    steady = chance(n, 0.4, rng)
    kept = palette.timbre_clips.draw(timbre, uniform(n, 0, 1, rng))
    anyone = torch.where(steady[rows] & (voices == 0), kept[rows], anyone)
    clip = torch.where(pitched[rows], near, anyone)
    off_pitch = torch.where(pitched[rows], wanted - palette.pitch[clip].nan_to_num(0.0), 0.0)
    drift = config.max_detune_semitones * torch.randn(n, generator=rng, device=device)
    unpitched_drift = torch.where(pitched, 0.0, 5.0 * drift)
    semitones = (off_pitch + drift[rows] * 0.3 + unpitched_drift[rows]).clamp(-12.0, 12.0)
    start = onset[rows, columns, voices] * SAMPLE_RATE_HZ
    held = torch.where(rings, 4.0, gate * step_s)[rows] * SAMPLE_RATE_HZ
    accent_db = 3.0 * torch.randn(count, generator=rng, device=device)
    return Events(
        part=part[rows],
        clip=clip,
        onset=start,
        ratio=2.0 ** (semitones / 12),
        gain=10.0 ** (accent_db / 20),
        off=start + held,
        fade=fade_s[rows] * SAMPLE_RATE_HZ,
    )
