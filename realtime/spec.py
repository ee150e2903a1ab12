"""What a model file says of itself: labels, timing, thresholds, origin.

The specification travels inside the ONNX file as metadata, one JSON document
under the key ``tutti``, so that a model can be swapped without touching code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from realtime.errors import TuttiError

METADATA_KEY = "tutti"
MODEL_SCHEMA = 1
"""Version of the metadata document; a file of another schema is refused."""

SAMPLE_RATE_HZ = 16_000
WINDOW_S = 1.0
WINDOW_SAMPLES = 16_000
FAST_WINDOW_S = 0.5
"""Of the fast mode: half the delay, and less is heard in it."""
DEFAULT_HOP_S = 0.5
MIN_HOP_S = 0.05

POLYPHONY_LABELS = ("0", "1", "2", "3", "4", "5", "6+")
"""How many instruments sound; the last class is open."""


@dataclass(frozen=True)
class ModelSpec:
    """Everything a listener needs to know of a model.

    The ONNX graph takes ``audio``, float32 ``[batch, 16000]`` at 16 kHz mono (or, where it
    leaves the length free, other windows), at any level (the graph normalises
    it), and returns probabilities: ``instruments`` ``[batch, len(instruments)]``,
    ``families`` ``[batch, len(families)]`` and ``polyphony`` ``[batch, 7]``
    (sums to 1).
    """

    name: str
    version: str
    instruments: tuple[str, ...]
    families: tuple[str, ...]
    thresholds: Mapping[str, float]
    """Per instrument: at or above it, the instrument counts as present."""
    family_thresholds: Mapping[str, float]
    sample_rate_hz: int = SAMPLE_RATE_HZ
    window_s: float = WINDOW_S
    hop_s: float = DEFAULT_HOP_S
    polyphony: tuple[str, ...] = POLYPHONY_LABELS
    level_handling: str = "mean removed and RMS normalised in the graph"
    recipe: str = ""
    windows_seen: int = 0
    data_sources: tuple[str, ...] = ()
    quantisation: str = "none"
    calibrated_on: str = ""
    """What the thresholds were chosen on; empty in files older than this entry."""
    schema: int = field(default=MODEL_SCHEMA)

    def to_metadata(self) -> dict[str, str]:
        """The metadata entries to write into the ONNX file."""
        document = asdict(self) | {
            "thresholds": dict(self.thresholds),
            "family_thresholds": dict(self.family_thresholds),
        }
        return {METADATA_KEY: json.dumps(document)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], origin: str) -> ModelSpec:
        """Read the entries of an ONNX file; ``origin`` names it in errors.

        Raises:
            TuttiError: the entries are missing, malformed or of another schema.
        """
        text = metadata.get(METADATA_KEY)
        if text is None:
            raise TuttiError(
                f"{origin} is not a Tutti model (it carries no '{METADATA_KEY}' metadata): "
                "export one with 'tutti export', or leave --model out to use the bundled one."
            )
        try:
            document = json.loads(text)
            schema = document["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise TuttiError(
                f"{origin} has damaged model metadata ({error!r}): export it again."
            ) from None
        if schema != MODEL_SCHEMA:
            raise TuttiError(
                f"{origin} uses model schema {schema!r}, and this version of Tutti reads schema "
                f"{MODEL_SCHEMA}: export the model again, or install the matching version."
            )
        try:
            return cls._from_document(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TuttiError(
                f"{origin} has damaged model metadata ({error}): export it again."
            ) from None

    @classmethod
    def _from_document(cls, document: dict[str, Any]) -> ModelSpec:
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in document.items() if key in known}
        for key in ("instruments", "families", "polyphony", "data_sources"):
            if key in values:
                values[key] = tuple(str(item) for item in values[key])
        spec = cls(**values)
        if not spec.instruments or not spec.families:
            raise ValueError("it names no instruments or no families")
        if not all(
            0 < time < math.inf for time in (spec.sample_rate_hz, spec.window_s, spec.hop_s)
        ):
            raise ValueError("sample rate, window and hop must be above 0")
        for labels, thresholds in (
            (spec.instruments, spec.thresholds),
            (spec.families, spec.family_thresholds),
        ):
            missing = [label for label in labels if not 0.0 <= float(thresholds[label]) <= 1.0]
            if missing:
                raise ValueError(f"thresholds out of 0..1 for {', '.join(missing)}")
        return spec
