"""What a bank holds, as plain text tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from realtime.spec import SAMPLE_RATE_HZ
from realtime.taxonomy import INSTRUMENTS
from training.bank.bank import Bank
from training.bank.clips import KINDS, SPLITS
from training.bank.splits import coarse


def print_summary(path: Path) -> None:
    """Minutes by kind and split, and what was dropped."""
    bank = Bank.open(path)
    minutes = bank.length / SAMPLE_RATE_HZ / 60
    print(f"{path}: {len(bank)} clips, {minutes.sum() / 60:.2f} hours at {SAMPLE_RATE_HZ} Hz")
    rows = [
        [kind, *(f"{minutes[(bank.kind == kind) & (bank.split == s)].sum():.1f}" for s in SPLITS)]
        for kind in KINDS
    ]
    _table(["minutes", *SPLITS], rows)
    for reason, count in bank.manifest.get("dropped", {}).items():
        print(f"dropped, {reason}: {count}")


def print_report(path: Path) -> None:
    """The summary, then labels by split and kind, then sources, then levels."""
    print_summary(path)
    bank = Bank.open(path)
    minutes = bank.length / SAMPLE_RATE_HZ / 60
    # Music may name several instruments: it stands under the first table's kind alone.
    one = bank.kind != "music"
    labels = np.where(one, bank.label, "").tolist()
    coarse_label = np.array([coarse(label) if label else "" for label in labels])
    masked = sorted(set(coarse_label.tolist()) - {*INSTRUMENTS, ""})
    print()
    header = ["label", "sources", *(f"{s} {k}" for s in SPLITS for k in ("notes", "stems")), "min"]
    rows = []
    for label in [*INSTRUMENTS, *masked, ""]:
        its = one & (coarse_label == label)
        cells = [
            str(int((its & (bank.split == split) & (bank.kind == "stem") == (kind == "stems"))
                    [its & (bank.split == split)].sum()))
            for split in SPLITS
            for kind in ("notes", "stems")
        ]  # fmt: skip
        sources = len(set(bank.source[its].tolist()))
        rows.append([label or "(no instrument)", str(sources), *cells, f"{minutes[its].sum():.1f}"])
    _table(header, rows)
    print()
    by_source = Counter(zip(bank.source.tolist(), bank.split.tolist(), strict=True))
    _table(
        ["source", "split", "clips", "min"],
        [
            [
                source,
                split,
                str(count),
                f"{minutes[(bank.source == source) & (bank.split == split)].sum():.1f}",
            ]
            for (source, split), count in sorted(by_source.items())
        ],
    )
    print()
    _levels(bank)


def _levels(bank: Bank) -> None:
    """RMS of the clips of each kind in dBFS: 5th, 50th and 95th percentile."""
    rms_db = np.array([10 * np.log10(np.mean(bank.clip(i) ** 2) + 1e-12) for i in range(len(bank))])
    rows = []
    for kind in KINDS:
        its = rms_db[bank.kind == kind]
        if len(its):
            rows.append([kind, *(f"{value:.1f}" for value in np.percentile(its, (5, 50, 95)))])
    _table(["RMS dBFS", "5 %", "50 %", "95 %"], rows)


def _table(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        print("  ".join(cells).rstrip())
