"""The networks that a recipe can name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from realtime.errors import TuttiError
from training.models.alexnet import AlexNet, AlexNetConfig
from training.models.cbam import CbamCnn, CbamConfig
from training.models.mel_cnn import MelCnn, MelCnnConfig
from training.models.ms_crnn import MsCrnn, MsCrnnConfig
from training.models.network import Network
from training.models.tagger import InstrumentTagger, NetworkConfig, ResNetConfig


class Kind(NamedTuple):
    """The dataclass of a network's choices, and what makes the network of them."""

    config: type
    make: Callable[[Any], Network]


KINDS: dict[str, Kind] = {
    NetworkConfig.kind: Kind(NetworkConfig, InstrumentTagger),
    ResNetConfig.kind: Kind(ResNetConfig, InstrumentTagger),
    AlexNetConfig.kind: Kind(AlexNetConfig, AlexNet),
    MelCnnConfig.kind: Kind(MelCnnConfig, MelCnn),
    CbamConfig.kind: Kind(CbamConfig, CbamCnn),
    MsCrnnConfig.kind: Kind(MsCrnnConfig, MsCrnn),
}
DEFAULT = NetworkConfig.kind


def kind_named(name: str) -> Kind:
    """Raises TuttiError where there is none of that name."""
    if name not in KINDS:
        raise TuttiError(f"there is no network '{name}': name one of {', '.join(sorted(KINDS))}.")
    return KINDS[name]


def make_network(config: Any) -> Network:
    """A new network of these choices."""
    return KINDS[config.kind].make(config)


def settings_of(config: Any) -> dict[str, Any]:
    """A network's choices as plain values, its kind among them."""
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()}
    return {"kind": config.kind} | plain


def network_of(settings: dict[str, Any]) -> Network:
    """The network of plain values, as ``settings_of`` gives them."""
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    kind = kind_named(str(values.pop("kind")))
    return kind.make(kind.config(**values))
