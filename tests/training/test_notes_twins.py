"""A soundfont that joins training brings nothing that validation or test hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from bank_factory import make_bank, tone
from font_fixture import small_font

from realtime.errors import TuttiError
from training.bank.bank import Bank
from training.bank.clips import Clip
from training.bank.writer import BankWriter, copy_into
from training.making import add
from training.sounds import soundfont, twins
from training.sounds.soundfont import melodic_clips, presets_of


def test_one_recording_is_known_again_at_another_level_and_place() -> None:
    rng = np.random.default_rng(1)
    note = tone(60, 0.8, rng)
    again = np.concatenate((np.zeros(777, np.float32), -0.2 * note))
    again += 1e-5 * rng.standard_normal(len(again)).astype(np.float32)
    assert twins.likeness(note, again) > 0.99


def test_two_instruments_at_one_pitch_are_two_recordings() -> None:
    found = [
        twins.likeness(
            tone(60, 0.8, np.random.default_rng(seed)), tone(60, 0.8, np.random.default_rng(99))
        )
        for seed in range(10)
    ]
    assert max(found) < twins.SAME


@pytest.mark.parametrize("samples", [0, 1, 100, 16_000])
def test_silence_and_snippets_are_like_nothing(samples: int) -> None:
    silence = np.zeros(samples, np.float32)
    note = tone(60, 0.8, np.random.default_rng(1))
    assert twins.likeness(silence, note) == 0.0
    assert twins.likeness(note, silence) == 0.0


def test_what_is_held_out_stays_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font = small_font()
    by_name = {preset.program: preset for preset in presets_of(font) if preset.bank == 0}
    trumpet, flute = by_name[56], by_name[73]
    with BankWriter(tmp_path / "bank", seed=1, recipe={}) as writer:
        copy_into(writer, make_bank(tmp_path / "tones", pieces=0))
        for clip in melodic_clips(font, [(trumpet, 5)], np.random.default_rng(1)):
            writer.append(replace(clip, split="test"))
    renamed = tmp_path / "another name.sf2"
    renamed.symlink_to(font.path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/manifest.csv").write_text("path,instrument,source,licence,midi_pitch\n")
    monkeypatch.setitem(soundfont.NOTES_A_LABEL, "train", 1)
    monkeypatch.setattr(soundfont, "_MIN_NOTES_A_PRESET", 1)
    monkeypatch.setitem(soundfont._KITS_AT_MOST, "train", 1)
    monkeypatch.setattr(add, "PIECES_A_SOUNDFONT", 2)

    add.add_soundfonts(
        tmp_path / "bank", tmp_path / "more", [renamed], tmp_path / "notes",
        licences=["GPL-2"], seed=1, processes=1,
    )  # fmt: skip

    before, after = Bank.open(tmp_path / "bank"), Bank.open(tmp_path / "more")
    added = np.arange(len(before), len(after))
    assert np.array_equal(after.audio[: len(before.audio)], before.audio)
    assert set(after.split[added].tolist()) == {"train"}
    assert set(after.source[added].tolist()) == {"another name"}
    assert set(after.licence[added].tolist()) == {"GPL-2"}
    assert set(after.kind[added].tolist()) == {"note", "stem"}
    played = {str(origin).partition(":")[0] for origin in after.origin[added]}
    assert f"{trumpet.bank}/{trumpet.program}" not in played
    assert f"{flute.bank}/{flute.program}" in played
    assert after.manifest["dropped"]["preset that validation or test holds"] >= 1
    assert after.manifest["recipe"]["added"] == [{"soundfonts": ["another name"], "seed": 1}]


def test_only_general_midi_can_be_labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def few(path: Path) -> SimpleNamespace:
        return SimpleNamespace(names=lambda: {(0, 0): "Black Pearl"})

    monkeypatch.setattr(add, "soundfont", few)
    with pytest.raises(TuttiError, match=r"kit\.sf2 holds 1 of the 128 General MIDI programs"):
        add.add_soundfonts(
            make_bank(tmp_path / "bank", pieces=0).path, tmp_path / "out",
            [tmp_path / "kit.sf2"], tmp_path, seed=1, processes=1,
        )  # fmt: skip


def test_a_soundfont_of_every_bank_is_not_added_twice(tmp_path: Path) -> None:
    font, bank = small_font(), make_bank(tmp_path / "bank", pieces=0)
    with pytest.raises(TuttiError, match="one of the soundfonts of .* already"):
        add.add_soundfonts(bank.path, tmp_path / "out", [font.path], tmp_path, seed=1, processes=1)


def folder_of(path: Path, clips: dict[str, tuple[str, float | None, np.ndarray]]) -> Path:
    path.mkdir()
    rows = ["path,instrument,source,licence,midi_pitch,articulation"]
    for name, (label, pitch, samples) in clips.items():
        soundfile.write(path / f"{name}.wav", samples, 16_000)
        articulation = name.split("-")[0] if pitch is None else ""
        rows.append(f"{name}.wav,{label},mine,CC0-1.0,{pitch or ''},{articulation}")
    (path / "manifest.csv").write_text("\n".join(rows) + "\n")
    return path


def test_a_folder_for_training_leaves_out_what_is_held_out_and_plays_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(add, "PIECES_A_FOLDER", 3)
    rng = np.random.default_rng(3)
    hit, note = rng.standard_normal(5000).astype(np.float32) / 4, tone(60, 0.8, rng)
    with BankWriter(tmp_path / "bank", seed=1, recipe={}) as writer:
        copy_into(writer, make_bank(tmp_path / "tones", pieces=0))
        for samples, label, pitch in ((hit, "drums", None), (note, "flute", 60.0)):
            writer.append(Clip(samples, label, "held", "test", pitch=pitch, licence="CC0-1.0"))
    own = {
        f"{label}{p}": (label, float(p), tone(p, 0.8, rng))
        for label in ("flute", "oboe")
        for p in range(58, 74)
    }
    own |= {
        f"{name}-{i}": (label, None, rng.standard_normal(4000).astype(np.float32) / 4)
        for name, label in (("kick", "drums"), ("snare", "drums"), ("hihat closed", "cymbals"))
        for i in range(2)
    }
    own |= {"snare-again": ("drums", None, 0.5 * hit), "flute-again": ("flute", 60.0, note)}
    folder = folder_of(tmp_path / "notes", own)

    add.add_folder(tmp_path / "bank", tmp_path / "more", folder, split="train", seed=1, processes=1)

    before, after = Bank.open(tmp_path / "bank"), Bank.open(tmp_path / "more")
    added = np.arange(len(before), len(after))
    assert after.manifest["dropped"]["note that validation or test holds"] == 2
    origins = set(after.origin[added[after.kind[added] == "note"]].tolist())
    assert origins == {f"{name}.wav" for name in own if not name.endswith("again")}
    stems = added[after.kind[added] == "stem"]
    assert len(set(after.piece[stems].tolist())) == 3
    assert set(after.label[stems].tolist()) == {"oboe"}, "the flute and the kit are held out"
    assert set(after.split[added].tolist()) == {"train"}


def test_more_pieces_bring_nothing_that_is_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (add, soundfont):  # as where no soundfont is installed, and none is missed
        monkeypatch.setattr(module, "FONTS", ())
    rng = np.random.default_rng(3)
    note = tone(60, 0.8, rng)
    with BankWriter(tmp_path / "bank", seed=1, recipe={}) as writer:
        copy_into(writer, make_bank(tmp_path / "tones", pieces=1))
        writer.append(Clip(note, "flute", "held", "test", pitch=60.0, licence="CC0-1.0"))
    own = {
        f"{label}{p}": (label, float(p), tone(p, 0.8, rng))
        for label in ("flute", "oboe", "cello")
        for p in range(58, 74)
    }
    folder = folder_of(tmp_path / "notes", own | {"flute-again": ("flute", 60.0, note)})

    before = Bank.open(tmp_path / "bank")
    for more in ("more", "even more"):
        add.add_pieces(before.path, tmp_path / more, 3, [folder], None, seed=1, processes=1)
        after = Bank.open(tmp_path / more)
        added = np.arange(len(before), len(after))
        assert set(after.kind[added].tolist()) == {"stem"}
        assert set(after.split[added].tolist()) == {"train"}
        assert set(after.label[added].tolist()) <= {"oboe", "cello"}, "the flute is held out"
        assert not set(after.piece[added].tolist()) & set(before.piece.tolist())
        before = after
    assert after.manifest["recipe"]["added"] == 2 * [{"pieces": 3, "players": ["notes"], "seed": 1}]


def test_a_folder_that_is_held_out_stays_notes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    own = {f"flute{p}": ("flute", float(p), tone(p, 0.8, rng)) for p in range(58, 74)}
    folder = folder_of(tmp_path / "notes", own)
    before = make_bank(tmp_path / "bank", pieces=0)
    add.add_folder(before.path, tmp_path / "more", folder, split="val", seed=1, processes=1)
    after = Bank.open(tmp_path / "more")
    assert set(after.kind[len(before) :].tolist()) == {"note"}
