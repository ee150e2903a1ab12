"""The chain that is edited, and the sound that runs through it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from desktop.background import Background
from realtime.errors import TuttiError
from realtime.host.chain import Chain, EffectStep, Step
from realtime.host.devices import LiveSettings, Streams, open_file_streams, open_streams
from realtime.host.effects import Parameter, Value
from realtime.host.host import Host
from realtime.host.isolation import IsolatedRunner, PluginState
from realtime.host.live import LiveHost, LiveState, LiveStats
from realtime.host.loopback import RoundTrip, measure_round_trip
from realtime.model import TagModel

PASS = EffectStep("Gain", {"gain_db": 0.0})
"""Runs in place of an empty chain, so that sound goes on while the last effect is replaced."""

OpenDevice = Callable[[LiveSettings], Streams]


class ChainSession:
    """Edits reach the running sound at once; what takes time is done in the background.

    ``said`` is told what the user should know, ``changed`` that the chain or
    the plugins are others now; both on the UI thread. ``open_device`` replaces
    the sound card.
    """

    def __init__(
        self,
        model: Future[TagModel],
        background: Background,
        said: Callable[[str], None],
        changed: Callable[[], None],
        open_device: OpenDevice | None = None,
    ) -> None:
        self.chain = Chain(())
        self.settings = LiveSettings()
        self.file: Path | None = None
        """The input; None is the input device."""
        self.round_trip: RoundTrip | None = None
        self._model = model
        self._background = background
        self._said = said
        self._changed = changed
        self._open_device = open_device
        self._live: LiveHost | None = None
        self._target: Host | None = None
        """The newest host of the running sound; it may still be fading in."""
        self._edition = 0
        self._problems_told = 0
        self._before = False

    @property
    def running(self) -> bool:
        return self._live is not None

    @property
    def host(self) -> Host | None:
        """The host that is heard."""
        return self._live.host if self._live else None

    @property
    def matching_gain_db(self) -> float:
        return self._live.matching_gain_db if self._live else 0.0

    def plugin(self, effect: int) -> IsolatedRunner | None:
        """The running third-party plugin of an effect."""
        host = self.host
        return host.plugins.get(effect) if host else None

    def parameters_of(self, effect: int) -> list[Parameter]:
        """What can be set; empty for a plugin that does not run."""
        step = self.chain.effects[effect]
        if step.known is not None:
            return list(step.known.parameters.values())
        plugin = self.plugin(effect)
        return list(plugin.parameters.values()) if plugin else []

    def value_of(self, effect: int, parameter: Parameter) -> Value:
        """Its value now."""
        step = self.chain.effects[effect]
        if step.known is not None:
            return step.value(parameter.name)
        plugin = self.plugin(effect)
        return plugin.values[parameter.name] if plugin else parameter.default

    def set_steps(self, steps: tuple[Step, ...]) -> None:
        """Another structure: the sound fades over to it when it is ready."""
        self._take(dataclasses.replace(self.chain, steps=steps))

    def set_chain(self, chain: Chain) -> None:
        """Another chain altogether."""
        self._take(chain)

    def set_parameter(self, effect: int, name: str, value: Value) -> None:
        """Change a parameter of the chain and of the sound."""
        self._change(lambda host: host.set_parameter(effect, name, value))
        parameters = {**self.chain.effects[effect].parameters, name: value}
        self.chain = self.chain.replace_effect(effect, parameters=parameters)

    def set_bypass(self, effect: int, bypass: bool) -> None:
        self._change(lambda host: host.set_bypass(effect, bypass))
        self.chain = self.chain.replace_effect(effect, bypass=bypass)

    def set_mix(self, effect: int, mix: float) -> None:
        self._change(lambda host: host.set_mix(effect, mix))
        self.chain = self.chain.replace_effect(effect, mix=mix)

    def listen_before(self, before: bool) -> None:
        """Hear the input instead of the output, equally loud."""
        self._before = before
        if self._live is not None:
            self._live.listen_before(before)

    def start(self) -> None:
        """Make the host and open the devices, in the background."""
        self.stop()
        self._edition += 1
        edition, chain, settings, file = self._edition, self.chain, self.settings, self.file
        open_device = self._open_device

        def work() -> LiveHost:
            host = self._make_host(chain)
            opener: OpenDevice = open_device or (
                (lambda s: open_file_streams(file, s)) if file else open_streams
            )
            live = LiveHost(host, settings, opener)
            try:
                live.start()
            except BaseException:
                host.close()
                raise
            return live

        def then(live: LiveHost | None, error: Exception | None) -> None:
            if live is None:
                self._said(_text(error))
                self._changed()
            elif edition != self._edition:  # stopped meanwhile
                self._background.run(lambda: _end(live), lambda *_: None, "chain")
            else:
                self._live, self._target, self._problems_told = live, live.host, 0
                live.listen_before(self._before)
                self._catch_up(chain)
                self._said("" if chain.effects else "No effects yet: the sound passes unchanged.")
                self._changed()

        self._background.run(work, then, "chain")

    def stop(self) -> None:
        """End the sound, in the background."""
        self._edition += 1
        live, self._live = self._live, None
        if live is not None:
            self._background.run(lambda: _end(live), lambda *_: None, "chain")
            self._changed()

    def close(self) -> None:
        """End the sound now."""
        self._edition += 1
        live, self._live = self._live, None
        if live is not None:
            _end(live)

    def measure(self) -> None:
        """Measure the round trip of the chosen devices, in the background."""
        if self.running:
            self._said("Stop the sound first: the sweep needs the devices for itself.")
            return

        def then(trip: RoundTrip | None, error: Exception | None) -> None:
            self.round_trip = trip
            self._said(
                _text(error)
                if trip is None
                else f"Round trip {1000 * trip.latency_s:.1f} ms, from '{trip.input_name}' to "
                f"'{trip.output_name}', blocks of {trip.block_frames}."
            )

        opener = self._open_device or open_streams
        self._said("Playing a quiet sweep…")
        self._background.run(lambda: measure_round_trip(self.settings, opener), then, "sweep")

    def reload(self, effect: int) -> None:
        """Start a plugin's process again."""
        host = self.host
        if host is not None:
            self._in_background(lambda: host.reload(effect), "It runs again.")

    def open_editor(self, effect: int) -> None:
        """Open a plugin's own window, from its own process."""
        plugin = self.plugin(effect)
        if plugin is None:
            self._said("Start the sound first: the plugin runs only then.")
        else:
            self._in_background(plugin.open_editor, "")

    def with_values(self) -> Chain:
        """The chain with what plugins say of themselves now, for saving."""
        chain = self.chain
        for effect, step in enumerate(chain.effects):
            plugin = self.plugin(effect)
            if step.is_plugin and plugin is not None and plugin.state == PluginState.RUNNING:
                changed = {
                    name: value
                    for name, value in plugin.read_values().items()
                    if name in step.parameters or value != plugin.parameters[name].default
                }
                chain = chain.replace_effect(effect, parameters=changed)
        return chain

    def look(self) -> LiveStats | None:
        """How the sound does; tells new problems, and ends a sound that stopped by itself."""
        live = self._live
        if live is None:
            return None
        stats = live.stats()
        problems = list(live.host.problems)
        for problem in problems[self._problems_told :]:
            self._said(problem)
            self._changed()
        self._problems_told = len(problems)
        if stats.state != LiveState.RUNNING:
            error = stats.error or "The sound device gives nothing any more: connect it again."
            self.stop()
            self._said(error)
        return stats

    def _make_host(self, chain: Chain) -> Host:
        runnable = chain if chain.effects else dataclasses.replace(chain, steps=(PASS,))
        return Host(runnable, model=self._model.result(), live=True)

    def _take(self, chain: Chain) -> None:
        self.chain = chain
        self._changed()
        live = self._live
        if live is None:
            return
        self._edition += 1
        edition = self._edition

        def work() -> Host:
            host = self._make_host(chain)
            try:
                live.warm_up(host)
            except BaseException:
                host.close()
                raise
            return host

        def then(host: Host | None, error: Exception | None) -> None:
            if host is None:
                self._said(f"{_text(error)} The sound goes on as it was.")
            elif edition != self._edition or self._live is not live:
                self._background.run(host.close, lambda *_: None, "chain")
            else:
                self._target, self._problems_told = host, 0
                live.change_chain(host)
                self._changed()
                self._catch_up(chain)

        self._background.run(work, then, "chain")

    def _catch_up(self, built: Chain) -> None:
        """Edits made while a host was being built: build again."""
        if self.chain != built:
            self._take(self.chain)

    def _change(self, change: Callable[[Host], None]) -> None:
        """Tell the running host, unless one with another structure is on its way."""
        host = self._target if self.running else None
        if host is not None and _effects(host.chain) == _effects(self.chain):
            change(host)

    def _in_background(self, work: Callable[[], None], done: str) -> None:
        def then(_: object, error: Exception | None) -> None:
            self._said(_text(error) if error else done)
            self._changed()

        self._background.run(work, then, "plugin")


def _effects(chain: Chain) -> list[tuple[str, Path | None]]:
    return [(step.effect, step.path) for step in chain.effects]


def _end(live: LiveHost) -> None:
    live.stop()
    live.host.close()


def _text(error: Exception | None) -> str:
    return str(error) if isinstance(error, TuttiError) else f"That failed: {error!r}"
