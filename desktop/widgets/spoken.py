"""What assistive technology finds in a widget that paints many meters at once.

PyQt does not pass on Qt's own interface for painted parts. A child widget for each row, with the
role and the value of a progress bar, or of a button where it folds, and nothing to paint, is
found by AT-SPI, NSAccessibility and UI Automation alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QPaintEvent
from PyQt6.QtWidgets import QAbstractButton, QProgressBar, QPushButton, QWidget

from desktop.widgets.meter_rows import Kind, Row


class SpokenMeter(QProgressBar):
    """A meter's place, name and value 0 to 100 for a screen reader; nothing is painted."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setRange(0, 100)
        _keep_out_of_the_way(self)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The parent has painted it."""


class SpokenFold(QPushButton):
    """A line that folds and unfolds: a screen reader can press it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        _keep_out_of_the_way(self)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The parent has painted it."""


class Spoken:
    """As many spoken children as there are rows."""

    def __init__(self, widget: QWidget, press: Callable[[Row], None]) -> None:
        self._widget = widget
        self._press = press
        self._meters: list[SpokenMeter] = []
        self._folds: list[SpokenFold] = []
        self._fold_rows: list[Row] = []

    def tell(
        self,
        rows: Sequence[tuple[Row, QRect]],
        text_of: Callable[[Row], str],
        value_of: Callable[[Row], int],
    ) -> None:
        """Bring the children in line with the rows."""
        meters = [one for one in rows if one[0].kind in (Kind.LARGE, Kind.SMALL)]
        folds = [one for one in rows if one[0].kind in (Kind.QUIET, Kind.HEADING)]
        while len(self._meters) < len(meters):
            self._meters.append(SpokenMeter(self._widget))
        while len(self._folds) < len(folds):
            self._add_fold(len(self._folds))
        self._fold_rows = [row for row, _ in folds]
        for meter, (row, rect) in zip(self._meters, meters, strict=False):
            _say(meter, text_of(row), rect)
            if meter.value() != (value := value_of(row)):
                meter.setValue(value)
        for fold, (row, rect) in zip(self._folds, folds, strict=False):
            _say(fold, text_of(row), rect)
        for children, count in ((self._meters, len(meters)), (self._folds, len(folds))):
            for index, child in enumerate(children):
                if child.isHidden() != (index >= count):
                    child.setVisible(index < count)

    def _add_fold(self, index: int) -> None:
        fold = SpokenFold(self._widget)
        fold.clicked.connect(lambda: self._press(self._fold_rows[index]))
        self._folds.append(fold)


def _say(child: QProgressBar | QAbstractButton, text: str, rect: QRect) -> None:
    if child.geometry() != rect:
        child.setGeometry(rect)
    if text != child.accessibleName():
        child.setAccessibleName(text)


def _keep_out_of_the_way(child: QWidget) -> None:
    child.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    child.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
    child.setUpdatesEnabled(False)
