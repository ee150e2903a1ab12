"""Which MIDI message tells what: a default for everything, or a file of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.live_outputs.output import Setting
from realtime.postprocess import Tags
from realtime.spec import ModelSpec

QUIETEST_DBFS = -60.0
"""Level 0; 0 dBFS is 127."""
UNDEFINED = (*range(20, 32), *range(102, 114))
"""Controllers that MIDI leaves free."""
CONTROL_CHANGE, NOTE_ON, NOTE_OFF = 0xB0, 0x90, 0x80
EXAMPLE = '[[send]] with what = "instrument/cello" and control = 20'


@dataclass(frozen=True)
class Rule:
    """``what``: ``instrument/NAME``, ``family/NAME``, ``polyphony`` or ``level`` of a sound.

    ``channel``: 0 to 15. It is told by a controller, or by a note that sounds while the
    instrument is above its threshold.
    """

    what: str
    sound: str
    channel: int
    number: int
    is_note: bool = False
    velocity: int = 100

    @property
    def key(self) -> tuple[int, int, bool]:
        return self.channel, self.number, self.is_note

    def value(self, tags: Tags, spec: ModelSpec) -> int:
        """0 to 127 for a controller; the velocity or 0 for a note."""
        if self.what == "polyphony":
            return round(tags.polyphony_expected)
        if self.what == "level":
            return round(127 * min(1.0, max(0.0, 1.0 - tags.level.rms_dbfs / QUIETEST_DBFS)))
        kind, label = self.what.split("/")
        if kind == "instrument":
            probability = float(tags.instruments[spec.instruments.index(label)])
            threshold = spec.thresholds[label]
        else:
            probability = float(tags.families[spec.families.index(label)])
            threshold = spec.family_thresholds[label]
        if self.is_note:
            return self.velocity if probability >= threshold else 0
        return round(127 * probability)

    def message(self, value: int) -> bytes:
        """Three bytes of MIDI."""
        if not self.is_note:
            return bytes((CONTROL_CHANGE | self.channel, self.number, value))
        status = NOTE_ON if value else NOTE_OFF
        return bytes((status | self.channel, self.number, value))


def rules_for(setting: Setting) -> list[Rule]:
    """Of ``--midi-map``, or the default: of the last sound, instruments in the model's order on
    channel 1 (controllers 20 to 31 and 102 to 113); on channel 2 families from 20 on, then
    polyphony and level.

    Raises:
        TuttiError: the file cannot be read, or an entry of it means nothing.
    """
    if setting.args.midi_map is not None:
        return _read(Path(setting.args.midi_map), setting)
    sound, spec = setting.names[-1], setting.spec
    rules = [
        Rule(f"instrument/{label}", sound, 0, number)
        for label, number in zip(spec.instruments, UNDEFINED, strict=False)
    ]
    others = [*(f"family/{label}" for label in spec.families), "polyphony", "level"]
    numbers = zip(others, UNDEFINED, strict=False)
    return rules + [Rule(what, sound, 1, number) for what, number in numbers]


def _read(path: Path, setting: Setting) -> list[Rule]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TuttiError(f"The MIDI map {path} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise TuttiError(f"The MIDI map {path} is not TOML ({error}): correct it.") from None
    entries = document.get("send")
    if set(document) != {"send"} or not isinstance(entries, list) or not entries:
        raise TuttiError(f"The MIDI map {path} needs entries such as {EXAMPLE}, and no others.")
    rules: dict[tuple[int, int, bool], Rule] = {}
    for number, entry in enumerate(entries, 1):
        where = f"Entry {number} of the MIDI map {path}"
        if not isinstance(entry, dict):
            raise TuttiError(f"{where} is no table: write {EXAMPLE}.")
        rule = _rule(entry, where, setting)
        if rule.key in rules:
            raise TuttiError(f"{where} sends what entry {[*rules].index(rule.key) + 1} does.")
        rules[rule.key] = rule
    return list(rules.values())


def _rule(entry: dict[str, Any], where: str, setting: Setting) -> Rule:
    unknown = set(entry) - {"what", "sound", "channel", "control", "note", "velocity"}
    if unknown:
        raise TuttiError(f"{where} has {', '.join(sorted(unknown))}, which mean nothing there.")
    spec, what = setting.spec, entry.get("what")
    if what not in (known := list(_known(spec))):
        raise TuttiError(
            f"{where}: what = {what!r} is not known; it may be "
            f"{', '.join(one for one in known if one.startswith('family') or '/' not in one)}, "
            f"or instrument/ and a name, such as {spec.instruments[0]}."
        )
    sound = entry.get("sound", setting.names[-1])
    if sound not in setting.names:
        heard = ", ".join(setting.names) if any(setting.names) else "one without a name only"
        raise TuttiError(f"{where}: there is no sound {sound!r} here; heard: {heard}.")
    if ("control" in entry) == ("note" in entry):
        raise TuttiError(f"{where} needs either control or note.")
    is_note = "note" in entry
    if is_note and "/" not in what:
        raise TuttiError(f"{where}: a note is for an instrument or a family; use control.")
    return Rule(
        what,
        sound,
        _number(entry, "channel", where, 1, 16, 1) - 1,
        _number(entry, "note" if is_note else "control", where, 0, 127 if is_note else 119, 0),
        is_note,
        _number(entry, "velocity", where, 1, 127, 100),
    )


def _known(spec: ModelSpec) -> Iterator[str]:
    yield from (f"instrument/{label}" for label in spec.instruments)
    yield from (f"family/{label}" for label in spec.families)
    yield from ("polyphony", "level")


def _number(
    entry: dict[str, Any], key: str, where: str, least: int, most: int, otherwise: int
) -> int:
    value = entry.get(key, otherwise)
    if type(value) is not int or not least <= value <= most:
        raise TuttiError(f"{where}: {key} = {value!r} is not a whole number, {least} to {most}.")
    return value
