"""Every data set over a tiny made-up folder, and the rules that all of them keep."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, FINE, INSTRUMENTS
from training.datasets import DATASETS
from training.datasets.truth import Segment, Truth, merge, truth_between, truth_of


def make_recordings(folder: Path) -> None:
    (folder / "a.flac").touch()
    (folder / "b.flac").touch()
    (folder / "c.flac").touch()
    (folder / "recordings.csv").write_text(
        "path,split,instruments,complete,group\n"
        "a.flac,solo,trumpet,1,first\n"
        "b.flac,stems,bass;acoustic_guitar|electric_guitar;electric_piano|other,1,second\n"
        "c.flac,weak,strings,0,third\n"
        "d.flac,weak,,0,unlabelled\n"
    )
    (folder / "b.activity.csv").write_text(
        "second,instruments\n0,\n1,bass\n2,bass;acoustic_guitar|electric_guitar\n"
    )


def make_openmic(folder: Path) -> None:
    (folder / "audio" / "000").mkdir(parents=True)
    (folder / "partitions").mkdir()
    for key in ("000046_3840", "000135_483840"):
        (folder / "audio" / "000" / f"{key}.ogg").touch()
    (folder / "partitions" / "split01_test.csv").write_text("000046_3840\n000135_483840\n")
    (folder / "openmic-2018-aggregated-labels.csv").write_text(
        "sample_key,instrument,relevance,num_responses\n"
        "000046_3840,clarinet,0.17,3\n000046_3840,guitar,0.9,3\n"
        "000135_483840,voice,0.86,5\n000999_0,voice,0.86,5\n"
    )


def make_irmas(folder: Path) -> None:
    part = folder / "IRMAS-TestingData-Part1" / "Part1"
    part.mkdir(parents=True)
    (part / "02 - And The Body Will Die-8.wav").touch()
    (part / "02 - And The Body Will Die-8.txt").write_text("gel\t\nvoi\t\n")
    (folder / "readme.txt").write_text("about")


def make_medley_solos(folder: Path) -> None:
    (folder / "audio").mkdir()
    (folder / "audio" / "Medley-solos-DB_test-3_aa.wav").touch()
    (folder / "Medley-solos-DB_metadata.csv").write_text(
        "subset,instrument,instrument_id,song_id,uuid4\n"
        "test,flute,3,17,aa\ntraining,violin,7,18,bb\n"
    )


MAKERS: dict[str, Callable[[Path], None]] = {
    "recordings": make_recordings,
    "openmic": make_openmic,
    "irmas": make_irmas,
    "medley-solos": make_medley_solos,
}


def test_every_data_set_is_under_contract() -> None:
    assert set(MAKERS) == set(DATASETS)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_data_set_lists_whole_clips(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    clips = DATASETS[name](tmp_path)
    assert clips
    for clip in clips:
        assert clip.path.exists()
        assert clip.kind in {"solo", "mix"}
        assert clip.group
        assert clip.truth.slots
        definite = {name for slot in clip.truth.slots if len(slot) == 1 for name in slot}
        assert definite <= set(INSTRUMENTS)
        assert not definite & clip.truth.unknown
        assert clip.truth.unknown <= set(INSTRUMENTS)
        assert clip.truth.families | clip.truth.unknown_families <= set(FAMILIES)
        assert not clip.truth.families & clip.truth.unknown_families


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_an_empty_or_missing_folder_is_named(name: str, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(TuttiError, match=str(folder)):
            DATASETS[name](folder)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("recordings", "b.flac"),
        ("openmic", "audio/000/000046_3840.ogg"),
        ("medley-solos", "audio/Medley-solos-DB_test-3_aa.wav"),
    ],
)
def test_a_missing_recording_is_named(name: str, file: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(TuttiError, match=Path(file).name):
        DATASETS[name](tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "wrong", "line"),
    [
        ("recordings", "recordings.csv", "a.flac,solo,kazoo,1,x\n", "line 6: 'kazoo'"),
        ("recordings", "recordings.csv", "a.flac,duet,voice,1,x\n", "line 6: 'duet'"),
        ("recordings", "recordings.csv", "a.flac,solo,voice\n", "line 6: ''"),
        ("recordings", "b.activity.csv", "soon,bass\n", "line 5.*soon"),
        ("openmic", "openmic-2018-aggregated-labels.csv", "k,kazoo,0.1,3\n", "line 6: 'kazoo'"),
        ("medley-solos", "Medley-solos-DB_metadata.csv", "test,flute,x,1,aa\n", "line 4.*'x'"),
        ("irmas", "IRMAS-TestingData-Part1/Part1/02 - And The Body Will Die-8.txt", "kaz", "kaz"),
    ],
)
def test_a_wrong_row_is_named(name: str, file: str, wrong: str, line: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    with (tmp_path / file).open("a") as table:
        table.write(wrong)
    with pytest.raises(TuttiError, match=line):
        DATASETS[name](tmp_path)


def test_recordings_say_what_sounds_when(tmp_path: Path) -> None:
    make_recordings(tmp_path)
    solo, stems, weak = DATASETS["recordings"](tmp_path)
    assert solo.steady
    assert solo.truth.instrument == "trumpet"
    assert solo.truth.count == 1
    assert stems.truth.slots == (
        frozenset({"bass"}),
        frozenset({"acoustic_guitar", "electric_guitar"}),
    )
    assert stems.truth.unknown == {"piano", "synthesizer"}
    assert stems.truth.count == 3
    assert [segment.truth.count for segment in stems.segments] == [0, 1, 2]
    assert weak.truth.slots == (frozenset({"violin", "cello"}),)
    assert weak.truth.count is None
    assert weak.truth.families == {"bowed_string"}


def test_openmic_keeps_absent_and_unlabelled_apart(tmp_path: Path) -> None:
    make_openmic(tmp_path)
    guitar, voice = DATASETS["openmic"](tmp_path)
    assert guitar.truth.slots == (frozenset({"acoustic_guitar", "electric_guitar"}),)
    assert "clarinet" not in guitar.truth.unknown
    assert "flute" in guitar.truth.unknown
    assert voice.truth.unknown == set(INSTRUMENTS) - {"voice"}


def test_irmas_s_own_instruments_are_absent_where_not_named_and_ours_unknown(
    tmp_path: Path,
) -> None:
    make_irmas(tmp_path)
    (clip,) = DATASETS["irmas"](tmp_path)
    assert clip.truth.slots == (frozenset({"electric_guitar"}), frozenset({"voice"}))
    assert "piano" not in clip.truth.unknown
    assert {"drums", "bass", "oboe"} <= clip.truth.unknown


@given(st.lists(st.sampled_from(sorted(FINE)), max_size=5), st.booleans())
def test_any_labels_make_a_truth_that_does_not_contradict_itself(
    names: list[str], complete: bool
) -> None:
    truth = truth_of(names, complete=complete)
    definite = {name for slot in truth.slots if len(slot) == 1 for name in slot}
    assert not definite & truth.unknown
    assert not truth.families & truth.unknown_families
    assert truth.count == (len(names) if complete else None)
    assert merge([truth, truth]) == truth


def test_a_window_over_two_stretches_knows_what_they_share() -> None:
    segments = [
        Segment(0.0, 1.0, truth_of(["bass", "drums"], complete=True)),
        Segment(1.0, 2.0, truth_of(["bass", "voice"], complete=True)),
        Segment(2.0, 3.0, truth_of(["voice"], complete=True)),
    ]
    inside = truth_between(segments, 0.0, 1.02)
    assert inside == segments[0].truth
    across = truth_between(segments, 0.5, 1.5)
    assert across == Truth(
        slots=(frozenset({"bass"}),),
        unknown=frozenset({"drums", "voice"}),
        families=frozenset({"plucked_string"}),
        unknown_families=frozenset({"percussion", "voice"}),
        count=None,  # two before, two after, three in all
    )
    assert truth_between(segments, 2.5, 3.5) is None
    assert truth_between([], 0.0, 1.0) is None
