"""Mixing: pitch, placement, the label rule, effects, and that a seed decides all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from realtime.errors import TuttiError
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from training.bank.bank import Bank
from training.bank.clips import Clip
from training.bank.writer import BankWriter
from training.mixing import effects as fx
from training.mixing.arrangement import ArrangementConfig, arrange
from training.mixing.labels import audibility, teach
from training.mixing.mixer import MixConfig, Mixer
from training.mixing.palette import Palette
from training.mixing.place import Events, place

CPU = torch.device("cpu")
RATE_HZ = 16_000


def tone(hz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ).astype(np.float32)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Tones for five labels in two sources, one piece of three stems, one noise."""
    path = tmp_path_factory.mktemp("bank") / "tones"
    rng = np.random.default_rng(0)
    with BankWriter(path) as writer:
        for label in ("piano", "violin", "viola", "drums", "cymbals"):
            for source, clips in (("rich", 30), ("poor", 3)):
                for index in range(clips):
                    pitch = None if label in ("drums", "cymbals") else 48.0 + index
                    hz = 440 * 2 ** (((pitch or 60) - 69) / 12)
                    writer.append(
                        Clip(
                            samples=tone(hz),
                            label=label,
                            source=source,
                            split="train",
                            pitch=pitch,
                            sustain=label in ("violin", "viola"),
                            origin=f"0/{index % 2}:{index} Preset",
                        )
                    )
        writer.append_piece(
            [
                Clip(tone(hz, 6.0), label, "rich", "train", kind="stem", piece="one", origin="0/1")
                for label, hz in (("piano", 300.0), ("violin", 500.0), ("drums", 90.0))
            ]
        )
        noise = rng.normal(size=4 * RATE_HZ).astype(np.float32)
        writer.append(Clip(noise, "", "noise", "train", kind="noise"))
    return Bank.open(path)


@pytest.fixture(scope="module")
def palette(bank: Bank) -> Palette:
    return Palette(bank, ("train",), CPU)


def test_what_is_recorded_can_be_left_out_alone_or_drawn_more_often(tmp_path: Path) -> None:
    pitch_of = {
        "0/40:64 Violin": 60.0,
        "0/41:64 Viola no. 2.1": 61.0,
        "speaker 3/vowels": 62.0,
        "violin/a4.ogg": 70.0,
        "flutes/FLUTE.G5.wav": 71.0,
        "organ.8/c.flac": 72.0,
    }
    with BankWriter(tmp_path / "bank", seed=1, recipe={}) as writer:
        for origin, pitch in pitch_of.items():
            note = Clip(tone(440.0), "violin", "some", "train", pitch=pitch, licence="CC0-1.0")
            writer.append(replace(note, origin=origin))
    bank = Bank.open(tmp_path / "bank")
    assert Palette(bank, ("train",), CPU).pitch.tolist() == list(pitch_of.values())
    rendered = Palette(bank, ("train",), CPU, recorded_weight=0.0)
    assert rendered.pitch.tolist() == [60.0, 61.0, 62.0]
    recorded = Palette(bank, ("train",), CPU, rendered_weight=0.0)
    assert recorded.pitch.tolist() == [70.0, 71.0, 72.0]
    with pytest.raises(TuttiError, match="no sounds of split train to draw from"):
        Palette(bank, ("train",), CPU, recorded_weight=0.0, rendered_weight=0.0)


def test_recorded_sources_and_pieces_are_drawn_as_often_as_said(tmp_path: Path) -> None:
    with BankWriter(tmp_path / "bank", seed=1, recipe={}) as writer:
        for source, origin in (("font", "0/40:64 Violin"), ("library", "violin/a4.ogg")):
            note = Clip(tone(440.0), "violin", source, "train", pitch=69.0, licence="CC0-1.0")
            for _ in range(40):
                writer.append(replace(note, origin=origin))
        stem = Clip(tone(440.0), "violin", "some", "train", kind="stem", licence="CC0-1.0")
        for piece, origins in {
            "rendered": ("song/0/40 Violin", "song/0/41 Str.Gt"),
            "played": ("song/recorded library", "song/recorded kit"),
        }.items():
            writer.append_piece([replace(stem, piece=piece, origin=origin) for origin in origins])
    bank = Bank.open(tmp_path / "bank")
    palette = Palette(bank, ("train",), CPU, recorded_weight=3.0)
    violin = torch.full((4000,), [sound.name for sound in palette.classes].index("violin"))
    timbre = palette.timbres["note"].draw(violin, torch.linspace(0, 0.9999, 4000))
    clip = palette.timbre_clips.draw(timbre, torch.zeros(4000))
    assert (clip >= 40).float().mean() == pytest.approx(0.75, abs=0.01)
    assert sorted(palette.pieces[:, 0].tolist()) == [80, 82, 82, 82]


def one_event(palette: Palette, **changes: float) -> Events:
    values = {
        "part": 0, "clip": 12, "onset": 4000.0, "ratio": 1.0, "gain": 1.0, "off": 1e6,
        "fade": 100.0,
    } | changes  # fmt: skip
    return Events(
        **{
            name: torch.tensor([value], dtype=torch.int64 if name in ("part", "clip") else None)
            for name, value in values.items()
        }
    )


def peak_hz(audio: torch.Tensor) -> float:
    spectrum = torch.fft.rfft(audio * torch.hann_window(len(audio))).abs()
    return float(spectrum.argmax()) * RATE_HZ / len(audio)


def test_an_event_starts_at_its_onset_and_ends_when_let_go(palette: Palette) -> None:
    sound = place(one_event(palette, off=12_000.0), palette, 1, 16_000)[0]
    assert sound[:4000].abs().max() == 0
    assert sound[4005:4400].abs().max() > 0.5
    assert sound[12_101:].abs().max() == 0


def test_ratio_moves_the_pitch(palette: Palette) -> None:
    plain = peak_hz(place(one_event(palette, onset=0.0), palette, 1, 16_000)[0])
    octave = peak_hz(place(one_event(palette, onset=0.0, ratio=2.0), palette, 1, 16_000)[0])
    assert octave == pytest.approx(2 * plain, rel=0.01)


def test_many_short_and_long_events_add_up_as_one_by_one(palette: Palette) -> None:
    rng = torch.Generator().manual_seed(0)
    events = arrange(palette, 20, 16_000, ArrangementConfig(), rng).events
    parts = int(events.part.max()) + 1
    together = place(events, palette, parts, 16_000)
    alone = torch.zeros_like(together)
    for index in range(len(events.part)):
        chosen = torch.zeros(len(events.part), dtype=torch.bool)
        chosen[index] = True
        alone += place(events.keep(chosen), palette, parts, 16_000)
    assert torch.allclose(together, alone, atol=1e-4)


def test_draws_are_even_over_sources_before_notes(palette: Palette) -> None:
    """A source of 30 notes gets nowhere near 10 times the draws of one with 3."""
    piano = [sound.name for sound in palette.classes].index("piano")
    rows = torch.full((4000,), piano)
    rng = torch.Generator().manual_seed(0)
    timbres = palette.timbres["note"].draw(rows, torch.rand(4000, generator=rng))
    clips = palette.timbre_clips.draw(timbres, torch.rand(4000, generator=rng))
    poor = ((clips >= 30) & (clips < 33)).float().mean()
    assert 0.15 < poor < 0.35


def test_phrases_stay_within_the_range_of_their_sound(palette: Palette) -> None:
    rng = torch.Generator().manual_seed(3)
    config = ArrangementConfig(piece_p=0.0, stem_p=0.0, phrase_p=0.0, count_weights=(0.0, 1.0))
    events = arrange(palette, 400, 24_000, config, rng).events
    pitched = palette.pitch[events.clip].isfinite()
    assert pitched.any()
    semitones = 12 * torch.log2(events.ratio[pitched])
    assert semitones.abs().max() < 5


def test_counts_follow_their_weights(palette: Palette) -> None:
    rng = torch.Generator().manual_seed(1)
    arrangement = arrange(palette, 2000, 16_000, ArrangementConfig(count_weights=(0.5, 0.5)), rng)
    assert len(arrangement.window.unique()) == len(arrangement.window)
    assert 850 < len(arrangement.window) < 1150


def parts_at(levels_db: list[float]) -> torch.Tensor:
    """Unit-RMS noise parts at given levels, one second."""
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(len(levels_db), 16_000, generator=rng)
    return noise * 10 ** (torch.tensor(levels_db)[:, None] / 20)


def test_the_label_rule() -> None:
    """20 dB below the whole is heard, 25 dB is doubtful, 40 dB is not heard."""
    parts = parts_at([0.0, -18.0, -25.0, -40.0])
    window = torch.zeros(4, dtype=torch.int64)
    heard, doubtful = audibility(parts, window, parts.sum(dim=0, keepdim=True))
    assert heard.tolist() == [True, True, False, False]
    assert doubtful.tolist() == [False, False, True, False]


def test_a_blip_is_doubtful_and_noise_counts_as_masking() -> None:
    blip = parts_at([0.0])
    blip[:, 800:] = 0
    whole = blip + parts_at([-10.0, -10.0])[1:]
    heard, doubtful = audibility(blip, torch.zeros(1, dtype=torch.int64), whole)
    assert (heard.item(), doubtful.item()) == (False, True)
    buried, _ = audibility(parts_at([-30.0]), torch.zeros(1, dtype=torch.int64), parts_at([0.0]))
    assert not buried.item()


def taught(palette: Palette, names: list[str], heard: list[bool], doubtful: list[bool]):
    classes = [sound.name for sound in palette.classes]
    sound = torch.tensor([classes.index(name) for name in names])
    window = torch.zeros(len(names), dtype=torch.int64)
    return teach(palette, window, sound, torch.tensor(heard), torch.tensor(doubtful), 1)


def test_an_instrument_of_a_known_family_is_masked_not_absent(palette: Palette) -> None:
    targets = taught(palette, ["viola", "piano"], [True, True], [False, False])
    known = dict(zip(INSTRUMENTS, targets.instruments_known[0].tolist(), strict=True))
    present = dict(zip(INSTRUMENTS, targets.instruments[0].tolist(), strict=True))
    families = dict(zip(FAMILIES, targets.families[0].tolist(), strict=True))
    assert (known["violin"], known["cello"]) == (0, 0)
    assert (present["piano"], known["piano"]) == (1, 1)
    assert (present["flute"], known["flute"]) == (0, 1)
    assert (families["bowed_string"], families["key"], families["brass"]) == (1, 1, 0)
    assert targets.polyphony[0].argmax() == 2


def test_a_doubtful_part_opens_the_count(palette: Palette) -> None:
    targets = taught(palette, ["violin", "piano"], [False, True], [True, False])
    assert targets.polyphony[0].tolist() == [0, 0.5, 0.5, 0, 0, 0, 0]
    assert targets.instruments_known[0][INSTRUMENTS.index("violin")] == 0


def test_a_drum_kit_counts_once(palette: Palette) -> None:
    targets = taught(palette, ["drums", "cymbals"], [True, True], [False, False])
    assert targets.polyphony[0].argmax() == 1
    assert targets.instruments[0].sum() == 2


@pytest.mark.parametrize("window_samples", [8_000, 16_000, 48_000])
def test_batches_are_finite_bounded_and_decided_by_the_seed(
    palette: Palette, window_samples: int
) -> None:
    def draw(seed: int) -> torch.Tensor:
        rng = torch.Generator().manual_seed(seed)
        batch = Mixer(palette, MixConfig(), rng, window_samples).batch(24)
        assert torch.isfinite(batch.audio).all()
        assert batch.audio.abs().max() <= 1.0
        assert batch.audio.shape == (24, window_samples)
        assert torch.allclose(batch.targets.polyphony.sum(dim=1), torch.ones(24))
        return batch.audio

    assert torch.equal(draw(5), draw(5))
    assert not torch.equal(draw(5), draw(6))


def test_concatenated_parts_sound_on_one_side_of_a_cut(palette: Palette) -> None:
    config = MixConfig(
        arrangement=ArrangementConfig(count_weights=(0.0, 0.0, 1.0)),
        effects=False,
        concatenate_p=1.0,
    )
    mixer = Mixer(palette, config, torch.Generator().manual_seed(3))
    arrangement = arrange(palette, 200, mixer.samples, config.arrangement, mixer.rng)
    steady = torch.ones(len(arrangement.window), mixer.samples)
    gain = mixer._concatenate(steady, arrangement, 200)[:, mixer.lead_in :]
    first, last = gain[:, 0], gain[:, -1]
    assert set(first.tolist()) == {0.0, 1.0}
    assert torch.equal(first + last, torch.ones(len(gain)))
    assert 0.35 < first.mean() < 0.65
    heard_s = gain.mean(dim=1)
    assert ((heard_s > 0.19) & (heard_s < 0.81)).all()
    # Parts of one window share the cut.
    cut = torch.where(first > 0, heard_s, 1 - heard_s)
    for window in range(200):
        of_window = cut[arrangement.window == window]
        assert of_window.max() - of_window.min() < 0.01
    uncut = Mixer(palette, replace(config, concatenate_p=0.0), torch.Generator().manual_seed(3))
    assert uncut.batch(8).audio.shape == (8, 16_000)


def test_no_parts_teach_nothing_sounds(palette: Palette) -> None:
    rng = torch.Generator().manual_seed(0)
    config = MixConfig(arrangement=ArrangementConfig(count_weights=(1.0,)))
    targets = Mixer(palette, config, rng).batch(32).targets
    assert targets.instruments.sum() == 0
    assert targets.instruments_known.min() == 1
    assert (targets.polyphony.argmax(dim=1) == 0).all()


def sines(*hz: float) -> torch.Tensor:
    return torch.stack([torch.from_numpy(tone(f, 1.5)) for f in hz])


def test_saturation_adds_harmonics_and_keeps_the_level() -> None:
    clean = sines(500.0)
    dirty = fx.saturate(clean, torch.tensor([20.0]))
    spectrum = torch.fft.rfft(dirty[0]).abs()
    third = round(1500 * 1.5)
    assert spectrum[third] > 0.05 * spectrum[round(500 * 1.5)]
    assert fx.rms(dirty) == pytest.approx(float(fx.rms(clean)), rel=0.01)


def test_compression_narrows_the_range() -> None:
    sound = sines(440.0)
    sound[:, :12_000] *= 0.05
    squeezed = fx.compress(sound, torch.tensor([0.6]))
    before = fx.rms(sound[:, 12_000:]) / fx.rms(sound[:, :12_000])
    after = fx.rms(squeezed[:, 12_000:]) / fx.rms(squeezed[:, :12_000])
    assert after < 0.5 * before


def test_a_room_rings_on_and_a_curve_cuts() -> None:
    rng = torch.Generator().manual_seed(0)
    rooms = fx.Rooms(24_000, 32, rng)
    click = torch.zeros(32, 24_000)
    click[:, 100] = 1.0
    flat = torch.ones(32, fx.bins_of(rooms))
    wet = fx.filter_and_reverb(click, flat, rooms, torch.arange(32))
    assert (wet[:, 1000:].abs().amax(dim=1) > 1e-4).float().mean() > 0.8
    dry = fx.filter_and_reverb(click, flat, rooms, torch.full((32,), -1))
    assert torch.allclose(dry, click, atol=1e-5)
    curve = fx.equaliser(64, fx.bins_of(rooms), rng, depth_db=0.0, high_cut_p=1.0, low_cut_p=0.0)
    assert (curve[:, -1] < 0.5 * curve[:, curve.shape[1] // 32]).float().mean() > 0.9


def test_vibrato_spreads_a_tone_without_losing_it() -> None:
    rng = torch.Generator().manual_seed(2)
    moved = fx.modulate_delay(sines(1000.0, 1000.0, 1000.0), rng)
    assert torch.isfinite(moved).all()
    for row in moved:
        assert peak_hz(row) == pytest.approx(1000.0, rel=0.04)


@pytest.mark.parametrize("codec", ["spectral_codec", "mu_law"])
def test_codecs_change_the_sound_but_not_beyond_recognition(codec: str) -> None:
    sound = sines(440.0) * 0.3 + sines(3000.0) * 0.01
    rng = torch.Generator().manual_seed(0)
    coded = fx.spectral_codec(sound, rng) if codec == "spectral_codec" else fx.mu_law(sound)
    assert not torch.allclose(coded, sound, atol=1e-4)
    assert torch.corrcoef(torch.cat([coded, sound]))[0, 1] > 0.95


def test_an_old_sampler_repeats_samples_and_knows_few_levels() -> None:
    sound = sines(440.0, 440.0, 440.0, 440.0)
    crushed = fx.crush(sound, torch.Generator().manual_seed(0))
    for before, after in zip(sound, crushed, strict=True):
        assert len(after.unique()) < 0.7 * len(before.unique())
        assert torch.corrcoef(torch.stack([before, after]))[0, 1] > 0.9
        assert peak_hz(after) == pytest.approx(440.0, rel=0.01)
    assert (crushed.diff(dim=1) == 0).float().mean() > 0.2
    assert (sound.diff(dim=1) == 0).float().mean() < 0.02


def test_a_small_sampler_plays_notes_from_recordings_of_others(palette: Palette) -> None:
    config = ArrangementConfig(piece_p=0.0, stem_p=0.0, phrase_p=0.0, count_weights=(0.0, 1.0))

    def drawn(config: ArrangementConfig) -> tuple[torch.Tensor, torch.Tensor]:
        """How far pitched notes are moved, and the pitch they come to, in semitones."""
        events = arrange(palette, 300, 16_000, config, torch.Generator().manual_seed(1)).events
        recorded = palette.pitch[events.clip]
        moved = 12 * torch.log2(events.ratio)
        pitched = recorded.isfinite()
        return moved[pitched], (recorded + moved)[pitched]

    near, _ = drawn(config)
    far, pitch = drawn(replace(config, stretch_semitones=7.0))
    # The poor source has three notes, so some are moved far without being told to.
    assert (far.abs() > 3).float().mean() > 1.5 * (near.abs() > 3).float().mean()
    assert far.abs().max() <= 12.0
    assert pitch.min() > 45.0
    assert pitch.max() < 80.0


def test_transposition_is_as_wide_as_the_recipe_says(palette: Palette) -> None:
    config = ArrangementConfig(piece_p=1.0, count_weights=(0.0, 1.0), transpose_semitones=4.0)
    events = arrange(palette, 300, 16_000, config, torch.Generator().manual_seed(1)).events
    moved = 12 * torch.log2(events.ratio)
    assert 3.5 < moved.abs().max() <= 4.0
    assert moved.abs().min() < 0.5
