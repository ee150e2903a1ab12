"""Events to audio: each event plays one clip into one part, resampled and faded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.mixing.palette import Palette

_CHUNK_ELEMENTS = {"cpu": 400_000, "cuda": 64_000_000}
"""Small enough for the processor's cache, large enough to fill a GPU."""


@dataclass
class Events:
    """What plays when; every tensor is ``[events]``.

    ``part``: index of the part it belongs to. ``clip``: index in the palette.
    ``onset``: sample of the buffer at which the clip's first sample falls (may
    be negative). ``ratio``: playback speed (2 is an octave up). ``gain``: linear.
    ``off``: sample at which the note is let go. ``fade``: samples of its fade.
    """

    part: Tensor
    clip: Tensor
    onset: Tensor
    ratio: Tensor
    gain: Tensor
    off: Tensor
    fade: Tensor

    def keep(self, mask: Tensor) -> Events:
        return Events(*(value[mask] for value in vars(self).values()))

    @staticmethod
    def join(several: list[Events]) -> Events:
        columns = zip(*(vars(events).values() for events in several), strict=True)
        return Events(*(torch.cat(values) for values in columns))


def sounding(events: Events, palette: Palette, samples: int) -> Tensor:
    """Which events reach into a buffer of ``samples``: bool ``[events]``."""
    ends = events.onset + palette.length[events.clip] / events.ratio
    ends = torch.minimum(ends, events.off + events.fade)
    return (events.onset < samples) & (ends > 0) & (events.off > events.onset)


def place(events: Events, palette: Palette, parts: int, samples: int) -> Tensor:
    """Play all events: float32 ``[parts, samples]``. Linear interpolation.

    Only the stretch of the buffer that an event reaches is computed: events are
    sorted by that stretch and taken in chunks of like length.
    """
    out = torch.zeros(parts * samples, device=palette.device)
    first = events.onset.ceil().clamp(min=0)
    ends = events.onset + (palette.length[events.clip] - 1) / events.ratio
    ends = torch.minimum(ends, events.off + events.fade).clamp(max=samples)
    span, order = (ends - first).clamp(min=0).sort(descending=True)
    spans = span.cpu()
    budget = _CHUNK_ELEMENTS[palette.device.type]
    begin = 0
    while begin < len(order):
        width = int(spans[begin]) + 1
        chosen = order[begin : begin + max(1, budget // width)]
        begin += len(chosen)
        _play(events.keep(chosen), first[chosen], width, palette, samples, out)
    return out.view(parts, samples)


def _play(
    events: Events, first: Tensor, width: int, palette: Palette, samples: int, out: Tensor
) -> None:
    """Add some events, each from its own ``first`` sample on, for ``width`` samples."""
    time = first[:, None] + torch.arange(width, device=out.device, dtype=torch.float32)
    last = (palette.length[events.clip] - 1).float()[:, None]
    position = (time - events.onset[:, None]).mul_(events.ratio[:, None])
    inside = (position < last).logical_and_(time < samples)
    position.clamp_(min=0).mul_(inside)
    whole = position.long()
    fraction = position.sub_(whole)
    whole += palette.start[events.clip][:, None]
    before = palette.audio[whole].float()
    after = palette.audio[whole.add_(1)].float()
    sound = torch.lerp(before, after, fraction).mul_(inside)
    fade = events.fade[:, None]
    let_go = ((events.off[:, None] + fade) / fade - time / fade).clamp_(0.0, 1.0)
    # Squared, so that a release starts gently.
    envelope = let_go.square_().mul_(events.gain[:, None] / 32768.0)
    target = (events.part * samples)[:, None] + time.clamp_(max=samples - 1).long()
    out.index_add_(0, target.flatten(), sound.mul_(envelope).flatten())
