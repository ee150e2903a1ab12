"""Undo by watching: what changed since the last look can be taken back, whoever changed it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtGui import QUndoCommand, QUndoStack

LOOK_MS = 150
MERGE_S = 1.0
"""Changes of one part that follow each other so quickly are one, as a slider's are."""

State = dict[str, Any]
"""Parts by name, each a value that compares with == and is never changed in place."""


class _Change(QUndoCommand):
    """Some parts as they were, and as they are."""

    def __init__(
        self,
        text: str,
        before: State,
        after: State,
        write: Callable[[State], None],
        merging: bool,
    ) -> None:
        super().__init__(text)
        self._merging = merging
        self.before, self.after = before, after
        self.at_s = time.monotonic()
        self._write = write
        self._is_made = False

    def id(self) -> int:
        return 1 if self._merging else -1

    def redo(self) -> None:
        if self._is_made and not self.isObsolete():  # when pushed, it has happened already
            self._write(self.after)
        self._is_made = True

    def undo(self) -> None:
        if not self.isObsolete():
            self._write(self.before)

    def mergeWith(self, other: QUndoCommand | None) -> bool:  # noqa: N802 (Qt's name)
        if not isinstance(other, _Change) or set(other.after) != set(self.after):
            return False
        if other.text() != self.text() or other.at_s - self.at_s > MERGE_S:
            return False
        self.after, self.at_s = other.after, other.at_s
        return True


class UndoWatch(QObject):
    """Looks at a state now and then; what differs becomes a step of ``stack``.

    ``read`` gives the state, ``write`` sets some of its parts, and ``describe`` names a change:
    it gets the parts that differ, before and after. With ``merging``, quick steps of equal name
    are one.
    """

    def __init__(
        self,
        parent: QObject,
        read: Callable[[], State],
        write: Callable[[State], None],
        describe: Callable[[State, State], str],
        *,
        merging: bool = False,
    ) -> None:
        super().__init__(parent)
        self._merging = merging
        self.stack = QUndoStack(self)
        self._read, self._write, self._describe = read, write, describe
        self._known = read()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Note what has changed since the last look."""
        state = self._read()
        differing = [name for name, value in state.items() if value != self._known[name]]
        if differing:
            before = {name: self._known[name] for name in differing}
            after = {name: state[name] for name in differing}
            self._known = state
            text = self._describe(before, after)
            self.stack.push(_Change(text, before, after, self._set, self._merging))

    def undo(self) -> str:
        """Take back the last change; its name, or '' where there is none."""
        self.look()
        stack = self.stack
        while _is_obsolete(stack.command(stack.index() - 1)):
            stack.undo()  # it goes, and changes nothing
        text = stack.undoText()
        stack.undo()
        return text

    def redo(self) -> str:
        """Do again what was taken back last; its name, or '' where there is nothing."""
        self.look()
        stack = self.stack
        while _is_obsolete(stack.command(stack.index())):
            stack.redo()
        text = stack.redoText()
        stack.redo()
        return text

    def forget(self, part: str) -> None:
        """Another thing is open: what changed of the old one's ``part`` cannot be taken back."""
        self._known = {**self._known, part: self._read()[part]}
        for index in range(self.stack.count()):
            command = self.stack.command(index)
            if isinstance(command, _Change) and part in command.after:
                command.setObsolete(True)

    def _set(self, state: State) -> None:
        self._write(state)
        self._known = self._read()


def _is_obsolete(command: QUndoCommand | None) -> bool:
    return command is not None and command.isObsolete()
