"""Editing a chain: its steps, and the parameters of the chosen one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.looks.theme import Theme
from desktop.sessions.chain_session import ChainSession
from desktop.widgets.chain_steps import StepList
from desktop.windows.chain_parameters import ParameterPanel
from desktop.windows.chain_start import ChainStart
from desktop.windows.sound_dialog import ask_sound
from realtime.errors import TuttiError
from realtime.host import chain as chains
from realtime.host.chain import EffectStep, Step, TapStep
from realtime.host.effects import EFFECTS, Value
from realtime.host.isolation import PluginState


class ChainEditor(QWidget):
    """Changes the session's chain, and tells ``say`` what cannot be done."""

    def __init__(self, theme: Theme, session: ChainSession, say: Callable[[str], None]) -> None:
        super().__init__()
        self.session = session
        self._say = say
        self._shown: tuple[object, ...] | None = None
        self.steps = StepList(theme)
        self.panel = ParameterPanel()
        self.start = ChainStart(theme)
        self._arrange(theme)
        self.start.effect_wanted.connect(self.add_effect)
        self.start.plugin_wanted.connect(self.choose_plugin)
        self.steps.reordered.connect(self._edit)
        self.steps.remove_wanted.connect(self.remove)
        self.steps.bypass_wanted.connect(self._bypass)
        self.steps.currentRowChanged.connect(lambda _row: self._show_effect())
        self.panel.value_wanted.connect(self._set)
        self.panel.mix_wanted.connect(self._mix)
        self.panel.bypass_wanted.connect(lambda on: self._bypass(self.steps.currentRow(), on))
        self.panel.editor_wanted.connect(lambda: self._on_effect(self.session.open_editor))
        self.panel.reload_wanted.connect(lambda: self._on_effect(self.session.reload))

    def _arrange(self, theme: Theme) -> None:
        self.add_button = QPushButton("Add…")
        menu = QMenu(self.add_button)
        for effect in EFFECTS.values():
            if not effect.whole_only:  # cannot run live
                menu.addAction(effect.name, lambda name=effect.name: self.add_effect(name))
        menu.addSeparator()
        menu.addAction("Tap", self.add_tap)
        menu.addAction("VST3 plugin…", self.choose_plugin)
        self.add_button.setMenu(menu)
        self.remove_button = QPushButton("Remove")
        self.remove_button.clicked.connect(lambda: self.remove(self.steps.currentRow()))
        edit = QHBoxLayout()
        edit.addWidget(self.add_button)
        edit.addWidget(self.remove_button)
        edit.addStretch()
        left = QVBoxLayout()
        left.addWidget(self.steps, 1)
        left.addLayout(edit)
        self.scroller = scrolling(self.panel)
        self.middle = QStackedWidget()
        self.middle.addWidget(self.scroller)
        self.middle.addWidget(scrolling(self.start))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(16))
        row.addLayout(left, 2)
        row.addWidget(self.middle, 3)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        """Take on another theme."""
        for widget in (self.steps, self.panel, self.start):
            widget.set_theme(theme)

    def refresh(self) -> None:
        """Show the chain as it is now."""
        self._show_steps()
        self._show_effect()

    def show_anew(self) -> None:
        """Show the chain with the values it has now, whatever the sliders say."""
        self._shown = None
        self.refresh()

    def add_effect(self, name: str) -> None:
        """Add a built-in effect below the chosen step; Convolution asks for its file."""
        parameters: dict[str, Value] = {}
        if name == "Convolution":
            path = ask_sound(self, "Impulse response")
            if path is None:
                return
            parameters = {"impulse_response_filename": str(path)}
        self.add_step(EffectStep(name, parameters))

    def add_tap(self) -> None:
        """Add a place to listen, under a name that is asked for."""
        name, ok = QInputDialog.getText(self, "Add a tap", "Name:")
        if ok and name.strip():
            self.add_step(TapStep(name.strip()))

    def choose_plugin(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "VST3 plugin", "", "VST3 (*.vst3 *.so *.dll)")
        if not path:
            return
        bundle = next((one for one in Path(path).parents if one.suffix == ".vst3"), Path(path))
        self.add_step(EffectStep("VST3", path=bundle))

    def add_step(self, step: Step) -> None:
        """Add a step below the chosen one, but not below the last tap of a new chain."""
        steps = list(self.session.chain.steps)
        place = self.steps.currentRow() + 1 if steps else 0
        if place == len(steps) and steps and isinstance(steps[-1], TapStep):
            place -= isinstance(step, EffectStep)
        steps.insert(place, step)
        if self._edit(tuple(steps)):
            self.steps.setCurrentRow(place)

    def remove(self, row: int) -> None:
        steps = list(self.session.chain.steps)
        if 0 <= row < len(steps):
            del steps[row]
            self._edit(tuple(steps))

    def _edit(self, steps: tuple[Step, ...]) -> bool:
        chain = dataclasses.replace(self.session.chain, steps=steps)
        try:
            if chain.effects:
                chains.check(chain)
        except TuttiError as error:
            self._say(str(error))
            self.refresh()
            return False
        self.session.set_steps(steps)
        return True

    def _bypass(self, row: int, bypass: bool) -> None:
        effect = self.steps.effect_of(row)
        if effect is not None:
            self._try(lambda: self.session.set_bypass(effect, bypass))
            self.refresh()

    def _set(self, name: str, value: Value) -> None:
        self._on_effect(lambda effect: self.session.set_parameter(effect, name, value))
        self._show_steps()

    def _mix(self, mix: float) -> None:
        self._on_effect(lambda effect: self.session.set_mix(effect, mix))
        self._show_steps()

    def _show_steps(self) -> None:
        """The list holds the steps for dragging, so it is told of values too."""
        self.steps.show_steps(self.session.chain.steps, self._troubled())

    def _on_effect(self, change: Callable[[int], None]) -> None:
        effect = self.steps.effect_of(self.steps.currentRow())
        if effect is not None:
            self._try(lambda: change(effect))

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
        except TuttiError as error:
            self._say(str(error))

    def _troubled(self) -> set[int]:
        host = self.session.host
        plugins = host.plugins.items() if host else ()
        return {effect for effect, plugin in plugins if plugin.state != PluginState.RUNNING}

    def _show_effect(self) -> None:
        self.middle.setCurrentIndex(0 if self.session.chain.effects else 1)
        effect = self.steps.effect_of(self.steps.currentRow())
        if effect is None or effect >= len(self.session.chain.effects):
            self._shown = None
            if self.steps.currentRow() >= 0:
                self.panel.show_nothing("The meters listen here.", "Tap")
            else:
                self.panel.show_nothing("Choose an effect, or add one.")
            return
        step = self.session.chain.effects[effect]
        self.panel.show_bypass(step.bypass)
        parameters = self.session.parameters_of(effect)
        shown = (effect, step.effect, step.path, tuple(p.name for p in parameters))
        if shown == self._shown:
            return  # the sliders are under somebody's hand
        self._shown = shown
        has_mix = step.known is None or not step.known.has_own_mix
        note = "" if parameters or step.known else "Its parameters appear when the sound runs."
        self.panel.show_effect(
            step.label,
            note,
            [(one, self.session.value_of(effect, one)) for one in parameters],
            mix=step.mix if has_mix else None,
            is_plugin=step.is_plugin,
        )


def scrolling(widget: QWidget) -> QScrollArea:
    """A frameless area that scrolls a widget up and down."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area
