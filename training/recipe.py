"""A training recipe: one TOML file that says everything but the bank and the machine."""

from __future__ import annotations

import difflib
import tomllib
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from realtime.errors import TuttiError
from training.mixing.mixer import MixConfig
from training.mixing.music import MusicConfig
from training.models.kinds import DEFAULT, kind_named
from training.models.tagger import NetworkConfig
from training.teachers.panel import TeacherConfig

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Stage:
    """One stretch of training with its own objective, mixtures and learning rate.

    ``windows`` is how many windows the stage sees, ``window_s`` their length: half a
    second costs half, and the network's pooling takes any length. ``objective``: ``single_note``
    (cross-entropy) or ``multilabel``. ``mixup_p``: probability of mixing two windows.
    """

    name: str
    windows: int
    objective: Literal["single_note", "multilabel"] = "multilabel"
    window_s: float = 1.0
    learning_rate: float = 3e-3
    warmup: float = 0.05
    mixup_p: float = 0.0
    mixup_alpha: float = 0.3
    mix: MixConfig = field(default_factory=MixConfig)


@dataclass(frozen=True)
class Recipe:
    """A network and the stages it goes through.

    ``network``: the choices of one of ``training.models.kinds``; its ``kind`` stands in the table.

    ``fits``: the network itself, or a head on the features of its teachers' taggers
    (``training.fit_head``).
    ``batch`` is a GPU's batch. ``optimizer``: as ``training.optimizer`` says.
    ``validation_windows``: mixtures of unseen sources that are scored every
    ``validate_every`` windows (0: none are).
    ``patience``: validations without improvement before a run stops early (0: never).
    ``recorded_weight``: how often a recorded source is drawn where a soundfont is drawn once.
    ``unlabelled``: windows of real music beside the mixtures, taught by ``teacher``.
    ``filter_rate``: how much faster the filters' edges, in Hz, move than the other weights.
    """

    name: str
    stages: tuple[Stage, ...]
    network: Any = field(default_factory=NetworkConfig)
    batch: int = 512
    optimizer: Literal["muon", "adamw"] = "muon"
    weight_decay: float = 0.01
    filter_rate: float = 20.0
    ema_decay: float = 0.9995
    recorded_weight: float = 1.0
    unlabelled: MusicConfig = field(default_factory=MusicConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    splits: tuple[str, ...] = ("train",)
    validate_every: int = 250_000
    validation_windows: int = 4_096
    patience: int = 0
    fits: Literal["model", "head"] = "model"

    @property
    def music(self) -> int:
        """Windows of real music in a step."""
        return round(self.batch * self.unlabelled.per_mixture)

    @property
    def windows(self) -> int:
        """All windows of all stages."""
        return sum(stage.windows for stage in self.stages)


def load_recipe(name_or_path: str, settings: Sequence[str] = ()) -> Recipe:
    """A bundled recipe by name, or a TOML file by path.

    ``settings`` change single lines of it: ``network.front_end="log"``, or
    ``stage.mix.effects=false``, which changes every stage.

    Raises:
        TuttiError: no such recipe, not TOML, or an unknown or wrong setting.
    """
    path = Path(name_or_path)
    if not path.is_file():
        path = RECIPES / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise TuttiError(
            f"there is no recipe '{name_or_path}': name a TOML file or one of {known}."
        )
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TuttiError(f"{path} is not valid TOML ({error}): correct it.") from None
    for setting in settings:
        _change(document, setting)
    document["stages"] = document.pop("stage", [])
    if "network" in document:
        document["network"] = _network(document["network"], str(path))
    document.setdefault("name", path.stem)
    recipe: Recipe = _build(Recipe, document, str(path))
    if not recipe.stages:
        raise TuttiError(f"{path} has no [[stage]]: add at least one.")
    if recipe.music and any(stage.window_s != 1.0 for stage in recipe.stages):
        raise TuttiError(f"{path}: teachers hear windows of one second, so window_s must be 1.0.")
    return recipe


def _network(table: Any, where: str) -> Any:
    """The choices of the network that a table names by its ``kind``."""
    if not isinstance(table, dict):
        raise TuttiError(f"{where}: network is {table!r}: write a [network] table.")
    values = dict(table)
    kind = kind_named(values.pop("kind", DEFAULT))
    return _build(kind.config, values, f"{where}: network")


def _change(document: dict[str, Any], setting: str) -> None:
    """Put ``key.of.setting=value``, a line of TOML, in place of what the recipe says."""
    try:
        changed = tomllib.loads(setting)
    except tomllib.TOMLDecodeError:
        changed = {}
    if not changed:
        raise TuttiError(
            f"the setting {setting!r} is not key=value in TOML: "
            'write for instance network.front_end="log" (with its quotation marks).'
        )
    _merge(document, changed, setting)


def _merge(table: Any, changes: dict[str, Any], setting: str) -> None:
    if not isinstance(table, dict):
        raise TuttiError(f"the setting {setting!r} goes into something that is not a table.")
    for name, value in changes.items():
        if isinstance(value, dict):
            inner = table.setdefault(name, {})
            for place in inner if isinstance(inner, list) else [inner]:
                _merge(place, value, setting)
        else:
            table[name] = value


def _build(kind: Any, values: dict[str, Any], where: str) -> Any:
    """A dataclass from a table, checking names and types, tables within tables."""
    hints = typing.get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    built = {}
    for name, value in values.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(names)}."
            raise TuttiError(f"{where}: unknown setting '{name}'; {hint}")
        built[name] = _convert(hints[name], value, f"{where}: {name}")
    try:
        return kind(**built)
    except TypeError as error:
        raise TuttiError(f"{where}: {error}.") from None


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if is_dataclass(hint) and isinstance(value, dict):
        return _build(hint, value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(arguments[0], item, where) for item in value)
    if origin is Literal:
        if value in arguments:
            return value
        raise TuttiError(f"{where} is {value!r}: choose one of {', '.join(map(repr, arguments))}.")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise TuttiError(
        f"{where} is {value!r}, which is not of the kind {getattr(hint, '__name__', hint)}."
    )
