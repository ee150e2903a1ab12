"""Free sounds get the labels their makers gave them."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.taxonomy import FINE
from training.making.free import drumkits, notes, unheard
from training.making.free.gather import gather
from training.making.free.notes import midi_pitch
from training.making.free.qresource import files
from training.making.free.recordings import excerpts, lines


@pytest.mark.parametrize(
    ("name", "pitch"),
    [("A4", 69), ("Cs3", 49), ("C#3", 49), ("B0", 23), ("G7", 103), ("kick", None), ("H2", None)],
)
def test_pitches_by_name(name: str, pitch: int | None) -> None:
    assert midi_pitch(name) == pitch


@pytest.mark.parametrize(
    ("name", "drum"),
    [
        ('Kick (Tama Superstar 22")', ("drums", "kick")),
        ("c3 - bass drum 1", ("drums", "kick")),
        ("Snare Rimshot (Pearl)", ("drums", "rim")),
        ("Pearl Side Stick", ("drums", "rim")),
        ("Snare Jazz", ("drums", "snare")),
        ("Floor Tom", ("drums", "tom")),
        ("Closed HH", ("cymbals", "hihat closed")),
        ("Sabian Hat Semi-Open", ("cymbals", "hihat open")),
        ("Hi Hat Opened", ("cymbals", "hihat open")),
        ("Side OHH", ("cymbals", "hihat open")),
        ("f#3 - hi-hat closed", ("cymbals", "hihat closed")),
        ("Pedal HH", ("cymbals", "hihat pedal")),
        ("VariBreaks Hat 1 Pd", ("cymbals", "hihat pedal")),
        ("Ride Bell", ("cymbals", "ride")),
        ("China (Paiste Alpha 18)", ("cymbals", "crash")),
        ("Crash Left", ("cymbals", "crash")),
        ("Hand Clap", ("percussion", "")),
        ("Cowbell", ("percussion", "")),
        ("Tambourine Pedal", ("percussion", "")),
        ("Sangban1 Bell Hit", ("percussion", "")),
        ("Zap 1", None),
        ("17", None),
        ("Sample: beats_08-37.flac", None),
        ("a4 - ", None),
    ],
)
def test_drums_by_the_names_kits_give_them(name: str, drum: tuple[str, str] | None) -> None:
    assert drumkits.drum(name) == drum


def test_every_label_is_of_the_vocabulary() -> None:
    named = {*notes._TONEJS.values(), *unheard._SOLOS.values()}
    named |= {label for _, label, _ in drumkits._DRUMS if label}
    assert named <= FINE.keys()


def test_a_missing_program_is_told_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TuttiError, match=r"timidity is missing; install it \(Debian: apt-get"):
        gather(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_excerpts_sound_throughout() -> None:
    rng = np.random.default_rng(1)
    song = rng.standard_normal(100 * 16_000).astype(np.float32)
    song[20 * 16_000 : 30 * 16_000] = 0.0
    found = excerpts(song)
    assert len(found) == 10  # of twelve stretches, two touch the pause
    assert all(len(one) == 8 * 16_000 and one.std() > 0.9 for one in found)
    assert len(excerpts(np.tile(song, 4))) <= 20
    assert excerpts(song[: 5 * 16_000]) == []


def test_lines_are_words_in_a_row() -> None:
    word = np.concatenate((np.zeros(9000), np.ones(16_000), np.zeros(9000))).astype(np.float32)
    found = lines([word] * 14)
    assert len(found) == 2  # of six words each; two are left over
    assert all(6.0 <= len(line) / 16_000 < 7.0 for line in found)
    assert len(lines([word] * 100)) == 8


def resource(content: bytes, *, compressed: bool) -> bytes:
    """A Qt resource with ``/sounds/a.ogg``, laid out as Qt's ``rcc`` does (version 2)."""
    names, at = b"", {}
    for name in ("sounds", "a.ogg"):
        at[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    stored = struct.pack(">I", len(content)) + zlib.compress(content) if compressed else content
    data = struct.pack(">I", len(stored)) + stored
    tree = struct.pack(">IHIIQ", 0, 2, 1, 1, 0)
    tree += struct.pack(">IHIIQ", at["sounds"], 2, 1, 2, 0)
    tree += struct.pack(">IHHHIQ", at["a.ogg"], int(compressed), 0, 0, 0, 0)
    head = 20
    offsets = (head + len(data) + len(names), head, head + len(data))
    return struct.pack(">4sIIII", b"qres", 2, *offsets) + data + names + tree


@pytest.mark.parametrize("compressed", [False, True])
def test_files_of_a_qt_resource(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "x.rcc"
    path.write_bytes(resource(b"some sound", compressed=compressed))
    assert files(path) == {"/sounds/a.ogg": b"some sound"}


@given(cut=st.integers(0, 150), noise=st.binary(max_size=40))
def test_a_broken_resource_is_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    path = tmp_path_factory.mktemp("r") / "x.rcc"
    whole = resource(b"some sound", compressed=True)
    path.write_bytes(whole[:cut] + noise)
    with suppress(TuttiError):  # anything else fails
        files(path)


def test_what_is_no_resource_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.rcc"
    path.write_bytes(b"RIFF" + bytes(40))
    with pytest.raises(TuttiError, match=r"x\.rcc is no Qt resource \(it does not begin"):
        files(path)
