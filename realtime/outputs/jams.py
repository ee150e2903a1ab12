"""A JAMS document: what research on music annotates with.

Format: https://jams.readthedocs.io (Humphrey et al., ISMIR 2014). One annotation in the namespace
``tag_open``: an observation for each stretch in which an instrument sounds, by its name in the
vocabulary, with its mean probability as confidence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from realtime import __version__
from realtime.timeline import Timeline

JAMS_VERSION = "0.3.4"
"""Of the schema, which has been the same since."""


def lines(timeline: Timeline) -> Iterator[str]:
    """The document, compact, on one line."""
    yield json.dumps(document(timeline), separators=(",", ":"))


def document(timeline: Timeline) -> dict[str, Any]:
    """Times in seconds, confidence 0 to 1."""
    duration_s = round(timeline.duration_s, 6)
    data = [
        {
            "time": round(one.start_s, 6),
            "duration": round(one.end_s - one.start_s, 6),
            "value": one.instrument,
            "confidence": round(one.probability, 4),
        }
        for one in timeline.segments()
    ]
    model = f"{timeline.spec.name} {timeline.spec.version}"
    about = {
        "curator": {"name": "", "email": ""},
        "annotator": {},
        "version": model,
        "corpus": "",
        "annotation_tools": f"Tutti {__version__}",
        "annotation_rules": "",
        "validation": "",
        "data_source": "program",
    }
    return {
        "annotations": [
            {
                "namespace": "tag_open",
                "data": data,
                "annotation_metadata": about,
                "sandbox": {},
                "time": 0,
                "duration": duration_s,
            }
        ],
        "file_metadata": {
            "title": timeline.file,
            "artist": "",
            "release": "",
            "duration": duration_s,
            "identifiers": {},
            "jams_version": JAMS_VERSION,
        },
        "sandbox": {},
    }
