"""The network: sizes from the paper, filter physics, level handling."""

from __future__ import annotations

import pytest
import torch

from training.models.sharesnet import ShaResNet
from training.models.sincnet import FRONT_ENDS, FrontEnd, NormaliseLevel, SincFilters
from training.models.tagger import InstrumentTagger, NetworkConfig, PaperNetwork, parameter_count


@pytest.mark.parametrize(
    ("depths", "parameters"), [((2, 2, 2, 2), 519_301), ((3, 4, 6, 3), 836_805)]
)
def test_paper_form_has_the_papers_size(depths: tuple[int, ...], parameters: int) -> None:
    assert parameter_count(PaperNetwork(classes=11, depths=depths)) == parameters


def test_stem_stride_keeps_every_parameter() -> None:
    assert parameter_count(ShaResNet(stem_stride=1)) == parameter_count(ShaResNet(stem_stride=2))


@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_front_end_gives_128_bands_by_84_frames(kind: str) -> None:
    picture = FrontEnd(kind)(torch.randn(2, 16_000))  # type: ignore[arg-type]
    assert picture.shape == (2, 1, 128, 84)
    assert torch.isfinite(picture).all()


def _tone(hz: float) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(16_000) / 16_000)[None]


@pytest.mark.parametrize("band", [20, 60, 110])
def test_a_tone_in_band_passes_and_out_of_band_is_gone(band: int) -> None:
    filters = SincFilters(quadrature=True)
    low = filters.min_low_hz + filters.low_hz[band].item()
    high = low + filters.min_band_hz + filters.band_hz[band].item()
    inside = filters(_tone((low + high) / 2))[0].reshape(2, 128, -1).norm(dim=0)[band]
    outside = filters(_tone(high + 400.0))[0].reshape(2, 128, -1).norm(dim=0)[band]
    middle = slice(10, 74)
    assert inside[middle].min() > 20 * outside[middle].max()


def test_the_pair_does_not_depend_on_phase_and_the_paper_form_does() -> None:
    time_s = torch.arange(16_000) / 16_000
    tones = [torch.sin(2 * torch.pi * 1000 * time_s + phase)[None] for phase in (0.0, torch.pi / 2)]

    def spread(kind: str) -> float:
        """Largest difference between the two pictures where the tone is heard."""
        front_end = FrontEnd(kind).eval()  # type: ignore[arg-type]
        sine, cosine = (front_end(tone)[0, 0, :, 10:74] for tone in tones)
        heard = sine > sine.max() - 1.0 if kind == "pair" else sine.abs() > sine.abs().max() / 3
        return float((sine - cosine)[heard].detach().abs().max())

    assert spread("pair") < 0.02
    assert spread("paper") > 0.1


def test_level_does_not_change_the_picture() -> None:
    audio = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    loud, quiet = NormaliseLevel()(0.25 * audio), NormaliseLevel()(0.001 * audio)
    assert torch.allclose(loud, quiet, atol=1e-3)
    assert NormaliseLevel()(torch.zeros(1, 16_000)).abs().max() == 0


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("pooling", ["lde", "mean"])
def test_three_heads_and_an_embedding(stride: int, pooling: str) -> None:
    config = NetworkConfig(stem_stride=stride, pooling=pooling)  # type: ignore[arg-type]
    model = InstrumentTagger(config).eval()
    audio = torch.randn(3, 16_000)
    logits = model(audio)
    assert [tuple(part.shape) for part in logits] == [(3, 24), (3, 8), (3, 7)]
    assert model.embed(audio).shape == (3, 1024)


def test_every_parameter_learns() -> None:
    model = InstrumentTagger()
    logits = model(torch.randn(4, 16_000))
    torch.cat(logits, dim=1).square().sum().backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]
