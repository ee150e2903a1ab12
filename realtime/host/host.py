"""The host: audio through a chain, every tap tagged, and the sound as pedalboard makes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime.downmix import Channel
from realtime.errors import TuttiError
from realtime.host import chain as chains
from realtime.host.block import BoardBlock
from realtime.host.board import BoardRunner, Runner, check_audio
from realtime.host.chain import Chain, EffectStep
from realtime.host.effects import Value, nearest
from realtime.host.isolation import IsolatedRunner
from realtime.host.plan import SlotPart, TapPart, make_plan
from realtime.host.tap import Tap, TapThread, TapTimeline
from realtime.model import TagModel
from realtime.smoothing import Smoothing
from realtime.spec import DEFAULT_HOP_S

MAX_PROBLEMS = 100


class Host:
    """Runs a chain and tags what is heard at its taps.

    Without ``live``, taps are analysed at once in ``process``, and the sound is
    bit-identical to the same effects in one ``pedalboard.Pedalboard`` called
    with the same blocks and ``reset=False``. With ``live``, taps are analysed
    on a thread of their own, and every effect can be bypassed and changed while
    sound runs. ``process`` belongs to one thread; the rest may be called from any.

    Raises:
        TuttiError: the chain, an effect or a plugin cannot be had.

    Example:
        >>> host = Host.load("chain.toml")                       # doctest: +SKIP
        >>> with host.tap("before") as before:                   # doctest: +SKIP
        ...     output = host.process(block, 48_000)
        >>> before.summary()["cello"].probability                # doctest: +SKIP
    """

    def __init__(
        self,
        chain: Chain,
        *,
        model: TagModel | Path | str | None = None,
        hop_s: float = DEFAULT_HOP_S,
        channel: Channel = "mono",
        smoothing: Smoothing | None = None,
        live: bool = False,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        chains.check(chain)
        if live and chain.whole_only:
            number = chain.whole_only[0]
            raise TuttiError(
                f"Effect {number + 1} ({chain.effects[number].label}) cannot run live: in blocks "
                "this version of pedalboard loses its sound. Use it on files, or bypass it."
            )
        self.chain = chain.with_taps()
        self.model = model if isinstance(model, TagModel) else TagModel(model)
        self.live = live
        self.problems: deque[str] = deque(maxlen=MAX_PROBLEMS)
        """What went wrong and was survived, newest last; each effect says each thing once."""
        self._passed = (0, 0)  # frames in and out, one value: other threads read it
        self._on_problem = on_problem
        self._known_problems: set[tuple[int, str]] = set()
        self._changes: deque[Callable[[], None]] = deque()
        self._stream: tuple[int, float] | None = None
        self._taps = {
            name: Tap(name, self.model, hop_s, channel, smoothing) for name in self.chain.taps
        }
        self._heard = dict.fromkeys(self._taps, 0)
        self._plugins: dict[int, IsolatedRunner] = {}
        self._thread = TapThread() if live else None
        try:
            self._parts = make_plan(self.chain, live, self._load_plugin, self._failed)
        except BaseException:
            self.close()
            raise

    @classmethod
    def load(cls, path: Path | str, **options: object) -> Host:
        """The host of a chain file; ``options`` as for ``Host``."""
        return cls(chains.load(path), **options)  # type: ignore[arg-type]

    @property
    def taps(self) -> Mapping[str, Tap]:
        """The taps by name, in the order of the signal."""
        return self._taps

    @property
    def plugins(self) -> Mapping[int, IsolatedRunner]:
        """The third-party plugins, by number of their effect."""
        return self._plugins

    @property
    def frames_in(self) -> int:
        """Frames taken in, up to the last whole block."""
        return self._passed[0]

    @property
    def frames_out(self) -> int:
        """Frames given out."""
        return self._passed[1]

    @property
    def withheld_frames(self) -> int:
        """Frames that went in and have not come out yet: the chain's latency."""
        frames_in, frames_out = self._passed
        return frames_in - frames_out

    @property
    def tap_blocks_dropped(self) -> int:
        """Blocks that analysis was too slow for; the sound is never affected."""
        return self._thread.blocks_dropped if self._thread else 0

    def process(self, block: NDArray[np.floating], sample_rate_hz: float) -> BoardBlock:
        """The next block through the chain, float32 in the block's own layout.

        ``block``: float (channels, frames) as pedalboard has it, (frames,
        channels), or (frames,). Effects that fill up first give out fewer
        frames, or none. All blocks must agree in channels and sample rate until
        ``reset``.

        Raises:
            TuttiError: a channel count or sample rate that the chain cannot take.
        """
        while self._changes:
            self._changes.popleft()()
        audio, turned = self._layout(block, sample_rate_hz)
        if self.frames_in and self.chain.whole_only:
            self._failed(
                self.chain.whole_only[0],
                "loses sound in blocks, in this version of pedalboard: give it the whole "
                "recording in one block",
            )
        frames = audio.shape[1]
        for part in self._parts:
            if isinstance(part, TapPart):
                heard = part.copy.run(audio, sample_rate_hz) if part.copy else audio
                self._hear(part.name, heard, sample_rate_hz)
            else:
                audio = part.slot.process(audio, sample_rate_hz, frames)
        self._passed = (self.frames_in + frames, self.frames_out + audio.shape[1])
        if block.ndim == 1:
            mono: BoardBlock = audio[0]
            return mono
        return audio.T if turned else audio

    @contextmanager
    def tap(self, name: str) -> Iterator[TapTimeline]:
        """Record the tags of a tap; the timeline grows as audio passes, and is whole at the end."""
        tap = self._find_tap(name)
        self._settle(tap)
        timeline = TapTimeline(self.model.spec, name, tap.now_s)
        unsubscribe = tap.subscribe(timeline.add)
        try:
            yield timeline
        finally:
            self._settle(tap)
            unsubscribe()

    def set_bypass(self, effect: int, bypass: bool) -> None:
        """Bypass effect ``effect`` (from 0) or bring it back, with a cross-fade."""
        part = self._alone(effect)
        self.chain = self.chain.replace_effect(effect, bypass=bypass)
        self._changes.append(lambda: part.slot.set_bypass(bypass))

    def set_mix(self, effect: int, mix: float) -> None:
        """Fade an effect's share to ``mix`` (0 to 1); for effects without a mix of their own."""
        part = self._alone(effect)
        self.chain = self.chain.replace_effect(effect, mix=mix)
        self._changes.append(lambda: setattr(part.slot, "mix", mix))

    def set_parameter(self, effect: int, name: str, value: Value) -> None:
        """Change a parameter without a click: in small steps, or by a cross-fade to a new effect.

        Raises:
            TuttiError: no such effect or parameter, or the value is not allowed.
        """
        part, position = self._part(effect)
        old = self.chain.effects[effect]
        parameters = {**old.parameters, name: value}
        if old.is_plugin:
            value = self._plugins[effect].check_parameter(name, value)
            self._changes.append(lambda: part.slot.set_now(position, name, value))
            self.chain = self.chain.replace_effect(effect, parameters=parameters)
            return
        self.chain = self.chain.replace_effect(effect, parameters=parameters)
        assert old.known is not None
        parameter = old.known.parameters[name]
        if self._stream is not None:
            check_audio(self.chain, *self._stream)
        self._change_copies(effect, name, value)
        if parameter.gliding and isinstance(value, int | float):
            start, end = float(old.value(name)), float(value)
            self._changes.append(
                lambda: part.slot.glide(position, name, start, end, parameter.logarithmic)
            )
        else:
            runner = BoardRunner([self.chain.effects[index] for index in part.effects])
            self._changes.append(lambda: part.slot.swap(runner))

    def reload(self, effect: int) -> None:
        """Start a third-party plugin's process again after it hung or crashed."""
        plugin = self._plugins.get(effect)
        if plugin is None:
            raise TuttiError(f"Effect {effect + 1} is built in: it has nothing to reload.")
        plugin.start()
        self._known_problems = {one for one in self._known_problems if one[0] != effect}

    def reset(self) -> None:
        """Begin a new stream: effects, taps and counts start afresh."""
        for part in self._parts:
            if isinstance(part, SlotPart):
                part.slot.reset()
            elif part.copy is not None:
                part.copy.reset()
        for tap in self._taps.values():
            if self._thread is not None:
                self._thread.call(tap.reset)
            else:
                tap.reset()
        self._heard = dict.fromkeys(self._taps, 0)
        self._stream = None
        self._passed = (0, 0)

    def close(self) -> None:
        """End the analysis thread and the plugins' processes."""
        if self._thread is not None:
            self._thread.close()
        for plugin in self._plugins.values():
            plugin.close()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _layout(
        self, block: NDArray[np.floating], sample_rate_hz: float
    ) -> tuple[BoardBlock, bool]:
        """The block as a fresh float32 (channels, frames), and whether it was turned."""
        if block.ndim not in (1, 2) or not np.issubdtype(block.dtype, np.floating):
            raise TypeError(
                f"audio must be float (channels, frames), not {block.dtype} {block.shape}"
            )
        audio = np.atleast_2d(np.array(block, dtype=np.float32))
        if self._stream is None:
            turned = block.ndim == 2 and audio.shape[1] < audio.shape[0] and audio.shape[1] > 0
            channels = audio.shape[1 if turned else 0]
            check_audio(self.chain, channels, sample_rate_hz)
            for plugin in self._plugins.values():
                plugin.check_audio(channels, sample_rate_hz)
            self._stream = (channels, sample_rate_hz)
        channels, rate_hz = self._stream
        if rate_hz != sample_rate_hz:
            raise TuttiError(
                f"The stream began at {rate_hz:g} Hz and goes on at {sample_rate_hz:g} Hz: "
                "call reset() between streams."
            )
        if audio.shape[0] == channels:
            return audio, False
        if audio.shape[1] == channels:
            return np.ascontiguousarray(audio.T), True
        raise TuttiError(
            f"The stream began with {channels} channels and goes on with a block of shape "
            f"{block.shape}: call reset() between streams."
        )

    def _hear(self, name: str, audio: BoardBlock, sample_rate_hz: float) -> None:
        tap, first = self._taps[name], self._heard[name]
        self._heard[name] += audio.shape[1]
        if self._thread is None:
            tap.push(audio, sample_rate_hz)
        elif audio.shape[1]:
            self._thread.push(tap, audio, sample_rate_hz, first)

    def _settle(self, tap: Tap) -> None:
        """Analyse what the tap has heard up to now."""
        if self._thread is not None:
            self._thread.call(tap.cut)
        else:
            tap.cut()

    def _find_tap(self, name: str) -> Tap:
        if name not in self._taps:
            raise TuttiError(
                f"The chain has no tap {name!r}{nearest(name, self._taps)}. "
                f"Its taps: {', '.join(self._taps)}."
            )
        return self._taps[name]

    def _part(self, effect: int) -> tuple[SlotPart, int]:
        for part in self._parts:
            if isinstance(part, SlotPart) and effect in part.effects:
                return part, part.effects.index(effect)
        raise TuttiError(
            f"The chain has no effect number {effect + 1}: it has {len(self.chain.effects)}."
        )

    def _alone(self, effect: int) -> SlotPart:
        part, _ = self._part(effect)
        if len(part.effects) > 1:
            raise TuttiError(
                f"Effect {effect + 1} ({self.chain.effects[effect].label}) runs together with its "
                "neighbours to keep the sound exactly as pedalboard's: make the Host with "
                "live=True to switch it alone."
            )
        return part

    def _change_copies(self, effect: int, name: str, value: Value) -> None:
        for part in self._parts:
            copy = part.copy if isinstance(part, TapPart) else None
            if copy is not None and effect in part.effects:
                position = part.effects.index(effect)
                self._changes.append(
                    lambda c=copy, p=position: c.set_parameter(p, name, value)  # type: ignore[misc]
                )

    def _load_plugin(self, step: EffectStep, number: int) -> Runner:
        runner = IsolatedRunner(
            step, live=self.live, failed=lambda text: self._failed(number, text)
        )
        self._plugins[number] = runner
        runner.start()
        return runner

    def _failed(self, effect: int, text: str) -> None:
        if (effect, text) in self._known_problems:
            return
        self._known_problems.add((effect, text))
        message = f"Effect {effect + 1} ({self.chain.effects[effect].label}) {text}."
        self.problems.append(message)
        if self._on_problem is not None:
            self._on_problem(message)
