"""Inputs to choose from, each with its live level: a view of a combo box's lines.

The combo box stays what is asked which one is chosen; this shows all of its lines at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QRect, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import (
    QColor,
    QFont,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QShowEvent,
)
from PyQt6.QtWidgets import QComboBox, QScrollArea, QSizePolicy, QWidget

from desktop.sessions.previews import Previews
from realtime.sources.device import Device

FRAME_MS = 50
ROW_PX = 46
ROWS_IN_VIEW = 6
_WAYS_TO_THE_SERVER = ("default", "pulse", "pipewire", "sysdefault")
"""ALSA's names that lead to what the sound server lists by itself."""
FLOOR_DBFS, FALL_DB = -60.0, 1.5
"""The bar's left end, and how far it falls in a frame."""


class DeviceList(QWidget):
    """One row a line of ``box``: name, what it is, and while it is shown how loud it is."""

    def __init__(self, box: QComboBox, previews: Previews | None = None) -> None:
        super().__init__()
        self.box = box
        self.previews = previews or Previews()
        self._devices: dict[tuple[object, ...], Device] = {}
        self._area: QScrollArea | None = None
        self._shown_dbfs: dict[tuple[object, ...], float] = {}
        self._told_dbfs: dict[tuple[object, ...], float] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._look)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Device")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        box.currentIndexChanged.connect(self._picked)

    def show_devices(self, devices: Sequence[Device]) -> None:
        """The devices that the lines stand for; lines of others have no level."""
        self._devices = {device.identity: device for device in devices}
        if self.isVisible():
            self.previews.show(devices)
        self._picked()

    def tell_level(self, identity: tuple[str, str, int], level_dbfs: float) -> None:
        """The peak of a line that is no device here, and is not opened to hear it."""
        self._told_dbfs[identity] = level_dbfs

    def close_previews(self, wait_for: tuple[str, str, int] | None = None) -> None:
        """Let go of every input; of ``wait_for`` before this returns."""
        self._timer.stop()
        self.previews.close(wait_for)

    def sizeHint(self) -> QSize:
        return QSize(480, max(self.box.count(), 1) * ROW_PX)

    def in_scroller(self) -> QScrollArea:
        """This list with as many rows in view as there are, up to a few."""
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self)
        self._area = area
        return area

    def _picked(self) -> None:
        self.setFixedHeight(self.sizeHint().height())
        area, index = self._area, self.box.currentIndex()
        if area is not None:
            height = min(self.sizeHint().height(), ROWS_IN_VIEW * ROW_PX)
            if area.height() != height:
                area.setFixedHeight(height)
                window = self.window()
                if window is not None and window is not self and window.isVisible():
                    QTimer.singleShot(0, self._fit_window)
            area.ensureVisible(0, index * ROW_PX + ROW_PX // 2, 0, ROW_PX // 2)
        if self.box.currentIndex() >= 0:
            self.setAccessibleDescription(self.text_of(self.box.currentIndex()))
        self.update()

    def _fit_window(self) -> None:
        """As high as it would like to be; ``adjustSize`` stops at two thirds of a small screen."""
        window = self.window()
        if window is not None:
            window.resize(window.width(), window.sizeHint().height())

    def text_of(self, index: int) -> str:
        """A line in words, with its level."""
        name, details = self._texts(index)
        return f"{name}: {details}, {self.level_text(index)}"

    def level_text(self, index: int) -> str:
        """``−12 dBFS``, or why there is none."""
        identity = self._identity(index)
        if self.previews.trouble(identity):
            return "in use or gone"
        level = self._shown_dbfs.get(identity)
        if level is None:
            return ""
        return "silence" if level <= FLOOR_DBFS else f"{level:.0f} dBFS".replace("-", "−")

    def _identity(self, index: int) -> tuple[str, str, int]:
        name, host_api, place = self.box.itemData(index)
        return name, host_api, place

    def _texts(self, index: int) -> tuple[str, str]:
        device = self._devices.get(self._identity(index))
        if device is None:
            name, _, rest = self.box.itemText(index).rpartition(" (")
            return name or rest, rest.replace(")", "", 1)
        what = "what plays here" if device.is_loopback else "an input"
        if device.host_api == "ALSA" and device.name in _WAYS_TO_THE_SERVER:
            what = "the sound server, by way of ALSA"
            return device.label, what
        channels = "mono" if device.channels == 1 else f"{device.channels} channels"
        parts = [what, device.host_api, channels, f"{device.sample_rate_hz / 1000:g} kHz"]
        if device.is_default:
            parts.insert(1, "the system's default")
        return device.label, ", ".join(parts)

    # -- levels ----------------------------------------------------------------------

    def showEvent(self, event: QShowEvent | None) -> None:
        self.previews.show(list(self._devices.values()))
        self._timer.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        self.close_previews()

    def _look(self) -> None:
        if self.height() != self.sizeHint().height():
            self._picked()
        for index in range(self.box.count()):
            identity = self._identity(index)
            level = self._told_dbfs.pop(identity, None)
            if level is None:
                level = self.previews.level_dbfs(identity)
            before = self._shown_dbfs.get(identity)
            if level is None and before is None:
                continue
            fallen = FLOOR_DBFS if before is None else max(before - FALL_DB, FLOOR_DBFS)
            shown = fallen if level is None else max(level, fallen, FLOOR_DBFS)
            self._shown_dbfs[identity] = shown
            if before is None or round(shown) != round(before):
                self.update(self._row(index))

    # -- painting --------------------------------------------------------------------

    def _row(self, index: int) -> QRect:
        return QRect(0, index * ROW_PX, self.width(), ROW_PX)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(self.box.count()):
            if event is None or event.rect().intersects(self._row(index)):
                self._paint_row(painter, index)
        painter.end()

    def _paint_row(self, painter: QPainter, index: int) -> None:
        palette, role = self.palette(), QPalette.ColorRole
        row = self._row(index).adjusted(0, 1, 0, -1)
        chosen = index == self.box.currentIndex()
        accent = palette.color(role.Highlight)
        if chosen:
            ground = QColor(accent)
            ground.setAlphaF(0.18)
            painter.setBrush(ground)
            painter.setPen(QPen(accent, 2.0 if self.hasFocus() else 1.0))
            painter.drawRoundedRect(QRectF(row).adjusted(1, 1, -1, -1), 6, 6)
        name, details = self._texts(index)
        painter.setPen(QPen(accent if chosen else palette.color(role.PlaceholderText), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        dot = QRectF(row.left() + 12, row.center().y() - 5, 11, 11)
        painter.drawEllipse(dot)
        if chosen:
            painter.setBrush(accent)
            painter.drawEllipse(dot.adjusted(3, 3, -3, -3))
        bar = QRect(row.right() - 214, row.center().y() - 4, 110, 8)
        text = QRect(row.left() + 34, row.top() + 4, bar.left() - 46 - row.left(), 20)
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold if chosen else QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(palette.color(role.Text))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        elide = Qt.TextElideMode.ElideMiddle
        shown = painter.fontMetrics().elidedText(name, elide, text.width())
        painter.drawText(text, left, shown)
        font.setWeight(QFont.Weight.Normal)
        font.setPixelSize(max(round(font.pixelSize() * 0.86), 10))
        painter.setFont(font)
        quieter = QColor(palette.color(role.Text))
        quieter.setAlphaF(0.75)
        painter.setPen(quieter)
        text = text.translated(0, 18)
        shown = painter.fontMetrics().elidedText(details, elide, text.width())
        painter.drawText(text, left, shown)
        right = QRect(bar.right() + 4, row.top(), row.right() - bar.right() - 12, row.height())
        painter.drawText(right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                         self.level_text(index))  # fmt: skip
        painter.fillRect(bar, palette.color(role.Mid))
        level = self._shown_dbfs.get(self._identity(index), FLOOR_DBFS)
        width = round((min(level, 0.0) - FLOOR_DBFS) / -FLOOR_DBFS * bar.width())
        if width > 0:
            painter.fillRect(QRect(bar.left(), bar.top(), width, bar.height()), accent)

    # -- hands -----------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        index = int(event.position().y()) // ROW_PX if event is not None else -1
        if 0 <= index < self.box.count():
            self.box.setCurrentIndex(index)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        step = steps.get(Qt.Key(event.key())) if event is not None else None
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= self.box.currentIndex() + step < self.box.count():
            self.box.setCurrentIndex(self.box.currentIndex() + step)
