"""The file's strip zooms, follows what is heard, and shows markers and the loop's times."""

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent

from desktop.widgets.overview_picture import Span, loop_text

NO_KEY = Qt.KeyboardModifier.NoModifier
NO_BUTTON = Qt.MouseButton.NoButton


@pytest.fixture
def strip(opened, write_sound):
    window = opened.window
    assert window.open_file(write_sound("a.wav", [(["flute"], 10.0), ([], 10.0), (["bass"], 20.0)]))
    window._timer.stop()
    return window.transport.overview


def wheel(strip, x, steps, keys=NO_KEY):
    event = QWheelEvent(
        QPointF(x, 40.0), QPointF(x, 40.0), QPoint(), QPoint(0, round(120 * steps)), NO_BUTTON,
        keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    strip.wheelEvent(event)


def test_a_span_goes_both_ways():
    span = Span(10.0, 30.0, 400)
    assert span.x(15.0) == 100.0
    assert span.time_at(100.0) == 15.0
    assert span.time_at(-50.0) == 10.0
    assert span.time_at(1e6) == 30.0


def test_the_wheel_zooms_about_the_pointer_and_shift_moves(strip):
    assert strip.view_s == (0.0, 40.0)
    x = strip.width() * 0.75
    wheel(strip, x, 4)
    start_s, end_s = strip.view_s
    assert end_s - start_s == pytest.approx(40.0 * 0.8**4)
    assert strip.time_at(x) == pytest.approx(30.0)
    wheel(strip, x, 2, Qt.KeyboardModifier.ShiftModifier)
    assert strip.view_s[0] == pytest.approx(start_s - (end_s - start_s) / 4)
    wheel(strip, x, 100)
    assert strip.view_s[1] - strip.view_s[0] == pytest.approx(2.0)
    wheel(strip, x, -100)
    assert strip.view_s == (0.0, 40.0)


def test_keys_zoom_about_what_is_heard_and_0_shows_all(strip, qtbot):
    strip.set_position(20.0, None)
    for _ in range(3):
        qtbot.keyClick(strip, Qt.Key.Key_Plus)
    start_s, end_s = strip.view_s
    assert end_s - start_s == pytest.approx(40.0 * 0.8**6)
    assert (start_s + end_s) / 2 == pytest.approx(20.0)
    qtbot.keyClick(strip, Qt.Key.Key_Minus)
    assert strip.view_s[1] - strip.view_s[0] == pytest.approx(40.0 * 0.8**4)
    qtbot.keyClick(strip, Qt.Key.Key_0)
    assert strip.view_s == (0.0, 40.0)


def test_a_click_in_a_zoomed_strip_goes_to_the_time_under_it(strip, opened, qtbot):
    wheel(strip, 0, 5)
    where = strip.rect().center()
    wanted_s = strip.time_at(where.x())
    assert wanted_s < 10.0
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=where)
    assert opened.window.session.player.position_s == pytest.approx(wanted_s, abs=0.1)


def test_a_zoomed_strip_turns_its_page_with_the_sound_but_not_under_a_reader(strip):
    strip.set_position(1.0, None)
    wheel(strip, 0, 6)
    end_s = strip.view_s[1]
    strip.set_position(end_s + 0.1, None)
    assert strip.view_s[0] < end_s + 0.1 < strip.view_s[1]
    wheel(strip, 0, -3, Qt.KeyboardModifier.ShiftModifier)  # looks at what comes
    reading = strip.view_s
    assert reading[0] > end_s + 0.1
    strip.set_position(end_s + 0.2, None)
    assert strip.view_s == reading


def test_markers_and_the_loop_s_times_are_drawn(strip, opened, qtbot):
    qtbot.waitUntil(lambda: opened.window.session.analysis.done, timeout=30_000)
    plain = strip.grab().toImage()
    opened.window.roll.add_marker(20.0, "bridge")
    flagged = strip.grab().toImage()
    x = round(strip.width() / 2)
    assert plain.pixel(x + 3, 20) != flagged.pixel(x + 3, 20)
    opened.menus.reviewing.delete_marker()
    assert strip.grab().toImage() == plain
    strip.set_position(0.0, (10.0, 20.0))
    assert strip.grab().toImage() != plain
    assert loop_text((20.0, 10.0)) == "0:10.0 – 0:20.0   10.0 s"


def test_another_file_begins_whole_and_without_flags(strip, opened, write_sound):
    wheel(strip, 0, 5)
    opened.window.roll.add_marker(2.0, "")
    assert opened.window.open_file(write_sound("b.wav", [(["bass"], 3.0)]))
    assert strip.view_s[0] == 0.0
    assert strip._markers == []
