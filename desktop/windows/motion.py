"""How the meters move: attack, release, hold, peak hold and hop, in seconds."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from desktop.kept.settings import Settings

_ROWS = (
    ("attack_s", "Attack", 0.0, 5.0, "How fast a meter rises (time constant)"),
    ("release_s", "Release", 0.0, 10.0, "How fast it falls (time constant)"),
    ("hold_s", "Hold", 0.0, 10.0, "How long it stays before it falls"),
    ("peak_hold_s", "Peak hold", 0.0, 60.0, "How long the peak mark stays"),
    ("hop_s", "Hop", 0.05, 1.0, "Time between two looks at the sound; shorter costs more CPU"),
)


class MotionDialog(QDialog):
    """Changes take effect as they are made; Reset brings the defaults back."""

    changed = pyqtSignal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.setWindowTitle("Meter motion")
        self.boxes: dict[str, QDoubleSpinBox] = {}
        form = QGridLayout()
        form.setColumnStretch(1, 1)
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(12)
        for row, (name, text, low, high, tip) in enumerate(_ROWS):
            box = QDoubleSpinBox()
            box.setRange(low, high)
            box.setDecimals(2)
            box.setSingleStep(0.05)
            box.setSuffix(" s")
            box.setValue(getattr(settings, name))
            box.setToolTip(tip)
            box.setAccessibleName(f"{text} in seconds")
            box.valueChanged.connect(lambda value, name=name: self._set(name, value))
            self.boxes[name] = box
            label = QLabel(text)
            label.setBuddy(box)
            label.setToolTip(tip)
            form.addWidget(label, row, 0)
            form.addWidget(box, row, 1)
        note = QLabel("A live input takes a new hop at once, a file when it is opened again.")
        note.setProperty("role", "muted")
        note.setWordWrap(True)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Reset | standard.Close)
        buttons.rejected.connect(self.close)
        reset = buttons.button(standard.Reset)
        if reset is not None:
            reset.clicked.connect(self.reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(16)
        column.addLayout(form)
        column.addWidget(note)
        column.addWidget(buttons)

    def _set(self, name: str, value: float) -> None:
        setattr(self.settings, name, value)
        self.changed.emit(name)

    def reset(self) -> None:
        defaults = Settings()
        for name, box in self.boxes.items():
            box.setValue(getattr(defaults, name))
