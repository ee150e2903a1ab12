"""Correcting the model: "this is not a mandolin", own thresholds, and clips to learn from."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QInputDialog, QMenu

from desktop.kept.clips import clips_folder, keep
from desktop.sessions.file_session import FileSession
from desktop.sessions.live_session import LiveSession
from desktop.windows.actions import add_choice
from desktop.windows.correction import CorrectionDialog, not_a
from desktop.windows.main_window import MainWindow
from realtime.taxonomy import INSTRUMENTS

Load = Callable[[], tuple[NDArray[np.float32], int]]
"""Gives sound (frames, channels) and its rate in Hz."""
CLIP_S = 5.0
LOOK_BACK_S = 5.0
ABOVE = 0.03
"""How far above the highest value of late a lowered meter's threshold lies."""
HIGHEST, LOWEST = 0.99, 0.01
NEVER = 1.01
"""A threshold above every probability."""


class Correcting:
    """What a user says against a meter. Settings keep it; the model file stays as it is."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.settings = window.settings

    def add_to(self, menu: QMenu, instrument: str) -> None:
        """The lines of an instrument's menu."""
        name = self.window.meters.name_of(instrument)
        menu.addSeparator()
        add_choice(menu, f"{not_a(name)}…", lambda: self.correct(instrument))
        add_choice(menu, "Threshold…", lambda: self.ask_threshold(instrument))
        if instrument in self.settings.thresholds:
            own = self.model_threshold(instrument)
            add_choice(
                menu, f"The model's own threshold ({100 * own:.0f} %)",
                lambda: self.set_threshold(instrument, None),
            )  # fmt: skip

    def correct(self, instrument: str) -> CorrectionDialog:
        """Ask what did sound, then lower the meter and keep the sound, if that is wanted."""
        window = self.window
        kept_s, load = self.last_sound()
        threshold = self.lowered(instrument)
        heard = [name for name in INSTRUMENTS if window.meters.is_present(name)]
        dialog = CorrectionDialog(
            window.theme, instrument, window.meters.name_of, heard, threshold=threshold,
            kept_s=kept_s, folder=clips_folder(),
            consented=self.settings.keep_clips, parent=window,
        )  # fmt: skip
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def take() -> None:
            self.set_threshold(instrument, threshold)
            if dialog.keep.isEnabled():
                self.settings.keep_clips = dialog.keep.isChecked()
            if dialog.keep.isChecked():
                self._keep(load, dialog.sounded(), dialog.complete.isChecked())

        dialog.accepted.connect(take)
        dialog.open()
        return dialog

    def _keep(self, load: Load, names: list[str], complete: bool) -> None:
        say = self.window.status.say
        if not names:
            say("The meter is lowered. No clip was kept: without a name of what sounds it "
                "teaches nothing.")  # fmt: skip
            return

        def told(path: Path | None, error: Exception | None) -> None:
            say(str(error) if path is None else f"The meter is lowered; {path} is kept.")

        self.window.background.run(
            lambda: keep(clips_folder(), *load(), names, complete=complete), told, "clip"
        )

    def last_sound(self) -> tuple[float, Load]:
        """How many of the last seconds there are, and what gives them; it may take a while."""
        session = self.window.session
        if isinstance(session, FileSession):
            file, time_s = session, session.player.position_s
            return min(time_s, CLIP_S), lambda: file.sound_before(time_s, CLIP_S)
        sound, rate_hz = np.zeros((0, 1), np.float32), 0
        if isinstance(session, LiveSession):
            sound, rate_hz = session.probe.last(CLIP_S)
        return len(sound) / max(rate_hz, 1), lambda: (sound, rate_hz)

    def lowered(self, instrument: str) -> float:
        """A threshold that none of the last seconds would pass."""
        now, highest = self.threshold(instrument), 0.0
        session, index = self.window.session, INSTRUMENTS.index(instrument)
        if session is not None:
            now_s = session.reading().time_s
            rows = session.track.between(now_s - LOOK_BACK_S, now_s + 0.5)
            if len(rows):
                highest = float(rows.instruments[:, index].max())
        above = max(now, math.ceil(100 * (highest + ABOVE)) / 100)
        return above if above <= HIGHEST else NEVER

    def threshold(self, instrument: str) -> float:
        """From which probability on it counts as heard."""
        own = self.settings.thresholds.get(instrument)
        return self.model_threshold(instrument) if own is None else own

    def model_threshold(self, instrument: str) -> float:
        model = self.window.model
        if not model.done() or model.exception() is not None:
            return 0.5
        return float(model.result().spec.thresholds.get(instrument, 0.5))

    def ask_threshold(self, instrument: str) -> None:
        name, own = self.window.meters.name_of(instrument), self.model_threshold(instrument)
        percent, ok = QInputDialog.getInt(
            self.window, f"Threshold of {name}",
            f"{name} counts as heard from so many percent on (the model's own: {100 * own:.0f}):",
            round(100 * min(self.threshold(instrument), HIGHEST)), round(100 * LOWEST),
            round(100 * HIGHEST),
        )  # fmt: skip
        if ok:
            self.set_threshold(instrument, percent / 100)

    def set_threshold(self, instrument: str, threshold: float | None) -> None:
        """A threshold of one's own; None brings the model's back."""
        thresholds = dict(self.settings.thresholds)
        thresholds.pop(instrument, None)
        if threshold is not None and abs(threshold - self.model_threshold(instrument)) >= 0.005:
            thresholds[instrument] = threshold
        self.settings.thresholds = thresholds
        self.window.use_thresholds()
