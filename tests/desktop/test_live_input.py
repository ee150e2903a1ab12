"""Choosing a live input: what is listed, what is remembered, what is told when there is none."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

from desktop.background import Background
from desktop.kept.settings import Settings
from desktop.sessions.live_session import LiveSession
from desktop.sessions.open_live import channel_of, device_latency_s, open_live
from desktop.windows.device_list import ROW_PX
from desktop.windows.guides import GUIDES
from desktop.windows.live_input import LiveInputDialog, channel_choices, label_of
from realtime.errors import TuttiError
from realtime.host.reastream_sender import ReaStreamSender
from realtime.smoothing import Smoothing
from realtime.sources import device as devices
from realtime.sources.device import Device

BUILT_IN = Device("Built-in", "ALSA", 2, 48_000, False, True)
MONITOR = Device(
    "built-in.monitor", "PulseAudio", 2, 44_100, True, False, "Monitor of Built-in"
)
BIG = Device("Scarlett 18i20", "ALSA", 4, 96_000, False, False)


@pytest.fixture
def port() -> int:
    """A UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def sends(port) -> Iterator[Callable[[str, float], None]]:
    """``sends(name, amplitude)``: from then on ReaStream comes under that name."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def start(name: str, amplitude: float) -> None:
        def run() -> None:
            sender = ReaStreamSender(name, port=port)
            block = amplitude * np.sin(np.arange(4800) * (2 * np.pi / 100))
            while not over.wait(0.1):
                sender.send(block.astype(np.float32)[:, np.newaxis].repeat(4, 1), 48_000)
            sender.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def dialog(qtbot, theme, monkeypatch, port):
    """``dialog(settings, list or error)``: a dialog after its first look."""

    def make(settings: Settings, found: list[Device] | Exception) -> LiveInputDialog:
        def list_devices() -> list[Device]:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(devices, "list_devices", list_devices)
        made = LiveInputDialog(settings, Background(), None, ("127.0.0.1", port))
        made.keep = made._background
        qtbot.addWidget(made)
        qtbot.waitUntil(made.refresh_button.isEnabled, timeout=5000)
        return made

    return make


def test_loopback_and_default_are_marked():
    assert label_of(MONITOR).endswith("loopback")
    assert "PulseAudio" in label_of(MONITOR)
    assert label_of(BUILT_IN).endswith("default")


def test_the_default_is_offered_first_time(dialog):
    assert dialog(Settings(), [MONITOR, BUILT_IN]).current() == BUILT_IN.identity


def test_the_last_device_is_found_by_name_and_host_api(dialog):
    settings = Settings(device={"name": BIG.name, "host_api": BIG.host_api}, channel=[2, 3])
    made = dialog(settings, [BUILT_IN, BIG, MONITOR])
    assert made.current() == BIG.identity
    assert made.channel.currentData() == [2, 3]


def test_what_is_picked_is_remembered(dialog, qtbot):
    settings = Settings()
    made = dialog(settings, [BUILT_IN, BIG])
    made.device.setCurrentIndex(1)
    made.channel.setCurrentIndex(made.channel.findText("Channels 3 and 4"))
    made.rate.setCurrentIndex(made.rate.findData(48_000))
    made.block.setCurrentIndex(made.block.findData(512))
    with qtbot.waitSignal(made.accepted_input) as chosen:
        made.start_button.click()
    assert chosen.args[0] == BIG
    assert settings.device == {"name": "Scarlett 18i20", "host_api": "ALSA"}
    assert channel_of(settings) == (2, 3)
    assert (settings.sample_rate_hz, settings.block_frames) == (48_000, 512)
    assert Settings.from_document(settings.document()) == settings


def test_senders_of_reastream_join_the_list_as_they_are_heard(
    dialog, sends, qtbot, model_future, port
):
    """With levels that move; the one picked is heard, remembered, and found again by name."""
    settings = Settings()
    made = dialog(settings, [])
    made.show()
    qtbot.waitUntil(lambda: f"port {port}" in made.reastream.text(), timeout=10_000)
    assert not made.start_button.isEnabled()
    sends("drums", 0.5)
    qtbot.waitUntil(lambda: made.device.count() == 1, timeout=5000)
    assert made.device.itemText(0) == f"drums (ReaStream 127.0.0.1:{port}), 4 channels, 48 kHz"
    sends("keys", 0.05)
    qtbot.waitUntil(lambda: made.device.count() == 2, timeout=5000)
    assert made.device.currentIndex() == 0  # what was picked stays picked
    shown = made.levels.level_text
    qtbot.waitUntil(lambda: (shown(0), shown(1)) == ("−6 dBFS", "−26 dBFS"), timeout=5000)
    area = made.levels.parent().parent()  # the scroller has grown with the list
    qtbot.waitUntil(lambda: area.height() == made.levels.height() == 2 * ROW_PX, timeout=5000)
    made.refresh()
    qtbot.waitUntil(made.refresh_button.isEnabled, timeout=5000)
    assert made.device.count() == 2
    made.device.setCurrentIndex(1)
    assert not made.rate.isEnabled()
    assert "Channels 3 and 4" in [made.channel.itemText(i) for i in range(made.channel.count())]
    with qtbot.waitSignal(made.accepted_input) as chosen:
        made.start_button.click()
    for source in (chosen.args[0], None):  # now, and as the settings have kept it
        session = open_live(settings, model_future, Smoothing(), None, source)
        try:
            qtbot.waitUntil(partial(is_metered, session), timeout=20_000)
            assert session.reading().level.rms_dbfs == pytest.approx(-29.0, abs=0.5)
            assert session.source_name() == "keys"
        finally:
            session.close()
            assert session.ended(5.0)


def is_metered(session: LiveSession) -> bool:
    return session.reading().level.known


def test_a_sender_remembered_is_offered_before_it_is_heard(dialog, port):
    kept = {"name": "drums", "host_api": f"ReaStream 127.0.0.1:{port}"}
    made = dialog(Settings(device=kept), [BUILT_IN])
    assert made.device.currentText() == f"drums (ReaStream 127.0.0.1:{port}), not heard now"
    assert made.start_button.isEnabled()


def test_a_port_of_reastream_that_is_taken_is_told(dialog, qtbot, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        made = dialog(Settings(), [BUILT_IN])
        qtbot.waitUntil(lambda: "cannot be heard" in made.reastream.text(), timeout=10_000)
    assert made.start_button.isEnabled()


def alike(*names: str) -> list[Device]:
    return [Device(name, "PulseAudio", 2, 48_000, True, False, "Monitor of HDMI") for name in names]


class Opened:
    """Stands for a source: what it was asked for, and nothing to hear."""

    asked: ClassVar[list] = []

    def __init__(self, device, *_):
        self.asked.append(device)
        raise TuttiError("not opened in this test")


@pytest.fixture
def opens(monkeypatch):
    """``opens(settings, found, chosen)``: what device the window then opens, and what it says."""

    def run(settings: Settings, found: list[Device], chosen: Device | str | None = None):
        monkeypatch.setattr(devices, "list_devices", lambda: devices.titled(found))
        monkeypatch.setattr(devices, "DeviceSource", Opened)
        Opened.asked.clear()
        model: Future = Future()
        model.set_result(None)
        session = open_live(settings, model, Smoothing(), None, chosen)
        assert session.ended(5.0)
        return Opened.asked[0] if Opened.asked else session.error

    return run


@pytest.mark.parametrize("row", [0, 1])
def test_of_two_alike_the_row_picked_is_opened_and_kept(dialog, qtbot, opens, row):
    """Two outputs of one description: told apart in the list, by name in the settings."""
    found = devices.titled(alike("a.monitor", "b.monitor"))
    settings = Settings()
    made = dialog(settings, found)
    texts = [made.device.itemText(index) for index in range(2)]
    assert [name in text for name, text in zip("ab", texts, strict=True)] == [True, True]
    assert texts[0] != texts[1]
    made.device.setCurrentIndex(row)
    with qtbot.waitSignal(made.accepted_input) as chosen:
        made.start_button.click()
    assert settings.device == {"name": found[row].name, "host_api": "PulseAudio"}
    assert opens(settings, found, chosen.args[0]) == found[row]
    again = opens(Settings.from_document(settings.document()), found[::-1])
    assert again.identity == found[row].identity
    assert dialog(settings, found[::-1]).current() == found[row].identity


def test_the_device_kept_is_opened_or_none(opens):
    """Gone: said, and none of those whose name or description resembles it is opened."""
    kept = Settings(device={"name": "b.monitor", "host_api": "PulseAudio"})
    error = opens(kept, alike("a.monitor", "bb.monitor"))
    assert "'b.monitor' (PulseAudio) is not there" in error
    old = Settings(device={"name": "Monitor of HDMI", "host_api": "PulseAudio"})
    assert "fits 2" in opens(old, alike("a.monitor", "b.monitor"))
    assert opens(old, alike("b.monitor")).name == "b.monitor"


def test_without_a_device_kept_the_default_is_followed(opens):
    """None is the source's word for whatever is the default."""
    assert opens(Settings(), [BUILT_IN]) is None
    kept = Settings(device={"name": "x", "host_api": "ALSA"})
    assert opens(kept, [BUILT_IN], "default") is None


def test_twins_open_by_the_row_picked(dialog, qtbot, opens):
    """Two of one name through PortAudio: only their place tells them apart."""
    found = devices.titled(
        [Device("Mic", "Core Audio", 1, 48_000, False, False, "", i, 2) for i in range(2)]
    )
    made = dialog(Settings(), found)
    made.device.setCurrentIndex(1)
    made.refresh()
    qtbot.waitUntil(made.refresh_button.isEnabled, timeout=5000)
    with qtbot.waitSignal(made.accepted_input) as chosen:
        made.start_button.click()
    assert opens(made.settings, found, chosen.args[0]).place == 1
    assert "fits 2" in opens(made.settings, found)


def test_a_device_on_the_command_line_that_fits_several_opens_no_window(
    monkeypatch, tmp_path, capsys
):
    """As for ``tutti listen``: one message with each of them, exit 2."""
    from realtime.cli import main

    found = devices.titled(alike("a.monitor", "b.monitor"))
    monkeypatch.setattr(devices, "list_devices", lambda: found)
    picture = tmp_path / "a.png"
    arguments = ["monitor", "--device", "HDMI", "--screenshot", str(picture)]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert all(device.full_label in told for device in found)
    assert not picture.exists()


def test_lost_time_is_counted_at_the_rate_it_was_lost_at(model_future, wait_until_true):
    """Half a second lost at 16 kHz, then 0.25 s at 96 kHz: 0.75 s."""
    source = Losing()
    session = LiveSession("losing", lambda: source, model_future, hop_s=0.5,
                          smoothing=Smoothing(), channel="mono")  # fmt: skip
    try:
        wait_until_true(lambda: source.openings == 2 and source.given_s > 3.2)
        health = session.health()
    finally:
        session.close()
        assert session.ended(5.0)
    away_s = source.reopened_s - source.broke_s
    assert health.frames_missing_s == pytest.approx(0.75 + away_s, abs=0.12)


class Losing:
    """A live input whose time passes by itself: it loses some, breaks, and comes at 96 kHz."""

    name, live, channels, overflows = "losing", True, 1, 0
    LOST_S: ClassVar = {1: 0.5, 2: 0.25}

    def __init__(self):
        self.sample_rate_hz = 16_000
        self.openings = 0
        self.given_s = 0.0

    def open(self):
        self.openings += 1
        self.sample_rate_hz = 16_000 if self.openings == 1 else 96_000
        self.given_s = 0.0
        self._lost_s = 0.0
        self._opened_s = self.reopened_s = time.monotonic()

    def read(self, timeout_s):
        time.sleep(0.05)
        passed_s = time.monotonic() - self._opened_s
        if passed_s > 1.5:
            self._lost_s = self.LOST_S[self.openings]
        if self.openings == 1 and passed_s > 3.6:
            self.broke_s = time.monotonic()
            raise TuttiError("it broke off")
        due_s = passed_s - self._lost_s - self.given_s
        frames = max(0, round(due_s * self.sample_rate_hz))
        self.given_s += frames / self.sample_rate_hz
        return np.full((frames, 1), 0.1, np.float32)

    def renewed(self):
        return self

    def close(self):
        pass


@pytest.fixture
def wait_until_true():
    def wait(condition, timeout_s=20.0):
        until_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until_s
            time.sleep(0.02)

    return wait


def test_a_stereo_device_offers_no_channel_it_lacks():
    assert [value for _, value in channel_choices(2)] == ["mono", "left", "right", "mid", "side"]
    assert channel_choices(1) == [("Mono", "mono")]
    assert ("Channel 4", [3, 3]) in channel_choices(4)


def test_refresh_keeps_the_choice(dialog, qtbot):
    made = dialog(Settings(), [BUILT_IN, BIG])
    made.device.setCurrentIndex(1)
    made.refresh()
    qtbot.waitUntil(made.refresh_button.isEnabled, timeout=5000)
    assert made.current() == BIG.identity


@pytest.mark.parametrize("found", [[], TuttiError("PortAudio is missing: install it.")])
def test_nothing_to_listen_to_is_told(dialog, found):
    made = dialog(Settings(), found)
    assert not made.start_button.isEnabled()
    assert ("PortAudio" if found else "No sound input") in made.problem.text()


def test_every_system_has_its_guide():
    for system, word in (("darwin", "BlackHole"), ("win32", "VB-Cable"), ("linux", "JACK")):
        assert word in GUIDES[system][1]


def test_latency_counts_the_block_that_was_asked_for():
    assert device_latency_s("ALSA", 4800, 48_000) - device_latency_s("ALSA", 480, 48_000) == (
        pytest.approx(0.09)
    )
    assert device_latency_s("PulseAudio", 480, 48_000) == pytest.approx(0.01)
    assert device_latency_s("PulseAudio", 0, 48_000) > 0.0


# -- levels of every device ------------------------------------------------------------


class Loud:
    """A source of one steady level."""

    live, sample_rate_hz, channels, overflows, name = True, 48_000, 2, 0, "loud"

    def __init__(self, amplitude: float) -> None:
        self.amplitude = amplitude
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    def read(self, timeout_s: float):
        time.sleep(0.01)
        return np.full((480, 2), self.amplitude, np.float32)

    def renewed(self):
        return self

    def close(self) -> None:
        self.is_open = False


def test_every_device_shows_its_level_while_the_list_is_open(qtbot, theme):
    from PyQt6.QtCore import QPoint, Qt
    from PyQt6.QtWidgets import QComboBox

    from desktop.sessions.previews import Previews
    from desktop.windows.device_list import DeviceList

    opened: dict[str, Loud] = {}

    def make(device: Device) -> Loud:
        if device == BIG:
            raise TuttiError("It is in use.")
        opened[device.name] = Loud(0.5 if device == MONITOR else 0.0)
        return opened[device.name]

    box = QComboBox()
    qtbot.addWidget(box)
    for device in (BUILT_IN, MONITOR, BIG):
        box.addItem(label_of(device), device.identity)
    shown = DeviceList(box, Previews(make))
    qtbot.addWidget(shown)
    shown.show_devices([BUILT_IN, MONITOR, BIG])
    assert not opened, "nothing is opened before it is shown"
    shown.show()
    qtbot.waitUntil(lambda: shown.level_text(1) == "−6 dBFS", timeout=5000)
    qtbot.waitUntil(lambda: shown.level_text(0) == "silence", timeout=5000)
    qtbot.waitUntil(lambda: shown.level_text(2) == "in use or gone", timeout=5000)
    assert "what plays here, PulseAudio, 2 channels, 44.1 kHz" in shown.text_of(1)

    qtbot.mouseClick(shown, Qt.MouseButton.LeftButton, pos=QPoint(40, 60))
    assert box.currentIndex() == 1
    qtbot.keyClick(shown, Qt.Key.Key_Down)
    assert box.currentIndex() == 2
    shown.hide()
    qtbot.waitUntil(lambda: not any(one.is_open for one in opened.values()), timeout=5000)


def test_the_chosen_device_is_let_go_before_it_is_opened(theme):
    from desktop.sessions.previews import Previews

    source = Loud(0.1)
    previews = Previews(lambda device: source)
    previews.show([MONITOR])
    until_s = time.monotonic() + 5.0
    while not source.is_open and time.monotonic() < until_s:
        time.sleep(0.01)
    assert source.is_open
    previews.close(wait_for=MONITOR.identity)
    assert not source.is_open
