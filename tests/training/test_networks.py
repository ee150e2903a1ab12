"""Another network than the shipped one: trained by a recipe that names it, resumed, exported."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import pytest
import torch
from bank_factory import make_bank
from torch import Tensor, nn

from export.quantize import quantize
from export.to_onnx import export_onnx
from export.verify import onnx_scores, torch_scores
from realtime.errors import TuttiError
from realtime.spec import ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training import checkpoint, fit
from training.models import kinds
from training.models.network import OUTPUTS, Int8, Logits, Network
from training.models.tagger import InstrumentTagger, NetworkConfig
from training.optimizer import Muon, optimizers
from training.recipe import Recipe, Stage, load_recipe

ON_CPU = fit.Machine(accelerator="cpu", precision="32-true")
RECIPE = """
batch = 4
validation_windows = 0
[network]
kind = "small"
width = 6
[[stage]]
name = "one"
windows = 16
"""


@dataclass(frozen=True)
class SmallConfig:
    kind: ClassVar[str] = "small"
    width: int = 4
    strides: tuple[int, ...] = (64, 4)


class Small(Network):
    int8 = Int8(inside=("/model/body/",))

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding_size = config.width
        self.pitch_hz = nn.Parameter(torch.tensor([440.0]))
        self.body = nn.Sequential(
            nn.Conv2d(1, config.width, (1, 65), (1, config.strides[0])),
            nn.ReLU(),
            nn.Conv2d(config.width, config.width, (1, 9), (1, config.strides[1])),
            nn.ReLU(),
        )
        self.last = nn.Linear(config.width, sum(OUTPUTS))

    def embed(self, audio: Tensor) -> Tensor:
        scaled = audio * (self.pitch_hz / 440.0)
        return self.body(scaled[:, None, None]).mean(dim=(2, 3))

    def classify(self, embedding: Tensor) -> Logits:
        return Logits(*self.last(embedding).float().split(OUTPUTS, dim=1))

    @property
    def last_layer(self) -> nn.Linear:
        return self.last

    def in_hertz(self) -> list[nn.Parameter]:
        return [self.pitch_hz]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.KINDS, "small", kinds.Kind(SmallConfig, Small))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "small.toml").write_text(RECIPE)
    return load_recipe(str(tmp_path / "small.toml"))


def test_a_recipe_names_its_network(recipe: Recipe, tmp_path: Path) -> None:
    assert recipe.network == SmallConfig(width=6)
    assert load_recipe("compare").network == NetworkConfig()
    path = str(tmp_path / "small.toml")
    changed = load_recipe(path, ["network.strides=[32, 4]"])
    assert changed.network.strides == (32, 4)
    with pytest.raises(TuttiError, match="no network 'tiny': name one of .*sharesnet, small"):
        load_recipe(path, ['network.kind="tiny"'])
    with pytest.raises(TuttiError, match="network: unknown setting 'depths'"):
        load_recipe(path, ["network.depths=[1]"])


def test_it_is_trained_and_read_back_as_what_it_is(recipe: Recipe, tmp_path: Path) -> None:
    bank = make_bank(tmp_path / "bank").path
    last = fit.fit(recipe, bank, tmp_path / "run", machine=ON_CPU)
    model, state = checkpoint.load_model(last)
    assert isinstance(model, Small)
    assert model.config == SmallConfig(width=6)
    assert state["network"]["kind"] == "small"
    shipped = dataclasses.replace(recipe, network=NetworkConfig(depths=(1, 1, 1, 1)))
    with pytest.raises(TuttiError, match="another form"):
        fit.fit(shipped, bank, tmp_path / "on", machine=ON_CPU, start_from=last)


def test_each_weight_is_moved_as_its_network_says() -> None:
    model = Small(SmallConfig())
    recipe = Recipe("r", (Stage("one", 1),), SmallConfig())
    adamw, muon = optimizers(nn.ModuleList([model]), recipe)
    assert isinstance(muon, Muon)
    moved = [weight for group in muon.param_groups for weight in group["params"]]
    assert {id(w) for w in moved} == {id(model.body[0].weight), id(model.body[2].weight)}
    (hertz,) = (g for g in adamw.param_groups if "rate" in g)
    assert [id(w) for w in hertz["params"]] == [id(model.pitch_hz)]
    assert (hertz["rate"], hertz["weight_decay"]) == (recipe.filter_rate, 0.0)


@pytest.mark.parametrize("inside", [("/model/body/",), ()])
def test_it_is_deployed_as_it_says(inside: tuple[str, ...], tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Small(SmallConfig(width=16)).eval()
    spec = ModelSpec(
        name="small",
        version="1",
        instruments=INSTRUMENTS,
        families=FAMILIES,
        thresholds=dict.fromkeys(INSTRUMENTS, 0.5),
        family_thresholds=dict.fromkeys(FAMILIES, 0.5),
    )
    sound = np.random.default_rng(0).standard_normal((8, 16_000)).astype(np.float32)
    before = torch_scores(model, sound)
    export_onnx(model, spec, tmp_path / "small.onnx")
    after = onnx_scores(tmp_path / "small.onnx", sound)
    np.testing.assert_allclose(before.instruments, after.instruments, atol=1e-5)
    quantize(tmp_path / "small.onnx", tmp_path / "int8.onnx", sound, Int8(inside))
    nodes = onnx.load(str(tmp_path / "int8.onnx")).graph.node
    assert any(node.op_type == "QuantizeLinear" for node in nodes) == bool(inside)
    int8 = onnx_scores(tmp_path / "int8.onnx", sound)
    np.testing.assert_allclose(before.instruments, int8.instruments, atol=0.05)


def test_what_an_older_checkpoint_does_not_say_is_the_shipped_network(tmp_path: Path) -> None:
    model = InstrumentTagger(NetworkConfig(depths=(1, 1, 1, 1)))
    settings = kinds.settings_of(model.config)
    assert settings.pop("kind") == "sharesnet"
    state = {"network": settings, "ema": model.state_dict()}
    checkpoint.save(tmp_path / "old.pt", state)
    again, read = checkpoint.load_model(tmp_path / "old.pt")
    assert again.config == model.config
    assert read["network"] == kinds.settings_of(model.config)
