"""The dialog in which expected instruments are ticked."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.kept.settings import Settings
from desktop.widgets.meter_rows import FAMILY_NAMES
from realtime.taxonomy import instruments_of

_COLUMNS = (
    ("voice", "woodwind"),
    ("brass", "percussion"),
    ("key", "synth", "bowed_string"),
    ("plucked_string",),
)


class ExpectedDialog(QDialog):
    """Tick boxes for the 24 instruments by family, and after how long one is missing."""

    def __init__(
        self,
        settings: Settings,
        name_of: Callable[[str], str],
        heard: frozenset[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Expected instruments")
        self.boxes: dict[str, QCheckBox] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(32)
        for place, families in enumerate(_COLUMNS):
            column = QVBoxLayout()
            column.setSpacing(6)
            for family in families:
                title = QLabel(FAMILY_NAMES[family])
                title.setProperty("role", "title")
                column.addWidget(title)
                for name in instruments_of(family):
                    self.boxes[name] = QCheckBox(name_of(name))
                    self.boxes[name].setChecked(name in settings.expected)
                    column.addWidget(self.boxes[name])
                column.addSpacing(16)
            column.addStretch()
            grid.addLayout(column, 0, place)
        self.after = QDoubleSpinBox()
        self.after.setRange(1.0, 600.0)
        self.after.setDecimals(0)
        self.after.setSuffix(" s")
        self.after.setValue(settings.missing_after_s)
        row = QHBoxLayout()
        row.addWidget(QLabel("Tell me when one was not heard for"))
        row.addWidget(self.after)
        row.addStretch()
        take = QPushButton("Tick what was heard in the last 10 s")
        take.setEnabled(bool(heard))
        take.clicked.connect(lambda: self.tick(heard))
        none = QPushButton("None")
        none.clicked.connect(self.untick)
        row.addWidget(take)
        row.addWidget(none)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(24, 24, 24, 24)
        column_box.setSpacing(24)
        column_box.addLayout(grid)
        column_box.addLayout(row)
        column_box.addWidget(buttons)

    def tick(self, names: frozenset[str]) -> None:
        for name in names:
            self.boxes[name].setChecked(True)

    def untick(self) -> None:
        for box in self.boxes.values():
            box.setChecked(False)

    def chosen(self) -> list[str]:
        return [name for name, box in self.boxes.items() if box.isChecked()]
