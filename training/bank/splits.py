"""Which source trains, which validates, which tests: one table, by source.

A *lineage* is a set of sources that hold the same recordings: repackagings of
one library, the microphones of one session. For one label a lineage is in one
split only, so that no note is learned under one name and scored under another.

The rule for libraries of real notes: with four or more lineages for a label
one goes to validation and one to test; with three, one goes to test (neither
the richest nor one with fewer than five notes); with fewer all train, because
a label learned from a single room would not be learned at all. Voices are
split by speaker. The exceptions to "train" stand in ``HELD_OUT``.

Checked by cross-correlating every held-out note with the training notes of its
label and pitch: none is the same recording. The soundfonts of validation and
test do share some samples with each other (a fiddle, a piccolo), so scores on
the two are not independent. Neither shares any with training but the congas of a
TR-808 kit, which are masked; soundfonts and recordings that join later are compared
with both (``training.sounds.twins``).
"""

from __future__ import annotations

from realtime.taxonomy import FINE

SOUNDFONT_SPLIT = {
    "FluidR3_GM": "train",
    "MuseScore_General": "train",  # grown out of FluidR3: never to be held out beside it
    "OPL-3_FM": "train",
    "sf_GMbank": "val",
    "TimGM6mb": "test",
}
"""Soundfonts by the name their notes carry as source."""

MUSIC_HELD_OUT = {"unknown-horizons": "val", "singularity-music": "val"}
"""Packages of music that do not train: an orchestra's, and synthesizers'."""

_LINEAGE_MARKS: tuple[tuple[str, str], ...] = (
    # The winds, brass, harp and strings of tonejs-instruments are VSCO 2 CE recordings.
    ("nbrosowsky/tonejs-instruments", "VSCO"),
    ("VSCO 2 CE", "VSCO"),
    ("VCSL", "VCSL"),
    ("Discord-SFZ-GM-Bank", "Discord-SFZ-GM-Bank"),
    ("Philharmonia", "Philharmonia"),
    ("sms-tools-materials", "MTG sms-tools"),
    ("OLPC Berklee", "Berklee"),
    ("Salamander", "Salamander"),
)


def lineage(source: str) -> str:
    """The library a source was made from: the same for repackagings of one library."""
    return next((name for mark, name in _LINEAGE_MARKS if mark in source), source)


def music_split(package: str) -> str:
    """The split of a package of music nobody labelled."""
    return MUSIC_HELD_OUT.get(package, "train")


HELD_OUT: dict[tuple[str, str], str] = {
    # (label of the model or masked finer label, a part of the source's name): split
    ("acoustic_guitar", "OLPC Berklee"): "val",
    ("acoustic_guitar", "Discord-SFZ-GM-Bank"): "test",
    ("bass", "karoryfer.swagbass"): "val",
    ("bass", "tonejs-instruments"): "test",
    ("bowed_double_bass", "string-cyborgs"): "test",
    ("cello", "string-cyborgs"): "val",
    ("cello", "sms-tools-materials"): "test",
    ("cymbals", "sgossner/VCSL"): "val",
    ("cymbals", "Pearl Master Studio"): "test",
    ("drums", "sgossner/VCSL"): "val",
    ("drums", "Pearl Master Studio"): "test",
    ("electric_piano", "Discord-SFZ-GM-Bank"): "test",
    ("flute", "tonejs-instruments"): "test",
    ("organ", "FreePats drawbar organ"): "test",
    ("percussion", "sgossner/VCSL"): "val",
    ("percussion", "Discord-SFZ-GM-Bank"): "val",
    ("percussion", "OLPC Berklee"): "test",
    ("piano", "University of Iowa"): "val",
    ("piano", "splendid-grand-piano"): "test",
    ("saxophone", "karoryfer.bear-sax"): "test",
    ("voice", "LibriSpeech 198-"): "val",
    ("voice", "VCTK speaker p240"): "val",
    ("voice", "speech-male.wav"): "val",
    ("voice", "Vocadito v1 excerpt 14"): "val",
    ("voice", "LibriSpeech 3436-"): "test",
    ("voice", "VCTK speaker p260"): "test",
    ("voice", "singing-female.wav"): "test",
    ("voice", "soprano-E4.wav"): "test",
}
"""Real sources that do not train."""


def coarse(label: str) -> str:
    """The model's label a finer one stands for, or the finer one itself where it is masked."""
    return FINE[label].instrument or label


def library_split(label: str, source: str) -> str:
    """The split of a sample library's notes of one label (a name of ``taxonomy.FINE``)."""
    wanted = coarse(label)
    return next(
        (
            split
            for (its_label, mark), split in HELD_OUT.items()
            if its_label == wanted and mark in source
        ),
        "train",
    )
