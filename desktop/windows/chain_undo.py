"""Undo and redo of a chain: two buttons and their keys."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from desktop.sessions.chain_session import ChainSession
from desktop.windows.undo import State, UndoWatch
from realtime.host.chain import EffectStep


class ChainUndo(QWidget):
    """Watches a session's chain; ``written`` is called after a chain was brought back."""

    def __init__(
        self, session: ChainSession, written: Callable[[], None], window: QWidget
    ) -> None:
        super().__init__(window)
        self._session = session
        self._written = written
        self.watch = UndoWatch(
            self, lambda: {"chain": session.chain}, self._write, _describe, merging=True
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.undo = self._button("Undo", "Ctrl+Z", self.watch.undo, window)
        self.redo = self._button("Do again", "Ctrl+Shift+Z", self.watch.redo, window)
        for button in (self.undo, self.redo):
            row.addWidget(button)
        self.watch.stack.canUndoChanged.connect(self.undo.setEnabled)
        self.watch.stack.canRedoChanged.connect(self.redo.setEnabled)

    def _write(self, state: State) -> None:
        self._session.set_chain(state["chain"])
        self._written()

    def _button(
        self, text: str, key: str, call: Callable[[], str], window: QWidget
    ) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(f"{text} ({key})")
        button.setEnabled(False)
        button.clicked.connect(lambda: call())
        QShortcut(QKeySequence(key), window).activated.connect(lambda: call())
        return button


def _describe(before: State, after: State) -> str:
    """What was done to the chain; the same for every step of one slider's move."""
    was, now = before["chain"], after["chain"]
    if len(now.steps) != len(was.steps):
        return "Add a step" if len(now.steps) > len(was.steps) else "Remove a step"
    differing = [(old, new) for old, new in zip(was.steps, now.steps, strict=True) if old != new]
    if len(differing) != 1:
        return "Change the order"
    ((old, new),) = differing
    if not isinstance(old, EffectStep) or not isinstance(new, EffectStep):
        return "Change a step"
    if old.bypass != new.bypass:
        return f"{'Bypass' if new.bypass else 'Use'} {new.label}"
    changed = sorted(
        name for name in {**old.parameters, **new.parameters}
        if old.parameters.get(name) != new.parameters.get(name)
    )  # fmt: skip
    return f"{new.label}: {', '.join(changed) or 'mix'}"
