"""What hands do to the meters: click, hover, keys. No painting here."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QPoint, QRect, Qt, pyqtSignal
from PyQt6.QtGui import QContextMenuEvent, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent
from PyQt6.QtWidgets import QScrollArea, QToolTip, QWidget

from desktop.kept.settings import Settings
from desktop.widgets.meter_rows import Kind, Placed, Row


class MeterHands(QWidget):
    """A widget of rows that can be chosen, folded, pinned, hidden and renamed."""

    menu_wanted = pyqtSignal(str, QPoint)
    """An instrument or family, and where on the screen to open its menu."""
    edited = pyqtSignal()
    """The user pinned, hid, folded: the settings object has changed."""
    rename_wanted = pyqtSignal(str)

    settings: Settings

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._placed: list[Placed] = []
        self._quiet_names: list[str] = []
        self._current = 0
        self._show_focus = self._has_chosen = False
        self._head_px = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def relayout(self) -> None:
        """Place the rows anew."""
        raise NotImplementedError

    def row_text(self, row: Row) -> str:
        """A row in words."""
        raise NotImplementedError

    def raw_text(self, row: Row) -> str:
        """What hovering tells of a row."""
        raise NotImplementedError

    # -- mouse -----------------------------------------------------------------------

    def _row_at(self, position: QPoint) -> int | None:
        for index, item in enumerate(self._placed):
            if item.rect.contains(position):
                return index
        return None

    def event(self, event: QEvent | None) -> bool:
        """Hovering tells a meter's numbers."""
        if event is not None and event.type() == QEvent.Type.ToolTip:
            assert isinstance(event, QHelpEvent)
            index = self._row_at(event.pos())
            text = self.raw_text(self._placed[index].row) if index is not None else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        index = self._row_at(event.position().toPoint()) if event else None
        if index is None:
            return
        self._current, self._show_focus, self._has_chosen = index, False, True
        if event and event.button() == Qt.MouseButton.LeftButton:
            self._fold(self._placed[index].row)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        index = self._row_at(event.position().toPoint()) if event else None
        if index is not None and self._placed[index].row.instrument:
            self.rename_wanted.emit(self._placed[index].row.instrument)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        index = self._row_at(event.pos()) if event else None
        name = self._placed[index].row.name if index is not None else ""
        if event:
            self.menu_wanted.emit(name, event.globalPos())

    # -- keys ------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Tab shows where the keys go; a click need not."""
        keys = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._show_focus = event is not None and event.reason() in keys
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        self.update()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is None or not self._placed:
            return
        row, key = self._placed[self._current].row, event.key()
        self._show_focus = self._has_chosen = True
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if key == Qt.Key.Key_Down else -1
            self._current = max(0, min(len(self._placed) - 1, self._current + step))
            self.setAccessibleDescription(self.row_text(self._placed[self._current].row))
            self._scroll_to(self._placed[self._current].rect)
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._fold(row)
        elif key == Qt.Key.Key_P and row.instrument:
            self.toggle_pinned(row.instrument)
        elif key == Qt.Key.Key_X and row.instrument:
            self.toggle_hidden(row.instrument)
        elif key == Qt.Key.Key_F2 and row.instrument:
            self.rename_wanted.emit(row.instrument)
        elif key == Qt.Key.Key_Menu:
            where = self.mapToGlobal(self._placed[self._current].rect.center())
            self.menu_wanted.emit(row.name, where)
        else:
            super().keyPressEvent(event)

    def _scroll_to(self, rect: QRect) -> None:
        viewport = self.parentWidget()
        area = viewport.parentWidget() if viewport is not None else None
        if isinstance(area, QScrollArea):
            area.ensureVisible(rect.left(), rect.center().y(), 0, rect.height())

    # -- what they change ------------------------------------------------------------

    def _fold(self, row: Row) -> None:
        if row.kind == Kind.QUIET:
            self.toggle_quiet()
        elif row.kind == Kind.HEADING:
            self.toggle_collapsed(row.family)

    def toggle_quiet(self) -> None:
        """Show the quiet instruments one by one, or as one line."""
        self.settings.quiet_open = not self.settings.quiet_open
        self._after_edit()

    def toggle_collapsed(self, family: str) -> None:
        if family:
            _toggle(self.settings.collapsed, family)
            self._after_edit()

    def toggle_pinned(self, instrument: str) -> None:
        _toggle(self.settings.pinned, instrument)
        self._after_edit()

    def toggle_hidden(self, instrument: str) -> None:
        _toggle(self.settings.hidden, instrument)
        self._after_edit()

    def _after_edit(self) -> None:
        self.relayout()
        self.edited.emit()


def _toggle(names: list[str], name: str) -> None:
    if name in names:
        names.remove(name)
    else:
        names.append(name)
