"""Folders of recorded notes: what is read, cut and refused."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import TuttiError
from training.bank.clips import Clip, cut, trimmed
from training.sounds.folder import COLUMNS, decode, read_manifest
from training.sounds.samples import clips, label_of, sustains

RATE_HZ = 16_000


def sine(hz: float, seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def folder_of(path: Path, *rows: dict[str, str]) -> Path:
    path.mkdir(exist_ok=True)
    with (path / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(folder: Path, dropped: Counter[str] | None = None) -> list[Clip]:
    found: Counter[str] = Counter() if dropped is None else dropped
    return list(clips(folder, read_manifest(folder), dropped=found, split="train"))


def test_other_rates_and_channels_become_16_khz_mono(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "n", {"path": "a.wav", "instrument": "flute", "midi_pitch": "69"})
    stereo = np.stack([sine(440, 1, 44_100), sine(440, 1, 44_100)], axis=1)
    soundfile.write(folder / "a.wav", stereo, 44_100)
    (clip,) = read(folder)
    assert abs(len(clip.samples) - RATE_HZ) < 20
    spectrum = np.abs(np.fft.rfft(clip.samples[2000:10_000]))
    assert np.argmax(spectrum) * RATE_HZ / 8000 == pytest.approx(440, abs=2)


def test_leading_silence_goes_and_long_notes_fade_out(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "n", {"path": "a.wav", "instrument": "piano", "midi_pitch": "69"})
    soundfile.write(folder / "a.wav", np.concatenate((np.zeros(8000), sine(440, 5))), RATE_HZ)
    (clip,) = read(folder)
    assert clip.kind == "note"
    assert len(clip.samples) == 3 * RATE_HZ
    assert np.flatnonzero(np.abs(clip.samples) > 0.01)[0] <= 0.005 * RATE_HZ + 2
    assert np.abs(clip.samples[-10:]).max() < 0.01
    assert np.abs(clip.samples[-1600:-1200]).max() > 0.2


def test_long_unpitched_recordings_are_phrases(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "n",
        {"path": "loop.wav", "instrument": "acoustic_guitar", "articulation": "chord"},
        {"path": "talk.wav", "instrument": "voice", "articulation": "speech"},
    )
    for name, seconds in (("loop.wav", 70), ("talk.wav", 2)):
        soundfile.write(folder / name, sine(300, seconds), RATE_HZ)
    loop, talk = read(folder)
    assert (loop.kind, talk.kind) == ("phrase", "phrase")
    assert loop.pitch is None
    assert len(loop.samples) == 60 * RATE_HZ


def test_notes_that_sound_another_pitch_are_dropped_with_a_count(tmp_path: Path) -> None:
    rows = [
        {"path": f"{name}.wav", "instrument": instrument, "midi_pitch": "64", "articulation": how}
        for name, instrument, how in (
            ("a", "flute", "normal"),
            ("b", "flute", "trill"),
            ("c", "piano", "sustain"),
        )
    ]
    folder = folder_of(tmp_path / "n", *rows)
    for row in rows:
        soundfile.write(folder / row["path"], sine(440, 1), RATE_HZ)
    dropped: Counter[str] = Counter()
    kept = [clip.origin for clip in read(folder, dropped)]
    assert kept == ["b.wav", "c.wav"]
    assert dropped == {"sounds another pitch": 1}


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "n", {"path": "bad.wav", "instrument": "flute"})
    (folder / "bad.wav").write_bytes(b"RIFF not really")
    with pytest.raises(TuttiError, match=r"bad\.wav is not a sound file"):
        read(folder)
    with pytest.raises(TuttiError, match=r"gone\.wav does not exist"):
        decode(folder / "gone.wav")


def test_an_unknown_instrument_is_named_with_its_line_and_the_nearest(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "n",
        {"path": "a.wav", "instrument": "flute"},
        {"path": "b.wav", "instrument": "clarinett"},
    )
    with pytest.raises(TuttiError, match=r"manifest\.csv, line 3.*'clarinett'.*'clarinet'\?"):
        read_manifest(folder)


@pytest.mark.parametrize("pitch", ["C4", "-1", "128", "nan", "inf"])
def test_a_pitch_that_is_none_is_named(tmp_path: Path, pitch: str) -> None:
    folder = folder_of(
        tmp_path / "n", {"path": "a.wav", "instrument": "flute", "midi_pitch": pitch}
    )
    with pytest.raises(TuttiError, match="line 2: midi_pitch"):
        read_manifest(folder)


def test_a_missing_manifest_or_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(TuttiError, match=r"manifest\.csv cannot be read"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,instrument\n")
    with pytest.raises(TuttiError, match="lacks the column 'path'"):
        read_manifest(tmp_path)


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "manifest.csv").write_bytes(b"path,instrument,midi_pitch\n" + data)
    try:
        rows = read_manifest(folder)
    except TuttiError:
        return
    assert all(set(row) == set(COLUMNS) for row in rows)


@pytest.mark.parametrize(
    ("label", "articulation", "expected"),
    [
        ("violin", "sustain", True),
        ("cello", "pizzicato", False),
        ("flute", "detache", False),
        ("bowed_double_bass", "arco-normal", True),
        ("double_bass", "pizz-normal", False),
        ("organ", "sustain", True),
        ("harmonium", "sustain", True),
        ("piano", "sustain", False),
        ("voice", "sung vowel a", True),
        ("tuba", "staccato", False),
        ("banjo", "normal", False),
        ("cymbals", "bowed", True),
        ("cymbals", "crash", False),
    ],
)
def test_what_goes_on_as_long_as_it_is_held(label: str, articulation: str, expected: bool) -> None:
    assert sustains(label, articulation) is expected


def test_bowed_basses_and_speech_get_their_labels() -> None:
    def named(instrument: str, articulation: str) -> str:
        return label_of({"instrument": instrument, "articulation": articulation})

    assert named("double_bass", "arco-normal") == "bowed_double_bass"
    assert named("double_bass", "sustain bowed") == "bowed_double_bass"
    assert named("double_bass", "pizz-normal") == "double_bass"
    assert named("speech", "") == "voice"


@given(st.integers(0, 4000), st.integers(200, 4000), st.integers(0, 4000))
@settings(max_examples=60, deadline=None)
def test_trimming_keeps_all_that_sounds(before: int, sound: int, after: int) -> None:
    body = np.ones(sound, np.float32)
    out = trimmed(np.concatenate((np.zeros(before, np.float32), body, np.zeros(after, np.float32))))
    assert out.sum() == sound
    assert len(out) == sound + min(before, 80)


def test_cutting_leaves_short_sounds_alone() -> None:
    short = np.ones(1000, np.float32)
    assert cut(short, 1.0) is short
