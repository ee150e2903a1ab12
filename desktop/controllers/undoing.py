"""Undo and redo of what a user does to the meters and the markers."""

from __future__ import annotations

from desktop.widgets.meter_rows import FAMILY_NAMES
from desktop.windows.main_window import MainWindow
from desktop.windows.undo import State, UndoWatch

SETTINGS = ("pinned", "hidden", "collapsed", "names", "expected", "thresholds")
_VERBS = {
    "pinned": ("Pin", "Unpin"),
    "hidden": ("Hide", "Show"),
    "collapsed": ("Fold", "Unfold"),
    "expected": ("Expect", "No longer expect"),
    "names": ("Rename", "Rename"),
    "thresholds": ("Threshold of", "Threshold of"),
}


class Undoing:
    """Watches the window's settings and markers."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.watch = UndoWatch(window, self._read, self._write, self._describe)
        window.session_changed.connect(lambda: self.watch.forget("markers"))

    def undo(self) -> None:
        text = self.watch.undo()
        self.window.status.say(f"Undone: {text}" if text else "There is nothing to undo.")

    def redo(self) -> None:
        text = self.watch.redo()
        self.window.status.say(f"Done again: {text}" if text else "There is nothing to do again.")

    def _read(self) -> State:
        state: State = {}
        for name in SETTINGS:
            value = getattr(self.window.settings, name)
            state[name] = dict(value) if isinstance(value, dict) else list(value)
        return {**state, "markers": list(self.window.roll.markers)}

    def _write(self, state: State) -> None:
        window = self.window
        for name, value in state.items():
            if name == "markers":
                window.roll.set_markers(list(value))
            else:
                copied = dict(value) if isinstance(value, dict) else list(value)
                setattr(window.settings, name, copied)
        window.use_thresholds()
        window.meters.relayout()
        window.roll.update()

    def _describe(self, before: State, after: State) -> str:
        if len(after) > 1:
            return "Change the meters"
        ((part, now),) = after.items()
        was = before[part]
        if part == "markers":
            return "Set a marker" if len(now) > len(was) else "Delete a marker"
        gained = [name for name in now if name not in was]
        lost = [name for name in was if name not in now]
        if isinstance(now, dict):
            gained += [name for name in now if name in was and now[name] != was[name]]
        changed = gained or lost
        verb = _VERBS[part][0 if gained else 1]
        if not changed:  # the order alone
            return f"{verb} in another order"
        if len(changed) > 1:
            return f"{verb} {len(changed)} rows"
        return f"{verb} {self._name(changed[0])}"

    def _name(self, name: str) -> str:
        return FAMILY_NAMES.get(name) or self.window.meters.name_of(name)
