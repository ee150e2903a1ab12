"""What assistive technology finds in a widget that paints many meters at once.

PyQt does not pass on Qt's own interface for painted parts. A child widget for each meter, with
the role and the value of a progress bar and nothing to paint, is found by AT-SPI, NSAccessibility
and UI Automation alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QPaintEvent
from PyQt6.QtWidgets import QProgressBar, QWidget

from desktop.widgets.meter_rows import Row


class SpokenMeter(QProgressBar):
    """A meter's place, name and value 0 to 100 for a screen reader; nothing is painted."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setRange(0, 100)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setUpdatesEnabled(False)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The parent has painted it."""

    def tell(self, text: str, value: int | None, rect: QRect) -> None:
        """Say another name or value, if it is another."""
        if self.geometry() != rect:
            self.setGeometry(rect)
        if text != self.accessibleName():
            self.setAccessibleName(text)
        if value is not None and value != self.value():
            self.setValue(value)


class Spoken:
    """As many spoken meters as there are rows."""

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget
        self._meters: list[SpokenMeter] = []

    def tell(
        self,
        rows: Sequence[tuple[Row, QRect]],
        text_of: Callable[[Row], str],
        value_of: Callable[[Row], int | None],
    ) -> None:
        """Bring the children in line with the rows; a value of None is no number to tell."""
        while len(self._meters) < len(rows):
            self._meters.append(SpokenMeter(self._widget))
        for meter, (row, rect) in zip(self._meters, rows, strict=False):
            meter.tell(text_of(row), value_of(row), rect)
        for index, meter in enumerate(self._meters):
            if meter.isVisible() != (index < len(rows)):
                meter.setVisible(index < len(rows))
