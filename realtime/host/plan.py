"""From a chain to the parts that run it: slots and the taps between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from realtime.host.board import BoardRunner, Runner
from realtime.host.chain import Chain, EffectStep, TapStep
from realtime.host.slot import Slot

PluginLoader = Callable[[EffectStep, int], Runner]


@dataclass
class SlotPart:
    """A slot and the numbers of the effects in it."""

    slot: Slot
    effects: tuple[int, ...]


@dataclass
class TapPart:
    """A tap; ``copy`` runs copies of ``effects`` where it listens inside a slot."""

    name: str
    copy: BoardRunner | None = None
    effects: tuple[int, ...] = ()


Part = SlotPart | TapPart


def make_plan(
    chain: Chain, live: bool, load_plugin: PluginLoader, failed: Callable[[int, str], None]
) -> list[Part]:
    """The parts of a chain in the order of the signal.

    Every effect has a slot of its own, with one exception. pedalboard gives an
    effect that follows one that withholds audio other blocks than a loop of our
    own can (measured: from one sample's rounding up to a different MP3 frame).
    So from the first such effect on, plain effects stay together in one
    Pedalboard, and a tap among them hears copies of the effects before it. Live
    chains do without: there every effect can be switched alone.
    """
    parts: list[Part] = []
    stretch: list[tuple[int, EffectStep] | TapStep] = []
    number = -1
    for step in chain.steps:
        if isinstance(step, TapStep):
            stretch.append(step)
            continue
        number += 1
        if not live and not step.is_plugin and not step.bypass and step.mix == 1.0:
            stretch.append((number, step))
            continue
        parts += _plain(stretch, failed)
        stretch = []
        runner = load_plugin(step, number) if step.is_plugin else BoardRunner([step])
        parts.append(_slot(runner, (number,), step, live, failed))
    return parts + _plain(stretch, failed)


def _plain(
    stretch: Sequence[tuple[int, EffectStep] | TapStep], failed: Callable[[int, str], None]
) -> list[Part]:
    parts: list[Part] = []
    together: list[tuple[int, EffectStep]] = []
    waiting: list[TapPart] = []
    for one in stretch:
        if isinstance(one, TapStep):
            tap = TapPart(one.name, None, tuple(index for index, _ in together))
            (waiting if together else parts).append(tap)
            continue
        index, step = one
        if together or (step.known is not None and step.known.withholds):
            for tap in waiting:  # an effect follows: these taps are inside
                if tap.copy is None:
                    tap.copy = BoardRunner([step for _, step in together[: len(tap.effects)]])
            together.append(one)
        else:
            parts.append(_slot(BoardRunner([step]), (index,), step, False, failed))
    if together:
        parts += [tap for tap in waiting if tap.copy is not None]
        runner = BoardRunner([step for _, step in together])
        numbers = tuple(index for index, _ in together)
        parts.append(_slot(runner, numbers, together[0][1], False, failed))
        parts += [TapPart(tap.name) for tap in waiting if tap.copy is None]
    return parts


def _slot(
    runner: Runner,
    effects: tuple[int, ...],
    step: EffectStep,
    live: bool,
    failed: Callable[[int, str], None],
) -> SlotPart:
    slot = Slot(
        runner,
        mix=step.mix,
        bypass=step.bypass,
        always_run=live,
        failed=lambda text: failed(effects[0], text),
    )
    return SlotPart(slot, effects)
