"""The papers' protocols: each part against what the paper says, and each run in miniature."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_miniatures import MAKERS, make_nsynth, put
from font_fixture import small_font
from torch import nn

from realtime.cli import main
from realtime.errors import TuttiError
from realtime.taxonomy import TWO_LEVEL_15
from training.datasets import medleydb, nsynth, openmic, slakh
from training.protocols import iskender, mixtures, sethi, zhong
from training.protocols.heard import exactly, half_overlapping
from training.protocols.learn import fit_epochs, stored, warm_cosine
from training.sounds.soundfont import FONTS
from training.sounds.synth import soundfont


def nobody(what: str, done: float, total: float) -> None:
    """Progress that nobody watches."""


# The loop


def test_patience_ends_a_run_and_the_best_weights_come_back() -> None:
    model = nn.Linear(1, 1, bias=False)
    held = iter([3.0, 1.0, 2.0, 2.0, 2.0, 0.0])
    weights = []

    def validate(model: nn.Module) -> float:
        weights.append(float(model.weight))
        return next(held)

    sgd = torch.optim.SGD(model.parameters(), lr=1.0)
    means = fit_epochs(
        model, sgd, lambda m: m.weight.sum(), epochs=9, steps=1, law=lambda e: 0.5,
        validate=validate, patience=3, keep_best=True,
    )  # fmt: skip
    assert len(means) == 5
    assert float(model.weight) == weights[1]
    assert weights[0] - weights[1] == pytest.approx(0.5)


def test_the_rate_rises_and_falls_as_the_paper_says() -> None:
    law = warm_cosine(1e-3, 3, 30)
    assert law(0) == 0.0
    assert law(1.5) == pytest.approx(0.5e-3)
    assert law(3) == pytest.approx(1e-3)
    assert law(16.5) == pytest.approx(0.5e-3)
    assert law(30) == pytest.approx(0.0, abs=1e-9)


def test_what_was_fitted_is_not_fitted_again(tmp_path: Path) -> None:
    model, calls = nn.Linear(2, 2), []
    for _ in range(2):
        stored(tmp_path / "m.pt", {"epochs": 1}, model, lambda: calls.append(1))
    assert calls == [1]
    again = nn.Linear(2, 2)
    stored(tmp_path / "m.pt", {"epochs": 1}, again, lambda: calls.append(2))
    assert torch.equal(again.weight, model.weight)
    with pytest.raises(TuttiError, match="other settings"):
        stored(tmp_path / "m.pt", {"epochs": 2}, again, lambda: None)


def test_short_sound_is_looped_or_padded_and_cut_into_half_overlapping_windows() -> None:
    sound = np.arange(5, dtype=np.float32)
    assert exactly(sound, 7).tolist() == [0, 1, 2, 3, 4, 0, 0]
    assert exactly(sound, 7, loop=True).tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert exactly(sound[:0], 2, loop=True).tolist() == [0, 0]
    assert half_overlapping(np.arange(9, dtype=np.float32), 4).tolist() == [
        [0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7],
    ]  # fmt: skip
    assert half_overlapping(sound, 8).shape == (1, 8)


# Sethi et al.


def test_compositions_are_as_the_paper_gives_them() -> None:
    rng = np.random.default_rng(0)
    counts: Counter[int] = Counter()
    for _ in range(400):
        tracks = sethi.compose(rng)
        counts[len(tracks)] += 1
        for notes in tracks.values():
            ends = [start + length for start, length, _ in notes]
            assert [start for start, _, _ in notes] == pytest.approx([0.0, *ends[:-1]])
            assert ends[-1] == pytest.approx(2.0), "the bar is full"
            assert all(24 <= key <= 84 for _, _, key in notes)
            assert {round(length, 6) for _, length, _ in notes} <= {0.5, 0.375, 0.25, 0.125}
    assert set(counts) == {0, 1, 2, 3}
    assert min(counts.values()) > 60, "every polyphony is as likely"


def test_the_output_vector_is_the_paper_s_example() -> None:
    wanted = sethi.target([125, 126, 127])
    assert wanted[:4].tolist() == [0, 0, 0, 1]
    assert np.flatnonzero(wanted[4:]).tolist() == [125, 126, 127]
    logits = torch.full((2, sethi.OUTPUTS), -5.0)
    logits[0, 2] = 4.0
    logits[0, [4 + 9, 4 + 3, 4 + 7]] = torch.tensor([1.0, 2.0, 0.5])
    logits[1, 0] = 4.0
    count, programs = sethi.decode(logits)
    assert count.tolist() == [2, 0]
    assert programs[0].nonzero()[:, 0].tolist() == [3, 9]
    assert not programs[1].any()
    scores = sethi.score(logits, torch.from_numpy(np.stack([sethi.target([3, 9]), wanted])))
    assert scores["poly F1"] == 0.5
    assert scores["inst precision"] == 1.0
    assert scores["inst recall"] == pytest.approx(2 / 5)


def test_each_noise_does_what_its_name_says() -> None:
    rng = np.random.default_rng(1)
    white = 0.1 * rng.standard_normal(sethi.SAMPLES).astype(np.float32)
    click = np.zeros(sethi.SAMPLES, np.float32)
    click[100] = 1.0
    frequency = np.fft.rfftfreq(sethi.SAMPLES, 1 / sethi.RATE_HZ)

    def kept(kind: str, low_hz: float, high_hz: float) -> float:
        spectra = [np.abs(np.fft.rfft(s)) for s in (white, sethi.noised(white, kind, rng))]
        band = (frequency > low_hz) & (frequency < high_hz)
        before, after = (np.sqrt(np.mean(s[band] ** 2)) for s in spectra)
        return float(after / before)

    for kind in ("manytrees", "tree"):
        assert kept(kind, 9_000, 12_000) < 0.6
        assert kept(kind, 20, 100) > 0.9
    assert kept("manytrees", 9_000, 12_000) < kept("tree", 9_000, 12_000)
    assert kept("mid high pass", 20, 200) < 0.3
    assert kept("high high pass", 20, 400) < 0.3
    assert kept("high high pass", 10_000, 12_000) > 0.7
    assert kept("high pass", 10_000, 12_000) > 0.9
    tails = {
        kind: np.abs(sethi.noised(click, kind, np.random.default_rng(2))[2_000:]).sum()
        for kind in ("reverb", "subtlereverb")
    }
    assert tails["reverb"] > tails["subtlereverb"] > 0
    for kind in ("hiss", "whitenoise"):
        added = sethi.noised(white, kind, np.random.default_rng(3)) - white
        level_db = 20 * np.log10(np.sqrt(np.mean(added**2)) / np.sqrt(np.mean(white**2)))
        assert -45 < level_db < -5
    for kind in sethi.NOISES:
        assert sethi.noised(white, kind, rng).shape == white.shape


@pytest.mark.slow
def test_the_synthesis_loop_and_its_tables_in_miniature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sethi, "FONTS", [small_font(), *FONTS[1:]])
    MAKERS["irmas"](tmp_path / "irmas")
    config = sethi.SethiConfig(compositions=10, tested=6, regen=1, epochs=2, hidden=8)
    text = sethi.run({"irmas": tmp_path / "irmas"}, tmp_path, config, nobody)
    for row in ("Clean-Clean", "Noisy-Noisy", "Clean-Noisy", "Noisy-Clean", "IRMAS, Noisy"):
        assert row in text
    assert "electric_guitar" in text
    first = sethi.compositions(3, True, soundfont(small_font().path), np.random.default_rng(5))
    again = sethi.compositions(3, True, soundfont(small_font().path), np.random.default_rng(5))
    assert torch.equal(first[1], again[1])


# Zhong et al.


def test_concatenated_notes_are_of_one_instrument_and_mixed_labels_soft(tmp_path: Path) -> None:
    make_nsynth(tmp_path, seconds=0.6)
    notes = [n for n in nsynth.recordings(tmp_path) if n.split == "train"][:2]
    how = zhong.Augmentation(mixup_p=0.0, concatenate_p=1.0, effect_p=0.0)
    drawn = zhong.Notes([*notes, notes[0]], how, seed=1)
    assert drawn.classes == 2
    plain = zhong.Notes(notes, zhong.Augmentation(0.0, 0.0, 0.0), seed=1)
    joined, alone = drawn._window(0), plain._window(0)
    assert np.abs(alone[11_000:]).max() == 0.0, "a note of 0.6 s"
    assert not np.array_equal(joined, alone)
    spectra = [np.abs(np.fft.rfft(sound)).argmax() for sound in (joined, alone)]
    assert abs(int(spectra[0]) - int(spectra[1])) <= 2, "the same pitch: its own instrument"
    flat = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
    assert math.isfinite(float(zhong.Notes(notes, zhong.Augmentation(), 1).loss(flat)))


def test_both_readings_of_the_threshold_and_the_paper_s_macro_f1() -> None:
    truth = np.zeros((4, 11), bool)
    truth[[0, 1, 2, 3], [0, 0, 1, 1]] = True
    probability = np.full((4, 11), 0.05)
    probability[[0, 1, 2, 3], [0, 0, 1, 1]] = [0.9, 0.5, 0.3, 0.2]
    assert zhong.f1_at(truth, probability, 0.1) == (1.0, pytest.approx(2 / 11))
    micro, macro = zhong.f1_at(truth, probability, 0.4)
    assert micro == pytest.approx(2 * 2 / (2 * 2 + 0 + 2))
    assert macro == pytest.approx(1 / 11), "label 1 is never told: precision and recall 0"
    assert 0.05 < zhong.sweep(truth, probability) < 0.2


def test_the_tables_change_what_they_say() -> None:
    rows = zhong.table_rows(zhong.ZhongConfig())
    assert not rows["initialization"]["random"].pre_trained
    assert zhong.ABLATION[rows["ablation"]["- both"].augmentation] == zhong.Augmentation(0, 0.5, 0)
    assert len(rows["less data"]) == 10
    forms = rows["parameters"]
    assert (forms["ShaResNet28"].depths, forms["ShaResNet28"].shared) == ((3, 3, 4, 3), True)
    assert set(forms) == {f"{s}ResNet{n}" for s in ("", "Sha") for n in (34, 28, 18)}


def test_pre_training_and_fine_tuning_in_miniature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_nsynth(tmp_path / "nsynth", seconds=1.0)
    MAKERS["irmas"](tmp_path / "irmas")
    monkeypatch.setattr(zhong, "NOTE_BATCH", 4)
    monkeypatch.setattr(zhong, "TUNE_BATCH", 4)
    config = zhong.ZhongConfig(
        depths=(1, 1, 1, 1), shared=True, note_epochs=1, tune_epochs=1, share_of_irmas=0.1
    )
    folders = {"nsynth": tmp_path / "nsynth", "irmas": tmp_path / "irmas"}
    text = zhong.run(folders, tmp_path / "out", config, "initialization", nobody)
    assert [line.split(" | ")[0] for line in text.splitlines()[2:]] == ["| random", "| NSynth"]
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(made) == 3
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert zhong.run(folders, tmp_path / "out", config, "initialization", nobody) == text
    assert stamps == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}


# Musical and non-musical mixtures


def test_the_two_levels_of_a_stem() -> None:
    def on(label: str) -> set[str]:
        found = mixtures.classes_of(label)
        return {name for name, value in zip(mixtures.CLASSES, found, strict=True) if value}

    assert len(mixtures.CLASSES) == len(TWO_LEVEL_15) == 15
    assert on("violin") == {"violin", "family:bowed_string"}
    assert on("drum_kit") == {"drums", "family:percussion"}
    assert on("viola") == {"family:bowed_string"}
    assert on("bass") == {"electric_bass", "family:plucked_string"}


def _named_sources(songs: int, sources: int, folder: Path) -> mixtures.Songs:
    """Songs of tones; a source's first class says its song, its second whether it is the first."""
    found = []
    for song in range(songs):
        row = []
        for number in range(sources):
            path = folder / f"{song}-{number}.wav"
            put(path, 6.0, seed=7 * song + number)
            classes = np.zeros(15, np.float32)
            classes[song] = 1.0
            row.append(mixtures.Source(path, classes))
        found.append(row)
    return [found]


def test_a_musical_mixture_is_of_one_song_and_one_time(tmp_path: Path) -> None:
    songs = _named_sources(6, 3, tmp_path)
    config = mixtures.MixturesConfig(p_single_source=0.0, most_sources=3)
    musical = mixtures.Mixing(songs, mixtures.replace(config, p_musical=1.0), 1)
    assert all(musical.draw()[1].sum() == 1 for _ in range(8))
    starts = [musical._musical(songs[0], 3) for _ in range(5)]
    assert all(len({start for _, start in chosen}) == 1 for chosen in starts)
    other = mixtures.Mixing(songs, mixtures.replace(config, p_musical=0.0), 1)
    assert all(2 <= other.draw()[1].sum() <= 3 for _ in range(8)), "each of another song"
    alone = mixtures.Mixing(songs, mixtures.replace(config, p_single_source=1.0), 1)
    assert all(alone.draw()[1].sum() == 1 for _ in range(8))
    same = [mixtures.Mixing(songs, config, 3).draw()[0] for _ in range(2)]
    np.testing.assert_array_equal(*same)


def test_pitch_and_time_stay_where_a_mixture_is_musical(tmp_path: Path) -> None:
    songs = _named_sources(1, 1, tmp_path)
    mixing = mixtures.Mixing(songs, mixtures.MixturesConfig(), 1)
    time = np.arange(4 * mixtures.RATE_HZ) / mixtures.RATE_HZ
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)

    def peaks(musical: bool) -> set[int]:
        made = [mixing._with_effects(tone, musical) for _ in range(8)]
        assert all(sound.shape == tone.shape for sound in made)
        return {round(float(np.abs(np.fft.rfft(sound)).argmax()) / 4) for sound in made}

    assert peaks(True) == {1000}
    assert len(peaks(False)) > 1


def test_transfer_s_three_modes_move_what_they_say(tmp_path: Path) -> None:
    songs = {split: _named_sources(2, 2, tmp_path / split) for split in ("train", "val", "test")}
    config = mixtures.MixturesConfig(
        epochs=1, steps=1, batch=2, test_mixtures=2, widths=(2, 2, 2, 2, 2, 2, 4)
    )
    torch.manual_seed(5)
    tagged = mixtures.network(config, 3)[0]
    before = tagged.state_dict()["blocks.0.weight"].clone()
    moved = {}
    for mode in mixtures.MODES:
        row = mixtures.replace(config, mode=mode)
        model = mixtures.train(songs, tagged, row, tmp_path, nobody)
        moved[mode] = float((model[0].state_dict()["blocks.0.weight"] - before).abs().max())
    assert moved["frozen backbone"] == 0.0
    assert 0 < moved["fine-tuned"] < 1e-3 < moved["from scratch"]


@pytest.mark.slow
def test_the_mixtures_protocol_in_miniature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixtures, "SWEEP", (0.0, 1.0))
    MAKERS["medleydb"](tmp_path / "medleydb")
    MAKERS["slakh"](tmp_path / "slakh")
    MAKERS["jamendo"](tmp_path / "jamendo")
    config = mixtures.MixturesConfig(
        epochs=1, tag_epochs=1, steps=1, batch=2, test_mixtures=4, widths=(2, 2, 2, 2, 2, 2, 4)
    )
    folders = {name: tmp_path / name for name in ("medleydb", "slakh", "jamendo")}
    text = mixtures.run(folders, tmp_path / "out", config, "transfer", nobody)
    assert [line.split(" | ")[0] for line in text.splitlines()[2:]] == [
        f"| {mode}" for mode in mixtures.MODES
    ]
    swept = mixtures.replace(config, mode="from scratch")
    mixtures.run(folders, tmp_path / "out", swept, "p_musical", nobody)
    assert (tmp_path / "out" / "p_musical.png").exists()
    assert {s.label for song in medleydb.songs(folders["medleydb"]) for s in song.stems}
    assert slakh.recordings(folders["slakh"])


# Iskender and Özel


def test_structured_mixtures_have_the_paper_s_labels(tmp_path: Path) -> None:
    make_nsynth(tmp_path, seconds=0.3)
    notes = nsynth.recordings(tmp_path)
    config = iskender.IskenderConfig(per_level=3, clip_s=0.5)
    clips = iskender.structured_mixtures(notes, config, np.random.default_rng(0))
    assert len(clips) == 3 * 12
    assert all(clip.audio.shape == (8000,) for clip in clips)
    assert iskender.MASK.sum() == 8
    for number, clip in enumerate(clips):
        k = number // 3
        assert max(1, k - 3) * (k > 0) <= clip.true.sum() <= min(k, 8), "3 families are masked"
        assert not (clip.true > clip.mask).any()
        assert np.abs(clip.audio).max() == (32767 if k else 0)
    assert clips[-1].true.sum() == 8, "k = 11 holds every family"
    rng = np.random.default_rng(1)
    assert all(
        set(iskender.choose_families(1, rng)) <= set(iskender.SUPERVISED) for _ in range(30)
    )
    with pytest.raises(TuttiError, match="family 'vocal' has no note"):
        iskender.structured_mixtures(
            [n for n in notes if n.labels != ("voice",)], config, np.random.default_rng(0)
        )


def test_masked_tags_and_clips_without_any_teach_nothing() -> None:
    logits = torch.zeros(3, 20, requires_grad=True)
    true, mask = torch.zeros(3, 20), torch.zeros(3, 20)
    mask[0, 0], mask[1, :4] = 1.0, 1.0
    loss = iskender.masked_loss(logits, true, mask)
    loss.backward()
    assert float(loss) == pytest.approx(math.log(2))
    assert ((logits.grad != 0).float() == mask).all()
    assert logits.grad[0, 0] == pytest.approx(4 * logits.grad[1, 0]), "clips count alike"


def test_thresholds_of_each_tag_are_chosen_where_it_sounds() -> None:
    mask = np.ones(20, np.float32)
    clips = [
        iskender.Clip(np.zeros(1, np.int16), np.eye(20, dtype=np.float32)[tag], mask, str(tag))
        for tag in (0, 0, 1)
    ]
    probability = np.full((3, 20), 0.1)
    probability[:, 0] = [0.32, 0.9, 0.21]
    chosen = iskender.best_thresholds(clips, probability)
    assert 0.21 < chosen[0] <= 0.32
    assert chosen[5] == 0.5
    assert iskender.per_tag(clips, probability, chosen)[0] == 1.0


def test_iskender_s_run_in_miniature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_nsynth(tmp_path / "nsynth", seconds=0.3)
    MAKERS["irmas"](tmp_path / "irmas")
    MAKERS["openmic"](tmp_path / "openmic")
    parts = dict(zip(("000046", "000135", "000999"), ("test", "val", "train"), strict=True))
    monkeypatch.setattr(iskender, "part_of", lambda group, seed: parts.get(group, "train"))
    config = iskender.IskenderConfig(per_level=1, epochs=1, irmas_epochs=1, batch=2, clip_s=1.0)
    monkeypatch.setattr(
        iskender,
        "networks",
        lambda outputs, whole=iskender.networks: {
            name: nn.Sequential(_Ear(), nn.Linear(4, outputs)) for name in whole(1)
        },
    )
    folders = {name: tmp_path / name for name in ("nsynth", "irmas", "openmic")}
    text = iskender.run(folders, tmp_path / "out", config, nobody)
    names = [line.split(" | ")[0] for line in text.splitlines()[2:]]
    assert names == ["| CBAM-CNN", "| MS-CRNN", "| ensemble"] * 2
    assert (tmp_path / "out" / "change.png").exists()
    assert len(list((tmp_path / "out").glob("*.pt"))) == 2 + 4
    assert openmic.recordings(folders["openmic"])


class _Ear(nn.Module):
    """Hears enough for a test of what is done with a network."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv1d(1, 4, 64, 32)

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        return self.filters(audio[:, None]).abs().mean(dim=2)


def test_the_networks_of_the_paper_have_twenty_outputs() -> None:
    for model in iskender.networks(20).values():
        assert model.eval()(torch.zeros(1, 16_000)).shape == (1, 20)


# The command


def test_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, says in (
        (["zhong", "--data", "irmas", str(tmp_path)], "needs the data set nsynth"),
        (["sethi", "--data", "musdb", str(tmp_path)], "no use for 'musdb'"),
        (["mixtures", "--table", "ablation"], "no table 'ablation': name one of transfer"),
        (["mixtures", "--out", str(tmp_path / "o")], "name a set of stems: medleydb"),
    ):
        assert main(["dev", "paper", *arguments]) == 2
        assert says in capsys.readouterr().err
