"""Each widget alone: what it shows for what it is given, and what hands do to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QImage

from desktop.heard.bridge import Health, SessionState
from desktop.heard.track import Track
from desktop.kept.settings import Settings
from desktop.looks.theme import Theme
from desktop.widgets.expected import ExpectedList
from desktop.widgets.heat import instrument_lanes, lane_indices, lane_tables, paint_columns
from desktop.widgets.level import LevelMeter
from desktop.widgets.meter_picture import on_scale
from desktop.widgets.meter_rows import SCORE_ORDER, arrange, place, split_columns
from desktop.widgets.meters import Meters
from desktop.widgets.polyphony import PolyphonyMeter
from desktop.widgets.roll import HistoryRoll
from desktop.widgets.roll_picture import LANES
from desktop.widgets.ruler import ruler_step
from desktop.widgets.status import StatusBar
from desktop.windows.expected import ExpectedDialog
from desktop.windows.motion import MotionDialog
from realtime.clock_time import clock_time
from realtime.stats import EngineState, Stats
from realtime.taxonomy import FAMILIES, INSTRUMENTS
from realtime.terminal import _trouble_line


def show(qtbot, widget, width=800, height=600):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def colours(widget) -> QImage:
    return widget.grab().toImage()


# -- rows ----------------------------------------------------------------------------


def test_score_order_has_every_instrument_once():
    assert sorted(SCORE_ORDER) == sorted(FAMILIES)
    names = [row.instrument for block in arrange() for row in block if row.instrument]
    assert sorted(names) == sorted(INSTRUMENTS)


def test_pinned_come_first_hidden_not_at_all_collapsed_as_heading():
    blocks = arrange(pinned=["banjo"], hidden=["flute"], collapsed=["brass"])
    names = [row.instrument for block in blocks for row in block]
    assert names[1] == "banjo"
    assert names.count("banjo") == 1
    assert "flute" not in names
    assert "trumpet" not in names
    assert any(row.heading == "Brass" for block in blocks for row in block)


def test_only_active_keeps_pinned():
    blocks = arrange(pinned=["banjo"], shown_only=["piano"])
    assert {row.instrument for b in blocks for row in b if row.instrument} == {"banjo", "piano"}


def test_columns_keep_order_and_balance():
    blocks = arrange()
    for columns in (1, 2, 3):
        split = split_columns(blocks, columns)
        assert [row for column in split for block in column for row in block] == [
            row for block in blocks for row in block
        ]
        heights = [sum(map(len, column)) for column in split]
        assert max(heights) <= sum(heights) / columns + max(map(len, blocks))


@pytest.mark.parametrize("size", [(320, 200), (700, 500), (1100, 400), (2400, 1400)])
def test_rows_never_overlap_nor_leave_the_widget_sideways(size):
    placed = place(arrange(), *size, column_width=300, row_height=(22, 34), gap=8, margin=16)
    assert len(placed) == len([row for block in arrange() for row in block])
    for i, one in enumerate(placed):
        assert one.rect.left() >= 0
        assert one.rect.right() <= size[0]
        assert 22 <= one.rect.height() <= 34
        assert not any(one.rect.intersects(other.rect) for other in placed[i + 1 :])


# -- meters --------------------------------------------------------------------------


@pytest.fixture
def meters(qtbot, theme):
    widget = show(qtbot, Meters(Settings(), theme), 1000, 420)
    widget.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.5))
    return widget


def give(meters, **values):
    instruments = np.array([values.get(name, 0.0) for name in INSTRUMENTS])
    meters.set_values(instruments, np.zeros(8), instruments)


def test_presence_is_at_the_threshold(meters):
    give(meters, flute=0.5, piano=0.499)
    assert meters.is_present("flute")
    assert not meters.is_present("piano")
    assert meters.summary() == "Flute 50 percent"


def test_a_bar_is_as_long_as_its_value(meters, theme):
    index = next(i for i, row in enumerate(meters.rows()) if row.instrument == "flute")
    bar = meters._picture_now().bars[index]
    lengths = []
    for value in (0.6, 0.9):
        give(meters, flute=value)
        image = colours(meters)
        row = [image.pixelColor(x, bar.top() + 2) for x in range(bar.left(), bar.right() + 1)]
        lengths.append(sum(pixel == theme.colour("woodwind") for pixel in row) / bar.width())
    assert lengths == pytest.approx([0.6, 0.9], abs=0.05)


def test_only_changed_rows_are_repainted(meters, qtbot):
    give(meters, flute=0.2)
    qtbot.wait(50)
    areas = []
    original = meters.paintEvent

    def noting(event) -> None:
        areas.append(event.rect())
        original(event)

    meters.paintEvent = noting
    give(meters, flute=0.2)
    qtbot.wait(50)
    assert not areas
    give(meters, flute=0.4)
    qtbot.waitUntil(lambda: bool(areas))
    assert areas[0].height() <= 34


def test_a_click_on_a_heading_folds_the_family(meters, qtbot):
    heading = next(i for i in meters._placed if i.row.family == "brass" and not i.row.instrument)
    with qtbot.waitSignal(meters.edited):
        qtbot.mouseClick(meters, Qt.MouseButton.LeftButton, pos=heading.rect.center())
    assert meters.settings.collapsed == ["brass"]
    assert "trumpet" not in {row.instrument for row in meters.rows()}


def test_keys_choose_pin_and_hide(meters, qtbot):
    meters.setFocus()
    qtbot.keyClick(meters, Qt.Key.Key_Down)
    chosen = meters.rows()[1].instrument or meters.rows()[2].instrument
    if not meters.rows()[1].instrument:
        qtbot.keyClick(meters, Qt.Key.Key_Down)
    qtbot.keyClick(meters, Qt.Key.Key_P)
    assert meters.settings.pinned == [chosen]
    hidden = meters._placed[meters._current].row.instrument
    assert hidden
    qtbot.keyClick(meters, Qt.Key.Key_X)
    assert meters.settings.hidden == [hidden]
    assert hidden not in {row.instrument for row in meters.rows()}
    meters._current = 0  # a heading, which the key leaves alone
    assert not meters._placed[0].row.instrument
    qtbot.keyClick(meters, Qt.Key.Key_X)
    assert meters.settings.hidden == [hidden]


def test_a_new_name_is_shown(meters):
    meters.settings.names["bass"] = "DI bass"
    give(meters, bass=0.9)
    assert meters.summary() == "DI bass 90 percent"


def test_sorting_by_activity(meters):
    meters.settings.sort = "activity"
    order = ("harp", *[n for n in INSTRUMENTS if n != "harp"])
    meters.set_activity(order, frozenset())
    assert [row.instrument for row in meters.rows() if row.instrument][0] == "harp"


def test_unknown_is_a_dash_not_a_zero(meters):
    give(meters)
    zero = colours(meters)
    meters.set_values(None, None, None)
    assert colours(meters) != zero


# -- polyphony, level ----------------------------------------------------------------


def test_polyphony_texts(qtbot, theme):
    widget = show(qtbot, PolyphonyMeter(theme), 304, 216)
    assert widget.texts() == ("–", "–", "–")
    widget.set_values(np.array([0, 0.1, 0.2, 0.6, 0.1, 0, 0]), 2.7, 6)
    assert widget.texts() == ("2.7", "3", "6+")


def test_level_rises_at_once_and_falls_24_db_a_second(qtbot, theme):
    widget = show(qtbot, LevelMeter(theme), 304, 104)
    widget.set_level(-20.0, -6.0, False, 0.03)
    assert (widget._rms, widget._peak) == (-20.0, -6.0)
    widget.set_level(-120.0, -120.0, False, 0.5)
    assert (widget._rms, widget._peak) == (-32.0, -18.0)
    assert widget.largest_dbfs == -6.0


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
    lane = LANES.index("flute")
    y = area.top() + (lane + 0.5) / 24 * area.height()
    text = roll.describe(QPoint(round(roll.axes().x(7.0)), round(y)))
    assert "0:07" in text.replace("0:06.9", "0:07")
    assert "Flute 100 %" in text
    assert "1.0" in text


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
    assert "1550 ms" in text
    assert "1.2 %" in text
    assert "ropped 3" in text
    assert "stalls 1" in text
    assert "window 1000 ms + hop 500 ms + device 50 ms" in bar.latency.toolTip()


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


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 0.99))
def test_the_scale_rises_and_has_the_threshold_in_its_middle(one, other, threshold):
    low, high = (on_scale(value, threshold) for value in sorted((one, other)))
    assert 0.0 <= low <= high <= 1.0 + 1e-9
    assert on_scale(threshold, threshold) == pytest.approx(0.5)
    if one >= threshold:
        assert on_scale(one, threshold) >= 0.5
    elif one < threshold - 1e-9:
        assert on_scale(one, threshold) < 0.5


def test_heard_bars_pass_the_middle_whatever_the_threshold(meters):
    meters.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.15))
    give(meters, flute=0.2, piano=0.1)
    frames = {
        row.instrument: frame for row, frame in zip(meters.rows(), meters._frames, strict=True)
    }
    bars = dict(zip((r.instrument for r in meters.rows()), meters._picture_now().bars, strict=True))
    assert frames["flute"].fill > bars["flute"].width() / 2 > frames["piano"].fill
    assert (frames["flute"].value, frames["piano"].value) == (20, 10)
