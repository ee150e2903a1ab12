"""Chain files: which effects, in which order, and where to listen.

    [[chain]]
    tap = "before"

    [[chain]]
    effect = "Compressor"
    threshold_db = -24.0
    ratio = 4.0
    mix = 0.5

    [[chain]]
    effect = "VST3"
    path = "plugins/MVerb.vst3"
    preset = "hall.vstpreset"
    parameters = { decay = 60.0 }

    [[chain]]
    tap = "after"

One table a step, in the order of the signal. TOML keeps the order only within
one array of tables, so effects and taps share the array ``chain``.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from realtime.errors import TuttiError
from realtime.host.effects import EFFECTS, Effect, Value, nearest
from realtime.whole_file import write_whole

PLUGIN_KINDS = ("VST3", "AU")
PLUGIN_KEYS = ("effect", "path", "plugin_name", "preset", "parameters", "bypass", "mix")
FIRST_TAP, LAST_TAP = "input", "output"


@dataclass(frozen=True)
class EffectStep:
    """One effect of a chain.

    ``effect``: a name in ``EFFECTS``, or "VST3" or "AU" with a ``path``.
    ``mix``: 0 (input only) to 1 (effect only), for effects without a mix of their own.
    ``parameters``: those that are set; the others keep their defaults. Those of
    a plugin are checked against the plugin when it is loaded.
    """

    effect: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    bypass: bool = False
    mix: float = 1.0
    path: Path | None = None
    plugin_name: str | None = None
    preset: Path | None = None

    @property
    def is_plugin(self) -> bool:
        """Whether it is somebody's VST3 or Audio Unit, and so lives in its own process."""
        return self.effect in PLUGIN_KINDS

    @property
    def known(self) -> Effect | None:
        """The entry of a built-in effect."""
        return EFFECTS.get(self.effect)

    @property
    def label(self) -> str:
        """What a person calls it."""
        if self.path is not None:
            return self.plugin_name or self.path.stem
        return self.effect

    def value(self, parameter: str) -> Value:
        """The set value of a built-in effect's parameter, or its default."""
        if parameter in self.parameters or self.known is None:
            return self.parameters[parameter]
        return self.known.parameters[parameter].default


@dataclass(frozen=True)
class TapStep:
    """A place in the chain where the tagger listens."""

    name: str


Step = EffectStep | TapStep


@dataclass(frozen=True)
class Chain:
    """The steps of a signal path; effects are numbered from 0 among effects."""

    steps: tuple[Step, ...]
    name: str = ""

    @property
    def effects(self) -> tuple[EffectStep, ...]:
        return tuple(step for step in self.steps if isinstance(step, EffectStep))

    @property
    def taps(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps if isinstance(step, TapStep))

    @property
    def whole_only(self) -> tuple[int, ...]:
        """Numbers of the effects that must get a file in one piece."""
        return tuple(
            number
            for number, step in enumerate(self.effects)
            if step.known is not None and step.known.whole_only and not step.bypass
        )

    def with_taps(self) -> Chain:
        """This chain with taps at its ends too, where it has fewer than two: nothing to compare."""
        if len(self.taps) >= 2:
            return self
        steps = list(self.steps)
        if not isinstance(steps[0], TapStep) and FIRST_TAP not in self.taps:
            steps.insert(0, TapStep(FIRST_TAP))
        if not isinstance(steps[-1], TapStep) and LAST_TAP not in self.taps:
            steps.append(TapStep(LAST_TAP))
        return dataclasses.replace(self, steps=tuple(steps))

    def replace_effect(self, index: int, **changes: Any) -> Chain:
        """This chain with another version of effect ``index``, checked."""
        number = -1
        steps = list(self.steps)
        for position, step in enumerate(steps):
            if isinstance(step, EffectStep):
                number += 1
                if number == index:
                    steps[position] = dataclasses.replace(step, **changes)
                    chain = dataclasses.replace(self, steps=tuple(steps))
                    check(chain)
                    return chain
        raise TuttiError(f"The chain has no effect number {index + 1}: it has {number + 1}.")


def load(path: Path | str) -> Chain:
    """Read a chain file; relative paths in it count from its folder.

    Raises:
        TuttiError: naming file, effect, parameter, what is allowed and the nearest name.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TuttiError(f"{path} does not exist: check the name of the chain file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TuttiError(f"{path} cannot be read as a chain file ({error}).") from None
    return parse(text, str(path), path.parent)


def parse(text: str, origin: str = "The chain", folder: Path | None = None) -> Chain:
    """Read the text of a chain file; ``origin`` names it in errors."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TuttiError(f"{origin} is not a chain file (TOML): {error}.") from None
    for key in document:
        if key not in ("name", "chain"):
            raise TuttiError(
                f"{origin} has an unknown entry {key!r}{nearest(key, ('name', 'chain'))}: "
                "write each step as a [[chain]] table with an 'effect' or a 'tap'."
            )
    tables = document.get("chain", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise TuttiError(f"{origin}: write each step as a table of its own, headed [[chain]].")
    name = document.get("name", "")
    if not isinstance(name, str):
        raise TuttiError(f"{origin}: 'name' must be text.")
    steps = []
    for number, table in enumerate(tables, start=1):
        steps.append(_step(table, f"{origin}, step {number}", folder or Path()))
    chain = Chain(tuple(steps), name)
    check(chain, origin)
    return chain


def check(chain: Chain, origin: str = "The chain") -> None:
    """Raise TuttiError where a chain cannot be right; plugin parameters are checked on loading."""
    if not chain.effects:
        raise TuttiError(
            f"{origin} has no effects: add at least one [[chain]] table "
            'such as effect = "Compressor".'
        )
    seen = set()
    for tap in chain.taps:
        if tap in seen:
            raise TuttiError(f"{origin} has two taps called {tap!r}: give each its own name.")
        seen.add(tap)
    for number, step in enumerate(chain.steps, start=1):
        if isinstance(step, EffectStep):
            _check_effect(step, f"{origin}, step {number} ({step.label})")


def save(chain: Chain, path: Path | str) -> None:
    """Write a chain file whole or not at all; plugin paths below its folder become relative."""
    path = Path(path)
    text = dumps(chain, path.parent)
    try:
        write_whole(path, text)
    except OSError as error:
        raise TuttiError(f"{path} cannot be written ({error.strerror}).") from None


def dumps(chain: Chain, folder: Path | None = None) -> str:
    """The text of a chain file; paths are written relative to ``folder`` where below it."""
    parts = [f"name = {_toml(chain.name)}\n"] if chain.name else []
    for step in chain.steps:
        entries: list[tuple[str, object]]
        if isinstance(step, TapStep):
            entries = [("tap", step.name)]
        else:
            entries = [("effect", step.effect)]
            entries += [("path", _relative(step.path, folder))] if step.path else []
            entries += [("plugin_name", step.plugin_name)] if step.plugin_name else []
            entries += [("preset", _relative(step.preset, folder))] if step.preset else []
            entries += [("bypass", True)] if step.bypass else []
            entries += [("mix", step.mix)] if step.mix != 1.0 else []
            if step.is_plugin:
                entries += [("parameters", step.parameters)] if step.parameters else []
            else:
                known = EFFECTS[step.effect].parameters
                entries += [
                    (
                        name,
                        _relative(Path(str(value)), folder)
                        if known[name].kind == "file"
                        else value,
                    )
                    for name, value in step.parameters.items()
                ]
        lines = "".join(f"{key} = {_toml(value)}\n" for key, value in entries)
        parts.append(f"[[chain]]\n{lines}")
    return "\n".join(parts)


def _step(table: Mapping[str, Any], where: str, folder: Path) -> Step:
    if "tap" in table:
        if len(table) > 1 or not isinstance(table["tap"], str) or not table["tap"].strip():
            raise TuttiError(f'{where}: a tap has a name and nothing else, as in tap = "before".')
        return TapStep(table["tap"])
    effect = table.get("effect")
    names = (*EFFECTS, *PLUGIN_KINDS)
    if not isinstance(effect, str):
        raise TuttiError(
            f'{where} names neither an effect nor a tap: begin it with effect = "..." '
            'or tap = "...".'
        )
    if effect not in names:
        raise TuttiError(
            f"{where}: there is no effect {effect!r}{nearest(effect, names)}. "
            f"Known effects: {', '.join(names)}."
        )
    where = f"{where} ({effect})"
    rest = {key: value for key, value in table.items() if key != "effect"}
    bypass = rest.pop("bypass", False)
    if not isinstance(bypass, bool):
        raise TuttiError(f"{where}: 'bypass' is {bypass!r}, and it takes true or false.")
    if effect in PLUGIN_KINDS:
        return _plugin_step(effect, bypass, rest, where, folder)
    known = EFFECTS[effect]
    mix = 1.0 if known.has_own_mix else rest.pop("mix", 1.0)
    for name, value in rest.items():
        parameter = known.parameters.get(name)
        if parameter is not None and parameter.kind == "file" and isinstance(value, str) and value:
            rest[name] = str(folder / Path(value).expanduser())
    return EffectStep(effect, rest, bypass, mix)


def _plugin_step(
    effect: str, bypass: bool, rest: dict[str, Any], where: str, folder: Path
) -> EffectStep:
    for key in rest:
        if key not in PLUGIN_KEYS:
            raise TuttiError(
                f"{where}: unknown entry {key!r}{nearest(key, PLUGIN_KEYS)}. A plugin's own "
                "parameters go into 'parameters = { ... }'."
            )
    path, preset = rest.get("path"), rest.get("preset")
    if not isinstance(path, str) or not path:
        raise TuttiError(f"{where}: a plugin needs its 'path', as in path = \"MVerb.vst3\".")
    for key in ("preset", "plugin_name"):
        if not isinstance(rest.get(key, ""), str):
            raise TuttiError(f"{where}: '{key}' must be text.")
    parameters = rest.get("parameters", {})
    if not isinstance(parameters, dict):
        raise TuttiError(f"{where}: write 'parameters' as {{ name = value, ... }}.")
    return EffectStep(
        effect,
        parameters,
        bypass,
        rest.get("mix", 1.0),
        folder / Path(path).expanduser(),
        rest.get("plugin_name"),
        folder / Path(preset).expanduser() if preset else None,
    )


def _check_effect(step: EffectStep, where: str) -> None:
    mix = step.mix
    if isinstance(mix, bool) or not isinstance(mix, int | float) or not 0.0 <= mix <= 1.0:
        raise TuttiError(f"{where}: 'mix' is {mix!r}, and it takes 0 to 1.")
    if step.is_plugin:
        for name, value in step.parameters.items():
            if not isinstance(value, int | float | str):
                raise TuttiError(f"{where}: parameter {name!r} must be a number, text or switch.")
        return
    known = EFFECTS[step.effect].parameters
    for name, value in step.parameters.items():
        if name not in known:
            allowed = (*known, "bypass", *(() if "mix" in known else ("mix",)))
            raise TuttiError(
                f"{where}: there is no parameter {name!r}{nearest(name, allowed)}. "
                f"It takes {', '.join(allowed)}."
            )
        problem = known[name].problem(value)
        if problem:
            raise TuttiError(f"{where}: parameter {name!r}: {problem}.")
    for name, parameter in known.items():
        if parameter.kind == "file" and name not in step.parameters:
            raise TuttiError(f"{where}: parameter {name!r} is missing: it is a sound file's path.")


def _relative(path: Path | None, folder: Path | None) -> str:
    path = Path(path or "")
    if folder is not None and path.is_absolute():
        try:
            path = path.relative_to(folder.absolute())
        except ValueError:
            return path.as_posix()
    elif folder is not None:
        try:
            path = path.relative_to(folder)
        except ValueError:
            path = path.absolute()
    return path.as_posix()


def _toml(value: object) -> str:
    """A TOML value; JSON's strings are TOML's basic strings but for DEL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
        return repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(name)} = {_toml(one)}" for name, one in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    raise TypeError(f"cannot write {value!r} into a chain file")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)
