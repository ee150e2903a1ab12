"""Rendered notes sound what they are labelled as: physics, not snapshots."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from font_fixture import small_font

from realtime.errors import TuttiError
from realtime.taxonomy import FINE, GENERAL_MIDI, INSTRUMENTS
from training.bank.splits import coarse
from training.sounds.pitch import detect
from training.sounds.presets import (
    drum_kits,
    drum_label,
    gm_label,
    melodic_presets,
)
from training.sounds.soundfont import (
    Font,
    drum_clips,
    melodic_clips,
    notes_for,
    presets_of,
    spread_pitches,
    swell,
)
from training.sounds.synth import Event, SoundFont, soundfont

ALL_GM = {(0, program): f"program {program}" for program in range(128)}


@pytest.fixture(scope="module")
def font() -> Font:
    return small_font()


@pytest.fixture(scope="module")
def player(font: Font) -> SoundFont:
    return soundfont(font.path)


def note(key: int, hold_s: float = 1.0, velocity: int = 90, at_s: float = 0.0) -> list[Event]:
    return [Event(at_s, "on", key, velocity), Event(at_s + hold_s, "off", key)]


@pytest.mark.parametrize("program", [0, 24, 32, 40, 42, 56, 60, 65, 71, 73])
def test_rendered_notes_have_the_pitch_of_their_key(player: SoundFont, program: int) -> None:
    preset = melodic_presets("any", {(0, program): ""})[0]
    for key in (preset.low + 7, (preset.low + preset.high) // 2):
        heard = detect(player.render(0, program, note(key, 1.2), 1.5))
        assert heard is not None
        # A quarter tone: vibrato and stretched tuning; octaves apart: a soft fundamental.
        assert min(abs(heard - key - octave) for octave in (-12, 0, 12)) < 0.5


def test_a_full_bend_is_two_semitones(player: SoundFont) -> None:
    plain = detect(player.render(0, 73, note(72), 1.2))
    bent = detect(player.render(0, 73, [Event(0, "bend", 8191), *note(72)], 1.2))
    assert plain is not None
    assert bent is not None
    assert bent - plain == pytest.approx(2, abs=0.1)


def test_nothing_sounds_before_the_note_or_from_the_last_clip(player: SoundFont) -> None:
    player.render(0, 19, note(60, 5.0, 127), 1.0)  # cut while it sounds
    samples = player.render(0, 0, note(60, at_s=0.5), 1.0)
    assert len(samples) == 16_000
    loud = np.abs(samples).max()
    assert np.abs(samples[:7900]).max() < 1e-3 * loud
    assert np.abs(samples[8000:10_000]).max() > 0.3 * loud


def test_rendering_repeats_exactly(player: SoundFont) -> None:
    first = player.render(0, 40, note(69), 1.0)
    player.render(0, 81, [Event(0, "cc", 1, 127), Event(0, "bend", 5000), *note(50)], 0.5003)
    np.testing.assert_array_equal(player.render(0, 40, note(69), 1.0), first)


def test_rendering_is_dry(player: SoundFont) -> None:
    samples = player.render(0, 16, note(60, 0.5), 2.5)
    assert np.abs(samples[24_000:]).max() < 0.003 * np.abs(samples).max()


def test_expression_changes_the_level(player: SoundFont) -> None:
    rising = [Event(i / 20, "cc", 11, 20 + 5 * i) for i in range(21)]
    samples = player.render(0, 16, [*rising, *note(60, 1.2)], 1.2)
    early, late = samples[3200:4800].std(), samples[14_400:16_000].std()
    assert late > 3 * early


def test_a_missing_or_wrong_soundfont_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TuttiError, match=r"gone\.sf2 is missing"):
        SoundFont(tmp_path / "gone.sf2")
    (tmp_path / "bad.sf2").write_bytes(b"no soundfont")
    with pytest.raises(TuttiError, match=r"bad\.sf2 is not a soundfont"):
        SoundFont(tmp_path / "bad.sf2")


def test_every_instrument_has_presets_and_every_label_a_meaning() -> None:
    presets = melodic_presets("any", ALL_GM)
    labels = {coarse(preset.label) for preset in presets} | {
        drum_label(key) for key in range(35, 82)
    }
    # General MIDI has no mandolin or ukulele; they come from the variation banks.
    assert set(INSTRUMENTS) - labels == {"mandolin", "ukulele"}
    assert all(preset.label in FINE for preset in presets)
    assert all(0 < preset.low < preset.high < 128 for preset in presets)
    assert not any(preset.program >= 120 for preset in presets)
    extra = melodic_presets("any", {(8, 24): "Ukulele", (16, 25): "Mandolin"})
    assert [preset.label for preset in extra] == ["ukulele", "mandolin"]


def test_labels_of_programs_agree_with_the_vocabulary() -> None:
    for program, target in enumerate(GENERAL_MIDI):
        label = gm_label(program)
        if label is None:
            assert target.instrument is None
        else:
            assert FINE[label].instrument == target.instrument
            assert FINE[label].families == target.families or label == "percussion"


def test_an_fm_chip_is_only_ever_a_synthesizer() -> None:
    presets = melodic_presets("OPL-3_FM", ALL_GM)
    assert {preset.label for preset in presets} == {"synthesizer"}
    assert {GENERAL_MIDI[preset.program].instrument for preset in presets} == {"synthesizer"}


def test_drum_kits_are_those_present() -> None:
    assert drum_kits([(128, 0), (128, 25), (128, 56), (0, 8)]) == [0, 25]


def test_every_label_gets_about_as_many_notes() -> None:
    counts: Counter[str] = Counter()
    for preset, count in notes_for(melodic_presets("any", ALL_GM), "train").items():
        counts[coarse(preset.label)] += count
    ours = [
        counts[label]
        for label in INSTRUMENTS
        if label in counts and label not in ("drums", "cymbals", "synthesizer")
    ]
    assert max(ours) <= 1.1 * min(ours)
    assert counts["viola"] < 0.5 * counts["violin"]


def test_keys_are_spread_over_the_range_anew_for_every_font() -> None:
    preset = melodic_presets("any", {(0, 40): "Violin"})[0]
    one, two = (spread_pitches(preset, 20, np.random.default_rng(seed)) for seed in (1, 2))
    for keys in (one, two):
        assert min(keys) <= preset.low + 3
        assert max(keys) >= preset.high - 3
        assert np.diff(sorted(keys)).max() <= 4
    assert one != two


def test_swells_rise_and_fall_within_midi() -> None:
    events = swell(0.0, 2.0, np.random.default_rng(3), breath=True)
    values = [event.b for event in events if event.a == 11]
    assert {event.a for event in events} == {2, 11}
    assert all(0 <= value <= 127 for value in values)
    top = int(np.argmax(values))
    assert 0 < top < len(values) - 1
    assert values[0] < values[top] > values[-1]


def test_rendered_clips_carry_what_is_known(font: Font) -> None:
    presets = [
        preset for preset in presets_of(font) if (preset.bank, preset.program) in ((0, 0), (0, 40))
    ]
    clips = list(melodic_clips(font, [(preset, 4) for preset in presets], np.random.default_rng(1)))
    assert [clip.label for clip in clips] == ["piano"] * 4 + ["violin"] * 4
    assert [clip.sustain for clip in clips] == [False] * 4 + [True] * 4
    assert {clip.split for clip in clips} == {font.split}
    assert all(clip.origin.startswith(("0/0:", "0/40:")) for clip in clips)
    for clip in clips:
        heard = detect(clip.samples)
        if heard is not None and clip.pitch is not None:
            assert min(abs(heard - clip.pitch - octave) for octave in (-12, 0, 12)) < 0.7


def test_drum_hits_are_drums_or_cymbals_by_key(font: Font) -> None:
    clips = list(drum_clips(font, [0], np.random.default_rng(1)))
    labels = {int(clip.origin.rpartition(":")[2]): clip.label for clip in clips}
    assert (labels[36], labels[38], labels[42], labels[49]) == (
        "drums",
        "drums",
        "cymbals",
        "cymbals",
    )
    assert labels[56] == "percussion"
    kick = next(clip for clip in clips if clip.origin.endswith(":36"))
    hat = next(clip for clip in clips if clip.origin.endswith(":42"))

    def centroid_hz(samples: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(samples)) ** 2
        return float((np.fft.rfftfreq(len(samples), 1 / 16_000) * power).sum() / power.sum())

    assert centroid_hz(kick.samples) < 600 < 3000 < centroid_hz(hat.samples)
