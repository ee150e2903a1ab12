"""The demo piece: the score says what it should, and the bundled recording is of that score."""

from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from realtime.errors import TuttiError
from realtime.tagger import Tagger
from training.pieces import demo
from training.scoring.real import COMMON_THRESHOLD

BUNDLED = Path(__file__).resolve().parents[2] / "realtime" / "assets" / "demo.ogg"
BAR_S = 4 * demo.BEAT_S
PARTS = demo.compose(np.random.default_rng(16))


def test_a_phrase_is_read_as_written() -> None:
    notes = demo.phrase(1, "A4/1.5 r/.5 C5+E5/2", np.random.default_rng(0), legato=1.0)
    assert [note.pitch for note in notes] == [69, 72, 76]
    starts = [note.start / demo.BEAT_S for note in notes]
    np.testing.assert_allclose(starts, [4, 6, 6], atol=0.05)
    assert notes[0].end / demo.BEAT_S == pytest.approx(5.5)


def test_each_has_two_bars_alone_and_then_all_play() -> None:
    for number, part in enumerate(PARTS):
        starts = np.array([note.start for note in part.notes]) / BAR_S
        before = starts[starts < demo.TUTTI_BAR - 0.05]
        assert (before > 2 * number - 0.05).all(), part.name
        assert (before < 2 * number + 2).all(), part.name
        for bar in range(demo.TUTTI_BAR, demo.BARS):
            assert ((starts > bar - 0.05) & (starts < bar + 0.95)).any(), (part.name, bar)
        assert all(note.end > note.start >= 0 for note in part.notes)
        assert max(note.end for note in part.notes) < demo.DURATION_S + 1.0
    assert [part.name for part in PARTS] == ["piano", "bass", "drums", "trumpet"]


def make_samples(folder: Path) -> Path:
    """A folder with a tone of 2.5 s, at A3, of each kind of note the piece asks for."""
    rows = []
    for part in PARTS:
        for notes in part.played_by:
            hz, name = (100.0 if notes.keys else 220.0), f"{notes.label}-{len(rows)}.wav"
            sound = np.sin(2 * np.pi * hz * np.arange(40_000) / 16_000)
            soundfile.write(folder / name, 0.3 * sound, 16_000)
            pitch = "" if notes.keys else "57"
            rows.append(f"{name},{notes.label},{notes.source},{pitch},{notes.articulation}\n")
    header = "path,instrument,source,midi_pitch,articulation\n"
    (folder / "manifest.csv").write_text(header + "".join(rows))
    return folder


def test_a_player_sounds_from_the_first_note_to_the_last(tmp_path: Path) -> None:
    sound = demo.render_part(PARTS[3], make_samples(tmp_path))
    assert sound.shape == (round(demo.DURATION_S * demo.RATE_HZ), 2)
    heard_s = np.flatnonzero(np.abs(sound).max(axis=1) > 1e-3) / demo.RATE_HZ
    first, last = PARTS[3].notes[0], PARTS[3].notes[-1]
    assert heard_s[0] == pytest.approx(first.start, abs=0.05)
    recorded_s = 2.5 / 2 ** ((last.pitch - 57) / 12)
    assert heard_s[-1] == pytest.approx(last.start + recorded_s, abs=0.1)


@pytest.mark.parametrize("up", [-5, 0, 7])
def test_a_recorded_note_is_moved_to_the_pitch_asked_for(tmp_path: Path, up: int) -> None:
    sampler = demo.Sampler(make_samples(tmp_path), demo.TRUMPET)
    sound = sampler.play(pretty_midi.Note(100, 57 + up, 0.0, 1.0), 0)
    middle = sound[4_000:40_000]
    peak_hz = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax() * 48_000 / len(middle)
    assert peak_hz == pytest.approx(220 * 2 ** (up / 12), rel=0.01)
    assert len(sound) == pytest.approx(48_000 * (1.0 + demo.TRUMPET.release_s), abs=2)
    assert np.abs(sound[-50:]).max() < 0.01


def test_the_bundled_recording_is_this_piece() -> None:
    audio, rate_hz = soundfile.read(BUNDLED, dtype="float32", always_2d=True)
    assert audio.shape == (round(demo.DURATION_S * rate_hz), 2)
    assert 0.3 < np.abs(audio).max() < 1.0
    bars = np.array_split(audio[: round(demo.BARS * BAR_S * rate_hz)], demo.BARS)
    loudness = [float(np.sqrt(np.mean(bar**2))) for bar in bars]
    assert min(loudness) > 0.02
    assert max(loudness[2:6]) < max(loudness[demo.TUTTI_BAR :])
    assert np.abs(audio[-200:]).max() < 0.01


@pytest.mark.parametrize("name", ["elsewhere", "empty"])
def test_without_its_notes_it_says_which(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "manifest.csv").write_text("path,instrument,source\n")
    with pytest.raises(TuttiError, match=name):
        list(demo.write(tmp_path / "out.ogg", tmp_path / name, None))
    assert not (tmp_path / "out.ogg").exists()


def test_the_stems_add_up_to_the_players_in_their_room(tmp_path: Path) -> None:
    folder = make_samples(tmp_path)
    parts = [part for part in PARTS if part.name in ("piano", "trumpet")]
    stems = dict(demo.stems(parts, folder))
    assert set(stems) == {"piano", "trumpet"}
    assert all(np.abs(stem).max() > 0.01 for stem in stems.values())
    dry = [demo.placed(part, folder) for part in parts]
    send = sum(sound * np.float32(part.reverb) for sound, part in zip(dry, parts, strict=True))
    together = sum(dry) + demo.in_room(send)
    np.testing.assert_allclose(sum(stems.values()), together, atol=1e-4)


def test_every_player_is_named_alone_and_together() -> None:
    """In the bundled recording, at the threshold at which models are compared."""
    timeline = Tagger().tag(BUNDLED)
    named = {"piano": ("piano",), "bass": ("bass",), "drums": ("drums", "cymbals"),
             "trumpet": ("trumpet",)}  # fmt: skip
    everybody = [label for labels in named.values() for label in labels]
    passages = [(2 * n, 2 * n + 2, named[part.name]) for n, part in enumerate(PARTS)]
    for first, last, labels in [*passages, (demo.TUTTI_BAR, demo.BARS, everybody)]:
        inside = (timeline.start_s > first * BAR_S - 0.1) & (timeline.end_s < last * BAR_S + 0.1)
        heard = dict(
            zip(timeline.spec.instruments, timeline.instruments[inside].mean(axis=0), strict=True)
        )
        for label in labels:
            assert heard[label] >= COMMON_THRESHOLD, (first, label, heard[label])
        if labels is not everybody:
            assert max(heard, key=heard.__getitem__) in labels
