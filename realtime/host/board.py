"""Built-in effects made from chain steps, and run as pedalboard runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.host.chain import Chain, EffectStep
from realtime.host.effects import Value

if TYPE_CHECKING:
    import pedalboard

MAX_CHANNELS = 8


class Runner(Protocol):
    """Runs audio through one or more effects that keep their state."""

    @property
    def late(self) -> bool:
        """Whether audio that should be out by now is still being worked on."""

    def run(self, block: NDArray[np.float32], sample_rate_hz: float) -> NDArray[np.float32] | None:
        """Process (channels, frames); fewer frames while filling up, None where it failed."""

    def set_parameter(self, position: int, name: str, value: Value) -> None:
        """Change a parameter of the effect at ``position``, from the next block on."""

    def reset(self) -> None:
        """Forget all past audio."""

    def close(self) -> None:
        """Free what it holds."""


def make_effect(step: EffectStep) -> pedalboard.Plugin:
    """The pedalboard object of a built-in effect.

    Raises:
        TuttiError: pedalboard refuses it (an impulse response that cannot be read).
    """
    import pedalboard

    values = {name: native_value(step.effect, name, v) for name, v in step.parameters.items()}
    try:
        effect: pedalboard.Plugin = getattr(pedalboard, step.effect)(**values)
    except (ValueError, RuntimeError, TypeError) as error:
        raise TuttiError(f"{step.effect} cannot be set up: {error}") from None
    return effect


def native_value(effect: str, name: str, value: Value) -> object:
    """A chain file's value as pedalboard takes it: names of modes become its constants."""
    import pedalboard

    if name == "mode":
        return getattr(pedalboard.LadderFilter.Mode, str(value))
    if name == "quality":
        return getattr(pedalboard.Resample.Quality, str(value))
    return value


class BoardRunner:
    """Consecutive built-in effects in one ``pedalboard.Pedalboard``.

    Where an effect of it knows mono and stereo only and the audio has more
    channels, one copy of the board runs for each pair of channels (pedalboard
    alone leaves the others dry, or refuses).
    """

    late = False

    def __init__(self, steps: Sequence[EffectStep]) -> None:
        import pedalboard

        self.steps = tuple(steps)
        self._values: dict[tuple[int, str], Value] = {}
        self._plugins = [[make_effect(step) for step in self.steps]]
        self._boards = [pedalboard.Pedalboard(self._plugins[0])]
        limits = [step.known.max_channels for step in steps if step.known]
        self._limit = min((limit for limit in limits if limit), default=MAX_CHANNELS)

    def run(self, block: NDArray[np.float32], sample_rate_hz: float) -> NDArray[np.float32]:
        if block.shape[1] == 0:
            return block  # a first block without frames crashes pedalboard's Convolution
        channels = block.shape[0]
        if channels <= self._limit:
            return self._boards[0].process(block, sample_rate_hz, reset=False)
        self._copy_up_to((channels + self._limit - 1) // self._limit)
        outputs = []
        for first, board in zip(range(0, channels, self._limit), self._boards, strict=False):
            part = block[first : first + self._limit]
            whole = np.resize(part, (self._limit, block.shape[1]))  # an odd last channel: twice
            outputs.append(board.process(whole, sample_rate_hz, reset=False)[: len(part)])
        return np.concatenate(outputs)

    def set_parameter(self, position: int, name: str, value: Value) -> None:
        self._values[position, name] = value
        for plugins in self._plugins:
            self._set(plugins, position, name, value)

    def reset(self) -> None:
        for board in self._boards:
            board.reset()

    def close(self) -> None:
        pass

    def _copy_up_to(self, count: int) -> None:
        import pedalboard

        while len(self._boards) < count:
            plugins = [make_effect(step) for step in self.steps]
            for (position, name), value in self._values.items():
                self._set(plugins, position, name, value)
            self._plugins.append(plugins)
            self._boards.append(pedalboard.Pedalboard(plugins))

    def _set(
        self, plugins: list[pedalboard.Plugin], position: int, name: str, value: Value
    ) -> None:
        setattr(plugins[position], name, native_value(self.steps[position].effect, name, value))


def check_audio(chain: Chain, channels: int, sample_rate_hz: float) -> None:
    """Raise TuttiError where a chain cannot run at this channel count or sample rate."""
    if not 1 <= channels <= MAX_CHANNELS:
        raise TuttiError(
            f"The audio has {channels} channels, and the host takes 1 to {MAX_CHANNELS}."
        )
    for number, step in enumerate(chain.effects, start=1):
        if step.known is None or step.bypass:
            continue
        for parameter in step.known.parameters.values():
            if not parameter.nyquist:
                continue
            value = step.value(parameter.name)
            if float(value) >= sample_rate_hz / 2:
                raise TuttiError(
                    f"Effect {number} ({step.effect}): {parameter.name} is {value:g} Hz, and at "
                    f"{sample_rate_hz:g} Hz it must stay below {sample_rate_hz / 2:g} Hz."
                )
