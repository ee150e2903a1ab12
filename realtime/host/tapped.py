"""Tags for a script that already has a ``pedalboard.Pedalboard``: one line to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
from numpy.typing import NDArray

from realtime.downmix import Channel
from realtime.errors import TuttiError
from realtime.host.chain import FIRST_TAP, LAST_TAP
from realtime.host.effects import EFFECTS, nearest
from realtime.host.tap import Tap, TapTimeline
from realtime.model import TagModel
from realtime.smoothing import Smoothing
from realtime.spec import DEFAULT_HOP_S

Audio = NDArray[np.float32]


class TappedBoard:
    """A Pedalboard that says what is heard before and after it, and plays as it did.

    ``at``: further taps before the effects of these numbers (from 0), named
    after them ("2"). Call it as the board: the audio is the board's, bit for
    bit. ``timelines`` holds the tags of all calls; with ``reset=True`` (as
    pedalboard has it) each call is a stretch of its own.

    A tap inside a board splits the call in two, which changes nothing, unless
    an effect withholds audio while it fills up; then the tap hears copies of
    the effects before it. Parameters that are changed later are followed.

    Raises:
        TuttiError: the board is empty, or a tap inside needs copies and an
            effect before it cannot be copied.

    Example:
        >>> board = TappedBoard(board)                           # doctest: +SKIP
        >>> output = board(audio, 44_100)                        # doctest: +SKIP
        >>> board.timelines["output"].summary()["cello"]         # doctest: +SKIP
    """

    def __init__(
        self,
        board: pedalboard.Pedalboard,
        at: int | Sequence[int] = (),
        *,
        model: TagModel | Path | str | None = None,
        hop_s: float = DEFAULT_HOP_S,
        channel: Channel = "mono",
        smoothing: Smoothing | None = None,
    ) -> None:
        places = sorted({at} if isinstance(at, int) else set(at))
        if not all(0 < place < len(board) for place in places):
            raise TuttiError(
                f"A tap can be before effect 1 to {len(board) - 1} of this board, not {places}: "
                "input and output have theirs anyway."
            )
        self.board = board
        self._model = model if isinstance(model, TagModel) else TagModel(model)
        names = [FIRST_TAP, *map(str, places), LAST_TAP]
        self._taps = {name: Tap(name, self._model, hop_s, channel, smoothing) for name in names}
        self._timelines = {n: TapTimeline(self._model.spec, n, 0.0) for n in names}
        for name, timeline in self._timelines.items():
            self._taps[name].subscribe(timeline.add)
        self._places = places
        self._split = not any(map(_withholds, board))
        self._effects: list[pedalboard.Plugin] = []
        self._parts: list[tuple[int, pedalboard.Pedalboard]] = []
        self._copies = {}
        if not self._split:
            for place in places:
                effects = [copy_effect(effect) for effect in list(board)[:place]]
                self._copies[place] = pedalboard.Pedalboard(effects)
        self._channels = 0

    @property
    def timelines(self) -> Mapping[str, TapTimeline]:
        """Tags of each tap since the beginning."""
        return self._timelines

    @property
    def taps(self) -> Mapping[str, Tap]:
        """The taps, for their ``latest`` tags."""
        return self._taps

    def process(
        self,
        input_array: NDArray[np.floating],
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
    ) -> Audio:
        """As ``Pedalboard.process``, with its parameters and its result."""
        self._hear(FIRST_TAP, input_array, sample_rate, reset)
        audio: NDArray[np.floating] = input_array
        if self._split:
            for begin, part in self._split_parts():
                if begin:
                    self._hear(str(begin), audio, sample_rate, reset)
                audio = part.process(audio, sample_rate, buffer_size, reset)
        else:
            for place, copies in self._copies.items():
                for copy, original in zip(copies, self.board, strict=False):
                    _follow(copy, original)
                heard = copies.process(input_array, sample_rate, buffer_size, reset)
                self._hear(str(place), heard, sample_rate, reset)
            audio = self.board.process(input_array, sample_rate, buffer_size, reset)
        self._hear(LAST_TAP, audio, sample_rate, reset)
        return audio

    __call__ = process

    @contextmanager
    def tap(self, name: str) -> Iterator[TapTimeline]:
        """Record a tap for a while; the timeline's times begin at 0."""
        if name not in self._taps:
            raise TuttiError(
                f"The board has no tap {name!r}{nearest(name, self._taps)}. "
                f"Its taps: {', '.join(self._taps)}."
            )
        tap = self._taps[name]
        tap.cut()
        timeline = TapTimeline(self._model.spec, name, tap.now_s)
        unsubscribe = tap.subscribe(timeline.add)
        try:
            yield timeline
        finally:
            tap.cut()
            unsubscribe()

    def reset(self) -> None:
        """As ``Pedalboard.reset``; what comes next is a stretch of its own for the taps."""
        self.board.reset()
        for _, part in self._parts:
            part.reset()
        for copies in self._copies.values():
            copies.reset()
        for tap in self._taps.values():
            tap.cut()

    def _split_parts(self) -> list[tuple[int, pedalboard.Pedalboard]]:
        """The board cut at the taps; kept, since boards remember the layout of past blocks."""
        effects = list(self.board)
        if effects != self._effects:
            self._effects = effects
            edges = [0, *self._places, len(effects)]
            self._parts = [
                (begin, pedalboard.Pedalboard(effects[begin:end]) if self._places else self.board)
                for begin, end in zip(edges, edges[1:], strict=False)
            ]
        return self._parts

    def _hear(
        self, name: str, audio: NDArray[np.floating], sample_rate: float, alone: bool
    ) -> None:
        tap = self._taps[name]
        block = np.atleast_2d(np.asarray(audio, np.float32))
        if audio.ndim == 2 and (alone or not self._channels):
            self._channels = min(block.shape) or max(block.shape)
        if audio.ndim == 2 and block.shape[0] != self._channels:
            block = block.T
        if alone:
            tap.cut()
        tap.push(block, sample_rate)
        if alone:
            tap.cut()


def copy_effect(effect: pedalboard.Plugin) -> pedalboard.Plugin:
    """Another effect of the same kind and parameters, without its past.

    Raises:
        TuttiError: a third-party plugin, or a kind unknown here.
    """
    if isinstance(effect, pedalboard.PluginContainer):
        make: Callable[[list[pedalboard.Plugin]], pedalboard.Plugin] = type(effect)
        return make([copy_effect(one) for one in effect])
    name = type(effect).__name__
    if name not in EFFECTS:
        raise TuttiError(
            f"A tap inside this board needs a copy of {name}, which cannot be copied: "
            "leave 'at' out, or write the board as a chain file."
        )
    if isinstance(effect, pedalboard.Convolution):
        if effect.impulse_response_filename:
            return pedalboard.Convolution(effect.impulse_response_filename, effect.mix)
        raise TuttiError(
            "A tap inside this board needs a copy of Convolution, which needs its impulse "
            "response as a file: give it one, or leave 'at' out."
        )
    values = {parameter: getattr(effect, parameter) for parameter in EFFECTS[name].parameters}
    return type(effect)(**values)


def _follow(copy: Any, original: Any) -> None:
    """Bring a copy's parameters up to date."""
    if isinstance(original, pedalboard.PluginContainer):
        for one, other in zip(copy, original, strict=False):
            _follow(one, other)
        return
    for name, parameter in EFFECTS[type(original).__name__].parameters.items():
        value = getattr(original, name)
        if parameter.kind != "file" and getattr(copy, name) != value:
            setattr(copy, name, value)


def _withholds(effect: pedalboard.Plugin) -> bool:
    if isinstance(effect, pedalboard.PluginContainer):
        return any(map(_withholds, effect))
    known = EFFECTS.get(type(effect).__name__)
    if known is not None:
        return known.withholds
    return getattr(effect, "reported_latency_samples", 0) > 0
