"""Loudness beside the tags: measured off the UI thread, and off by one key."""

import threading

import numpy as np
import pytest
from PyQt6.QtCore import Qt

from desktop.controllers.correcting import CLIP_S
from desktop.heard.sound import BANDS, FLOOR_DBFS, band_centres_hz, correlation, spectrum
from desktop.looks.theme import Theme
from desktop.sessions.live_session import LiveSession
from desktop.sessions.probe import KEPT_S, SoundProbe
from desktop.widgets.loudness import LoudnessPanel
from realtime.loudness import Loudness
from realtime.smoothing import Smoothing
from realtime.sources.file import FileSource
from realtime.sources.overheard import Overheard
from realtime.sources.paced import PacedSource

RATE_HZ = 48_000


def tone(hertz, level_dbfs, seconds=0.5, rate_hz=RATE_HZ):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = 10.0 ** (level_dbfs / 20.0) * np.sin(2 * np.pi * hertz * time_s)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [22_050, 48_000, 96_000])
@pytest.mark.parametrize("hertz", [120.0, 1000.0, 7000.0])
def test_a_sine_stands_in_its_own_band_at_its_own_level(hertz, rate_hz):
    levels = spectrum(tone(hertz, -20.0, rate_hz=rate_hz), rate_hz)
    loudest = band_centres_hz()[int(np.argmax(levels))]
    assert loudest / hertz == pytest.approx(1.0, abs=0.15)
    around = int(np.argmax(levels))
    near = 10 * np.log10((10 ** (levels[max(around - 1, 0) : around + 2] / 10)).sum())
    assert near == pytest.approx(-20.0, abs=1.0)
    assert levels.shape == (BANDS,)


def test_silence_has_an_empty_spectrum():
    assert (spectrum(np.zeros((100, 2), np.float32), RATE_HZ) == FLOOR_DBFS).all()


def test_correlation_tells_mono_from_what_cancels():
    same = tone(300.0, -12.0)
    assert correlation(same) == pytest.approx(1.0)
    assert correlation(same * [1.0, -0.5]) == pytest.approx(-1.0)
    quarter = np.stack([same[:-40, 0], same[40:, 1]], axis=1)  # 300 Hz: 40 frames are 90 degrees
    assert correlation(quarter) == pytest.approx(0.0, abs=0.05)
    assert correlation(same[:, :1]) is None
    assert correlation(np.zeros((10, 2))) is None


def test_a_probe_measures_on_a_thread_of_its_own_and_only_when_asked(wait):
    probe = SoundProbe()
    probe.push(tone(1000.0, -23.0, 1.0), RATE_HZ)
    assert probe.latest is None
    probe.measure(True)
    for _ in range(40):
        probe.push(tone(1000.0, -23.0, 0.1), RATE_HZ)
    wait(lambda: probe.latest.loudness.momentary_lufs == pytest.approx(-23.0, abs=0.1), "loudness")
    assert probe.latest.correlation == pytest.approx(1.0)
    assert any(thread.name == "loudness" for thread in threading.enumerate())
    probe.reset()
    assert probe.latest.loudness == Loudness()
    probe.measure(False)
    assert probe.latest is None
    probe.close()
    wait(lambda: not any(t.name == "loudness" for t in threading.enumerate()), "its end")


def test_a_probe_keeps_the_last_seconds_and_no_more():
    probe = SoundProbe()
    for second in range(30):
        probe.push(np.full((1000, 2), second / 100, np.float32), 1000)
    kept, rate_hz = probe.last(3.0)
    assert (len(kept), rate_hz) == (3000, 1000)
    assert np.unique(kept).tolist() == pytest.approx([0.27, 0.28, 0.29])
    assert KEPT_S * 1000 <= len(probe.last(1000.0)[0]) <= (KEPT_S + 1) * 1000
    probe.push(np.zeros((10, 1), np.float32), 2000)  # another device
    assert probe.last(3.0)[0].shape == (10, 1)


def test_a_source_is_overheard_and_otherwise_itself():
    class Source:
        name, sample_rate_hz, channels, live, overflows = "mix", 8000, 2, True, 3
        blocks = [np.ones((4, 2), np.float32), np.zeros((0, 2), np.float32), None]

        def read(self, timeout_s):
            return self.blocks.pop(0)

        def renewed(self):
            return self

    heard = []
    source = Overheard(Source(), lambda block, rate_hz: heard.append((len(block), rate_hz)))
    assert [len(source.read(1.0)), len(source.read(1.0)), source.read(1.0)] == [4, 0, None]
    assert heard == [(4, 8000)]
    assert (source.name, source.channels, source.live, source.overflows) == ("mix", 2, True, 3)
    assert isinstance(source.renewed(), Overheard)


def test_the_panel_shows_what_a_file_s_sound_measures_and_k_ends_it(opened, qtbot, write_sound):
    window, panel = opened.window, opened.menus.loudness.panel
    assert window.open_file(write_sound("a.wav", [(["flute"], 4.0)]), play=True)
    qtbot.waitUntil(lambda: "LUFS" in panel.accessibleDescription(), timeout=10_000)
    qtbot.waitUntil(lambda: "Integrated −" in panel.summary(), timeout=10_000)
    assert "correlation +1.00" in panel.summary()
    probe = window.session.probe
    qtbot.keyClick(window, Qt.Key.Key_K)
    assert not panel.isVisible()
    assert probe.latest is None
    assert not opened.menus.actions["loudness"].isChecked()
    qtbot.keyClick(window, Qt.Key.Key_K)
    assert panel.isVisible()


def test_a_live_input_is_measured_and_its_last_seconds_are_at_hand(
    opened, qtbot, write_sound, model_future
):
    path = write_sound("in.wav", [(["piano"], 6.0)])
    session = LiveSession(
        "in", lambda: PacedSource(FileSource(path), speed=4.0), model_future, hop_s=0.5,
        smoothing=Smoothing(), channel="mono",
    )  # fmt: skip
    opened.window.show_session(session)
    panel = opened.menus.loudness.panel
    qtbot.waitUntil(lambda: "Integrated −" in panel.summary(), timeout=15_000)
    kept_s, load = opened.menus.correcting.last_sound()
    sound, rate_hz = load()
    assert 0.0 < kept_s <= CLIP_S
    assert len(sound) == round(kept_s * rate_hz)
    assert np.abs(sound).max() > 0.05


def test_the_panel_gives_way_in_a_low_window_and_in_the_compact_one(opened):
    window, loudness = opened.window, opened.menus.loudness
    window.resize(1000, 620)
    loudness.look()
    assert loudness.panel.isHidden()
    window.resize(1280, 840)
    loudness.look()
    assert not loudness.panel.isHidden()
    opened.menus.view.toggle_compact()
    loudness.look()
    assert loudness.panel.isHidden()


def test_a_hot_peak_and_a_cancelling_mix_are_told_in_words_and_by_a_mark(qtbot):
    panel = LoudnessPanel(Theme.named("dark"))
    qtbot.addWidget(panel)
    panel.resize(304, panel.height())
    calm = Loudness(-14.0, -14.0, -14.0, -3.0)
    panel.set_measured(calm, 0.9, np.full(BANDS, -60.0))
    before = panel.grab().toImage()
    panel.set_measured(Loudness(-14.0, -14.0, -14.0, 0.3), -0.4, np.full(BANDS, -60.0))
    assert panel.grab().toImage() != before
    assert "true peak 0.3 dBTP, correlation −0.40" in panel.summary()
