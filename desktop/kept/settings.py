"""What the monitor remembers between sessions: one JSON file that survives damage.

A damaged file is set aside as ``settings.damaged.json`` and the defaults are used; a
damaged entry falls back alone. Writing goes through a temporary file, so a crash in the
middle leaves the old file whole.
"""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from realtime.folders import folder
from realtime.spec import DEFAULT_HOP_S, MIN_HOP_S
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from realtime.whole_file import write_whole

RECENT_FILES = 12
CHANNELS = ("mono", "left", "right", "mid", "side")
SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(value)
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(value)
        return float(value)

    return check


def _whole(low: int, high: int) -> Callable[[Any], int]:
    return lambda value: int(_number(low, high)(value))


def _one_of(*choices: Any) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in choices or isinstance(value, bool) != isinstance(choices[0], bool):
            raise ValueError(value)
        return value

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value[:1000]


def _texts(allowed: tuple[str, ...] | None = None) -> Callable[[Any], list[str]]:
    def check(value: Any) -> list[str]:
        if not isinstance(value, list):
            raise ValueError(value)
        kept = [v for v in value if isinstance(v, str) and (allowed is None or v in allowed)]
        return list(dict.fromkeys(kept))

    return check


def _names(value: Any) -> dict[str, str]:
    return {k: v[:40] for k, v in value.items() if k in INSTRUMENTS and isinstance(v, str) and v}


def _thresholds(value: Any) -> dict[str, float]:
    probability = _number(0.01, 1.01)  # above 1: never
    return {name: probability(v) for name, v in value.items() if name in INSTRUMENTS}


def _ensembles(value: Any) -> dict[str, list[str]]:
    known = _texts(INSTRUMENTS)
    return {str(name)[:40]: known(instruments) for name, instruments in value.items()}


def _device(value: Any) -> dict[str, str]:
    return {key: _text(value.get(key, "")) for key in ("name", "host_api")}


def _channel(value: Any) -> str | list[int]:
    if value in CHANNELS:
        return str(value)
    first, second = value
    return [_whole(0, 1023)(first), _whole(0, 1023)(second)]


def _presets(value: Any) -> dict[str, dict[str, Any]]:
    return {str(name)[:40]: dict(preset) for name, preset in value.items()}


def _setting(default: Any, check: Callable[[Any], Any], *, preset: bool = False) -> Any:
    metadata = {"check": check, "preset": preset}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class Settings:
    """Everything remembered. Times in seconds, rates in Hz, levels in dB."""

    theme: str = _setting("dark", _one_of("dark", "light", "system"))
    scale: float = _setting(1.0, _number(0.75, 2.0))
    sort: str = _setting("score", _one_of("score", "activity"), preset=True)
    quiet_open: bool = _setting(False, _one_of(False, True), preset=True)
    reduced_motion: bool = _setting(False, _one_of(False, True))
    pinned: list[str] = _setting([], _texts(INSTRUMENTS), preset=True)
    hidden: list[str] = _setting([], _texts(INSTRUMENTS), preset=True)
    collapsed: list[str] = _setting([], _texts(FAMILIES), preset=True)
    names: dict[str, str] = _setting({}, _names, preset=True)
    thresholds: dict[str, float] = _setting({}, _thresholds, preset=True)
    """The user's own, in place of the model's."""
    keep_clips: bool = _setting(False, _one_of(False, True))
    """Whether the user agreed, last time, that corrected sound is kept here."""
    ensembles: dict[str, list[str]] = _setting({}, _ensembles)
    """Named sets of expected instruments."""
    attack_s: float = _setting(0.2, _number(0.0, 5.0), preset=True)
    release_s: float = _setting(0.4, _number(0.0, 10.0), preset=True)
    hold_s: float = _setting(0.0, _number(0.0, 10.0), preset=True)
    peak_hold_s: float = _setting(3.0, _number(0.0, 60.0), preset=True)
    hop_s: float = _setting(DEFAULT_HOP_S, _number(MIN_HOP_S, 1.0), preset=True)
    loudness: bool = _setting(True, _one_of(False, True), preset=True)
    roll_span_s: float = _setting(120.0, _number(30.0, 600.0), preset=True)
    expected: list[str] = _setting([], _texts(INSTRUMENTS), preset=True)
    missing_after_s: float = _setting(10.0, _number(1.0, 600.0), preset=True)
    device: dict[str, str] = _setting({"name": "", "host_api": ""}, _device)
    channel: str | list[int] = _setting("mono", _channel)
    sample_rate_hz: int = _setting(0, _whole(0, 768_000))
    block_frames: int = _setting(0, _whole(0, 65_536))
    recent_files: list[str] = _setting([], _texts())
    last_source: str = _setting("", _one_of("", "file", "live"))
    last_position_s: float = _setting(0.0, _number(0.0, 1e7))
    speed: float = _setting(1.0, _one_of(*SPEEDS))
    volume_db: float = _setting(0.0, _number(-60.0, 0.0))
    geometry: str = _setting("", _text)
    splitter: str = _setting("", _text)
    on_top: bool = _setting(False, _one_of(False, True))
    presets: dict[str, dict[str, Any]] = _setting({}, _presets)
    others: dict[str, Any] = _setting({}, dict)
    """Entries this version does not know: a later one wrote them, and finds them again."""

    @classmethod
    def from_document(cls, document: Any) -> Settings:
        """Settings from a JSON document; an entry that makes no sense keeps its default."""
        settings = cls()
        known = {one.name for one in fields(cls)} - {"others"}
        if isinstance(document, dict):
            settings.others = {k: v for k, v in document.items() if k not in known}
            settings.apply({k: v for k, v in document.items() if k in known})
        return settings

    def document(self) -> dict[str, Any]:
        """What is stored of them."""
        known = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "others"}
        return self.others | known

    def apply(self, document: Any, *, preset_only: bool = False) -> None:
        """Take over the entries that make sense."""
        if not isinstance(document, dict):
            return
        for setting in fields(self):
            if setting.name not in document or (preset_only and not setting.metadata["preset"]):
                continue
            try:
                value = setting.metadata["check"](document[setting.name])
            except (ValueError, TypeError, AttributeError, KeyError):
                continue
            setattr(self, setting.name, value)

    def preset(self) -> dict[str, Any]:
        """The part that a preset stores: what is shown and how the meters move."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.metadata["preset"]}
        return copy.deepcopy(shown)

    def remember_file(self, path: str) -> None:
        """Put a file on top of the recent ones."""
        others = [known for known in self.recent_files if known != path]
        self.recent_files = [path, *others][:RECENT_FILES]


def settings_path() -> Path:
    """Where the settings lie."""
    return folder("config") / "settings.json"


def load(path: Path) -> tuple[Settings, str]:
    """The settings, and a sentence for the user if the file was damaged, else ''."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
    except FileNotFoundError:
        return Settings(), ""
    except (OSError, ValueError, RecursionError):
        aside = path.with_name("settings.damaged.json")
        try:
            os.replace(path, aside)
        except OSError:
            return Settings(), f"The settings in {path} cannot be read; defaults are in use."
        return (
            Settings(),
            f"The settings were damaged; defaults are in use, the old file is {aside.name}.",
        )
    return Settings.from_document(document), ""


def save(settings: Settings, path: Path) -> None:
    """Write the settings whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(settings.document(), indent=1))
