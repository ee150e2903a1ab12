"""Drum kits of Hydrogen: what a drum is, by the name its kit gives it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from training.bank.clips import trimmed
from training.making.free import packages
from training.making.free.sound import FreeSound
from training.sounds.folder import decode

_DRUMS: tuple[tuple[str, str, str], ...] = (
    # Name of an instrument of a kit, label, articulation; the first that matches counts.
    (r"sample:|^\W*\d*\W*$|zap|^fx|click$|opaco|- *$|\(\)", "", ""),
    (r"clap|cow ?bell|conga|whistle|tamb|agogo|cajon|marac|bongo|clave|wood|glass|snap|djembe|"
     r"sangban|dununba|kenkeni|shaker|cabasa|guiro|timbale|vibraslap|triangle|bell tree",
     "percussion", ""),
    (r"h(at|h).*(open|op\b|semi)|open h(at|h)|ohh|hh.*open|hi-?hat.*open", "cymbals",
     "hihat open"),
    (r"h(at|h)\b.*(pedal|pd\b)|pedal h(at|h)", "cymbals", "hihat pedal"),
    (r"hh|hat\b|hats?\b|hi-hat", "cymbals", "hihat closed"),
    (r"ride|bell|cup", "cymbals", "ride"),
    (r"crash|china|splash|cymbal", "cymbals", "crash"),
    (r"kick|bass ?drum", "drums", "kick"),
    (r"rim|stick", "drums", "rim"),
    (r"snare", "drums", "snare"),
    (r"tom|floor|drum", "drums", "tom"),
)  # fmt: skip
_KITS_ELSEWHERE = {"The Black Pearl 1.0"}
"""AVL Drumkits, which ``../shared/samples`` holds."""


def drum(name: str) -> tuple[str, str] | None:
    """Label and articulation of a drum by its name in a kit; None for what is no drum."""
    for pattern, label, articulation in _DRUMS:
        if re.search(pattern, name, re.I):
            return (label, articulation) if label else None
    return None


def drumkits(opened: Path) -> Iterator[FreeSound]:
    """Every layer of every drum of the kits."""
    folder = packages.opened(packages.DRUMKITS, opened) / "usr/share/hydrogen/data/drumkits"
    for table in sorted(folder.glob("*/drumkit.xml")):
        kit = table.parent.name
        if kit in _KITS_ELSEWHERE:
            continue
        tree = ElementTree.parse(table)
        for element in tree.iter():
            element.tag = element.tag.split("}")[-1]
        licence = _one_line(tree.getroot().findtext("license") or "GPL-2")
        for number, instrument in enumerate(tree.iter("instrument")):
            found = drum((instrument.findtext("name") or "").strip())
            for layer, file in enumerate(instrument.iter("filename")):
                path = table.parent / (file.text or "")
                if found and path.is_file():
                    yield FreeSound(
                        f"hydrogen/{kit}-{number}-{layer}", trimmed(decode(path)), found[0],
                        f"Hydrogen {kit}", licence, articulation=found[1],
                    )  # fmt: skip


def _one_line(text: str) -> str:
    return " ".join(text.split())[:80]
