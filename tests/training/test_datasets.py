"""Every data set over a tiny made-up folder, and the rules that all of them keep."""

from collections import defaultdict
from pathlib import Path

import pytest
from dataset_miniatures import MAKERS
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, FINE, GENERAL_MIDI, INSTRUMENTS
from training.bank.clips import SPLITS
from training.commands.evaluate import DATASET_NAMES
from training.datasets import (
    DATASETS,
    SETS,
    irmas,
    jamendo,
    medleydb,
    mixing_secrets,
    nsynth,
    openmic,
    slakh,
)
from training.datasets.check import check
from training.datasets.truth import Segment, Truth, merge, truth_between, truth_of

TRAINING = sorted(name for name, one in SETS.items() if one.recordings)


def test_every_data_set_is_under_contract() -> None:
    assert set(MAKERS) == set(DATASETS) == set(SETS) == set(DATASET_NAMES)


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
        ("nsynth", "nsynth-test/audio/flute_acoustic_002-069-100.wav"),
        ("irmas", "IRMAS-TestingData-Part1/Part1/02 - And The Body Will Die-8.wav"),
        ("jamendo", "audio/14/214.low.mp3"),
        ("medleydb", "Audio/C_Song/C_Song_STEMS/C_Song_STEM_02.wav"),
        ("mixing-secrets", "Medley_Format/Audio/C_Song/C_Song_MIX.wav"),
        ("slakh", "test/Track00003/stems/S01.flac"),
        ("musdb", "test/A - B/bass.wav"),
    ],
)
def test_a_missing_recording_is_named(name: str, file: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(TuttiError, match=Path(file).name.removesuffix(".low.mp3")):
        DATASETS[name](tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "wrong", "line"),
    [
        ("recordings", "recordings.csv", "a.flac,solo,kazoo,1,x\n", "line 6: 'kazoo'"),
        ("recordings", "recordings.csv", "a.flac,duet,voice,1,x\n", "line 6: 'duet'"),
        ("recordings", "recordings.csv", "a.flac,solo,voice\n", "line 6: ''"),
        ("recordings", "b.activity.csv", "soon,bass\n", "line 5.*soon"),
        ("openmic", "openmic-2018-aggregated-labels.csv", "k,kazoo,0.1,3\n", "line 6: 'kazoo'"),
        ("medley-solos", "Medley-solos-DB_metadata.csv", "test,flute,x,1,aa\n", "line 5.*'x'"),
        ("irmas", "IRMAS-TestingData-Part1/Part1/02 - And The Body Will Die-8.txt", "kaz", "kaz"),
        ("nsynth", "nsynth-test/examples.json", "}", "examples.json is no valid JSON"),
        (
            "jamendo",
            "data/splits/split-0/autotagging_instrument-test.tsv",
            "track_9\tartist_9\talbum_9\t14/214.mp3\t1.0\tinstrument---kazoo\n",
            "instrument---kazoo",
        ),
        ("jamendo", "data/splits/split-0/autotagging_instrument-test.tsv", "x\ty\n", "line 3: 2 f"),
        ("medleydb", "Audio/C_Song/C_Song_METADATA.yaml", "  S09: {instrument: kazoo}\n", "S09"),
        ("slakh", "test/Track00003/metadata.yaml", "  S09: {audio_rendered: true}\n", "S09"),
        ("slakh", "test/Track00003/metadata.yaml", "\t:", "no readable YAML"),
    ],
)
def test_a_wrong_row_is_named(name: str, file: str, wrong: str, line: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    with (tmp_path / file).open("a") as table:
        table.write(wrong)
    with pytest.raises(TuttiError, match=line):
        DATASETS[name](tmp_path)


def test_recordings_say_what_sounds_when(tmp_path: Path) -> None:
    MAKERS["recordings"](tmp_path)
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
    MAKERS["openmic"](tmp_path)
    guitar, voice = DATASETS["openmic"](tmp_path)
    assert guitar.truth.slots == (frozenset({"acoustic_guitar", "electric_guitar"}),)
    assert "clarinet" not in guitar.truth.unknown
    assert "flute" in guitar.truth.unknown
    assert voice.truth.unknown == set(INSTRUMENTS) - {"voice"}


def test_irmas_s_own_instruments_are_absent_where_not_named_and_ours_unknown(
    tmp_path: Path,
) -> None:
    MAKERS["irmas"](tmp_path)
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


@pytest.mark.parametrize("name", TRAINING)
def test_a_data_set_can_train_with_its_splits_kept_apart(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    one = SETS[name]
    assert one.recordings is not None
    found = one.recordings(tmp_path)
    split_of = defaultdict(set)
    for recording in found:
        split_of[recording.source].add(recording.split)
        assert recording.split in SPLITS
        assert set(recording.labels) <= set(FINE)
        assert set(recording.absent) <= set(INSTRUMENTS)
        assert not set(recording.absent) & set(recording.labels)
        assert (recording.kind == "stem") == bool(recording.piece)
        assert recording.kind == "music" or len(recording.labels) == 1
    assert {"train", "test"} <= {recording.split for recording in found}
    assert all(len(splits) == 1 for splits in split_of.values()), split_of
    assert not {r.path for r in found if r.split != "test"} & {c.path for c in one.load(tmp_path)}


@pytest.mark.parametrize("name", sorted(SETS))
def test_a_whole_set_passes_and_an_unreadable_file_is_named(name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    faults, counts = check(SETS[name], tmp_path, lambda done, total: None)
    assert not faults
    assert counts["sound files"] > 0
    victim = SETS[name].load(tmp_path)[0].path
    victim.write_bytes(victim.read_bytes()[:20])
    faults, counts = check(SETS[name], tmp_path, lambda done, total: None)
    assert len(faults) == counts["of them unreadable"] == 1
    assert str(victim) in faults[0]


def test_all_faults_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    MAKERS["slakh"](tmp_path)
    for path in sorted(tmp_path.rglob("S0*.flac")):
        path.write_bytes(b"")
    with pytest.raises(TuttiError, match=r"S00\.flac is empty \(6 faults in all\): unpack slakh"):
        slakh.recordings(tmp_path)


def test_nsynth_s_own_split_and_the_paper_s(tmp_path: Path) -> None:
    MAKERS["nsynth"](tmp_path)
    notes = nsynth.recordings(tmp_path)
    assert {r.source for r in notes if r.split == "train"}.isdisjoint(
        r.source for r in notes if r.split != "train"
    )
    again = nsynth.repartition(notes, seed=1, share=0.25)
    assert {r.path for r in again} == {r.path for r in notes if r.split != "test"}
    held = [r for r in again if r.split == "val"]
    assert len(held) == round(0.25 * len(again))
    assert {r.path for r in held} != {r.path for r in notes if r.split == "val"}
    assert nsynth.repartition(notes, seed=1, share=0.25) == again
    alone = nsynth.load(tmp_path / "nsynth-valid")
    assert {clip.path.parent.parent.name for clip in alone} == {"nsynth-valid"}


def test_irmas_training_songs_are_not_divided(tmp_path: Path) -> None:
    songs = {("cel", f"{n:04}"): 3 for n in range(40)} | {("voi", f"{n:04}"): 1 for n in range(40)}
    held = irmas.validation_split(songs)
    for code in ("cel", "voi"):
        share = sum(songs[s] for s in held if s[0] == code) / sum(
            n for s, n in songs.items() if s[0] == code
        )
        assert share == pytest.approx(0.15, abs=0.03)
    MAKERS["irmas"](tmp_path)
    (clip,) = (r for r in irmas.recordings(tmp_path) if r.path.stem == "[cel][cla]0001__2")
    assert clip.labels == ("cello",)
    assert not clip.complete
    assert not clip.absent


def test_openmic_s_table_and_arrays_are_of_one_version(tmp_path: Path) -> None:
    MAKERS["openmic"](tmp_path)
    (first,) = (r for r in openmic.recordings(tmp_path) if "guitar" in r.labels)
    true, mask = openmic.targets(first)
    position = openmic.TAGS.index
    assert (true[position("guitar")], mask[position("guitar")]) == (1.0, 1.0)
    assert (true[position("clarinet")], mask[position("clarinet")]) == (0.0, 1.0)
    assert mask.sum() == 2
    with (tmp_path / "openmic-2018-aggregated-labels.csv").open("a") as table:
        table.write("000999_0,flute,0.9,3\n")
    with pytest.raises(TuttiError, match="not of one version"):
        openmic.recordings(tmp_path)


def test_medleydb_leaves_out_what_bleeds_and_finds_metadata_apart(tmp_path: Path) -> None:
    MAKERS["medleydb"](tmp_path)
    found = {song.name: song for song in medleydb.songs(tmp_path)}
    assert "Bleeding_Song" not in found
    assert {stem.label for stem in found["C_Song"].stems} == {"drum_kit", "electric_guitar"}
    assert "A_Song" in found, "its metadata lies in Metadata"
    (tmp_path / "Metadata" / "A_Song_METADATA.yaml").unlink()
    with pytest.raises(TuttiError, match="A_Song has no A_Song_METADATA.yaml"):
        medleydb.songs(tmp_path)


def test_mixing_secrets_names_are_freer(tmp_path: Path) -> None:
    MAKERS["mixing-secrets"](tmp_path)
    table = tmp_path / "Medley_Format" / "Audio" / "C_Song" / "C_Song_METADATA.yaml"
    text = table.read_text().replace("drum set", "Saxophone")
    table.write_text(text.replace("distorted electric guitar", "Kazoo"))
    found = [r.labels for r in mixing_secrets.recordings(tmp_path) if r.piece.endswith("C_Song")]
    assert found == [("saxophone",)], "what is not known teaches nothing"
    with pytest.raises(TuttiError, match="unknown instrument 'Saxophone' .2 faults"):
        medleydb.songs(tmp_path)


def test_slakh_s_programs_say_what_general_midi_says() -> None:
    for program, target in enumerate(GENERAL_MIDI):
        label = slakh.label_of(program, is_drum=False)
        assert label == "other" or FINE[label] == target
    assert slakh.label_of(40, is_drum=False) == "violin"
    assert slakh.label_of(0, is_drum=True) == "drum_kit"
    with pytest.raises(IndexError):
        slakh.label_of(-1, is_drum=False)


def test_musdb_s_first_form_is_told_from_its_second(tmp_path: Path) -> None:
    MAKERS["musdb"](tmp_path)
    (tmp_path / "train" / "x.stem.mp4").touch()
    with pytest.raises(TuttiError, match="MUSDB18-HQ"):
        DATASETS["musdb"](tmp_path)


def test_jamendo_s_sets_of_tags(tmp_path: Path) -> None:
    MAKERS["jamendo"](tmp_path)
    top = jamendo.tags(tmp_path, "top50tags")
    assert top[0].tags == ("genre---rock", "instrument---piano")
    (found,) = (r for r in jamendo.recordings(tmp_path) if r.split == "test")
    assert found.labels == ("piano", "drum_kit")
    assert not found.complete
    with pytest.raises(TuttiError, match="autotagging_mood-train"):
        jamendo.tags(tmp_path, "mood")
