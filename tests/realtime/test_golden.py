"""The shipped model on the demo piece, against stored figures.

After a new model, look at what it says and store it:
``tutti tag realtime/assets/demo.ogg --hop 1 --format json -o tests/realtime/golden_demo.json``
"""

import json
from pathlib import Path

import numpy as np
import pytest

from realtime.smoothing import NO_SMOOTHING
from realtime.sources.file import FileSource
from realtime.tagger import Tagger

GOLDEN = Path(__file__).parent / "golden_demo.json"
DEMO = Path(__file__).parents[2] / "realtime" / "assets" / "demo.ogg"
TOLERANCE = 0.05
"""Processors differ in how they round int8 sums."""


@pytest.fixture(scope="module")
def tagger():
    return Tagger(hop_s=1.0)


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_shipped_model_gives_the_stored_figures(tagger, golden):
    found = tagger.tag(DEMO).to_document()
    assert found["model"] == golden["model"], "another model: see the top of this file"
    assert len(found["windows"]) == len(golden["windows"])
    for part in ("instruments", "families", "polyphony"):
        for one, other in zip(found["windows"], golden["windows"], strict=True):
            assert list(one[part]) == list(other[part])
            values = (list(one[part].values()), list(other[part].values()))
            np.testing.assert_allclose(*values, atol=TOLERANCE)


def test_level_does_not_change_what_the_shipped_model_hears(tagger):
    """Music at -60 dBFS: scores within 0.03 of the same music at -12 dBFS."""
    with FileSource(DEMO) as source:
        audio = np.concatenate(list(source))
        rate_hz = source.sample_rate_hz
    bare = Tagger(tagger.model, hop_s=1.0, smoothing=NO_SMOOTHING)
    rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64)))
    at_12, at_60 = (
        bare.tag((audio * (10 ** (dbfs / 20) / rms)).astype("f4"), rate_hz) for dbfs in (-12, -60)
    )
    heard = [not tags.level.silent for tags in at_60.tags]
    assert np.mean(heard) > 0.9
    np.testing.assert_allclose(at_60.instruments[heard], at_12.instruments[heard], atol=0.03)
