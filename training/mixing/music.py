"""Windows of real music: moved in pitch, superposed, and treated as the mixtures are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.mixing import effects as fx
from training.mixing.arrangement import chance, uniform
from training.mixing.mixer import Mixer
from training.mixing.place import Events, place

DOMAINS = ("unlabelled", "labelled", "superposed")
"""What a window of music is, where it is reported how well the teachers are followed."""
_SILENT_RMS = 0.004
"""About 45 dB below a clip's peak: nothing is claimed of a window that is so quiet."""


@dataclass(frozen=True)
class MusicConfig:
    """How much music stands beside the mixtures, and how it is varied.

    ``per_mixture``: windows of music for each mixture (0: none). ``labelled_p``: share of
    them with a known instrument. ``superpose_p``: share in which two to ``most_together``
    stretches sound together, each further one ``-12`` to ``+6`` dB beside the first.
    """

    per_mixture: float = 0.0
    labelled_p: float = 0.45
    transpose_semitones: float = 3.0
    superpose_p: float = 1 / 3
    most_together: int = 2


@dataclass(frozen=True)
class MusicBatch:
    """``audio`` ``[windows, samples]``, and what is known of each window.

    ``sure`` and ``open`` bool ``[windows, 24]``: instruments that sound, and that may;
    ``sure_families`` and ``open_families`` ``[windows, 8]``; ``complete`` bool
    ``[windows]``: nothing else sounds; ``count`` ``[windows]``: how many instruments, where
    complete; ``domain`` ``[windows]``: an index into ``DOMAINS``.
    """

    audio: Tensor
    sure: Tensor
    open: Tensor
    sure_families: Tensor
    open_families: Tensor
    complete: Tensor
    count: Tensor
    domain: Tensor

    def split(self, size: int) -> list[MusicBatch]:
        """Batches of ``size`` windows."""
        columns = [value.split(size) for value in vars(self).values()]
        return [MusicBatch(*parts) for parts in zip(*columns, strict=True)]


def music_batch(mixer: Mixer, config: MusicConfig, windows: int) -> MusicBatch:
    """Draw ``windows`` windows of the palette's music, by the mixer's generator and effects."""
    music, rng = mixer.palette.music, mixer.rng
    named = chance(windows, config.labelled_p if bool(music.labelled.any()) else 0.0, rng)
    if not bool(music.unlabelled.any()):
        named = torch.ones_like(named)
    together = chance(windows, config.superpose_p, rng)
    most = torch.randint(2, config.most_together + 1, (windows,), generator=rng, device=rng.device)
    size = torch.where(together, most, 1)
    window = torch.arange(windows, device=size.device).repeat_interleave(size)
    further = torch.ones_like(window, dtype=torch.bool)
    further[size.cumsum(0) - size] = False
    row = _rows(mixer, torch.where(further, named.roll(1)[window], named[window]))
    parts, silent = _play(mixer, music.clip[row], config)
    below_db = torch.where(further, uniform(len(row), -12.0, 6.0, rng), 0.0)
    audio = torch.zeros(windows, parts.shape[1], device=parts.device)
    audio.index_add_(0, window, parts * fx.db(below_db)[:, None])

    def total(values: Tensor) -> Tensor:
        """The sum of ``values`` ``[stretches, ...]`` over each window's stretches."""
        return torch.zeros(windows, *values.shape[1:], device=values.device).index_add_(
            0, window, values.float()
        )

    def any_part(values: Tensor) -> Tensor:
        """Whether one of the stretches of a window says so; a silent one says nothing."""
        return total(values[row] & ~silent.view(-1, *[1] * (values.ndim - 1))) > 0

    # A stretch that may hold anything leaves the whole window open.
    complete = total(~music.complete[row] | silent) == 0
    # Of stretches that share an instrument, no count; nor of more than are told apart.
    shared = (total(music.sure[row]) > 1).any(dim=1)
    count = total(music.count[row]).long().clamp(max=6)
    count = torch.where(complete & ~shared, count, -1)
    domain = torch.where(together, 2, named.long())
    mix = mixer.treat_mix(audio)[:, mixer.lead_in :]
    return MusicBatch(
        audio=mixer.record(mix + mixer.noise(mix)),
        sure=any_part(music.sure),
        open=any_part(music.open),
        sure_families=any_part(music.sure_families),
        open_families=any_part(music.open_families),
        complete=complete,
        count=count,
        domain=domain,
    )


def _rows(mixer: Mixer, named: Tensor) -> Tensor:
    """A row of the palette's music for each window."""
    music, n = mixer.palette.music, len(named)
    rows = torch.zeros(n, dtype=torch.int64, device=named.device)
    for odds, chosen in ((music.labelled, named), (music.unlabelled, ~named)):
        if bool(odds.any()):
            drawn = torch.multinomial(odds, n, replacement=True, generator=mixer.rng)
            rows = torch.where(chosen, drawn, rows)
    return rows


def _play(mixer: Mixer, clip: Tensor, config: MusicConfig) -> tuple[Tensor, Tensor]:
    """A stretch of each clip at an RMS of 0.1, ``[clips, samples]``, and which are silent."""
    palette, rng, n = mixer.palette, mixer.rng, len(clip)
    reach = config.transpose_semitones
    ratio = 2.0 ** (uniform(n, -reach, reach, rng) * chance(n, 0.5, rng) / 12)
    length = palette.length[clip] / ratio
    spare = length - mixer.samples
    onset = -torch.floor(uniform(n, 0, 1, rng) * spare.clamp(min=0))
    # A clip shorter than the buffer ends somewhere in the window itself, or after it.
    late = uniform(n, 0.0, 1.0, rng) * mixer.window_samples * 0.5
    onset = torch.where(spare < 0, mixer.samples - length - late.minimum(length * 0.5), onset)
    steady = torch.ones(n, device=clip.device)
    events = Events(
        part=torch.arange(n, device=clip.device),
        clip=clip,
        onset=onset,
        ratio=ratio,
        gain=steady,
        off=4.0 * mixer.samples * steady,
        fade=steady,
    )
    parts = place(events, palette, n, mixer.samples)
    level = fx.rms(parts[:, mixer.lead_in :])
    return parts * (0.1 / level.clamp(min=_SILENT_RMS)), (level < _SILENT_RMS)[:, 0]
