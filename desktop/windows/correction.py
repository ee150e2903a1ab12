"""The dialog of "This is not a mandolin": lower it here, and keep the sound if the user likes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from desktop.looks.theme import Theme
from realtime.taxonomy import INSTRUMENTS

_COLUMNS = 4


def not_a(name: str) -> str:
    """``mandolin`` -> ``This is not a mandolin``."""
    lower = name[:1].lower() + name[1:]
    plural = lower.endswith("s") and not lower.endswith("ss")
    if lower in ("percussion", "mallet percussion") or (plural and lower != "bass"):
        return f"These are not {lower}" if plural else f"This is not {lower}"
    article = "an" if lower[:1] in "aeio" else "a"
    return f"This is not {article} {lower}"


class CorrectionDialog(QDialog):
    """``kept_s``: how much sound there is to keep, in seconds; 0 where there is none."""

    def __init__(
        self,
        theme: Theme,
        instrument: str,
        name_of: Callable[[str], str],
        heard: Collection[str],
        *,
        threshold: float,
        kept_s: float,
        folder: Path,
        consented: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        px = theme.px
        self.setWindowTitle(not_a(name_of(instrument)))
        limit = f"only from {100 * threshold:.0f} % on" if threshold < 1 else "no more"
        what = QLabel(
            f"From now on {name_of(instrument)} counts as heard {limit}. "
            "Ctrl+Z takes it back, and so does Threshold… in its meter's menu."
        )
        what.setWordWrap(True)
        self.keep = QCheckBox(f"Keep the last {kept_s:.0f} s of sound, to teach with")
        self.keep.setChecked(consented and kept_s > 0)
        self.keep.setEnabled(kept_s > 0)
        if not kept_s:
            self.keep.setText("There is no sound to keep: nothing was played or heard yet")
        where = QLabel(
            f"It stays on this computer, in {folder}, until you delete it; nothing is sent. "
            "Your own model can learn from it: tutti bank add --folder."
        )
        where.setWordWrap(True)
        where.setProperty("role", "muted")
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.ask = QLabel("What did sound?")
        self.ask.setProperty("role", "title")
        self.boxes: dict[str, QCheckBox] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(24))
        grid.setVerticalSpacing(px(6))
        others = [name for name in INSTRUMENTS if name != instrument]
        height = -(-len(others) // _COLUMNS)
        for place, name in enumerate(others):
            self.boxes[name] = box = QCheckBox(name_of(name))
            box.setChecked(name in heard)
            grid.addWidget(box, place % height, place // height)
        self.complete = QCheckBox("That is all that sounded")
        self.keep.toggled.connect(self._show_keeping)
        standard = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        ok = buttons.button(standard.Ok)
        assert ok is not None
        ok.setText("Lower it")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(24), px(24), px(24))
        column.setSpacing(px(14))
        for widget in (what, self.keep, where, self.ask):
            column.addWidget(widget)
        column.addLayout(grid)
        column.addWidget(self.complete)
        column.addSpacing(px(8))
        column.addWidget(buttons)
        for text in (what, where):
            text.setFont(theme.font(14))
            text.setMinimumHeight(px(42))
        self.setMinimumWidth(px(600))
        self._show_keeping(self.keep.isChecked())

    def _show_keeping(self, on: bool) -> None:
        for widget in (self.ask, self.complete, *self.boxes.values()):
            widget.setEnabled(on)

    def sounded(self) -> list[str]:
        """What the user ticked."""
        return [name for name, box in self.boxes.items() if box.isChecked()]
