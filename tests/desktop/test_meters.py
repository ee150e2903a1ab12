"""The meters: who is on stage, what their bars and numbers say, what hands and readers get."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QProgressBar, QPushButton, QScrollArea

from desktop.heard.lingering import LINGER_S, Lingering
from desktop.heard.sureness import percent, sureness
from desktop.kept.settings import Settings
from desktop.looks.theme import Theme
from desktop.widgets.meter_rows import (
    SCORE_ORDER,
    Kind,
    Sizes,
    on_stage,
    place,
    quiet_blocks,
    split_columns,
)
from desktop.widgets.meters import Meters
from realtime.taxonomy import FAMILIES, INSTRUMENTS

# -- one scale -----------------------------------------------------------------------


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 0.99))
def test_sureness_rises_and_has_the_threshold_in_its_middle(one, other, threshold):
    low, high = (sureness(value, threshold) for value in sorted((one, other)))
    assert 0.0 <= low <= high <= 1.0
    assert sureness(threshold, threshold) == pytest.approx(0.5)
    assert sureness(1.0, threshold) == pytest.approx(1.0)
    assert (percent(one, threshold) >= 50) == (one >= threshold)


# -- stage ---------------------------------------------------------------------------


def test_the_stage_lets_in_at_once_and_out_late():
    stage = Lingering()
    assert stage.update({"flute"}, 0.0) == {"flute"}
    assert stage.update({"piano"}, LINGER_S - 0.1) == {"flute", "piano"}
    assert stage.update({"piano"}, LINGER_S + 0.1) == {"piano"}
    stage.clear()
    assert stage.update([], LINGER_S + 0.2) == frozenset()


def names(rows) -> list[str]:
    return [row.name for row in rows]


def test_large_rows_are_in_the_order_of_a_score_and_pinned_ones_first():
    rows = on_stage({"violin", "flute", "piano"}, pinned=["banjo"], hidden=["piano"])
    assert names(rows) == ["banjo", "flute", "violin"]


def test_a_family_is_on_stage_only_while_none_of_it_is():
    assert names(on_stage({"woodwind", "piano"})) == ["woodwind", "piano"]
    assert names(on_stage({"woodwind", "flute"})) == ["flute"]
    assert names(on_stage({"voice"})) == ["voice"], "a family of one is its instrument"


def test_quiet_blocks_hold_everybody_else_once():
    large = on_stage({"flute"}, pinned=["banjo"])
    blocks = quiet_blocks(large, hidden=["harp"], collapsed=["brass"])
    shown = [row.instrument for block in blocks for row in block if row.instrument]
    brass = {"trumpet", "trombone", "horn"}
    assert sorted(shown) == sorted(set(INSTRUMENTS) - {"flute", "banjo", "harp"} - brass)
    assert [block[0].kind for block in blocks if block[0].family == "brass"] == [Kind.HEADING]


def test_score_order_has_every_family_once():
    assert sorted(SCORE_ORDER) == sorted(FAMILIES)


def test_columns_keep_order_and_balance():
    blocks = quiet_blocks([])
    for columns in (1, 2, 3):
        split = split_columns(blocks, columns)
        assert [row for column in split for block in column for row in block] == [
            row for block in blocks for row in block
        ]
        heights = [sum(map(len, column)) for column in split]
        assert max(heights) <= sum(heights) / columns + max(map(len, blocks))


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("count", [0, 1, 6, 24])
@pytest.mark.parametrize("size", [(320, 200), (700, 500), (1100, 400), (4800, 1500)])
def test_rows_never_overlap_nor_leave_the_widget_sideways(size, count, is_open):
    large = on_stage(set(INSTRUMENTS[:count]))
    placed = place(large, quiet_blocks(large), *size, Sizes(), is_open=is_open)
    assert names(item.row for item in placed if item.row.kind == Kind.LARGE) == names(large)
    assert any(item.row.kind == Kind.QUIET for item in placed) == (count < 24)
    for i, one in enumerate(placed):
        assert one.rect.left() >= 0
        assert one.rect.right() <= size[0]
        assert one.rect.height() >= 20
        assert not any(one.rect.intersects(other.rect) for other in placed[i + 1 :])


def test_rows_hold_still_while_few_come_and_go():
    heights = set()
    for count in range(1, 6):
        large = on_stage(set(INSTRUMENTS[:count]))
        placed = place(large, quiet_blocks(large), 900, 400, Sizes())
        heights |= {item.rect.height() for item in placed if item.row.kind == Kind.LARGE}
        line = next(item for item in placed if item.row.kind == Kind.QUIET)
        assert line.rect.bottom() < 400
    assert len(heights) == 1


# -- the widget ----------------------------------------------------------------------


@pytest.fixture
def meters(qtbot, theme):
    clock = [100.0]
    widget = Meters(Settings(), theme, clock_s=lambda: clock[0])
    widget.clock = clock
    qtbot.addWidget(widget)
    widget.resize(1000, 420)
    with qtbot.waitExposed(widget):
        widget.show()
    widget.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.5))
    return widget


def give(meters, families=(), **values):
    instruments = np.array([values.get(name, 0.0) for name in INSTRUMENTS])
    of_families = np.array([float(name in families) for name in FAMILIES])
    meters.set_values(instruments, of_families, instruments)


def large(meters) -> list[str]:
    return names(row for row in meters.rows() if row.kind == Kind.LARGE)


def index_of(meters, name: str) -> int:
    return next(i for i, row in enumerate(meters.rows()) if row.name == name)


def test_what_is_heard_is_large_and_lingers(meters):
    give(meters, flute=0.5, piano=0.499)
    assert large(meters) == ["flute"]
    assert meters.is_present("flute")
    assert not meters.is_present("piano")
    assert meters.summary() == "Flute 50 percent"
    meters.clock[0] += LINGER_S - 1
    give(meters, piano=0.9)
    assert large(meters) == ["flute", "piano"]
    meters.clock[0] += 2
    give(meters, piano=0.9)
    assert large(meters) == ["piano"]


def test_another_place_lets_nobody_linger(meters):
    give(meters, flute=0.9)
    meters.clear_stage()
    give(meters, piano=0.9)
    assert large(meters) == ["piano"]


def test_a_family_that_is_heard_alone_says_so(meters):
    meters.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.5), dict.fromkeys(FAMILIES, 0.4))
    give(meters, families=["brass"])
    assert large(meters) == ["brass"]
    row = meters.rows()[0]
    assert meters.row_text(row) == "Brass, 100 percent, heard"
    assert "none of its instruments surely" in meters.raw_text(row)
    give(meters, families=["brass", "voice"])
    assert large(meters) == ["brass"], "a family of one is not its instrument"
    give(meters, families=["brass"], horn=0.9)
    assert large(meters) == ["horn"]


def test_bars_and_numbers_are_on_one_scale(meters, theme):
    """Both instruments are as far past thresholds of their own: they look alike."""
    meters.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.5) | {"flute": 0.2, "clarinet": 0.2})
    give(meters, flute=0.6, violin=0.75, clarinet=0.2)
    shown = {row.name: meters._shown[i] for i, row in enumerate(meters.rows())
             if row.kind == Kind.LARGE}  # fmt: skip
    assert shown["flute"] == shown["violin"]
    assert shown["flute"].number == 75
    assert shown["clarinet"].number == 50
    image, index = meters.grab().toImage(), index_of(meters, "flute")
    bar = meters._picture_now().bars[index]
    row = [image.pixelColor(x, bar.center().y()) for x in range(bar.left(), bar.right() + 1)]
    filled = sum(pixel == theme.colour("woodwind") for pixel in row) / bar.width()
    assert filled == pytest.approx(0.75, abs=0.03)
    tick = meters._picture_now().ticks[index]
    assert tick == pytest.approx(bar.center().x(), abs=1)


def test_hovering_tells_the_raw_value(meters):
    meters.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.2))
    give(meters, piano=0.6)
    text = meters.raw_text(meters.rows()[index_of(meters, "piano")])
    assert text.startswith("Piano, 75 of 100 sure, heard")
    assert "60 %" in text
    assert "20 %" in text


def test_only_changed_pixels_are_repainted(meters, qtbot):
    meters.settings.reduced_motion = True  # no light on what is new
    give(meters, flute=0.6)
    qtbot.wait(50)
    areas = []
    original = meters.paintEvent

    def noting(event) -> None:
        areas.append(event.rect())
        original(event)

    meters.paintEvent = noting
    give(meters, flute=0.6)
    qtbot.wait(50)
    assert not areas
    before = meters.grab().toImage()
    areas.clear()
    give(meters, flute=0.61)
    qtbot.waitUntil(lambda: bool(areas))
    assert areas[0].width() * areas[0].height() < 0.06 * meters.width() * meters.height()
    meters.paintEvent = original
    partly = meters.grab().toImage()
    assert partly != before
    meters.relayout()
    assert meters.grab().toImage() == partly, "as if all had been painted anew"


def test_the_quiet_line_opens_by_click_and_by_key(meters, qtbot):
    give(meters, flute=0.9)
    assert "voice" not in names(meters.rows())
    assert "23 quiet" in meters.row_text(meters.rows()[-1])
    line = meters._placed[-1]
    with qtbot.waitSignal(meters.edited):
        qtbot.mouseClick(meters, Qt.MouseButton.LeftButton, pos=line.rect.center())
    assert meters.settings.quiet_open
    assert set(INSTRUMENTS) <= set(names(meters.rows()))
    meters.setFocus()
    qtbot.keyClick(meters, Qt.Key.Key_Return)
    assert not meters.settings.quiet_open


def test_a_click_on_a_heading_folds_the_family(meters, qtbot):
    meters.toggle_quiet()
    heading = next(i for i in meters._placed if i.row.family == "brass" and not i.row.instrument)
    with qtbot.waitSignal(meters.edited):
        qtbot.mouseClick(meters, Qt.MouseButton.LeftButton, pos=heading.rect.center())
    assert meters.settings.collapsed == ["brass"]
    assert "trumpet" not in names(meters.rows())


def test_keys_choose_pin_and_hide(meters, qtbot):
    give(meters, flute=0.9, piano=0.9)
    meters.setFocus()
    qtbot.keyClick(meters, Qt.Key.Key_Up)
    qtbot.keyClick(meters, Qt.Key.Key_Down)
    assert meters.accessibleDescription() == "Piano, 90 percent, heard"
    qtbot.keyClick(meters, Qt.Key.Key_P)
    assert meters.settings.pinned == ["piano"]
    assert large(meters) == ["piano", "flute"]
    qtbot.keyClick(meters, Qt.Key.Key_X)
    assert meters.settings.hidden == ["piano"], "the row that was chosen stays chosen"
    assert large(meters) == ["flute"]
    qtbot.keyClick(meters, Qt.Key.Key_Down)
    assert meters.rows()[meters._current].kind == Kind.QUIET
    qtbot.keyClick(meters, Qt.Key.Key_X)
    assert meters.settings.hidden == ["piano"]


def test_a_new_name_is_shown(meters):
    meters.settings.names["bass"] = "DI bass"
    give(meters, bass=0.9)
    assert meters.summary() == "DI bass 90 percent"


def test_sorting_by_activity(meters):
    meters.settings.sort = "activity"
    give(meters, flute=0.9, harp=0.9)
    meters.set_activity(("harp", *[n for n in INSTRUMENTS if n != "harp"]))
    assert large(meters) == ["harp", "flute"]


def test_unknown_is_a_dash_not_a_zero(meters):
    meters.toggle_pinned("flute")
    give(meters)
    zero = meters.grab().toImage()
    meters.set_values(None, None, None)
    assert meters.grab().toImage() != zero
    assert meters.row_text(meters.rows()[0]) == "Flute, nothing heard yet"


def test_a_new_row_is_lit_for_a_moment_but_not_with_reduced_motion(meters):
    give(meters, flute=0.9)
    fresh = meters.grab().toImage()
    meters.clock[0] += 2.0
    give(meters, flute=0.9)
    assert meters.grab().toImage() != fresh
    calm = meters.grab().toImage()
    meters.settings.reduced_motion = True
    meters.clear_stage()
    meters.set_values(None, None, None)
    give(meters, flute=0.9)
    assert meters.grab().toImage() == calm


def test_a_screen_reader_finds_each_meter_with_name_and_value(meters):
    give(meters, piano=0.81)
    meters.speak()
    told = {m.accessibleName(): m for m in meters.findChildren(QProgressBar) if m.isVisible()}
    piano = told["Piano, 81 percent, heard"]
    assert piano.value() == 81
    assert piano.geometry() == meters._placed[0].rect
    line = next(b for b in meters.findChildren(QPushButton) if b.isVisible())
    assert line.accessibleName() == "23 quiet, closed"
    line.click()  # as a screen reader presses it
    meters.speak()
    assert line.accessibleName() == "23 quiet, open"
    told = {m.accessibleName() for m in meters.findChildren(QProgressBar) if m.isVisible()}
    assert "Flute, 0 percent, not heard" in told
    assert len(told) >= len(INSTRUMENTS)


def test_spoken_meters_take_no_click_and_paint_nothing(meters, qtbot):
    give(meters, piano=0.81)
    before = meters.grab().toImage()
    meters.speak()
    assert meters.grab().toImage() == before
    centre = meters._placed[0].rect.center()
    assert meters.childAt(QPoint(centre)) is None


@pytest.mark.parametrize("size", [(360, 130), (900, 300)])
def test_what_does_not_fit_scrolls(qtbot, theme, size):
    area = QScrollArea()
    qtbot.addWidget(area)
    area.setWidgetResizable(True)
    meters = Meters(Settings(), theme)
    area.setWidget(meters)
    area.resize(*size)
    area.show()
    meters.set_thresholds(dict.fromkeys(INSTRUMENTS, 0.5))
    give(meters, **dict.fromkeys(INSTRUMENTS, 0.9))
    qtbot.waitUntil(lambda: meters.height() > max(i.rect.bottom() for i in meters._placed))
    for _ in range(30):  # the row that the keys choose is always in view
        qtbot.keyClick(meters, Qt.Key.Key_Down)
    chosen = meters._placed[meters._current].rect
    bar = area.verticalScrollBar().value()
    assert meters._current == len(meters._placed) - 1
    assert bar <= chosen.top()
    assert chosen.bottom() <= bar + area.viewport().height()


@pytest.mark.parametrize("scale", [0.75, 1.0, 2.0])
@pytest.mark.parametrize("name", ["dark", "light"])
def test_the_meters_paint_at_every_scale(qtbot, name, scale, qapp):
    widget = Meters(Settings(quiet_open=True), Theme.named(name, scale))
    qtbot.addWidget(widget)
    widget.resize(900, 500)
    give(widget, flute=0.9, piano=0.3)
    widget.set_theme(Theme.named("light" if name == "dark" else "dark", scale))
    assert not widget.grab().isNull()
