"""The dialog in which expected instruments are ticked."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.kept.settings import Settings
from desktop.widgets.meter_rows import FAMILY_NAMES
from realtime.taxonomy import instruments_of

NONE = "–"
"""Stands for no saved ensemble."""
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
        column_box.addLayout(self._ensembles(settings))
        column_box.addLayout(grid)
        column_box.addLayout(row)
        column_box.addWidget(buttons)

    def _ensembles(self, settings: Settings) -> QHBoxLayout:
        """Saved sets: choosing one ticks it."""
        self.ensembles = settings.ensembles
        self.choice = QComboBox()
        self.choice.setAccessibleName("Ensemble")
        self.choice.setMinimumWidth(240)
        self.save_as = QPushButton("Save as…")
        self.save_as.setToolTip("Keep what is ticked under a name")
        self.forget = QPushButton("Delete")
        self.save_as.clicked.connect(self._ask_name)
        self.forget.clicked.connect(lambda: self.delete(self.choice.currentText()))
        self.choice.activated.connect(lambda _row: self.take(self.choice.currentText()))
        self._list_ensembles("")
        row = QHBoxLayout()
        row.addWidget(QLabel("Ensemble"))
        row.addWidget(self.choice)
        row.addWidget(self.save_as)
        row.addWidget(self.forget)
        row.addStretch()
        return row

    def _list_ensembles(self, chosen: str) -> None:
        self.choice.clear()
        self.choice.addItems([NONE, *sorted(self.ensembles)])
        self.choice.setCurrentText(chosen or NONE)
        self.forget.setEnabled(bool(chosen))

    def _ask_name(self) -> None:
        name, ok = QInputDialog.getText(self, "Save the ensemble", "Name:")
        if ok and name.strip():
            self.save(name.strip()[:40])

    def save(self, name: str) -> None:
        """Keep what is ticked; an ensemble of that name is replaced."""
        self.ensembles[name] = self.chosen()
        self._list_ensembles(name)

    def take(self, name: str) -> None:
        """Tick a saved ensemble, and nothing else."""
        if name in self.ensembles:
            self.untick()
            self.tick(frozenset(self.ensembles[name]))
        self.forget.setEnabled(name in self.ensembles)

    def delete(self, name: str) -> None:
        self.ensembles.pop(name, None)
        self._list_ensembles("")

    def tick(self, names: frozenset[str]) -> None:
        for name in names:
            self.boxes[name].setChecked(True)

    def untick(self) -> None:
        for box in self.boxes.values():
            box.setChecked(False)

    def chosen(self) -> list[str]:
        return [name for name, box in self.boxes.items() if box.isChecked()]
