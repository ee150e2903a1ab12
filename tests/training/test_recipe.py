"""Recipes as TOML: what they may say, how lines are changed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.errors import TuttiError
from training.recipe import RECIPES, Recipe, Stage, load_recipe

STAGES = """
[[stage]]
name = "one"
windows = 100
[[stage]]
name = "two"
windows = 50
learning_rate = 1
mix = { noise_p = 0.25 }
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "mine.toml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_a_recipe_is_what_it_says_and_defaults_for_the_rest(written) -> None:
    recipe = load_recipe(written('batch = 8\nsplits = ["train", "more"]\n' + STAGES))
    assert recipe.name == "mine", "of the file"
    assert recipe.batch == 8
    assert recipe.splits == ("train", "more")
    assert (recipe.optimizer, recipe.patience) == (Recipe("", ()).optimizer, 0)
    one, two = recipe.stages
    assert one == Stage("one", 100)
    assert (two.name, two.windows, two.mix.noise_p) == ("two", 50, 0.25)
    assert two.learning_rate == 1.0
    assert type(two.learning_rate) is float, "a whole number is a number"
    assert two.mix.effects == Stage("", 0).mix.effects
    assert recipe.windows == 150


def test_its_own_name_and_a_file_before_a_bundled_one(
    written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_recipe(written('name = "other"\n' + STAGES)).name == "other"
    monkeypatch.chdir(tmp_path)
    written('name = "here"\n' + STAGES, "smoke")
    assert load_recipe("smoke").name == "here"
    monkeypatch.chdir(RECIPES)
    assert load_recipe("smoke").name == "smoke"


def test_lines_change_one_table_or_every_stage(written) -> None:
    path = written("[network]\nstem_stride = 1\n" + STAGES)
    changed = load_recipe(
        path,
        ("network.stem_stride=2", "stage.mix.noise_p=0.5", "stage.windows=7", "patience=3",
         "teacher.feature_weight=0.5"),
    )  # fmt: skip
    assert changed.network.stem_stride == 2
    assert [stage.mix.noise_p for stage in changed.stages] == [0.5, 0.5]
    assert [stage.windows for stage in changed.stages] == [7, 7]
    assert [stage.name for stage in changed.stages] == ["one", "two"]
    assert changed.patience == 3
    assert changed.teacher.feature_weight == 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch = true\n" + STAGES, r"mine\.toml: batch is True, which is not of the kind int"),
        ("weight_decay = false\n" + STAGES, "weight_decay is False.*kind float"),
        ("batch = 1.5\n" + STAGES, "batch is 1.5.*kind int"),
        ("ema_decay = 'much'\n" + STAGES, "ema_decay is 'much'.*kind float"),
        ("optimizer = 'sgd'\n" + STAGES, "choose one of 'muon', 'adamw'"),
        ("splits = 'train'\n" + STAGES, "splits is 'train'"),
        ("splits = [1]\n" + STAGES, "splits is 1.*kind str"),
        ("network = 3\n" + STAGES, "network is 3: write a .network. table"),
        ("zzzzzz = 1\n" + STAGES, "unknown setting 'zzzzzz'; known are name, stages"),
        (STAGES + "noise = 1\n", "unknown setting 'noise'"),
        ("[[stage]]\nwindows = 3\n", "mine.toml: stages: .*name"),
        ("[[stage]]\nname = 'a'\nwindows = 3\n[stage.mix]\nnoise_q = 1\n",
         "did you mean 'noise_p'"),
        ("[unlabelled]\nper_mixture = 0.5\n[[stage]]\nname = 'a'\nwindows = 3\nwindow_s = 0.5\n",
         "window_s must be 1.0"),
        ("", "has no .*stage"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(written, text: str, said: str) -> None:
    with pytest.raises(TuttiError, match=said):
        load_recipe(written(text))


def test_teachers_take_windows_of_a_second(written) -> None:
    text = "batch = 10\n[unlabelled]\nper_mixture = 0.25\n[[stage]]\nname = 'a'\nwindows = 3\n"
    assert load_recipe(written(text)).music == 2


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TuttiError, match=r"bytes\.toml is not valid TOML"):
        load_recipe(str(path))
    with pytest.raises(TuttiError, match="there is no recipe"):
        load_recipe(str(tmp_path))
