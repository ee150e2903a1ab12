"""Each widget alone: what it shows for what it is given, and what hands do to it."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QStyle, QStyleOptionComboBox

from desktop.heard.bridge import Health, SessionState
from desktop.heard.track import Track
from desktop.kept.settings import Settings
from desktop.looks.theme import Theme
from desktop.sessions.analysis import FileAnalysis
from desktop.widgets.delay import DelayButton
from desktop.widgets.expected import ExpectedList
from desktop.widgets.heat import instrument_lanes, lane_indices, lane_tables, paint_columns
from desktop.widgets.level import LevelMeter
from desktop.widgets.meter_rows import SCORE_ORDER
from desktop.widgets.meters import Meters
from desktop.widgets.overview import Overview
from desktop.widgets.polyphony import PolyphonyMeter
from desktop.widgets.roll import HistoryRoll
from desktop.widgets.roll_picture import LANES
from desktop.widgets.ruler import ruler_step
from desktop.widgets.status import StatusBar
from desktop.widgets.volume import VolumeSlider
from desktop.windows.expected import ExpectedDialog
from desktop.windows.motion import MotionDialog
from realtime.clock_time import clock_time
from realtime.stats import EngineState, Stats
from realtime.taxonomy import INSTRUMENTS
from realtime.terminal import _trouble_line


def show(qtbot, widget, width=800, height=600):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def colours(widget) -> QImage:
    return widget.grab().toImage()


# -- polyphony, level ----------------------------------------------------------------


def test_the_count_is_a_range_with_its_likeliest(qtbot, theme):
    widget = show(qtbot, PolyphonyMeter(theme), 304, 216)
    assert widget.texts() == ("–", "–", "–")
    widget.set_values(np.array([0, 0.1, 0.2, 0.6, 0.1, 0, 0]), 6)
    assert widget.texts() == ("2 to 3", "3", "6+")
    widget.set_values(np.array([0, 0.95, 0.05, 0, 0, 0, 0]), 1)
    assert widget.texts() == ("1", "1", "1")
    widget.set_values(None, None)
    assert widget.texts() == ("–", "–", "–")


def test_the_histogram_is_drawn_only_where_there_is_room(qtbot, theme):
    accent = {}
    for height in (56, 100, 220):
        widget = show(qtbot, PolyphonyMeter(theme), 304, height)
        widget.setFixedHeight(height)
        widget.set_values(np.array([0, 0, 0, 0, 0, 0, 1.0]), 6)
        image = colours(widget)
        pixels = (image.pixelColor(270, y) for y in range(image.height()))
        accent[height] = sum(pixel == theme.colour("accent") for pixel in pixels)
    assert accent[56] == accent[100] == 0
    assert accent[220] > 60


def test_level_rises_at_once_and_falls_24_db_a_second(qtbot, theme):
    widget = show(qtbot, LevelMeter(theme), 304, 104)
    widget.set_level(-20.0, -6.0, False, 0.03)
    assert (widget._rms, widget._peak) == (-20.0, -6.0)
    widget.set_level(-120.0, -120.0, False, 0.5)
    assert (widget._rms, widget._peak) == (-32.0, -18.0)
    assert widget.largest_dbfs == -6.0


def test_a_level_after_a_resize_is_as_if_painted_anew(qtbot, theme):
    widget = show(qtbot, LevelMeter(theme), 304, 104)
    widget.set_level(-20.0, -6.0, False, 0.03)
    widget.set_level(-40.0, -6.0, False, 0.03)
    widget.resize(600, 104)
    widget.grab()
    kept = widget.update
    areas = []
    widget.update = lambda *area: (areas.append(area), kept(*area))
    widget.set_level(-50.0, -50.0, False, 1.0)
    assert () in areas, "lengths of another width say nothing: all is painted"


def test_clip_latches_until_cleared(qtbot, theme):
    widget = show(qtbot, LevelMeter(theme), 304, 104)
    widget.set_level(-3.0, 0.0, True, 0.03)
    widget.set_level(-40.0, -30.0, False, 5.0)
    assert widget.clipped
    assert "clipped" in widget.summary()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
    assert not widget.clipped
    assert widget.largest_dbfs is None


@pytest.mark.parametrize("level", [float("-inf"), float("nan"), 99.0])
def test_level_survives_any_number(qtbot, theme, level):
    widget = show(qtbot, LevelMeter(theme), 304, 104)
    widget.set_level(level, level, False, 0.03)
    widget.grab()


# -- history -------------------------------------------------------------------------


def filled_track() -> Track:
    """30 s: flute in the first half, piano in the second."""
    track = Track()
    for i in range(60):
        name = "flute" if i < 30 else "piano"
        values = np.array([float(n == name) for n in INSTRUMENTS], np.float32)
        track.append(0.5 + i * 0.5, values, np.zeros(8, "f4"), np.eye(7, dtype="f4")[1], 1.0)
    return track


def test_heat_map_puts_colour_where_and_when_it_sounds(theme):
    lanes = instrument_lanes(SCORE_ORDER)
    rows = filled_track().rows()
    image = paint_columns(
        lane_tables(theme, lanes, {}), rows.instruments[:, lane_indices(lanes)], rows.centre_s,
        (0.0, 60.0), 600, 0.5,
    )  # fmt: skip
    flute, piano = lanes.index("flute"), lanes.index("piano")
    assert image.pixelColor(100, flute) == theme.colour("woodwind")
    assert image.pixelColor(100, piano) == theme.colour("panel")
    assert image.pixelColor(250, piano) == theme.colour("key")
    assert image.pixelColor(400, piano) == theme.colour("panel")


def test_a_short_entry_survives_zooming_out(theme):
    lanes = instrument_lanes(SCORE_ORDER)
    values = np.zeros((7200, 24), np.float32)
    values[3601, lanes.index("harp")] = 1.0
    image = paint_columns(
        lane_tables(theme, lanes, {}), values, np.arange(7200) * 0.5, (0.0, 3600.0), 100, 0.5
    )
    lane = lanes.index("harp")
    hits = [x for x in range(100) if image.pixelColor(x, lane) == theme.colour("plucked_string")]
    assert hits == [50]


@pytest.fixture
def roll(qtbot, theme):
    widget = show(qtbot, HistoryRoll(Settings(), theme), 1000, 400)
    widget.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.5))
    widget.show_source(filled_track(), is_live=False, duration_s=30.0, hop_s=0.5)
    widget.set_now(5.0, widget.track)
    return widget


def test_hover_tells_time_instrument_and_count(roll):
    area = roll.axes().lanes
    assert roll.lanes == ("flute", "piano"), "a lane for what is heard in view, and no other"
    lane = roll.lanes.index("flute")
    y = area.top() + (lane + 0.5) / len(roll.lanes) * area.height()
    text = roll.describe(QPoint(round(roll.axes().x(7.0)), round(y)))
    assert "0:07" in text.replace("0:06.9", "0:07")
    assert "Flute 100 of 100 sure" in text
    assert "1 at once" in text


def test_a_lane_leaves_when_it_leaves_the_view(roll):
    roll.show_source(roll.track, is_live=True, duration_s=None, hop_s=0.5)
    assert roll.lanes == LANES or roll.lanes == ("flute", "piano")
    roll.set_span(30.0)
    roll.set_now(48.0, roll.track)
    assert roll.lanes == ("piano",)
    roll.set_now(90.0, roll.track)
    assert roll.lanes == LANES, "nothing heard in view: every instrument, unlit"


def test_lost_sound_is_a_band_and_said(roll, theme):
    before = colours(roll)
    roll.losses = [(8.0, 12.0)]
    roll.set_now(5.1, roll.track)
    after, axes = colours(roll), roll.axes()
    y = axes.lanes.center().y()

    def warn(image: QImage, start_s: float, end_s: float) -> int:
        columns = range(round(axes.x(start_s)), round(axes.x(end_s)))
        return sum(image.pixelColor(x, y).red() > 150 for x in columns)

    assert warn(after, 8.2, 11.8) > warn(before, 8.2, 11.8)
    assert warn(after, 13.0, 20.0) == warn(before, 13.0, 20.0)
    assert roll.describe(QPoint(round(axes.x(10.0)), y)) == "4.0 s of sound were lost here"


def test_a_click_jumps_in_a_file_only(roll, qtbot):
    where = QPoint(round(roll.axes().x(12.0)), roll.axes().lanes.center().y())
    with qtbot.waitSignal(roll.jump_wanted) as jumped:
        qtbot.mouseClick(roll, Qt.MouseButton.LeftButton, pos=where)
    assert jumped.args[0] == pytest.approx(12.0, abs=0.1)
    roll.is_live = True
    with qtbot.assertNotEmitted(roll.jump_wanted):
        qtbot.mouseClick(roll, Qt.MouseButton.LeftButton, pos=where)


def test_live_keeps_now_at_the_right_edge_and_freezes(roll):
    roll.show_source(roll.track, is_live=True, duration_s=None, hop_s=0.5)
    roll.set_span(60.0)
    roll.set_now(100.0, roll.track)
    assert roll.view_s == pytest.approx((40.0, 100.0))
    roll.set_frozen(True)
    roll.set_now(130.0, roll.track)
    assert roll.view_s == pytest.approx((40.0, 100.0))
    roll.set_frozen(False)
    roll.set_now(131.0, roll.track)
    assert roll.view_s == pytest.approx((71.0, 131.0))


def test_span_stays_between_30_s_and_10_min(roll):
    roll.set_span(1.0)
    assert roll.settings.roll_span_s == 30.0
    roll.set_span(1e6)
    assert roll.settings.roll_span_s == 600.0


def test_a_long_file_turns_pages(roll):
    roll.show_source(roll.track, is_live=False, duration_s=600.0, hop_s=0.5)
    roll.set_span(60.0)
    for now_s in (0.0, 30.0, 56.0, 58.0, 200.0, 599.0, 10.0):
        roll.set_now(now_s, roll.track)
        start_s, end_s = roll.view_s
        assert start_s <= now_s <= end_s
        assert end_s <= 600.0


def test_markers_are_kept_in_order_and_drawn(roll):
    before = colours(roll)
    roll.add_marker(20.0, "chorus")
    roll.add_marker(10.0)
    assert [marker.time_s for marker in roll.markers] == [10.0, 20.0]
    assert colours(roll) != before


# -- status --------------------------------------------------------------------------


def test_status_tells_state_latency_and_losses(qtbot, theme):
    bar = show(qtbot, StatusBar(theme), 1200, 32)
    bar.show_health(
        Health(SessionState.LISTENING,
               latency_parts=(("window", 1.0), ("hop", 0.5), ("device", 0.05)),
               cpu_fraction=0.012, windows_dropped=3, stalls=1)
    )  # fmt: skip
    text = " | ".join(bar.texts())
    assert "Listening" in text
    assert "1550" not in text, "the delay is a headline, not here"
    assert "1.2 %" in text
    assert "ropped 3" in text
    assert "stalls 1" in text
    assert not bar.latency.isVisible()
    bar.set_compact(True)
    assert not bar.latency.isVisible(), "what was lost is told in its place"
    assert "dropped 3" in bar.texts()
    bar.show_health(Health(SessionState.LISTENING, latency_parts=(("window", 1.0), ("hop", 0.5))))
    assert bar.latency.isVisible()
    assert bar.latency.text() == "Delay 1.5 s"


def test_the_delay_is_said_in_seconds_with_its_parts(qtbot, theme):
    button = DelayButton(theme)
    qtbot.addWidget(button)
    button.show_health(
        Health(SessionState.LISTENING,
               latency_parts=(("window", 1.0), ("hop", 0.5), ("device", 0.05)))
    )  # fmt: skip
    assert button.text() == "Delay 1.6 s"
    assert "window 1000 ms + hop 500 ms + device 50 ms" in button.toolTip()
    button.show_health(Health(SessionState.PLAYING, output_latency_s=0.02))
    assert button.text() == "In sync"
    button.show_health(Health())
    assert button.isHidden()


@pytest.mark.parametrize(
    ("system", "told", "not_told"),
    [
        ("darwin", ["System Settings"], ["Windows", "Linux", "Settings, Privacy, Mic"]),
        ("win32", ["Settings, Privacy, Microphone"], ["macOS", "System Settings", "Linux"]),
        ("linux", ["muted"], ["macOS", "Windows", "Settings", "icrophone", "permission"]),
    ],
)
def test_exact_zeros_point_at_what_this_system_has(
    qtbot, theme, monkeypatch, system, told, not_told
):
    """In the window and in the terminal: this system's advice, and no other's."""
    bar = show(qtbot, StatusBar(theme), 1200, 32)
    monkeypatch.setattr("sys.platform", system)
    bar.show_health(Health(SessionState.NO_SIGNAL))
    terminal = str(_trouble_line(Stats(state=EngineState.NO_SIGNAL)))
    monkeypatch.undo()
    assert "exact zeros" in bar.texts()[0]
    assert terminal == bar.message.toolTip()
    assert all(words in terminal for words in told)
    assert not [words for words in not_told if words in terminal]


def test_every_state_has_words(qtbot, theme):
    bar = show(qtbot, StatusBar(theme), 1200, 32)
    states = list(SessionState)
    shown = set()
    for state in states:
        bar.show_health(Health(state))
        shown.add(bar.state.text())
    assert len(shown) == len(states) >= 8


# -- dialogs -------------------------------------------------------------------------


def test_expected_dialog_ticks_what_was_heard(qtbot, theme):
    settings = Settings(expected=["piano"])
    dialog = ExpectedDialog(settings, str.capitalize, frozenset({"flute"}))
    qtbot.addWidget(dialog)
    assert dialog.chosen() == ["piano"]
    dialog.tick(frozenset({"flute"}))
    assert set(dialog.chosen()) == {"piano", "flute"}
    dialog.untick()
    assert dialog.chosen() == []


def test_expected_list_puts_trouble_first(qtbot, theme):
    from desktop.heard.expectation import Finding, Presence

    widget = show(qtbot, ExpectedList(theme, str.capitalize), 304, 200)
    missing = Finding("flute", Presence.MISSING, 75.0)
    widget.set_findings([Finding("piano", Presence.HEARD), missing])
    assert widget.lines() == [("Flute", "not heard for 1:15"), ("Piano", "heard")]


def test_motion_dialog_changes_and_resets(qtbot, theme):
    settings = Settings()
    dialog = MotionDialog(settings)
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.changed):
        dialog.boxes["attack_s"].setValue(1.5)
    assert settings.attack_s == 1.5
    dialog.reset()
    assert settings.attack_s == Settings().attack_s


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (75.34, "1:15"), (3661, "1:01:01"), (-3, "0:00")]
)
def test_clock(seconds, text):
    assert clock_time(seconds) == text


def test_clock_with_tenths():
    assert clock_time(75.37, tenths=True) == "1:15.3"


@pytest.mark.parametrize("span", [0.2, 1, 30, 600, 86_400])
def test_ruler_marks_are_few(span):
    assert span / ruler_step(span, 8) <= 8


@pytest.mark.parametrize("scale", [0.75, 1.0, 2.0])
@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_widget_paints_at_every_scale(qtbot, name, scale, qapp):
    theme = Theme.named(name, scale)
    for widget in (
        Meters(Settings(), theme), PolyphonyMeter(theme), LevelMeter(theme),
        HistoryRoll(Settings(), theme), StatusBar(theme), ExpectedList(theme, str),
    ):  # fmt: skip
        show(qtbot, widget, 900, 500)
        widget.set_theme(Theme.named("light" if name == "dark" else "dark", scale))
        assert not widget.grab().isNull()


# -- volume, screens -----------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_volume_is_drawn_at_every_zoom_and_follows_the_mouse(qtbot, theme, scale):
    slider = show(qtbot, VolumeSlider(theme), 200, 24)
    zoomed = Theme.named("dark", scale)
    slider.set_theme(zoomed)
    slider.setFixedSize(slider.sizeHint())
    for at, low, high in ((0.1, -60, -45), (0.9, -15, 0)):
        where = QPoint(round(at * slider.width()), slider.height() // 2)
        qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=where)
        assert low <= slider.value() <= high
    image, accent = colours(slider), zoomed.colour("accent")
    filled = [image.pixelColor(x, image.height() // 2) == accent for x in range(image.width())]
    assert sum(filled) > 0.5 * image.width()


def test_a_window_kept_larger_than_the_screen_is_cut_to_it(opened):
    from desktop.app import _keep_on_screen

    free = opened.window.screen().availableGeometry()
    opened.settings.geometry = "kept"
    opened.window.resize(free.width() + 500, free.height() + 300)
    opened.window.move(free.right() - 50, free.top() + 20)
    _keep_on_screen(opened.window)
    assert free.contains(opened.window.geometry())


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_the_slowest_speed_is_read_whole(opened, write_sound, scale):
    opened.menus.view.set_scale(scale)
    opened.window.resize(1600, 1200)
    opened.window.open_file(write_sound("a.wav", [(["flute"], 1.0)]))
    box = opened.window.transport.speed
    box.setCurrentIndex(box.findText("0.75×"))
    QApplication.processEvents()
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    field = box.style().subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, box
    )
    assert field.width() >= box.fontMetrics().horizontalAdvance("0.75×")


@pytest.mark.parametrize("height", [1, 6, 20, 32])
@pytest.mark.parametrize("low", [False, True])
def test_the_strip_paints_at_any_height(qtbot, theme, model_future, write_sound, height, low):
    """A layout may squeeze it for a moment; an exception while painting would end the program."""
    path = write_sound("a.wav", [(["flute"], 3.0)])
    analysis = FileAnalysis(path, model_future, sample_rate_hz=44_100, duration_s=3.0)
    analysis.start()
    qtbot.waitUntil(lambda: analysis.done, timeout=20_000)
    strip = show(qtbot, Overview(theme), 300, height)
    strip.set_low(low)
    strip.setFixedHeight(height)
    strip.show_analysis(analysis)
    assert strip.grab().height() == height
