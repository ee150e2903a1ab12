"""What can be heard in a window, and so what is taught.

The rule. A part's level is compared with the whole window's, noise included, in
frames of 50 ms. It is *heard* if in at least two frames (100 ms) it lies no more
than 20 dB below the whole; it is *not heard* if it never comes within 30 dB.
In between, nobody is taught anything: its labels are masked and the count of
instruments is left open by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from realtime.spec import POLYPHONY_LABELS, SAMPLE_RATE_HZ
from training.mixing.palette import Palette

FRAME_SAMPLES = SAMPLE_RATE_HZ // 20
HEARD_DB = -20.0
UNHEARD_DB = -30.0
HEARD_FRAMES = 2
_SILENT_POWER = 1e-10


@dataclass(frozen=True)
class Targets:
    """What is taught of a batch of windows.

    ``instruments`` ``[windows, 24]`` and ``families`` ``[windows, 8]`` of 0 and 1,
    their masks of the same shapes (1: known), ``polyphony`` ``[windows, 7]``, a
    distribution (uniform over the counts that are possible).
    """

    instruments: Tensor
    instruments_known: Tensor
    families: Tensor
    families_known: Tensor
    polyphony: Tensor

    def to(self, device: torch.device) -> Targets:
        return Targets(*(value.to(device) for value in vars(self).values()))


def audibility(parts: Tensor, window: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """(heard, doubtful), both bool ``[parts]``.

    ``parts`` ``[parts, samples]`` as they stand in the mix, ``mix``
    ``[windows, samples]`` with everything in it, ``window`` the part's window.
    """
    part_power = parts.unflatten(1, (-1, FRAME_SAMPLES)).square().mean(dim=2)
    mix_power = mix.unflatten(1, (-1, FRAME_SAMPLES)).square().mean(dim=2)
    loudest = mix_power.amax(dim=1, keepdim=True)
    # A frame that is itself 40 dB below the window's loudest does not count.
    reference = mix_power.clamp(min=1e-4 * loudest)[window] + _SILENT_POWER
    relative_db = 10 * torch.log10(part_power / reference + 1e-12)
    heard = (relative_db > HEARD_DB).sum(dim=1) >= HEARD_FRAMES
    possible = (relative_db > UNHEARD_DB).any(dim=1)
    return heard, possible & ~heard


def teach(
    palette: Palette, window: Tensor, sound: Tensor, heard: Tensor, doubtful: Tensor, windows: int
) -> Targets:
    """Targets from which parts are heard. Shapes: ``[parts]``; see ``Targets``."""

    def any_part(flags: Tensor) -> Tensor:
        """``[parts, k]`` bool to ``[windows, k]``: does any part of the window say so."""
        total = torch.zeros(windows, flags.shape[1], device=flags.device)
        return total.index_add_(0, window, flags.float()) > 0

    surely = palette.class_instruments[sound]
    perhaps = palette.class_unknown[sound]
    family = palette.class_families[sound]
    perhaps_family = palette.class_maybe_families[sound]
    on, unsure = heard[:, None], doubtful[:, None]
    present = any_part(surely & on)
    open_ = any_part((surely & unsure) | (perhaps & (on | unsure)))
    family_present = any_part(family & on)
    family_open = any_part((family & unsure) | (perhaps_family & (on | unsure)))

    counted = torch.nn.functional.one_hot(palette.counted_as[sound], len(palette.classes)).bool()
    least = any_part(counted & on).sum(dim=1)
    most = any_part(counted & (on | unsure)).sum(dim=1)
    top = len(POLYPHONY_LABELS) - 1
    count = torch.arange(top + 1, device=window.device)
    possible = (count >= least.clamp(max=top)[:, None]) & (count <= most.clamp(max=top)[:, None])
    return Targets(
        instruments=present.float(),
        instruments_known=(present | ~open_).float(),
        families=family_present.float(),
        families_known=(family_present | ~family_open).float(),
        polyphony=possible.float() / possible.sum(dim=1, keepdim=True),
    )
