"""What every reader of notes promises, run over all of them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from dataset_miniatures import make_nsynth
from font_fixture import small_font

from realtime.taxonomy import FINE, NSYNTH
from training.bank.bank import Bank
from training.bank.clips import KINDS, MAX_NOTE_S, MAX_PHRASE_S, SPLITS, Clip
from training.bank.writer import BankWriter
from training.datasets import nsynth
from training.pieces.compose import compose_many
from training.pieces.players import band_of
from training.pieces.render import stems
from training.sounds import labelled, noise, samples, voices
from training.sounds.folder import read_manifest
from training.sounds.soundfont import drum_clips, melodic_clips, presets_of

RATE_HZ = 16_000


def _tone(seconds: float, hz: float = 440.0, before_s: float = 0.1) -> np.ndarray:
    sound = 0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    return np.concatenate((np.zeros(round(before_s * RATE_HZ)), sound))


def _nsynth(path: Path) -> Iterator[Clip]:
    make_nsynth(path, seconds=4.0)
    return labelled.clips(nsynth.recordings(path), 1.0, np.random.default_rng(0), Counter())


def _folder(path: Path) -> Iterator[Clip]:
    path.mkdir(exist_ok=True)
    (path / "manifest.csv").write_text(
        "path,instrument,source,licence,midi_pitch,articulation\n"
        "a.wav,viola,my viola,CC0-1.0,69,arco\nb.flac,voice,my voice,CC0-1.0,,speech\n"
    )
    soundfile.write(path / "a.wav", _tone(5.0), RATE_HZ)
    soundfile.write(path / "b.flac", _tone(6.0), RATE_HZ)
    return samples.clips(path, read_manifest(path), dropped=Counter(), split="val")


def _shared_samples(path: Path) -> Iterator[Clip]:
    folder = Path(__file__).parents[3] / "shared" / "samples"
    if not folder.is_dir():
        pytest.skip("needs the recorded samples beside the checkout")
    return samples.clips(folder, read_manifest(folder)[::90], dropped=Counter())


def _melodic(path: Path) -> Iterator[Clip]:
    font = small_font()
    some = presets_of(font)[::9]
    return melodic_clips(font, [(preset, 2) for preset in some], np.random.default_rng(1))


def _drums(path: Path) -> Iterator[Clip]:
    return drum_clips(small_font(), [0], np.random.default_rng(1), 0.4)


def _pieces(path: Path) -> Iterator[Clip]:
    band, rng = band_of([small_font()]), np.random.default_rng(2)
    for number, piece in enumerate(compose_many(band.palette, 3, rng)):
        yield from stems(piece, f"p{number}", band, rng)


def _voices(path: Path) -> Iterator[Clip]:
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng")
    speaker = voices.Speaker("espeak-ng m1", "test", "GPL-3+", voice="m1")
    return voices.clips(speaker, path, np.random.default_rng(3), 0.03)


READERS: dict[str, Callable[[Path], Iterator[Clip]]] = {
    "samples": _shared_samples,
    "folder": _folder,
    "nsynth": _nsynth,
    "soundfont": _melodic,
    "drums": _drums,
    "pieces": _pieces,
    "voices": _voices,
    "noise": lambda path: noise.clips("train", 6, np.random.default_rng(4)),
}


@pytest.fixture(scope="module", params=list(READERS))
def clips(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    return list(READERS[request.param](tmp_path_factory.mktemp("reader")))


def test_sound_is_mono_float_and_finite(clips: list[Clip]) -> None:
    assert clips
    for clip in clips:
        assert clip.samples.dtype == np.float32
        assert clip.samples.ndim == 1
        assert np.isfinite(clip.samples).all()


def test_names_are_of_the_vocabulary(clips: list[Clip]) -> None:
    for clip in clips:
        assert clip.label in FINE or (clip.label == "" and clip.kind == "noise")
        assert clip.split in SPLITS
        assert clip.kind in KINDS


def test_every_clip_says_where_it_is_from(clips: list[Clip]) -> None:
    for clip in clips:
        assert clip.source
        assert clip.licence
        assert clip.origin


def test_a_source_is_in_one_split_per_label(clips: list[Clip]) -> None:
    splits: dict[tuple[str, str], set[str]] = {}
    for clip in clips:
        splits.setdefault((clip.source, clip.label), set()).add(clip.split)
    assert all(len(its) == 1 for its in splits.values())


def test_lengths_pitches_and_velocities_are_within_bounds(clips: list[Clip]) -> None:
    longest = {"note": MAX_NOTE_S, "phrase": MAX_PHRASE_S, "stem": 30.0, "noise": 10.0}
    for clip in clips:
        assert len(clip.samples) <= longest[clip.kind] * RATE_HZ + 1
        assert clip.pitch is None or 0 <= clip.pitch <= 127
        assert clip.velocity is None or 1 <= clip.velocity <= 127
        assert 0 <= clip.onset <= len(clip.samples)
        assert bool(clip.piece) == (clip.kind == "stem")


def test_notes_start_at_once(clips: list[Clip]) -> None:
    for clip in clips:
        if clip.kind == "note":
            level = np.abs(clip.samples)
            start = np.argmax(level > level.max() * 10 ** (-50 / 20))
            assert start <= 0.005 * RATE_HZ + 1, clip.origin


def test_a_bank_takes_and_returns_them(clips: list[Clip], tmp_path: Path) -> None:
    with BankWriter(tmp_path / "bank") as writer:
        kept = [clip for clip in clips if writer.append(clip)]
    bank = Bank.open(tmp_path / "bank")
    assert bank.label.tolist() == [clip.label for clip in kept]
    assert bank.length.tolist() == [len(clip.samples) for clip in kept]
    assert len(kept) >= 0.8 * len(clips)


def test_nsynth_labels_say_what_the_vocabulary_says() -> None:
    assert {family: FINE[label] for family, label in nsynth.LABELS.items()} == NSYNTH
