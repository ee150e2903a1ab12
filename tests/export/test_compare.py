"""The bench: what a system is trained on, what a row costs, and that rows are kept."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from bank_factory import make_bank
from torch import Tensor, nn

import export.pipeline
from export import compare as bench_module
from export.compare import DESIGNS, ROWS, SYSTEMS, Bench, Budget, Row, compare
from export.cost import memory_mib, million_macs
from export.to_onnx import export_onnx
from realtime.cli import main
from realtime.errors import TuttiError
from realtime.spec import ModelSpec
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.fit import Progress
from training.models import kinds, ms_crnn
from training.models.headed import Headed
from training.models.kinds import KINDS
from training.models.network import OUTPUTS
from training.models.tagger import InstrumentTagger, NetworkConfig


@dataclass(frozen=True)
class PlainConfig:
    kind: ClassVar[str] = "plain"


class Plain(Headed):
    """One convolution of 8 filters of 400 taps every 200 samples, and a linear layer."""

    def __init__(self, config: PlainConfig) -> None:
        trunk = nn.Sequential(_AsPicture(), nn.Conv2d(1, 8, (1, 400), (1, 200)), _Mean())
        super().__init__(config, trunk, nn.Sequential(nn.Linear(8, sum(OUTPUTS))), 8)


class _AsPicture(nn.Module):
    def forward(self, audio: Tensor) -> Tensor:
        return audio[:, None, None]


class _Mean(nn.Module):
    def forward(self, picture: Tensor) -> Tensor:
        return picture.relu().mean(dim=(2, 3))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(kinds.KINDS, "plain", kinds.Kind(PlainConfig, Plain))
    (tmp_path / "plain.toml").write_text(
        'batch = 8\noptimizer = "adamw"\n[network]\nkind = "plain"\n'
        '[[stage]]\nname = "notes"\nwindows = 99\nobjective = "single_note"\nlearning_rate = 0.5\n'
        '[[stage]]\nname = "m"\nwindows = 99\nwindow_s = 0.5\nlearning_rate = 2e-3\n'
    )
    row = Row(str(tmp_path / "plain.toml"), system=True)
    monkeypatch.setitem(ROWS, "plain", row)
    monkeypatch.setattr(bench_module, "_UNSEEN_WINDOWS", 32)
    monkeypatch.setattr(bench_module, "_CLIPS", 2)
    monkeypatch.setattr(bench_module, "memory_mib", lambda path: 7.0)  # has a test of its own
    monkeypatch.setattr(export.pipeline, "_BATCH", 2)


def bench(tmp_path: Path, **budget: float) -> Bench:
    path = tmp_path / "bank"
    bank = path if path.exists() else make_bank(path).path
    return Bench(bank, tmp_path / "out", Budget(**budget))  # type: ignore[arg-type]


def nobody(name: str, progress: Progress) -> None:
    """Progress that nobody watches."""


def test_every_network_of_the_registry_is_a_system(tmp_path: Path) -> None:
    one = Bench(tmp_path, tmp_path, Budget())
    recipes = {name: one.recipe(row) for name, row in SYSTEMS.items()}
    assert {recipe.network.kind for recipe in recipes.values()} == set(KINDS)
    for recipe in recipes.values():
        (stage,) = recipe.stages
        assert (stage.windows, stage.window_s, stage.mixup_p) == (300_000, 1.0, 0.0)
        assert stage.mix == recipes["Tutti's own"].stages[0].mix, "all hear the same windows"
        assert recipe.recorded_weight == 1.0
        assert not recipe.music
    assert recipes["Sethi AlexNet"].stages[0].learning_rate == 1e-4
    assert recipes["Zhong ShaResNet34"].network.depths == (3, 4, 6, 3)


def test_designs_are_one_line_of_their_recipe_apart(tmp_path: Path) -> None:
    one = Bench(tmp_path, tmp_path, Budget(windows=5))
    assert one.recipe(DESIGNS["as shipped"]).windows == 32_000, "no budget changes them"
    assert one.recipe(DESIGNS["front end: log"]).network.front_end == "log"
    assert one.recipe(DESIGNS["stem stride 4, equal time"]).windows == 60_000


def test_a_row_is_trained_once_and_goes_into_the_table(plain: None, tmp_path: Path) -> None:
    lines = list(compare(["plain"], bench(tmp_path, windows=24), None, nobody))
    folder = tmp_path / "out" / "plain"
    row = json.loads((folder / "row.json").read_text())
    scores = row["scores"]
    assert row["made_of"] == {"budget": "24 windows", "seed": 1}
    assert scores["windows"] == 24
    assert scores["parameters"] == 8 * 400 + 8 + 8 * 39 + 39
    assert scores["mmac"] == pytest.approx((79 * 8 * 400 + 8 * 39) / 1e6)
    assert scores["memory_mib"] == 7.0
    assert math.isnan(scores["int8_ms"]), "it is deployed in float32"
    assert 0 <= scores["unseen_map"] <= 1
    assert not (folder / "run").exists()
    assert (folder / "model.pt").exists()
    assert lines[0].startswith("plain windows 24.000")
    cells = (tmp_path / "out" / "table.md").read_text().splitlines()[2].split("|")
    assert cells[1].strip() == "plain"
    assert cells[4].strip() == "3,559"
    stamp = (folder / "model.pt").stat().st_mtime_ns
    assert list(compare(["plain"], bench(tmp_path, windows=24), None, nobody)) == lines
    assert (folder / "model.pt").stat().st_mtime_ns == stamp
    with pytest.raises(TuttiError, match="this row with 24 windows, seed 1"):
        list(compare(["plain"], bench(tmp_path, windows=48), None, nobody))


def test_a_row_that_was_ended_goes_on(plain: None, tmp_path: Path) -> None:
    seen: list[int] = []

    def end(name: str, progress: Progress) -> None:
        seen.append(progress.windows)
        if len(seen) == 1:
            raise KeyboardInterrupt

    import training.fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.fit, "CHUNK_WINDOWS", 8)
        with pytest.raises(KeyboardInterrupt):
            list(compare(["plain"], bench(tmp_path, windows=24), None, end))
        list(compare(["plain"], bench(tmp_path, windows=24), None, end))
    assert seen == [8, 16, 24]


def test_minutes_end_a_system_by_the_clock(plain: None, tmp_path: Path) -> None:
    list(compare(["plain"], bench(tmp_path, windows=10**9, minutes=0.005), None, nobody))
    row = json.loads((tmp_path / "out" / "plain" / "row.json").read_text())
    assert row["made_of"]["budget"] == "0.005 minutes"
    assert 0 < row["scores"]["windows"] < 10**8


def test_arithmetic_counts_the_lstm_and_the_front_end() -> None:
    small, large = (
        million_macs(ms_crnn.MsCrnn(ms_crnn.MsCrnnConfig(width=4, hidden=hidden)))
        for hidden in (16, 32)
    )
    frames = 15
    step = 2 * 4 * (16 * 512 + 32**2 - 16**2)
    assert large - small == pytest.approx((frames * step + 32 * 39) / 1e6, rel=0.02)
    macs = million_macs(InstrumentTagger(NetworkConfig(front_end="paper", stem_stride=1)))
    assert macs == pytest.approx(385, rel=0.03), "as measured when the network was rebuilt"


def test_memory_grows_with_the_file(tmp_path: Path) -> None:
    spec = ModelSpec(
        name="m", version="1", instruments=INSTRUMENTS, families=FAMILIES,
        thresholds=dict.fromkeys(INSTRUMENTS, 0.5),
        family_thresholds=dict.fromkeys(FAMILIES, 0.5),
    )  # fmt: skip
    model = Plain(PlainConfig())
    export_onnx(model, spec, tmp_path / "small.onnx")
    model.head = nn.Sequential(
        nn.Linear(8, 4000), nn.Linear(4000, 4000), nn.Linear(4000, sum(OUTPUTS))
    )
    torch.manual_seed(0)
    export_onnx(model, spec, tmp_path / "large.onnx")
    small, large = (memory_mib(tmp_path / f"{name}.onnx") for name in ("small", "large"))
    assert large - small > 40, "64 MiB of weights"
    (tmp_path / "none.onnx").write_bytes(b"no model")
    with pytest.raises(TuttiError, match=r"none\.onnx could not be measured"):
        memory_mib(tmp_path / "none.onnx")


def test_the_command_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "nothing", "--bank", str(tmp_path)]) == 2
    assert "there is no row 'nothing': choose of Tutti's own;" in capsys.readouterr().err
    assert main(["compare", "--bank", str(tmp_path / "none")]) == 2
    assert "is not a note bank" in capsys.readouterr().err
    bank = make_bank(tmp_path / "bank").path
    teachers = ["--teachers", str(tmp_path), "--out", str(tmp_path / "o")]
    assert main(["compare", "Sethi AlexNet", "--bank", str(bank), *teachers]) == 2
    assert "name their folder with --real" in capsys.readouterr().err
