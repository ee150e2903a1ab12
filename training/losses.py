"""Losses that never teach an unlabelled instrument as absent."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from training.mixing.labels import Targets
from training.models.network import Logits


def masked_bce(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy averaged over what is known; shapes ``[batch, labels]``."""
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss * known).sum() / known.sum().clamp(min=1.0)


def multilabel_loss(logits: Logits, targets: Targets, head_weight: float = 0.5) -> Tensor:
    """Instruments, plus families and polyphony at ``head_weight`` each.

    The polyphony target is a distribution, so that a count that is only known
    within bounds is taught as such.
    """
    instruments = masked_bce(logits.instruments, targets.instruments, targets.instruments_known)
    families = masked_bce(logits.families, targets.families, targets.families_known)
    # Cross-entropy is several times larger than a mean over sparse labels.
    polyphony = F.cross_entropy(logits.polyphony, targets.polyphony) / len(targets.polyphony[0])
    return instruments + head_weight * (families + polyphony)


def single_note_loss(logits: Logits, targets: Targets, label_smoothing: float = 0.05) -> Tensor:
    """Cross-entropy over instruments for windows that hold one (Zhong et al., III.C).

    Mixed-up windows have soft labels; windows whose instrument is not in the
    vocabulary or not heard count for nothing.
    """
    total = targets.instruments.sum(dim=1, keepdim=True)
    usable = (total[:, 0] > 0).float()
    share = targets.instruments / total.clamp(min=1e-6)
    smooth = share * (1 - label_smoothing) + label_smoothing / share.shape[1]
    loss = -(smooth * torch.log_softmax(logits.instruments, dim=1)).sum(dim=1)
    return (loss * usable).sum() / usable.sum().clamp(min=1.0)


def mixup(
    audio: Tensor, targets: Targets, alpha: float, p: float, rng: torch.Generator
) -> tuple[Tensor, Targets]:
    """``convex_mixture`` of windows and of their labels (Zhong et al., III.B.2)."""
    mixed, ratio, other = convex_mixture(audio, alpha, p, rng)

    def soft(value: Tensor) -> Tensor:
        return ratio * value + (1 - ratio) * value[other]

    return mixed, Targets(
        instruments=soft(targets.instruments),
        instruments_known=targets.instruments_known * targets.instruments_known[other],
        families=soft(targets.families),
        families_known=targets.families_known * targets.families_known[other],
        polyphony=soft(targets.polyphony),
    )


def convex_mixture(
    audio: Tensor, alpha: float, p: float, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Mixed windows ``[n, samples]``, each one's share ``[n, 1]``, and the other window ``[n]``.

    With probability ``p`` a window is mixed with another of the batch at a ratio
    from Beta(alpha, alpha), after both are brought to the same level.
    """
    n, device = len(audio), audio.device
    gamma = torch.full((2, n), alpha, device=device)
    drawn = torch._standard_gamma(gamma, generator=rng).clamp(min=1e-6)
    ratio = torch.where(
        torch.rand(n, generator=rng, device=device) < p, drawn[0] / drawn.sum(dim=0), 1.0
    )[:, None]
    other = torch.randperm(n, generator=rng, device=device)
    level = audio.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-5)
    even = audio / level
    return ratio * even + (1 - ratio) * even[other], ratio, other
