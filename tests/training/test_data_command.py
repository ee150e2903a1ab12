"""Data sets on their way into a bank, and ``tutti data``."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from bank_factory import make_bank
from dataset_miniatures import MAKERS, RATE_HZ, put, sound

from realtime.cli import main
from realtime.errors import TuttiError
from realtime.taxonomy import INSTRUMENTS
from training.bank.bank import Bank
from training.datasets import SETS
from training.making.add import add_dataset
from training.mixing.arrangement import ArrangementConfig
from training.mixing.mixer import MixConfig, Mixer
from training.mixing.palette import Palette
from training.sounds.labelled import UNREADABLE, nearly_silent, piece

TRAINING = sorted(name for name, one in SETS.items() if one.recordings)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of little, to add to."""
    path = tmp_path_factory.mktemp("banks") / "bank"
    return make_bank(path, labels=("harp",), notes=1, pieces=0).path


@pytest.mark.parametrize("name", TRAINING)
def test_every_set_goes_into_a_bank_with_its_splits(
    name: str, empty: Path, tmp_path: Path
) -> None:
    MAKERS[name](tmp_path / name)
    add_dataset(
        empty, tmp_path / "more", name, tmp_path / name, longest_s=1.0, seed=1, processes=1
    )
    before, bank = len(Bank.open(empty)), Bank.open(tmp_path / "more")
    read = SETS[name].recordings
    assert read is not None
    wanted = {(r.source, r.split, r.kind) for r in read(tmp_path / name)}
    found = zip(bank.source[before:], bank.split[before:], bank.kind[before:], strict=True)
    assert {tuple(map(str, row)) for row in found} == wanted
    assert bank.length[before:].max() <= RATE_HZ + 1
    stems = bank.kind == "stem"
    assert set(bank.length[stems].tolist()) <= {RATE_HZ}, "the same stretch of every stem"
    with pytest.raises(TuttiError, match="is in .* already"):
        add_dataset(
            tmp_path / "more", tmp_path / "twice", name, tmp_path / name,
            longest_s=1.0, seed=1, processes=1,
        )  # fmt: skip


def test_a_drum_stem_teaches_drums_and_leaves_cymbals_open(empty: Path, tmp_path: Path) -> None:
    MAKERS["musdb"](tmp_path / "musdb")
    add_dataset(
        empty, tmp_path / "b", "musdb", tmp_path / "musdb", longest_s=2.0, seed=1, processes=1
    )
    palette = Palette(Bank.open(tmp_path / "b"), ("train",), torch.device("cpu"))
    config = MixConfig(
        effects=False,
        noise_p=0.0,
        arrangement=ArrangementConfig(count_weights=(0.0, 0.0, 0.0, 1.0), piece_p=1),
    )
    rng = torch.Generator().manual_seed(1)
    targets = Mixer(palette, config, rng).batch(16).targets
    drums, cymbals, bass = (INSTRUMENTS.index(name) for name in ("drums", "cymbals", "bass"))
    with_drums = targets.instruments[:, drums] == 1
    assert with_drums.any()
    assert (targets.instruments_known[with_drums, drums] == 1).all()
    assert (targets.instruments_known[with_drums, cymbals] == 0).all()
    assert (targets.instruments[:, bass] == 0).all(), "MUSDB's bass may be a synthesizer's"
    assert targets.polyphony[:, 3].max() == 1.0


def test_what_cannot_be_read_or_heard_is_counted(empty: Path, tmp_path: Path) -> None:
    MAKERS["nsynth"](tmp_path / "nsynth")
    one, other, *_ = sorted((tmp_path / "nsynth" / "nsynth-train" / "audio").iterdir())
    one.write_bytes(b"RIFF, and no more")
    soundfile.write(other, 1e-4 * sound(0.5), RATE_HZ, subtype="FLOAT")
    add_dataset(
        empty, tmp_path / "b", "nsynth", tmp_path / "nsynth", longest_s=1.0, seed=1, processes=1
    )
    dropped = Bank.open(tmp_path / "b").manifest["dropped"]
    assert dropped[UNREADABLE] == 1
    assert dropped["nearly silent note"] == 1


def test_the_silent_note_filter_hears_60_db_below_full_scale() -> None:
    tone = np.sqrt(2) * np.sin(np.arange(64_000) * 0.3).astype(np.float32)
    assert not nearly_silent(tone * 10 ** (-58 / 20))
    assert nearly_silent(tone * 10 ** (-62 / 20))
    late = np.concatenate((np.zeros(16_000, np.float32), tone))
    assert nearly_silent(late), "the first second is what is trained with"


def test_stems_keep_their_levels_and_places(tmp_path: Path) -> None:
    MAKERS["slakh"](tmp_path)
    read = SETS["slakh"].recordings
    assert read is not None
    stems = [r for r in read(tmp_path) if r.split == "train"]
    put(stems[1].path, 0.75)
    from collections import Counter

    dropped: Counter[str] = Counter()
    long, short = piece(stems, 0.8, dropped)
    assert len(long.samples) == len(short.samples) == round(0.8 * RATE_HZ)
    assert not dropped
    assert np.abs(short.samples[round(0.66 * RATE_HZ) :]).max() == 0.0, "it ended at 0.75 - 0.1 s"
    np.testing.assert_allclose(
        short.samples[:8000], sound(0.75)[1600:9600], atol=1e-3
    )


def test_the_list_names_every_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(SETS)


def test_check_ends_with_a_count_and_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    MAKERS["irmas"](tmp_path)
    assert main(["data", "check", "irmas", str(tmp_path)]) == 0
    victims = sorted(tmp_path.rglob("*0001__1.wav"))[:2]
    for victim in victims:
        victim.write_bytes(b"no sound")
    capsys.readouterr()
    assert main(["data", "check", "irmas", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert all(str(victim) in said.out for victim in victims)
    assert "2 files of" in said.err
    assert "Zenodo record 1290750" in said.err
    assert main(["data", "check", "irma", str(tmp_path)]) == 2
    assert "name one of recordings, nsynth, irmas" in capsys.readouterr().err


def test_download_is_mirdata_s_where_it_has_the_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def initialize(name: str, data_home: str) -> SimpleNamespace:
        assert name == "medley_solos_db"
        return SimpleNamespace(download=lambda: MAKERS["medley-solos"](Path(data_home)))

    monkeypatch.setitem(sys.modules, "mirdata", SimpleNamespace(initialize=initialize))
    assert main(["data", "download", "medley-solos", str(tmp_path)]) == 0
    assert "3  sound files" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "mirdata", None)
    assert main(["data", "download", "medley-solos", str(tmp_path)]) == 2
    assert "pip install mirdata" in capsys.readouterr().err
    assert main(["data", "download", "musdb", str(tmp_path)]) == 2
    assert "Zenodo record 3338373" in capsys.readouterr().err
