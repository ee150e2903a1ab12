"""Choosing a live input: what is listed, what is remembered, what is told when there is none."""

from __future__ import annotations

import pytest

from desktop.background import Background
from desktop.guides import GUIDES
from desktop.live import channel_of, device_latency_s
from desktop.settings import Settings
from desktop.widgets.live_input import LiveInputDialog, channel_choices, label_of
from realtime.errors import TuttiError
from realtime.sources import device as devices
from realtime.sources.device import Device

BUILT_IN = Device("Built-in", "ALSA", 2, 48_000, False, True)
MONITOR = Device(
    "built-in.monitor", "PulseAudio", 2, 44_100, True, False, "Monitor of Built-in"
)
BIG = Device("Scarlett 18i20", "ALSA", 4, 96_000, False, False)


@pytest.fixture
def dialog(qtbot, theme, monkeypatch):
    """``dialog(settings, list or error)``: a dialog after its first look."""

    def make(settings: Settings, found: list[Device] | Exception) -> LiveInputDialog:
        def list_devices() -> list[Device]:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(devices, "list_devices", list_devices)
        made = LiveInputDialog(settings, Background())
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
    assert Settings.from_document(vars(settings)) == settings


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
