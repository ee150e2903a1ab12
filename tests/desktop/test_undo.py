"""Undo and redo of hiding, pinning, expecting, thresholds, markers and chains; markers' steps."""

import pytest
from PyQt6.QtCore import QObject, Qt

from desktop.windows.chain import ChainWindow
from desktop.windows.undo import UndoWatch
from realtime.host.chain import TapStep


@pytest.fixture
def document():
    return {"text": "a", "marks": [1]}


@pytest.fixture
def watch(qapp, document):
    owner = QObject()
    made = UndoWatch(
        owner,
        lambda: {"text": document["text"], "marks": list(document["marks"])},
        document.update,
        lambda before, after: " and ".join(sorted(after)),
    )
    yield made
    del owner


def test_what_changes_can_be_taken_back_and_done_again(watch, document):
    document["text"] = "b"
    watch.look()
    document["marks"].append(2)
    document["text"] = "c"
    assert watch.undo() == "marks and text"
    assert document == {"text": "b", "marks": [1]}
    assert watch.undo() == "text"
    assert document == {"text": "a", "marks": [1]}
    assert watch.undo() == ""
    assert [watch.redo(), watch.redo(), watch.redo()] == ["text", "marks and text", ""]
    assert document == {"text": "c", "marks": [1, 2]}


def test_a_new_change_ends_what_could_be_done_again(watch, document):
    document["text"] = "b"
    watch.undo()
    document["text"] = "z"
    assert watch.redo() == ""
    assert document["text"] == "z"


def test_what_belongs_to_another_file_is_passed_over(watch, document):
    document["text"] = "b"
    watch.look()
    document["marks"] = [1, 2]
    watch.look()
    document["marks"] = []
    watch.forget("marks")
    assert watch.undo() == "text"
    assert document == {"text": "a", "marks": []}


def test_the_meters_give_back_what_was_hidden_pinned_and_expected(opened, qtbot):
    window, menus, settings = opened.window, opened.menus, opened.settings
    menus.metering.toggle_quiet()  # so that the rows of what is not heard are there
    window.meters.toggle_hidden("flute")
    menus.undoing.watch.look()
    window.meters.toggle_pinned("piano")
    menus.undoing.watch.look()
    menus.metering._toggle_expected("bass")
    menus.undoing.watch.look()
    menus.correcting.set_threshold("oboe", 0.9)
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert "Threshold of Oboe" in window.status.message.toolTip()
    assert settings.thresholds == {}
    menus.undoing.undo()
    assert settings.expected == []
    menus.undoing.undo()
    assert settings.pinned == []
    menus.undoing.undo()
    assert "Hide Flute" in window.status.message.toolTip()
    assert settings.hidden == []
    assert "flute" in [row.instrument for row in window.meters.rows()]
    menus.undoing.redo()
    assert settings.hidden == ["flute"]
    assert "flute" not in [row.instrument for row in window.meters.rows()]


@pytest.fixture
def marked(opened, qtbot, write_sound):
    """A paused file of 20 s with markers at 4, 8 and 15 s."""
    window = opened.window
    assert window.open_file(write_sound("a.wav", [(["flute"], 20.0)]))
    for time_s, note in ((8.0, "verse"), (4.0, ""), (15.0, "end")):
        window.roll.add_marker(time_s, note)
        opened.menus.undoing.watch.look()
    return opened


def times(opened):
    return [marker.time_s for marker in opened.window.roll.markers]


def test_one_steps_from_marker_to_marker_and_deletes_the_nearest(marked, qtbot):
    window, player = marked.window, marked.window.session.player
    visited = []
    for key in (Qt.Key.Key_PageDown,) * 4 + (Qt.Key.Key_PageUp,) * 3:
        qtbot.keyClick(window, key)
        visited.append(round(player.position_s, 2))
    assert visited == [4.0, 8.0, 15.0, 15.0, 8.0, 4.0, 4.0]
    assert "first marker" in window.status.message.toolTip()
    player.seek(9.0)
    qtbot.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
    assert times(marked) == [4.0, 15.0]
    assert "0:08" in window.status.message.toolTip()
    assert "verse" in window.status.message.toolTip()
    marked.menus.undoing.undo()
    assert times(marked) == [4.0, 8.0, 15.0]
    assert window.roll.markers[1].note == "verse"


def test_markers_set_quickly_are_taken_back_one_by_one(marked):
    marked.menus.undoing.undo()
    assert times(marked) == [4.0, 8.0]
    marked.menus.undoing.undo()
    assert times(marked) == [8.0]


def test_markers_of_one_file_do_not_come_back_in_another(marked, write_sound):
    assert marked.window.open_file(write_sound("b.wav", [(["flute"], 2.0)]))
    marked.menus.undoing.undo()
    assert times(marked) == []


def test_without_markers_one_sentence_says_how_to_set_one(opened):
    for call in (opened.menus.reviewing.next_marker, opened.menus.reviewing.delete_marker):
        call()
        assert "M sets one" in opened.window.status.message.toolTip()


def test_a_chain_goes_back_step_by_step_and_the_sliders_follow(qtbot, theme, model_future):
    window = ChainWindow(theme, model_future)
    qtbot.addWidget(window)
    window.show()
    window.editor.add_effect("Gain")
    window.undo.watch.look()
    for gain in (1.0, 2.0, 3.0):  # one move of the slider
        window.editor.panel.controls["gain_db"].box.setValue(gain)
        window.undo.watch.look()
    window.editor.panel.bypass.click()
    assert window.undo.watch.undo().startswith("Bypass")
    assert not window.session.chain.effects[0].bypass
    window.undo.undo.click()
    gain = window.session.chain.effects[0]
    assert gain.parameters == {}
    shown = window.editor.panel.controls["gain_db"].box.value()
    assert shown == pytest.approx(float(gain.value("gain_db")))
    window.undo.undo.click()
    assert window.session.chain.steps == (TapStep("before"), TapStep("after"))
    assert not window.undo.undo.isEnabled()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_Z, control | shift)
    assert [step.effect for step in window.session.chain.effects] == ["Gain"]
    window.close()
