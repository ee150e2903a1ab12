"""What the menus offer, and what their lines do."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import QApplication, QInputDialog, QMenu


def texts(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def trigger(menu: QMenu, text: str) -> None:
    next(action for action in menu.actions() if action.text() == text).trigger()


def row_menu(opened, name: str) -> QMenu:
    opened.window.meters.menu_wanted.emit(name, QPoint(0, 0))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.hide()
    return menu


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch):
    """Answers the next question for a text."""

    def give(text: str, ok: bool = True) -> None:
        monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (text, ok))

    return give


def test_an_instrument_s_menu(opened, answer):
    settings = opened.settings
    menu = row_menu(opened, "flute")
    assert texts(menu)[:4] == ["Pin", "Hide", "Rename…", "Expected"]
    assert texts(menu)[4:6] == ["This is not a flute…", "Threshold…"]
    assert texts(menu)[6:] == [
        opened.menus.actions[name].text() for name in ("activity", "quiet", "unhide")
    ]
    trigger(menu, "Expected")
    assert settings.expected == ["flute"]
    trigger(row_menu(opened, "flute"), "Not expected")
    assert settings.expected == []
    answer("Solo")
    trigger(row_menu(opened, "flute"), "Rename…")
    assert opened.window.meters.name_of("flute") == "Solo"
    answer("", ok=False)
    trigger(row_menu(opened, "flute"), "Rename…")
    assert opened.window.meters.name_of("flute") == "Solo"
    answer("")
    trigger(row_menu(opened, "flute"), "Rename…")
    assert opened.window.meters.name_of("flute") == "Flute"
    trigger(row_menu(opened, "flute"), "Pin")
    assert texts(row_menu(opened, "flute"))[0] == "Unpin"
    trigger(row_menu(opened, "flute"), "Hide")
    assert settings.hidden == ["flute"]


def test_a_family_s_menu_and_that_of_neither(opened):
    folded = "woodwind" in opened.settings.collapsed
    first, second = ("Unfold", "Fold") if folded else ("Fold", "Unfold")
    assert texts(row_menu(opened, "woodwind"))[0] == f"{first} woodwind"
    trigger(row_menu(opened, "woodwind"), f"{first} woodwind")
    assert texts(row_menu(opened, "woodwind"))[0] == f"{second} woodwind"
    assert len(texts(row_menu(opened, ""))) == 3


def test_the_presets_menu_lists_saves_and_deletes(opened, answer, monkeypatch):
    presets, settings = opened.menus.presets, opened.settings
    presets.menu.aboutToShow.emit()
    assert texts(presets.menu) == ["Save as…", "Reset to defaults"]
    settings.sort = "activity"
    answer(" strings ")
    trigger(presets.menu, "Save as…")
    trigger(presets.menu, "Reset to defaults")
    assert settings.sort == "score"
    assert not opened.menus.actions["activity"].isChecked()
    presets.menu.aboutToShow.emit()
    assert texts(presets.menu) == ["strings", "Save as…", "Delete…", "Reset to defaults"]
    trigger(presets.menu, "strings")
    assert settings.sort == "activity"
    assert opened.menus.actions["activity"].isChecked()
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_, **__: ("strings", True))
    trigger(presets.menu, "Delete…")
    assert settings.presets == {}


def test_span_freeze_and_a_note(opened, answer, write_sound):
    act, window = opened.menus.actions, opened.window
    before_s = opened.settings.roll_span_s
    act["longer"].trigger()
    assert opened.settings.roll_span_s > before_s
    act["shorter"].trigger()
    assert opened.settings.roll_span_s == before_s
    act["freeze"].trigger()
    assert window.roll.frozen
    assert act["freeze"].isChecked()
    answer("chorus")
    act["note"].trigger()
    assert "Open a file" in window.status.message.toolTip()
    assert not window.roll.markers
    assert window.open_file(write_sound("a.wav", [(["flute"], 1.0)]))
    answer("chorus", ok=False)
    act["note"].trigger()
    assert not window.roll.markers
    answer(" chorus ")
    act["note"].trigger()
    assert [marker.note for marker in window.roll.markers] == ["chorus"]
