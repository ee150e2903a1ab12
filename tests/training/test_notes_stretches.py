"""A folder's own splits are obeyed, and its stretches of several instruments and of noise join."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from bank_factory import make_bank, tone
from hypothesis import given
from hypothesis import strategies as st

from realtime.cli import main
from realtime.errors import TuttiError
from realtime.taxonomy import FINE
from training.bank.bank import Bank
from training.making.add import add_folder, add_pieces
from training.mixing.mixer import MixConfig, Mixer
from training.mixing.palette import Palette
from training.pieces.players import band_of
from training.sounds.stretches import named, read_stretches
from training.sounds.voices import recorded_speakers

RATE_HZ = 16_000
_MANIFEST = "path,instrument,source,licence,midi_pitch,articulation,split\n"
_SEVERAL = "path,source,licence,split,instruments,complete\n"
_NOISE = "path,source,licence,split\n"


def sound(path: Path, seconds: float = 4.0, pitch: float = 60.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = tone(pitch, 1.0, np.random.default_rng(round(pitch)))
    repeated = np.tile(made, round(seconds))
    soundfile.write(path, 0.5 * repeated / np.abs(repeated).max(), RATE_HZ)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A phrase each to train and to validate with, a kit, a strange duo, a gong, and rain."""
    path = tmp_path / "real"
    for name in ("a", "b", "kit", "duo", "gong", "rain"):
        sound(path / f"{name}.wav", 20)
    (path / "manifest.csv").write_text(
        _MANIFEST + "a.wav,flute,Ann,CC0-1.0,,phrase,val\nb.wav,flute,Bob,,,phrase,train\n"
    )
    (path / "several.csv").write_text(
        _SEVERAL
        + "kit.wav,Cid,MIT,train,drums;cymbals,1\n"
        + "duo.wav,Cid,MIT,val,flute; celesta,1\n"
        + "gong.wav,Dan,,train,gong,1\n"
    )
    (path / "noise.csv").write_text(_NOISE + "rain.wav,Eve,CC0-1.0,val\n")
    return path


def added(tmp_path: Path, folder: Path, split: str = "train") -> Bank:
    old = make_bank(tmp_path / "old", labels=("violin", "piano"))
    out = tmp_path / "new"
    add_folder(old.path, out, folder, None, split=split, seed=1, processes=1)
    bank = Bank.open(out)
    assert len(bank) > len(old)
    return bank


def by_origin(bank: Bank) -> dict[str, tuple[str, str, str, str]]:
    columns = zip(
        *(getattr(bank, n).tolist() for n in ("origin", "kind", "label", "articulation", "split")),
        strict=True,
    )
    return {origin: tuple(rest) for origin, *rest in columns if origin.endswith(".wav")}  # type: ignore[misc]


def test_each_clip_goes_where_its_row_says_with_what_it_names(tmp_path: Path, folder: Path) -> None:
    bank = added(tmp_path, folder)
    assert by_origin(bank) == {
        "a.wav": ("phrase", "flute", "phrase", "val"),
        "b.wav": ("phrase", "flute", "phrase", "train"),
        "kit.wav": ("music", "drums;cymbals", "complete", "train"),
        "duo.wav": ("music", "flute", "", "val"),  # a celesta sounds too, which has no name here
        "gong.wav": ("music", "", "", "train"),
        "rain.wav": ("noise", "", "", "val"),
    }
    kit = bank.origin.tolist().index("kit.wav")
    assert (bank.source[kit], bank.licence[kit]) == ("Cid", "MIT")
    assert bank.length[bank.origin == "b.wav"][0] > 19 * RATE_HZ


def test_what_no_row_places_goes_where_the_command_says(tmp_path: Path, folder: Path) -> None:
    (folder / "manifest.csv").write_text(
        _MANIFEST + "a.wav,flute,Ann,,,phrase,\nb.wav,flute,Bob,,,phrase,train\n"
    )
    (folder / "noise.csv").write_text("path\nrain.wav\n")
    found = by_origin(added(tmp_path, folder, split="test"))
    assert {name: found[f"{name}.wav"][3] for name in ("a", "b", "rain", "duo")} == {
        "a": "test", "b": "train", "rain": "test", "duo": "val",
    }  # fmt: skip


def test_music_trains_beside_the_mixtures_and_never_in_them(tmp_path: Path, folder: Path) -> None:
    bank = added(tmp_path, folder)
    palette = Palette(bank, ("train",), torch.device("cpu"))
    assert {sound.name for sound in palette.classes} >= {"flute", "violin"}
    names = bank.origin[bank.split == "train"].tolist()
    music = {names.index("kit.wav"), names.index("gong.wav")}
    drawable = {int(clip) for clip in palette.timbre_clips.choices.flatten()}
    drawable |= {int(clip) for clip in palette.pieces.flatten()} | set(palette.noise.tolist())
    assert not drawable & music
    assert music <= set(palette.music.clip.tolist())
    rng = torch.Generator().manual_seed(1)
    batch = Mixer(palette, MixConfig(), rng).batch(4)
    assert torch.isfinite(batch.audio).all()


def test_a_bank_with_music_is_described(
    tmp_path: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bank = added(tmp_path, folder)
    monkeypatch.setattr("sys.argv", ["tutti", "bank", "info", str(bank.path)])
    assert main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("music")).split() == [
        "music", "0.7", "0.3", "0.0",
    ]  # fmt: skip
    flute = next(line for line in lines if line.startswith("flute")).split()
    assert flute[1:6] == ["2", "1", "0", "1", "0"]  # the duo's flute is no note of this label


def melody(folder: Path, split: str, instrument: str = "flute") -> list[str]:
    rows = []
    for pitch in range(60, 76, 2):
        sound(folder / split / f"{pitch}.wav", 1, pitch)
        rows.append(f"{split}/{pitch}.wav,{instrument},{split} player,,{pitch},sustain,{split}\n")
    return rows


def test_who_is_held_out_plays_and_sings_in_no_training_piece(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    rows = melody(folder, "val") + melody(folder, "train")
    for split in ("val", "train"):
        sound(folder / f"talk-{split}.wav")
        rows.append(f"talk-{split}.wav,voice,{split} speaker,,,speech,{split}\n")
    (folder / "manifest.csv").write_text(_MANIFEST + "".join(rows))
    assert {one.source: one.split for one in recorded_speakers(folder)} == {
        "val speaker": "val", "train speaker": "train",
    }  # fmt: skip
    sources = {name.source for name in band_of([], [folder], "train").players}
    assert sources == {"train player"}


def test_pieces_of_a_folder_are_played_by_its_training_instruments(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    rows = melody(folder, "val") + melody(folder, "train", "piano")
    (folder / "manifest.csv").write_text(_MANIFEST + "".join(rows))
    bank = added(tmp_path, folder)
    stems = bank.kind == "stem"
    new = stems & np.char.startswith(bank.piece, "train of notes")
    assert new.any()
    assert set(bank.source[new].tolist()) == {"train player"}
    assert set(bank.split[bank.source == "val player"].tolist()) == {"val"}


@given(st.lists(st.sampled_from([*FINE, "gong", "celesta", " ", ""]), max_size=6))
def test_only_known_names_stay_and_complete_means_all(names: list[str]) -> None:
    label, complete = named(" ; ".join(names))
    real = [name for name in names if name.strip()]
    kept = label.split(";") if label else []
    assert set(kept) == set(real) & FINE.keys()
    assert len(kept) == len(set(kept))
    assert complete == (bool(real) and set(real) <= FINE.keys())


@given(st.text(max_size=60))
def test_any_text_as_names_gives_a_label_a_bank_takes(text: str) -> None:
    label, _ = named(text)
    assert all(name in FINE for name in label.split(";") if label)


@pytest.mark.parametrize(
    ("table", "text", "says"),
    [
        ("manifest.csv", _MANIFEST + "a.wav,flute,,,,,train\nb.wav,flute,,,,,dev\n",
         r"manifest\.csv, line 3: split 'dev' is none of train, val, test"),
        ("noise.csv", _NOISE + "rain.wav,,,Train\n",
         r"noise\.csv, line 2: split 'Train' is none of"),
        ("several.csv", _SEVERAL + "kit.wav,,,train,drums,yes\n",
         r"several\.csv, line 2: complete is 1 or 0, not 'yes'"),
        ("several.csv", "path,instruments\nkit.wav,drums\n", "lacks the column 'complete'"),
        ("several.csv", _SEVERAL + "kit.wav,,,train\n", "complete is 1 or 0, not ''"),
        ("noise.csv", _NOISE, r"rain\.wav has no row in manifest\.csv, several\.csv, noise\.csv"),
        ("noise.csv", _NOISE + "rain.wav,,,val\ngone.wav,,,val\n", r"gone\.wav is missing"),
    ],
)  # fmt: skip
def test_bad_tables_are_one_sentence_and_leave_nothing(
    tmp_path: Path, folder: Path, table: str, text: str, says: str
) -> None:
    (folder / table).write_text(text)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(TuttiError, match=says) as caught:
        added(tmp_path, folder)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "old"])


@given(st.binary(max_size=300))
def test_any_bytes_as_tables_are_rows_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    for header, table in ((_SEVERAL, "several.csv"), (_NOISE, "noise.csv")):
        (folder / table).write_bytes(header.encode() + content)
    try:
        rows = read_stretches(folder)
    except TuttiError:
        return
    assert all(row["split"] in ("", "train", "val", "test") for row in rows)


def test_more_pieces_are_not_played_by_what_a_folder_holds_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "notes"
    rows = melody(folder, "val") + melody(folder, "train")
    (folder / "manifest.csv").write_text(_MANIFEST + "".join(rows))
    monkeypatch.setattr("training.making.add.require_fonts", lambda: None)
    monkeypatch.setattr("training.making.add.FONTS", [])
    old = make_bank(tmp_path / "old", labels=("violin",))
    add_pieces(old.path, tmp_path / "new", 2, [folder], None, seed=1, processes=1)
    bank = Bank.open(tmp_path / "new")
    new = np.char.startswith(bank.piece, "train from")
    assert new.any()
    assert set(bank.source[new].tolist()) == {"train player"}
