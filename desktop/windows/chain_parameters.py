"""The parameters of one effect: a slider, list or tick box for each, from its own range."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from desktop.looks.theme import Theme
from desktop.windows.sound_dialog import ask_sound
from realtime.host.effects import Parameter, Value

STEPS = 1000
MIX = Parameter("mix", 1.0, 0.0, 1.0)


class NumberControl(QWidget):
    """A slider and a number that follow each other; logarithmic where the parameter is."""

    changed = pyqtSignal(float)

    def __init__(self, parameter: Parameter, value: float, name: str) -> None:
        super().__init__()
        self._parameter = parameter
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setAccessibleName(name)
        self.box = QDoubleSpinBox()
        self.box.setRange(parameter.minimum, parameter.maximum)
        span = parameter.maximum - parameter.minimum
        self.box.setDecimals(2 if span <= 200 or 0 < parameter.minimum < 1 else 1)
        self.box.setSingleStep(span / 100 if span <= 200 else 1.0)
        self.box.setKeyboardTracking(False)
        self.box.setAccessibleName(name)
        if parameter.unit:
            self.box.setSuffix(f" {parameter.unit}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.box)
        self.show_value(value)
        self.slider.valueChanged.connect(lambda place: self.box.setValue(self.value_at(place)))
        self.box.valueChanged.connect(self._take)

    def show_value(self, value: float) -> None:
        """Show a value without telling anybody."""
        for widget in (self.slider, self.box):
            widget.blockSignals(True)
        self.box.setValue(value)
        self.slider.setValue(self.place_of(value))
        for widget in (self.slider, self.box):
            widget.blockSignals(False)

    def value_at(self, place: int) -> float:
        """The value at a slider place."""
        p, share = self._parameter, place / STEPS
        if p.logarithmic and p.minimum > 0:
            value: float = p.minimum * (p.maximum / p.minimum) ** share
            return value
        return p.minimum + (p.maximum - p.minimum) * share

    def place_of(self, value: float) -> int:
        """The slider place of a value."""
        p = self._parameter
        if p.maximum <= p.minimum:
            return 0
        if p.logarithmic and p.minimum > 0 and value > 0:
            return round(STEPS * math.log(value / p.minimum) / math.log(p.maximum / p.minimum))
        return round(STEPS * (value - p.minimum) / (p.maximum - p.minimum))

    def _take(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(self.place_of(value))
        self.slider.blockSignals(False)
        self.changed.emit(value)


class ParameterPanel(QWidget):
    """Shows one effect at a time."""

    value_wanted = pyqtSignal(str, object)
    """A parameter's name and its new value."""
    mix_wanted = pyqtSignal(float)
    bypass_wanted = pyqtSignal(bool)
    editor_wanted = pyqtSignal()
    reload_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.controls: dict[str, QWidget] = {}
        self._theme = Theme()
        self.title = QLabel()
        self.bypass = QPushButton("Bypass")
        self.bypass.setCheckable(True)
        self.bypass.setToolTip("Let the sound pass by this effect (B in the list of steps)")
        self.bypass.clicked.connect(self.bypass_wanted)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.editor = QPushButton("Open its own window")
        self.editor.clicked.connect(self.editor_wanted)
        self.reload = QPushButton("Reload")
        self.reload.clicked.connect(self.reload_wanted)
        buttons = QHBoxLayout()
        buttons.addWidget(self.editor)
        buttons.addWidget(self.reload)
        buttons.addStretch()
        self._form_holder = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(12)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.bypass)
        column.addLayout(head)
        column.addWidget(self.note)
        column.addLayout(buttons)
        column.addLayout(self._form_holder)
        column.addStretch()
        self.show_nothing("Choose an effect, or add one.")

    def set_theme(self, theme: Theme) -> None:
        """Take on another size; colours come from the application's style."""
        self._theme = theme
        self.title.setStyleSheet(f"font-size: {theme.px(20)}px; font-weight: 600")
        self.note.setFont(theme.font(15))
        self._size_form(self)

    def _size_form(self, form: QWidget) -> None:
        for label in form.findChildren(QLabel):
            if label not in (self.title, self.note):
                label.setFont(self._theme.font(15))
        for box in form.findChildren(QDoubleSpinBox):
            box.setFont(self._theme.font(15))
            box.setFixedWidth(self._theme.px(136))

    def show_bypass(self, bypass: bool) -> None:
        """Whether the effect shown is bypassed: its controls stay, since they keep their values."""
        self.bypass.setChecked(bypass)
        self.bypass.setText("Bypassed" if bypass else "Bypass")

    def show_nothing(self, note: str, title: str = "") -> None:
        """No effect is chosen."""
        self.bypass.hide()
        self._show_form(None)
        self.title.setText(title)
        self.note.setText(note)
        self.note.show()
        self.editor.hide()
        self.reload.hide()

    def show_effect(
        self,
        title: str,
        note: str,
        parameters: list[tuple[Parameter, Value]],
        *,
        mix: float | None,
        is_plugin: bool,
    ) -> None:
        """Show an effect; ``mix`` is None where it has a mix of its own."""
        form = QWidget()
        rows = QFormLayout(form)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setHorizontalSpacing(16)
        rows.setVerticalSpacing(8)
        self.controls = {}
        for parameter, value in parameters:
            name = readable(parameter)
            take = self._teller(parameter.name)
            self.controls[parameter.name] = control = _control(parameter, value, name, take)
            rows.addRow(_beside(control, name), control)
        if mix is not None:
            blend = NumberControl(MIX, mix, "Mix with its input")
            blend.changed.connect(self.mix_wanted)
            self.controls["mix"] = blend
            rows.addRow(_beside(blend, "Mix with its input"), blend)
        self._size_form(form)
        self._show_form(form)
        self.title.setText(title)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.bypass.show()
        self.editor.setVisible(is_plugin)
        self.reload.setVisible(is_plugin)

    def _teller(self, name: str) -> Callable[[Value], None]:
        return lambda value: self.value_wanted.emit(name, value)

    def _show_form(self, form: QWidget | None) -> None:
        while (item := self._form_holder.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.controls = {} if form is None else self.controls
        if form is not None:
            self._form_holder.addWidget(form)


def readable(parameter: Parameter) -> str:
    """``cutoff_frequency_hz`` -> ``Cutoff frequency``: the unit stands beside the number."""
    words = parameter.name.split("_")
    if len(words) > 1 and words[-1] in ("db", "hz", "ms", "seconds"):
        words = words[:-1]
    return " ".join(words).capitalize()


def _control(
    parameter: Parameter, value: Value, name: str, take: Callable[[Value], None]
) -> QWidget:
    if parameter.kind == "switch":
        tick = QCheckBox()
        tick.setChecked(bool(value))
        tick.setAccessibleName(name)
        tick.toggled.connect(take)
        return tick
    if parameter.kind == "choice":
        box = QComboBox()
        box.addItems(parameter.choices)
        box.setCurrentText(str(value))
        box.setAccessibleName(name)
        box.currentTextChanged.connect(take)
        return box
    if parameter.kind == "file":
        button = QPushButton(Path(str(value)).name or "Choose…")
        button.setAccessibleName(name)

        def choose() -> None:
            path = ask_sound(button, "Impulse response")
            if path is not None:
                button.setText(path.name)
                take(str(path))

        button.clicked.connect(choose)
        return button
    number = NumberControl(parameter, float(value), name)
    number.changed.connect(take)
    return number


def _beside(control: QWidget, text: str) -> QLabel:
    """A label in the middle of its control's height; a form puts it at the top."""
    label = QLabel(text)
    label.setMinimumHeight(control.sizeHint().height())
    return label
