"""Scores on a page come from the report, and from the report of the model that is shipped."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from realtime.errors import TuttiError
from realtime.taxonomy import INSTRUMENTS
from training.scoring.card import BLOCKS, fill

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "realtime" / "assets" / "MODEL_CARD.md")


def report(top1: float = 0.5) -> dict:
    confusion = [[0] * 24 for _ in INSTRUMENTS]
    flute, oboe = INSTRUMENTS.index("flute"), INSTRUMENTS.index("oboe")
    confusion[flute][flute], confusion[flute][oboe] = 3, 2
    label = {
        "support": 1, "predicted": 0, "precision": None, "recall": 0.25, "average_precision": None
    }  # fmt: skip
    labels = dict.fromkeys(INSTRUMENTS, label)
    count = {"accuracy": 0.5, "mean_absolute_error": 1.5}
    return {
        "machine": "a machine",
        "command": "tutti evaluate",
        "model": {
            "version": "9", "windows_seen": 2_000_000, "sha256": "ab" * 32,
            "recipe": "q, then r, then r, seed 1",
            "thresholds": dict.fromkeys(INSTRUMENTS, 0.4),
        },
        "comparison": {"micro_f1_lost": 0.001},
        "sets": {
            "recordings": {
                "solos": {
                    "top1": top1, "top1_interval": [0.4, 0.6], "right": 3, "solos": 5,
                    "confusion": confusion,
                },
                "clips": {
                    "micro_f1": 0.7, "micro_f1_interval": [0.6, 0.8], "micro_precision": 0.7,
                    "micro_recall": 0.7, "lrap": 0.9, "lrap_interval": [0.8, 1.0],
                    "per_label": labels,
                },
                "polyphony_solo_windows": count,
                "polyphony_mix_windows": count,
            },
            "mixtures": {
                "polyphony_few": count, "polyphony_many": count, "few": {"macro_f1": 0.3},
                "many": {"macro_f1": 0.2}, "all": {"per_label": labels},
            },
        },
    }  # fmt: skip


def page(*names: str) -> str:
    return "before\n" + "\n".join(f"<!-- {n} -->\nleft over\n<!-- /{n} -->\nbetween" for n in names)


def test_every_block_is_replaced_and_the_rest_stays() -> None:
    text = fill(page(*BLOCKS), report())
    assert "left over" not in text
    assert text.startswith("before\n")
    assert text.count("between") == len(BLOCKS)
    assert "recipe q, then r (2 times), seed 1, SHA-256" in text
    assert "| 0.500 [0.40, 0.60], 3 of 5 | 0.85 |" in text
    assert "Solos named wrongly, of 5: flute as oboe (2)." in text
    assert "| Flute | 0.40 | 1 |  | 0.25 |  |" in text


def test_filling_again_changes_only_what_was_measured_anew() -> None:
    once = fill(page("scores", "model"), report())
    assert fill(once, report()) == once
    other = fill(once, report(top1=0.25))
    assert [a != b for a, b in zip(once.split("\n"), other.split("\n"), strict=True)].count(
        True
    ) == 1


def test_the_card_says_what_the_thresholds_were_chosen_on() -> None:
    scored = report()
    scored["model"]["calibrated_on"] = "9 real clips"
    text = fill(page("model"), scored)
    assert "Its thresholds were chosen on 9 real clips, for F1;" in text
    assert "the recordings that are scored chose nothing" in text


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(TuttiError, match="no block 'socres'"):
        fill(page("socres"), report())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_figures_shipped_are_of_the_model_shipped(path: Path) -> None:
    model = (ROOT / "realtime" / "assets" / "tutti.int8.onnx").read_bytes()
    text = path.read_text(encoding="utf-8")
    sha = re.search(r"<!-- model -->\n.*?SHA-256 `(\w{16})`.*?<!-- /model -->", text, re.DOTALL)
    assert sha is not None
    assert hashlib.sha256(model).hexdigest().startswith(sha[1])
