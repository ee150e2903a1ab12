"""Tutti in Python: what a script imports.

    from tutti import Engine, Host, Tagger, Timeline

``Tagger``: files and arrays to timelines, and blocks of sound to tags (``Tagger.stream``).
``Engine``: live sound to tags. ``Host``: sound through a chain of effects, tagged before and
after. ``TappedBoard``: the same around a ``pedalboard.Pedalboard`` a script already has.
Everything else is where it is made: see ``docs/architecture.md``, and ``docs/python.ipynb`` for
examples. Nothing is loaded before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime import __version__ as __version__
    from realtime.engine import Engine as Engine
    from realtime.errors import TuttiError as TuttiError
    from realtime.host.host import Host as Host
    from realtime.host.tapped import TappedBoard as TappedBoard
    from realtime.model import TagModel as TagModel
    from realtime.segments import Segment as Segment
    from realtime.smoothing import Smoothing as Smoothing
    from realtime.sources.device import DeviceSource as DeviceSource
    from realtime.sources.device import list_devices as list_devices
    from realtime.sources.file import FileSource as FileSource
    from realtime.stream import TagStream as TagStream
    from realtime.tagger import Tagger as Tagger
    from realtime.timeline import Timeline as Timeline

_MADE_IN = {
    "DeviceSource": "realtime.sources.device",
    "Engine": "realtime.engine",
    "FileSource": "realtime.sources.file",
    "Host": "realtime.host.host",
    "Segment": "realtime.segments",
    "Smoothing": "realtime.smoothing",
    "TagModel": "realtime.model",
    "TagStream": "realtime.stream",
    "Tagger": "realtime.tagger",
    "TappedBoard": "realtime.host.tapped",
    "Timeline": "realtime.timeline",
    "TuttiError": "realtime.errors",
    "__version__": "realtime",
    "list_devices": "realtime.sources.device",
}
__all__ = sorted(_MADE_IN)


def __getattr__(name: str) -> object:
    if name not in _MADE_IN:
        raise AttributeError(f"module 'tutti' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MADE_IN[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
