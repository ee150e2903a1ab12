"""The networks of the five papers: their sizes, pictures, training and export."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from bank_factory import make_bank
from torch import nn

from export.quantize import quantize
from export.to_onnx import export_onnx
from export.verify import onnx_scores, torch_scores
from realtime.spec import ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training import checkpoint, fit
from training.bank.bank import Bank
from training.models import alexnet, cbam, mel_cnn, ms_crnn
from training.models.kinds import KINDS, make_network
from training.models.network import Network
from training.models.spectrum import LogMel, mel_triangles
from training.models.tagger import PaperNetwork, parameter_count
from training.recipe import load_recipe

RATE_HZ = 16_000
SMALL: dict[str, tuple[str, ...]] = {
    "alexnet": ("network.hidden=16",),
    "mel-cnn": ("network.widths=[8, 8, 8, 8, 8, 8, 16]",),
    "cbam": ("network.widths=[8, 8, 16, 16]",),
    "ms-crnn": ("network.width=8", "network.hidden=16"),
    "resnet34": ("network.depths=[1, 2, 1, 1]", "network.stem_stride=2"),
    "sharesnet34": ("network.depths=[1, 2, 1, 1]", "network.stem_stride=2"),
}
"""Named recipes, and what makes their networks quick enough for a test."""


def tone(hz: float, samples: int = RATE_HZ) -> torch.Tensor:
    return torch.sin(2 * math.pi * hz * torch.arange(samples) / RATE_HZ)[None]


@pytest.mark.parametrize(
    ("depths", "shared", "parameters"),
    [
        ((2, 2, 2, 2), True, 519_301),
        ((3, 3, 4, 3), True, 753_221),
        ((3, 4, 6, 3), True, 836_805),
        ((2, 2, 2, 2), False, 715_141),
        ((3, 3, 4, 3), False, 1_181_765),
        ((3, 4, 6, 3), False, 1_348_293),
    ],
)
def test_zhong_s_networks_have_the_paper_s_sizes(
    depths: tuple[int, ...], shared: bool, parameters: int
) -> None:
    """The paper states 519K, 753K and 836K of the shared, 1.3M of ResNet34."""
    model = PaperNetwork(11, depths, shared=shared)
    assert parameter_count(model) == parameters


def test_alexnet_has_the_size_of_alexnet() -> None:
    with torch.device("meta"):
        config = alexnet.AlexNetConfig()
        whole = nn.Sequential(alexnet.Features(config), alexnet.head(config, 1000))
    assert parameter_count(whole) == 60_965_224


def test_each_kind_has_a_recipe_that_is_tested() -> None:
    named = {load_recipe(name).network.kind for name in SMALL} | {"sharesnet"}
    assert named == set(KINDS)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return make_bank(tmp_path_factory.mktemp("networks") / "bank")


@pytest.mark.parametrize("name", SMALL)
def test_a_recipe_trains_its_network_and_is_read_back(
    name: str, bank: Bank, tmp_path: Path
) -> None:
    settings = ["stage.windows=8", "batch=4", "validation_windows=0", *SMALL[name]]
    recipe = load_recipe(name, settings)
    seen = []
    last = fit.fit(
        recipe,
        bank.path,
        tmp_path,
        machine=fit.Machine(accelerator="cpu", precision="32-true"),
        report=seen.append,
    )
    assert math.isfinite(seen[-1].loss)
    model, state = checkpoint.load_model(last)
    torch.manual_seed(0)
    assert model.config == recipe.network
    new = make_network(recipe.network)
    moved = [
        key
        for key, value in state["model"].items()
        if not torch.equal(value, new.state_dict()[key.removeprefix("tagger.")])
    ]
    assert any("head" in key for key in moved)
    assert any("trunk" in key or "encoder" in key for key in moved)


def small(name: str) -> Network:
    torch.manual_seed(1)
    return make_network(load_recipe(name, SMALL[name]).network).eval()


@pytest.mark.parametrize("name", SMALL)
def test_a_network_s_file_says_what_it_says(name: str, tmp_path: Path) -> None:
    model = small(name)
    spec = ModelSpec(
        name=name,
        version="1",
        instruments=INSTRUMENTS,
        families=FAMILIES,
        thresholds=dict.fromkeys(INSTRUMENTS, 0.5),
        family_thresholds=dict.fromkeys(FAMILIES, 0.5),
    )
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((6, RATE_HZ)).astype(np.float32)
    sound[1:3] *= 1e-3
    sound[3] = tone(440.0).numpy()
    before = torch_scores(model, sound)
    export_onnx(model, spec, tmp_path / "fp32.onnx")
    for first, last in ((0, 6), (0, 1), (2, 5)):
        after = onnx_scores(tmp_path / "fp32.onnx", sound[first:last])
        np.testing.assert_allclose(before.instruments[first:last], after.instruments, atol=2e-4)
        np.testing.assert_allclose(before.polyphony[first:last], after.polyphony, atol=2e-4)
    if name in ("alexnet", "mel-cnn", "cbam"):
        quantize(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", sound, model.int8)
        nodes = onnx.load(str(tmp_path / "int8.onnx")).graph.node
        kinds = {node.name: node.op_type for node in nodes}
        assert any(kind == "QuantizeLinear" for kind in kinds.values())
        int8 = onnx_scores(tmp_path / "int8.onnx", sound)
        np.testing.assert_allclose(before.instruments, int8.instruments, atol=0.1)


@pytest.mark.parametrize("name", SMALL)
def test_loudness_is_not_heard_and_silence_is_finite(name: str) -> None:
    model = small(name)
    sound = torch.randn(2, RATE_HZ, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        loud, quiet = model(sound).instruments, model(sound * 0.01).instruments
        silent = model(torch.zeros(2, RATE_HZ)).instruments
    torch.testing.assert_close(loud, quiet, atol=2e-3, rtol=1e-3)
    assert torch.isfinite(silent).all()


def test_a_mel_picture_has_a_tone_where_it_sounds() -> None:
    picture = LogMel().eval()
    with torch.no_grad():
        rows = picture(torch.cat([tone(500.0), tone(2000.0)])).mean(dim=3)[:, 0].argmax(dim=1)
    filters = mel_triangles(128, 512, RATE_HZ)
    for row, hz in zip(rows.tolist(), (500.0, 2000.0), strict=True):
        peak_hz = float(filters[row].argmax()) * RATE_HZ / 512
        assert peak_hz == pytest.approx(hz, abs=40.0)
    assert picture(tone(500.0)).shape == (1, 1, 128, 63)
    centres = filters.argmax(dim=1)
    assert (centres.diff() >= 0)[filters.amax(dim=1)[1:] > 0].float().mean() > 0.9


def test_phase_pictures_hold_amplitude_phase_and_its_gain() -> None:
    picture = alexnet.PhasePicture()
    bin_hz = RATE_HZ / 512
    on_bin, above = 40 * bin_hz, 40.25 * bin_hz
    with torch.no_grad():
        drawn = picture(torch.cat([tone(on_bin), tone(above)]))
    assert drawn.shape == (2, 3, 227, 227)
    assert drawn.abs().max() < 2.5
    bins = picture.high - picture.low
    row = round((40 - picture.low + 0.5) / bins * 227 - 0.5)
    assert abs(int(drawn[0, 0].mean(dim=1).argmax()) - row) <= 1
    parts = picture.spectrum(torch.cat([tone(on_bin), tone(above)]))
    real, imaginary = (part[:, picture.low : picture.high, :256] for part in parts)
    gain = picture._gradient(real, imaginary)[:, 40 - picture.low]
    assert gain[0].abs().max() < 1e-3, "a tone at its bin's centre gains nothing beside it"
    hop = (RATE_HZ - 512) // 255
    half_turns = 2 * 0.25 * bin_hz * hop / RATE_HZ
    assert gain[1, 1:].median() == pytest.approx(half_turns, abs=1e-3)
    assert picture.low * bin_hz == pytest.approx(125.0), "100 Hz lies between two bins"
    two_seconds = alexnet.PhasePicture(2 * 22_050, 22_050)
    assert two_seconds(torch.zeros(1, 2 * 22_050)).shape == (1, 3, 227, 227)
    assert (two_seconds.high - 1) * 22_050 / 512 == pytest.approx(10_000, abs=45)


def test_seven_poolings_leave_one_band_of_a_second_and_of_four() -> None:
    config = mel_cnn.MelCnnConfig(widths=(2, 2, 2, 2, 2, 2, 4))
    ours, paper = mel_cnn.Backbone(config), mel_cnn.Backbone(config, 32_000)
    assert ours.blocks(ours.picture(torch.randn(2, RATE_HZ))).shape == (2, 4, 1, 1)
    assert paper.blocks(paper.picture(torch.randn(2, 4 * 32_000))).shape == (2, 4, 1, 4)
    assert paper.picture(torch.randn(1, 4 * 32_000)).shape == (1, 1, 128, 501)


def test_attention_scales_channels_and_places() -> None:
    torch.manual_seed(0)
    attention = cbam.Attention(8, 2)
    x = torch.rand(1, 8, 6, 6) + 0.5
    factor = attention(x) / x
    assert ((factor > 0) & (factor < 1)).all()
    of_channel = factor / factor[:, :1]
    assert of_channel.std(dim=(2, 3)).max() < 1e-5, "a channel's weight is the same everywhere"
    assert of_channel.std(dim=1).max() > 1e-3
    assert factor[:, 0].std() > 1e-4, "and a place's differs"


def test_the_lstm_hears_the_order_of_time() -> None:
    torch.manual_seed(0)
    model = ms_crnn.Backbone(ms_crnn.MsCrnnConfig(width=4, hidden=8)).eval()
    sound = torch.randn(1, RATE_HZ)
    with torch.no_grad():
        forwards = model(sound)
        moved = model(torch.roll(sound, 8000, dims=1))
    assert (forwards - moved).abs().max() > 1e-3
