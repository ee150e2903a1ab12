"""A packed bank comes back whole: same table, same lengths, nearly the same sound."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bank_factory import make_bank
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import TuttiError
from training.bank import packing
from training.bank.bank import Bank
from training.bank.packing import INDEX, pack, shards_of, unpack

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return make_bank(tmp_path_factory.mktemp("banks") / "bank")


@pytest.fixture
def packed(bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packing, "SHARD_S", 10.0)
    pack(bank.path, tmp_path / "packed", max_part_mib=0.1, processes=1)
    return tmp_path / "packed"


def test_round_trip(bank: Bank, packed: Path, tmp_path: Path) -> None:
    unpack(packed, tmp_path / "again", processes=1)
    again = Bank.open(tmp_path / "again")
    assert (again.path / "clips.csv").read_bytes() == (bank.path / "clips.csv").read_bytes()
    assert again.manifest == bank.manifest
    for index in np.flatnonzero((bank.kind == "note") & ~np.isnan(bank.pitch)):
        before, after = bank.clip(int(index)), again.clip(int(index))
        assert 10 * np.log10((before**2).sum() / ((before - after) ** 2).sum()) > 12


def test_parts_keep_to_the_limit_and_hold_every_shard_once(packed: Path) -> None:
    parts = sorted(packed.iterdir())
    assert len(parts) >= 2
    assert [part.name for part in parts] == [f"part{i}" for i in range(len(parts))]
    for part in parts:
        assert sum(file.stat().st_size for file in part.iterdir()) <= 0.1 * 2**20
    names = [file.name for part in parts for file in part.iterdir()]
    assert len(names) == len(set(names))


def test_shards_may_lie_loose_and_several_processes_agree(packed: Path, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    for file in packed.rglob("*"):
        if file.is_file():
            file.rename(loose / file.name)
    unpack(loose, tmp_path / "one", processes=1)
    unpack(loose, tmp_path / "two", processes=2)
    one, two = ((tmp_path / name / "audio.i16").read_bytes() for name in ("one", "two"))
    assert one == two


_BARE = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ImportError(name + " is not on this machine")

sys.meta_path.insert(0, Nothing())
import argparse
from training.commands.bank import add_parser
parser = argparse.ArgumentParser()
add_parser(parser.add_subparsers())
args = parser.parse_args(["bank", "unpack", {packed!r}, {bank!r}, "--processes", "1"])
raise SystemExit(args.run(args))
"""


def test_unpacking_needs_only_numpy_and_soundfile(packed: Path, tmp_path: Path) -> None:
    missing = (
        "scipy",
        "soxr",
        "rich",
        "fluidsynth",
        "pretty_midi",
        "pyworld",
        "torch",
        "pedalboard",
    )
    code = _BARE.format(missing=missing, packed=str(packed), bank=str(tmp_path / "bare"))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(Bank.open(tmp_path / "bare")) > 0


def test_a_missing_shard_is_named(packed: Path, tmp_path: Path) -> None:
    next(packed.rglob("shard-0001.ogg")).unlink()
    with pytest.raises(TuttiError, match=r"lacks shard-0001\.ogg"):
        unpack(packed, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_damaged_shard_is_named_and_leaves_nothing(packed: Path, tmp_path: Path) -> None:
    shard = next(packed.rglob("shard-0000.ogg"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(data)
    before = set(tmp_path.iterdir())
    with pytest.raises(TuttiError, match=r"shard-0000\.ogg is damaged"):
        unpack(packed, tmp_path / "again", processes=1)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b", b"plain", gzip.compress(b"[1, 2")])
def test_a_damaged_index_is_named(packed: Path, tmp_path: Path, data: bytes) -> None:
    next(packed.rglob(INDEX)).write_bytes(data)
    with pytest.raises(TuttiError, match=r"index\.json\.gz is damaged"):
        unpack(packed, tmp_path / "again")


def test_an_index_of_another_version_is_refused(packed: Path, tmp_path: Path) -> None:
    path = next(packed.rglob(INDEX))
    index = json.loads(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(json.dumps(index | {"version": 9}).encode()))
    with pytest.raises(TuttiError, match="another version"):
        unpack(packed, tmp_path / "again")


def test_nothing_is_overwritten(bank: Bank, packed: Path) -> None:
    with pytest.raises(TuttiError, match="exists already"):
        pack(bank.path, packed)
    with pytest.raises(TuttiError, match="exists already"):
        unpack(packed, bank.path)


def test_a_shard_larger_than_a_part_is_said(bank: Bank, tmp_path: Path) -> None:
    with pytest.raises(TuttiError, match="--max-part-mib"):
        pack(bank.path, tmp_path / "packed", max_part_mib=0.001, processes=1)
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.integers(1, 5_000_000), max_size=60))
@settings(max_examples=100, deadline=None)
def test_shards_cover_every_clip_whole(lengths: list[int]) -> None:
    spans = list(shards_of(np.array(lengths, np.int64)))
    assert sum(samples for _, samples in spans) == sum(lengths)
    ends = set(np.cumsum([0, *lengths]).tolist())
    at = 0
    for start, samples in spans:
        assert start == at
        at += samples
        assert at in ends
