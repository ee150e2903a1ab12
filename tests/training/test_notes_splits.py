"""The table of splits keeps every library of a label, and every voice, in one split."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from training.bank.splits import (
    HELD_OUT,
    SOUNDFONT_SPLIT,
    coarse,
    library_split,
    lineage,
)
from training.sounds.folder import read_manifest
from training.sounds.samples import label_of

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


@pytest.fixture(scope="module")
def libraries() -> dict[str, Counter[str]]:
    """Notes by label, then by source."""
    if not SAMPLES.is_dir():
        pytest.skip("needs the recorded samples beside the checkout")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in read_manifest(SAMPLES):
        counts[coarse(label_of(row))][row["source"]] += 1
    return counts


def test_repackagings_of_one_library_are_one_lineage() -> None:
    assert lineage("adewale/keyboardia (VSCO 2 CE horn)") == lineage(
        "JamesRyanATX/Harmonicon (from nbrosowsky/tonejs-instruments)"
    )
    assert lineage("nir/jupylet (from sgossner/VCSL)") == lineage(
        "adewale/keyboardia (VCSL marimba)"
    )
    assert lineage("francoiswnel/Ukulele") == "francoiswnel/Ukulele"


def test_no_lineage_of_a_label_is_in_two_splits(libraries: dict[str, Counter[str]]) -> None:
    for label, sources in libraries.items():
        splits = defaultdict(set)
        for source in sources:
            # Several singers of one collection are several voices.
            name = source if label == "voice" else lineage(source)
            splits[name].add(library_split(label, source))
        mixed = {name: its for name, its in splits.items() if len(its) > 1}
        assert not mixed, f"{label}: {mixed}"


def test_labels_with_few_libraries_all_train(libraries: dict[str, Counter[str]]) -> None:
    for label, sources in libraries.items():
        count = len({lineage(source) for source in sources})
        held = {library_split(label, source) for source in sources} - {"train"}
        if label == "voice":
            continue
        if count < 3:
            assert not held, label
        elif count == 3:
            assert held == {"test"}, label


def test_the_richest_library_of_a_label_trains(libraries: dict[str, Counter[str]]) -> None:
    for label, sources in libraries.items():
        if label in ("voice", "percussion"):  # percussion is masked: no note of it is scored
            continue
        richest = max(sources, key=lambda source: sources[source])
        assert library_split(label, richest) == "train", label


def test_what_is_held_out_exists_and_is_worth_scoring(
    libraries: dict[str, Counter[str]],
) -> None:
    for (label, mark), split in HELD_OUT.items():
        if label == "percussion":  # masked: kept with the drums of its kit, not scored
            continue
        notes = sum(count for source, count in libraries[label].items() if mark in source)
        assert notes >= (1 if label == "voice" else 5), (label, mark)
        assert split in ("val", "test")


def test_soundfonts_of_one_lineage_are_together() -> None:
    assert SOUNDFONT_SPLIT["FluidR3_GM"] == SOUNDFONT_SPLIT["MuseScore_General"] == "train"
    assert set(SOUNDFONT_SPLIT.values()) == {"train", "val", "test"}


def test_finer_labels_are_split_with_their_coarse_one() -> None:
    swag = "sfzinstruments/karoryfer.swagbass"
    assert library_split("electric_bass", swag) == library_split("bass", swag) == "val"
    assert coarse("french_horn") == "horn"
    assert coarse("viola") == "viola"
