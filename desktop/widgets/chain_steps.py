"""The steps of a chain as a list that can be dragged into another order."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QDropEvent, QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem

from desktop.looks.theme import Theme
from realtime.host.chain import EffectStep, Step, TapStep

STEP_ROLE = Qt.ItemDataRole.UserRole


class StepList(QListWidget):
    """Effects with a tick box (on, or bypassed) and taps.

    Drag to reorder, B to bypass, Delete to remove.
    """

    reordered = pyqtSignal(object)
    """The steps in their new order."""
    bypass_wanted = pyqtSignal(int, bool)
    """Row, and whether to bypass it."""
    remove_wanted = pyqtSignal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAccessibleName("Steps of the chain")
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.itemChanged.connect(self._ticked)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        c, px = theme.colours, theme.px
        self.theme = theme
        self.setFont(theme.font(16))
        self.setStyleSheet(
            f"QListWidget {{ background: {c.panel}; border: 1px solid {c.line};"
            f" border-radius: {px(8)}px; padding: {px(4)}px; outline: 0; }}"
            f"QListWidget::item {{ padding: {px(9)}px {px(8)}px; border-radius: {px(5)}px;"
            f" border: 1px solid transparent; }}"
            f"QListWidget::item:selected {{ background: {c.raised}; color: {c.text};"
            f" border: 1px solid {c.accent}; }}"
            f"QListWidget::indicator {{ width: {px(14)}px; height: {px(14)}px;"
            f" border: 1px solid {c.faint}; border-radius: {px(3)}px; background: {c.panel}; }}"
            f"QListWidget::indicator:checked {{ background: {c.accent};"
            f" border-color: {c.accent}; }}"
        )

    def steps(self) -> tuple[Step, ...]:
        """The steps as they stand."""
        items = (self.item(row) for row in range(self.count()))
        return tuple(item.data(STEP_ROLE) for item in items if item is not None)

    def show_steps(self, steps: tuple[Step, ...], troubled: set[int]) -> None:
        """Fill the list, keeping the chosen row; ``troubled`` effects are marked."""
        row = self.currentRow()
        self.blockSignals(True)
        self.clear()
        effect = -1
        for step in steps:
            item = QListWidgetItem()
            item.setData(STEP_ROLE, step)
            if isinstance(step, TapStep):
                item.setText(f"●  tap “{step.name}”")
                item.setToolTip("The meters listen here")
            else:
                effect += 1
                mark = "   (bypassed)" if step.bypass else ""
                if effect in troubled:
                    mark = "   (stopped: reload it)"
                item.setText(step.label + mark)
                if step.bypass:
                    item.setForeground(self.theme.colour("faint"))
                item.setToolTip(f"{step.path or step.effect}: ticked is on, empty is bypassed")
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                ticked = Qt.CheckState.Unchecked if step.bypass else Qt.CheckState.Checked
                item.setCheckState(ticked)
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDropEnabled)
            self.addItem(item)
        self.blockSignals(False)
        if self.count():
            self.setCurrentRow(min(max(row, 0), self.count() - 1))

    def effect_of(self, row: int) -> int | None:
        """The number of the effect in a row; None for a tap."""
        steps = self.steps()
        if not 0 <= row < len(steps) or not isinstance(steps[row], EffectStep):
            return None
        return sum(isinstance(step, EffectStep) for step in steps[:row])

    def move_step(self, row: int, to: int) -> None:
        """Move a step, as a drag does."""
        steps = list(self.steps())
        if 0 <= row < len(steps) and 0 <= to < len(steps) and row != to:
            steps.insert(to, steps.pop(row))
            self.setCurrentRow(to)
            self.reordered.emit(tuple(steps))

    def dropEvent(self, event: QDropEvent | None) -> None:
        super().dropEvent(event)
        # Only when the drag is over: what follows fills the list anew.
        QTimer.singleShot(0, lambda: self.reordered.emit(self.steps()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None:
            return
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.currentRow() >= 0:
            self.remove_wanted.emit(self.currentRow())
        elif event.key() == Qt.Key.Key_B and not control:
            self._flip(self.currentItem())
        elif control and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = -1 if event.key() == Qt.Key.Key_Up else 1
            self.move_step(self.currentRow(), self.currentRow() + step)
        else:
            super().keyPressEvent(event)

    def _flip(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            on = item.checkState() == Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)

    def _ticked(self, item: QListWidgetItem) -> None:
        step = item.data(STEP_ROLE)
        bypass = item.checkState() != Qt.CheckState.Checked
        if isinstance(step, EffectStep) and bypass != step.bypass:
            self.bypass_wanted.emit(self.row(item), bypass)
