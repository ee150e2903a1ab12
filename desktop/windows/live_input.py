"""Choosing a live input: device, channel; with a guide to loopback on this system."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.background import Background
from desktop.kept.settings import Settings
from desktop.windows.device_list import DeviceList
from desktop.windows.guides import guide
from desktop.windows.reastream_senders import ReaStreamSenders
from realtime.errors import TuttiError
from realtime.sources import reastream
from realtime.sources.device import Device, find_known, goes_by_name
from realtime.sources.reastream_packet import PORT
from realtime.sources.reastream_receiver import LOOPBACK, Sending

RATES_HZ = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
BLOCKS = (64, 128, 256, 512, 1024, 2048, 4096)
_NAMED_CHANNELS = (
    ("mono", "Mono: all channels"),
    ("left", "Left"),
    ("right", "Right"),
    ("mid", "Mid: (L + R) / 2"),
    ("side", "Side: (L − R) / 2"),
)


def label_of(device: Device) -> str:
    """As the list shows it: title, host API, and what it is."""
    text = device.full_label
    if device.is_loopback:
        text += ", loopback"
    if device.is_default:
        text += ", default"
    return text


def channel_choices(channels: int) -> list[tuple[str, str | list[int]]]:
    """Texts and values for a device with that many channels."""
    if channels < 2:
        return [("Mono", "mono")]
    choices: list[tuple[str, str | list[int]]] = [(text, name) for name, text in _NAMED_CHANNELS]
    if channels > 2:
        choices += [
            (f"Channels {i + 1} and {i + 2}", [i, i + 1]) for i in range(0, channels - 1, 2)
        ]
        choices += [(f"Channel {i + 1}", [i, i]) for i in range(channels)]
    return choices


class LiveInputDialog(QDialog):
    """Lists devices in the background; ``accepted_input`` says what to listen to.

    Senders of ReaStream join the list as they are heard at ``address``, with their levels.
    """

    accepted_input = pyqtSignal(object)

    def __init__(
        self,
        settings: Settings,
        background: Background,
        parent: QWidget | None = None,
        address: tuple[str, int] = (LOOPBACK, PORT),
    ) -> None:
        super().__init__(parent)
        self.settings = settings
        self._background = background
        self.devices: list[Device] = []
        self._address = address
        self._senders: dict[tuple[str, str, int], Sending] = {}
        self.setWindowTitle("Live input")
        self.setMinimumWidth(760)
        self.device = QComboBox()
        self.levels = DeviceList(self.device)
        self.channel = QComboBox()
        self.rate = QComboBox()
        self.block = QComboBox()
        for widget, name in (
            (self.device, "Device"), (self.channel, "Channel"), (self.rate, "Sample rate"),
            (self.block, "Block size"),
        ):  # fmt: skip
            widget.setAccessibleName(name)
        self.device.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.refresh_button = QPushButton("Refresh")
        self.refresh_button.clicked.connect(self.refresh)
        self.start_button = QPushButton("Listen")
        self.start_button.setProperty("primary", True)
        self.start_button.setDefault(True)
        self.start_button.clicked.connect(self._start)
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.reastream = QLabel("ReaStream: starting to listen…")
        self.reastream.setProperty("role", "muted")
        self.reastream.setWordWrap(True)
        self.device.currentIndexChanged.connect(self._device_picked)
        self._arrange(cancel)
        self._device_picked()
        self.refresh()
        watch = ReaStreamSenders(background, address, self)
        watch.heard.connect(self._senders_heard)
        watch.trouble.connect(self.reastream.setText)
        self.finished.connect(watch.close)

    def _arrange(self, cancel: QPushButton) -> None:
        device_row = QHBoxLayout()
        device_row.setSpacing(8)
        device_row.addWidget(self.levels.in_scroller(), 1)
        self.device.setParent(self)
        self.device.hide()
        form = QGridLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(12)
        form.setColumnStretch(1, 1)
        form.addLayout(device_row, 0, 1)
        for row, (text, box) in enumerate(
            (("Device", self.device), ("Channel", self.channel), ("Sample rate", self.rate),
             ("Block size", self.block))
        ):  # fmt: skip
            label = QLabel(text)
            label.setBuddy(self.levels if box is self.device else box)
            form.addWidget(label, row, 0)
            if row:
                form.addWidget(box, row, 1)
        title, text = guide()
        heading = QLabel(title)
        heading.setProperty("role", "title")
        body = QLabel(text)
        body.setProperty("role", "muted")
        body.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.addWidget(self.refresh_button)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.start_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(16)
        column.addLayout(form)
        column.addWidget(self.problem)
        column.addWidget(self.reastream)
        column.addSpacing(8)
        column.addWidget(heading)
        column.addWidget(body)
        column.addStretch()
        column.addLayout(buttons)
        self.problem.hide()

    # -- the list --------------------------------------------------------------------

    def refresh(self) -> None:
        """Look for devices anew, without holding up the window."""
        from realtime.sources.device import list_devices

        self.refresh_button.setEnabled(False)
        self.refresh_button.setText("Looking…")
        self._background.run(list_devices, self._listed, "list devices")

    def _listed(self, devices: list[Device] | None, error: Exception | None) -> None:
        self.refresh_button.setEnabled(True)
        self.refresh_button.setText("Refresh")
        wanted = self.current() or self._remembered()
        sent = {each.identity: each for each in self.devices if reastream.sends(each.host_api)}
        if reastream.sends(wanted[1]):  # it may be heard later
            sent.setdefault(wanted, reastream.device(wanted[0], *self._address))
        self.devices = [*(devices or []), *sent.values()]
        self.device.blockSignals(True)
        self.device.clear()
        for device in self.devices:
            self.device.addItem(self._text(device), device.identity)
        index = next((i for i, d in enumerate(self.devices) if d.identity == wanted), -1)
        if index < 0:
            with contextlib.suppress(TuttiError):  # nothing remembered, or it is not there
                index = self.devices.index(find_known(*wanted[:2], self.devices))
        if index < 0:
            index = next((i for i, d in enumerate(self.devices) if d.is_default), 0)
        self.device.setCurrentIndex(index if self.devices else -1)
        self.device.blockSignals(False)
        problem = str(error) if error else ""
        if not problem and not self.devices:
            problem = "No sound input was found: connect one or start the sound server; Refresh."
        # Those that go by name are not opened to be previewed: a patch bay would show it.
        self.levels.show_devices([one for one in self.devices if not goes_by_name(one.host_api)])
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.start_button.setEnabled(bool(self.devices))
        self._device_picked()

    # -- senders of ReaStream ----------------------------------------------------------

    def _senders_heard(self, senders: list[Sending]) -> None:
        """Add who is new to the end of the list, and tell everybody's level."""
        self._senders = {}
        for sender in senders:
            device = reastream.device(sender.name, *self._address)
            device = replace(
                device, channels=sender.channels, sample_rate_hz=sender.sample_rate_hz
            )
            self._senders[device.identity] = sender
            self._keep(device)
            self.levels.tell_level(device.identity, sender.level.peak_dbfs)
        for index, device in enumerate(self.devices):
            if self.device.itemText(index) != (text := self._text(device)):
                self.device.setItemText(index, text)
        where = "{} port {}".format(*self._address)
        self.reastream.setText(
            f"ReaStream: set the plug-in on a track to send to {where}; who sends joins the list."
            if not senders
            else f"ReaStream: {len(self._senders)} heard at {where}."
        )

    def _keep(self, device: Device) -> None:
        row = next((i for i, d in enumerate(self.devices) if d.identity == device.identity), None)
        if row is None:
            self.devices.append(device)
            self.device.addItem("", device.identity)
            self.start_button.setEnabled(True)
        elif self.devices[row] != device:
            self.devices[row] = device
            if row == self.device.currentIndex():
                self._device_picked()

    def _text(self, device: Device) -> str:
        if not reastream.sends(device.host_api):
            return label_of(device)
        if device.identity not in self._senders:
            return f"{device.full_label}, not heard now"
        channels = "mono" if device.channels == 1 else f"{device.channels} channels"
        return f"{device.full_label}, {channels}, {device.sample_rate_hz / 1000:g} kHz"

    def _remembered(self) -> tuple[str, str, int]:
        return self.settings.device["name"], self.settings.device["host_api"], 0

    def current(self) -> tuple[str, str, int] | None:
        """Identity of the device picked."""
        data = self.device.currentData()
        return tuple(data) if data else None

    def _picked(self) -> Device | None:
        index = self.device.currentIndex()
        return self.devices[index] if 0 <= index < len(self.devices) else None

    def _device_picked(self) -> None:
        device = self._picked()
        self.channel.clear()
        for text, value in channel_choices(device.channels if device else 2):
            self.channel.addItem(text, value)
        self.channel.setCurrentIndex(max(self.channel.findData(self.settings.channel), 0))
        self.rate.clear()
        its_own = f"The device's own, {device.sample_rate_hz / 1000:g} kHz" if device else "Its own"
        self.rate.addItem(its_own, 0)
        own = device is not None and goes_by_name(device.host_api)
        self.rate.setEnabled(not own)  # the DAW, or JACK, chose both
        self.block.setEnabled(not own)
        for rate_hz in () if own else RATES_HZ:
            if device is None or rate_hz != device.sample_rate_hz:
                self.rate.addItem(f"{rate_hz / 1000:g} kHz", rate_hz)
        self.rate.setCurrentIndex(max(self.rate.findData(self.settings.sample_rate_hz), 0))
        self.block.clear()
        self.block.addItem("The system's own", 0)
        for frames in () if own else BLOCKS:
            self.block.addItem(f"{frames} frames", frames)
        self.block.setCurrentIndex(max(self.block.findData(self.settings.block_frames), 0))

    def _start(self) -> None:
        device = self._picked()
        if device is None:
            return
        self.settings.device = {"name": device.name, "host_api": device.host_api}
        self.settings.channel = self.channel.currentData()
        self.settings.sample_rate_hz = self.rate.currentData()
        self.settings.block_frames = self.block.currentData()
        self.levels.close_previews(wait_for=device.identity)
        self.accepted_input.emit(device)
        self.accept()
