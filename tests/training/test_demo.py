"""The demo piece: the score says what it should, and the bundled recording is of that score."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime.errors import TuttiError
from training.mixing import demo
from training.notes.synth import RENDER_RATE_HZ, SoundFont

BUNDLED = Path(__file__).resolve().parents[2] / "realtime" / "assets" / "demo.ogg"
SMALL_FONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
BAR_S = 4 * demo.BEAT_S


def test_a_phrase_is_read_as_written() -> None:
    notes = demo.phrase(1, "A4/1.5 r/.5 C5+E5/2", np.random.default_rng(0), legato=1.0)
    assert [note.pitch for note in notes] == [69, 72, 76]
    starts = [note.start / demo.BEAT_S for note in notes]
    np.testing.assert_allclose(starts, [4, 6, 6], atol=0.05)
    assert notes[0].end / demo.BEAT_S == pytest.approx(5.5)


def test_everybody_enters_where_the_piece_says() -> None:
    parts = {p.instrument.name: p.instrument for p in demo.compose(np.random.default_rng(16))}
    first_bar = {
        name: round(min(note.start for note in part.notes) / BAR_S) for name, part in parts.items()
    }
    assert first_bar == {
        "piano": 0,
        "double bass": 4,
        "drums": 6,
        "saxophone": 8,
        "violin": 12,
        "cello": 12,
        "guitar": 12,
        "trumpet": 14,
    }
    for part in parts.values():
        assert max(note.end for note in part.notes) < demo.DURATION_S + 1.0
        assert all(note.end > note.start >= 0 for note in part.notes)


@pytest.mark.skipif(not SMALL_FONT.exists(), reason="no timgm6mb-soundfont")
def test_a_player_sounds_from_the_first_note_to_the_last() -> None:
    trumpet = next(
        part
        for part in demo.compose(np.random.default_rng(16))
        if part.instrument.name == "trumpet"
    )
    sound = demo.render_part(trumpet, SoundFont(SMALL_FONT))
    assert sound.shape == (round(demo.DURATION_S * RENDER_RATE_HZ), 2)
    heard_s = np.flatnonzero(np.abs(sound).max(axis=1) > 1e-3) / RENDER_RATE_HZ
    assert heard_s[0] == pytest.approx(14 * BAR_S, abs=0.1)
    assert heard_s[-1] > 15.9 * BAR_S


def test_the_bundled_recording_is_this_piece() -> None:
    audio, rate_hz = soundfile.read(BUNDLED, dtype="float32", always_2d=True)
    assert audio.shape == (round(demo.DURATION_S * rate_hz), 2)
    assert 0.3 < np.abs(audio).max() < 1.0
    bars = np.array_split(audio[: round(demo.BARS * BAR_S * rate_hz)], demo.BARS)
    loudness = [float(np.sqrt(np.mean(bar**2))) for bar in bars]
    assert min(loudness) > 0.02
    assert max(loudness[:8]) < max(loudness[14:])
    assert np.abs(audio[-200:]).max() < 0.01


def test_without_its_soundfont_it_says_which(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "SOUNDFONT", tmp_path / "FluidR3_GM.sf2")
    with pytest.raises(TuttiError, match="FluidR3_GM"):
        demo.main([str(tmp_path / "out.ogg")])
    assert not (tmp_path / "out.ogg").exists()


@pytest.mark.skipif(not SMALL_FONT.exists(), reason="no timgm6mb-soundfont")
def test_the_stems_add_up_to_the_players_in_their_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SOUNDFONT", SMALL_FONT)
    parts = [
        part
        for part in demo.compose(np.random.default_rng(16))
        if part.instrument.name in ("guitar", "trumpet")
    ]
    stems = dict(demo.stems(parts))
    assert set(stems) == {"guitar", "trumpet"}
    assert all(np.abs(stem).max() > 0.01 for stem in stems.values())
    font = SoundFont(SMALL_FONT)
    dry = [demo.placed(part, font) for part in parts]
    send = sum(sound * np.float32(part.reverb) for sound, part in zip(dry, parts, strict=True))
    together = sum(dry) + demo.in_room(send)
    np.testing.assert_allclose(sum(stems.values()), together, atol=1e-4)
