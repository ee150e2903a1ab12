"""Teachers: what they say, what is made of it, and bad files in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.mixing.music import MusicBatch
from training.models.tagger import InstrumentTagger
from training.teachers.head import Head, load_head, save_head
from training.teachers.opinion import Opinion, likeliest_member, mean_opinion
from training.teachers.outside import OutsideTagger
from training.teachers.panel import Panel, TeacherConfig

CPU = torch.device("cpu")
PIANO, OBOE, DRUMS = (INSTRUMENTS.index(name) for name in ("piano", "oboe", "drums"))


class TwoClasses(nn.Module):
    """Says ``Piano`` with the window's loudness, ``Drum`` with a tenth."""

    def forward(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loud = audio.abs().amax(dim=1, keepdim=True)
        return loud.repeat(1, 5), torch.cat([loud, 0.1 + 0 * loud], dim=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    windows = torch.export.Dim("windows", min=1, max=4096)
    program = torch.export.export(
        TwoClasses(), (torch.zeros(2, 16_000),), dynamic_shapes={"audio": {0: windows}}
    )
    torch.export.save(program, tmp_path / "small.pt2")
    (tmp_path / "small.csv").write_text("index,display_name\n0,Piano\n1,Drum\n")
    (tmp_path / "labels.toml").write_text('[classes]\npiano = ["Piano"]\ndrums = ["Drum"]\n')
    return tmp_path


def opinion(value: float, speaks: bool = True) -> Opinion:
    instruments = torch.full((1, len(INSTRUMENTS)), value)
    can = torch.full((len(INSTRUMENTS),), speaks)
    return Opinion(instruments, torch.full((1, len(FAMILIES)), value), can)


def window(**known: torch.Tensor) -> MusicBatch:
    """One window of which nothing is known but what is said."""
    nothing = torch.zeros(1, len(INSTRUMENTS), dtype=torch.bool)
    no_family = torch.zeros(1, len(FAMILIES), dtype=torch.bool)
    values = {
        "audio": torch.zeros(1, 16_000),
        "sure": nothing,
        "open": nothing,
        "sure_families": no_family,
        "open_families": no_family,
        "complete": torch.tensor([False]),
        "count": torch.tensor([-1]),
        "domain": torch.tensor([0]),
    }
    return MusicBatch(**(values | known))


def test_a_tagger_answers_for_the_labels_it_has_classes_for(folder: Path) -> None:
    tagger = OutsideTagger(folder, "small", CPU)
    audio = torch.zeros(3, 16_000)
    audio[1] += 0.3
    features, probabilities = tagger(audio)
    said = tagger.opinion(probabilities)
    assert features.shape == (3, 5)
    assert said.instruments[1, PIANO] == pytest.approx(0.3 / 0.4)
    assert said.instruments[0, DRUMS] == pytest.approx(0.5)
    assert bool(said.speaks[PIANO])
    assert not bool(said.speaks[OBOE])
    assert said.families[1, FAMILIES.index("key")] == said.instruments[1, PIANO]


def test_who_has_no_name_for_an_instrument_does_not_lower_it() -> None:
    mean = mean_opinion([opinion(0.9), opinion(0.0, speaks=False)], [0.3, 0.7])
    assert mean.instruments[0].tolist() == pytest.approx([0.9] * len(INSTRUMENTS))
    both = mean_opinion([opinion(0.9), opinion(0.1)], [0.25, 0.75])
    assert both.instruments[0, PIANO] == pytest.approx(0.3)


def test_a_family_is_as_likely_as_its_likeliest_member() -> None:
    instruments = torch.zeros(1, len(INSTRUMENTS))
    instruments[0, PIANO] = 0.7
    assert likeliest_member(instruments)[0].argmax() == FAMILIES.index("key")


def test_what_is_known_is_raised_and_the_rest_lowered_only_where_all_is_known() -> None:
    panel = Panel(TeacherConfig(head_weight=0.0), Path(), None, InstrumentTagger(), CPU)
    sure = torch.zeros(1, len(INSTRUMENTS), dtype=torch.bool)
    sure[0, PIANO] = True
    said = opinion(0.5)
    partly = panel.targets(said, window(sure=sure)).instruments[0]
    wholly = panel.targets(
        said, window(sure=sure, complete=torch.tensor([True]), count=torch.tensor([1]))
    )
    assert partly[PIANO] == wholly.instruments[0, PIANO] == pytest.approx(0.85)
    assert partly[OBOE] == pytest.approx(0.5)
    assert wholly.instruments[0, OBOE] == pytest.approx(0.2)
    uniform = 1 / 7
    assert wholly.polyphony[0, 1] == pytest.approx(uniform + 0.5 * (1 - uniform))
    assert wholly.polyphony.sum() == pytest.approx(1.0)


def test_a_head_is_what_was_saved(folder: Path) -> None:
    head = Head(5).eval()
    head.mu += 1.0
    save_head(folder / "head.pt", head, seed=3)
    again = load_head(folder / "head.pt", 5, CPU)
    features = torch.randn(4, 5)
    for first, second in zip(head(features), again(features), strict=True):
        torch.testing.assert_close(first, second)
    config = TeacherConfig(taggers=("small",), weights=(0.5,))
    panel = Panel(config, folder, folder / "head.pt", InstrumentTagger(), CPU)
    said, joined = panel.ask(torch.randn(2, 16_000))
    assert set(said) == {"small", "head", "own"}
    assert joined is not None
    assert joined.shape == (2, 5)
    assert panel.mean(said).instruments.shape == (2, len(INSTRUMENTS))


def test_a_table_of_another_name_is_found_by_its_size(folder: Path) -> None:
    (folder / "small.csv").rename(folder / "two_classes.csv")
    (folder / "three.csv").write_text("display_name\nPiano\nDrum\nHarp\n")
    assert bool(OutsideTagger(folder, "small", CPU).speaks[PIANO])
    (folder / "other.csv").write_text("display_name\nHarp\nDrum\n")
    with pytest.raises(TuttiError, match="2 other tables"):
        OutsideTagger(folder, "small", CPU)


@pytest.mark.parametrize("fault", ["missing", "cut", "other classes", "no labels", "no table"])
def test_a_bad_folder_is_one_sentence(folder: Path, fault: str) -> None:
    program = folder / "small.pt2"
    if fault == "missing":
        program.unlink()
    elif fault == "cut":
        program.write_bytes(program.read_bytes()[:1000])
    elif fault == "other classes":
        (folder / "small.csv").write_text("index,display_name\n0,Piano\n")
    elif fault == "no labels":
        (folder / "labels.toml").unlink()
    else:
        (folder / "small.csv").unlink()
    with pytest.raises(TuttiError) as caught:
        OutsideTagger(folder, "small", CPU)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_head_of_other_taggers_or_none_is_refused(folder: Path) -> None:
    save_head(folder / "head.pt", Head(7))
    with pytest.raises(TuttiError, match="7 features"):
        load_head(folder / "head.pt", 5, CPU)
    save_head(folder / "of.pt", Head(5), taggers=["small", "big"])
    with pytest.raises(TuttiError, match="small, big, not on big, small"):
        load_head(folder / "of.pt", 5, CPU, ("big", "small"))
    (folder / "cut.pt").write_bytes((folder / "head.pt").read_bytes()[:500])
    with pytest.raises(TuttiError, match="damaged"):
        load_head(folder / "cut.pt", 5, CPU)
    with pytest.raises(TuttiError, match="not there"):
        load_head(folder / "none.pt", 5, CPU)
