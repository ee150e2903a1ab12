"""The audibility window: a mix and its stems, and where a stem cannot be heard."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.background import Background
from desktop.looks.theme import Theme
from desktop.widgets.stem_lanes import StemLanes
from desktop.windows.sound_dialog import ask_sound, ask_sounds
from realtime.audit import formats
from realtime.audit.audit import POOR_FIT_DB, Audit, audit
from realtime.audit.picture import picture
from realtime.clock_time import clock_time
from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.whole_file import write_whole

SAVE_AS = "Picture (*.svg);;Audacity labels (*.txt);;Table (*.csv);;JSON (*.json)"
COLUMNS = ("Stem", "From", "To", "Why", "The model")
HINT = (
    "Choose the mix and all of its stems, or drop them here: a file named “mix” or “master” "
    "is taken as the mix."
)
LEGEND = (
    "Thin: sounds and is heard. Full: masked by the rest of the mix. Hollow: not in the mix. "
    "Underlined: the model does not hear it there either."
)


class _CalledOff(Exception):
    pass


class AuditWindow(QWidget):
    """A window of its own beside the monitor; closing it calls the work off."""

    time_chosen = pyqtSignal(object, float)
    """The mix (a path) and the seconds at which it should be heard."""
    _progressed = pyqtSignal(str, float, float)

    def __init__(
        self, theme: Theme, model: Future[TagModel], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.theme = theme
        self.setWindowTitle("Audibility – Tutti")
        self.setAcceptDrops(True)
        self.model = model
        self.mix: Path | None = None
        self.stems: list[Path] = []
        self.result: Audit | None = None
        self._background = Background(self)
        self._off: threading.Event | None = None
        self.lanes = StemLanes(theme)
        self._make()
        self._arrange(theme)
        self._progressed.connect(self._show_progress)
        self.set_theme(theme)
        self.use(None, [])
        self.resize(theme.px(1080), theme.px(680))

    def _make(self) -> None:
        self.mix_button = QPushButton("Mix…")
        self.mix_button.clicked.connect(self.choose_mix)
        self.stems_button = QPushButton("Stems…")
        self.stems_button.clicked.connect(self.choose_stems)
        self.start = QPushButton("Compare")
        self.start.setProperty("primary", "true")
        self.start.clicked.connect(self.toggle)
        self.save_button = QPushButton("Save…")
        self.save_button.clicked.connect(self.choose_save)
        self.files = QLabel()
        self.files.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.message = QLabel(HINT)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.legend = QLabel(LEGEND)
        self.legend.setProperty("role", "muted")
        self.legend.setWordWrap(True)
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setAccessibleName("Passages that cannot be heard")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.itemActivated.connect(self._activated)
        if (rows := self.table.verticalHeader()) is not None:
            rows.hide()
        if (head := self.table.horizontalHeader()) is not None:
            head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            head.setStretchLastSection(True)
            head.setHighlightSections(False)
            head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.lanes.time_chosen.connect(self._choose_time)

    def _arrange(self, theme: Theme) -> None:
        px = theme.px
        row = QHBoxLayout()
        row.setSpacing(px(8))
        for widget in (self.mix_button, self.stems_button):
            row.addWidget(widget)
        row.addWidget(self.files, 1)
        for widget in (self.start, self.save_button):
            row.addWidget(widget)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(self.lanes)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(16), px(16), px(16))
        column.setSpacing(px(12))
        column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.message)
        column.addWidget(scroll, 3)
        column.addWidget(self.legend)
        column.addWidget(self.table, 2)

    # -- files -----------------------------------------------------------------------

    def choose_mix(self) -> None:
        path = ask_sound(self, "The mix", self._folder())
        if path is not None:
            self.use(path, self.stems)

    def choose_stems(self) -> None:
        stems = ask_sounds(self, "The stems", self._folder())
        if stems:
            self.use(self.mix, stems)

    def use(self, mix: Path | None, stems: list[Path]) -> None:
        """Take other files; what was found for the old ones goes."""
        self._call_off()
        self.mix, self.stems = mix, [stem for stem in stems if stem != mix]
        self._show(None)
        self.message.setText(HINT)
        self._show_files()

    def _folder(self) -> str:
        known = [path for path in (self.mix, *self.stems) if path is not None]
        return str(known[0].parent) if known else ""

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        data = event.mimeData() if event else None
        if event and data and data.hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        data = event.mimeData() if event else None
        if data is not None:
            self.drop([Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()])

    def drop(self, paths: list[Path]) -> None:
        """Sort dropped files into mix and stems."""
        mixes = [path for path in paths if _sounds_like_mix(path)]
        if len(mixes) == 1:
            self.use(mixes[0], [path for path in paths if path != mixes[0]] or self.stems)
        else:
            self.use(self.mix, paths)

    # -- work ------------------------------------------------------------------------

    def toggle(self) -> None:
        """Start, or call off what runs."""
        if self._off is not None:
            self._call_off()
            self.message.setText("Called off.")
        else:
            self.compare()

    def compare(self) -> None:
        """Work out the report in the background."""
        if self.mix is None or not self.stems:
            return
        off = threading.Event()
        self._off = off
        mix, stems, model = self.mix, list(self.stems), self.model

        def progress(what: str, done_s: float, total_s: float) -> None:
            if off.is_set():
                raise _CalledOff
            self._progressed.emit(what, done_s, total_s)

        def work() -> Audit:
            return audit(mix, stems, model.result(), progress=progress)

        self._background.run(work, lambda found, error: self._done(off, found, error), "audit")
        self.message.setText("Aligning…")
        self._show_files()

    def _call_off(self) -> None:
        if self._off is not None:
            self._off.set()
            self._off = None
        self._show_files()

    def _done(self, off: threading.Event, found: Audit | None, error: Exception | None) -> None:
        if off is not self._off:
            return
        self._off = None
        if found is not None:
            self._show(found)
        elif isinstance(error, TuttiError):
            self.message.setText(str(error))
        else:
            self.message.setText(f"The comparison failed ({error!r}): please report it.")
        self._show_files()

    def _show_progress(self, what: str, done_s: float, total_s: float) -> None:
        if self._off is not None:
            self.message.setText(f"{what}, {clock_time(done_s)} of {clock_time(total_s)}")
            self.bar.setValue(round(1000 * min(done_s / max(total_s, 1e-9), 1.0)))

    # -- result ----------------------------------------------------------------------

    def _show_files(self) -> None:
        running = self._off is not None
        count = len(self.stems)
        stems = f"{count} stem" + ("" if count == 1 else "s")
        mix = self.mix.name if self.mix else "no mix"
        self.files.setText(f"{mix}, {stems}" if count else f"{mix}, no stems")
        self.start.setText("Stop" if running else "Compare")
        self.start.setEnabled(running or (self.mix is not None and count > 0))
        self.save_button.setEnabled(self.result is not None)
        self.bar.setVisible(running)
        self.bar.setValue(0)

    def _show(self, found: Audit | None) -> None:
        self.result = found
        self.lanes.set_audit(found)
        self.legend.setVisible(found is not None)
        self.table.setVisible(found is not None)
        self.table.setRowCount(0)
        if found is None:
            return
        self.message.setText(summary(found))
        for stem in found.stems:
            for one in stem.passages:
                row = self.table.rowCount()
                self.table.insertRow(row)
                cells = (
                    stem.name,
                    clock_time(one.start_s, tenths=True),
                    clock_time(one.end_s, tenths=True),
                    formats.reason(one),
                    one.model_says,
                )
                for column, text in enumerate(cells):
                    item = QTableWidgetItem(text)
                    item.setData(Qt.ItemDataRole.UserRole, one.start_s)
                    self.table.setItem(row, column, item)

    def _activated(self, item: QTableWidgetItem) -> None:
        self._choose_time(float(item.data(Qt.ItemDataRole.UserRole)))

    def _choose_time(self, time_s: float) -> None:
        if self.mix is not None:
            self.time_chosen.emit(self.mix, time_s)

    def choose_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the report", self._folder(), SAVE_AS)
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the report in the form that the file's ending names."""
        if self.result is None:
            return
        forms: dict[str, Callable[[Audit], str]] = {
            ".svg": picture,
            ".csv": lambda found: "\n".join(formats.csv_lines(found)) + "\n",
            ".json": lambda found: "\n".join(formats.json_lines(found)) + "\n",
            ".txt": lambda found: "".join(f"{x}\n" for x in formats.audacity_lines(found)),
        }
        form = forms.get(path.suffix.lower())
        if form is None:
            self.message.setText(f"{path.name}: end the name in .svg, .txt, .csv or .json.")
            return
        try:
            write_whole(path, form(self.result))
        except OSError as error:
            self.message.setText(f"{path} cannot be written ({error.strerror}).")
        else:
            self.message.setText(f"Saved as {path.name}.")

    def set_theme(self, theme: Theme) -> None:
        c, px = theme.colours, theme.px
        self.theme = theme
        self.lanes.set_theme(theme)
        self.setStyleSheet(f"""
        QPushButton[primary="true"]:disabled {{ background: {c.raised}; color: {c.faint};
            border-color: {c.line}; }}
        QTableWidget {{ border: 1px solid {c.line}; border-radius: {px(6)}px; }}
        QTableWidget::item {{ padding: {px(2)}px {px(12)}px; }}
        QHeaderView::section {{ background: {c.panel}; color: {c.muted}; border: none;
            border-bottom: 1px solid {c.line}; padding: {px(6)}px {px(12)}px; }}
        """)

    def changeEvent(self, event: QEvent | None) -> None:
        if event and event.type() == QEvent.Type.PaletteChange:
            # The monitor takes on its theme just after the application does.
            QTimer.singleShot(0, self._follow_theme)
        super().changeEvent(event)

    def _follow_theme(self) -> None:
        theme = getattr(self.parentWidget(), "theme", self.theme)
        if theme is not self.theme:
            self.set_theme(theme)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self._call_off()
        super().closeEvent(event)


def summary(found: Audit) -> str:
    """The result in a sentence or two."""
    names = [stem.name for stem in found.stems if stem.passages]
    if names:
        text = "Cannot always be heard: " + ", ".join(names) + "."
    else:
        text = "Every stem can be heard whenever it sounds."
    if found.residual_db <= POOR_FIT_DB:
        text += f" The stems add up to the mix ({found.residual_db:.0f} dB left over)."
    told = [f"{stem.name}: {note}." for stem in found.stems for note in stem.notes]
    return "\n".join([text, *found.notes, *told])


def _sounds_like_mix(path: Path) -> bool:
    words = path.stem.lower()
    return "mix" in words or "master" in words
