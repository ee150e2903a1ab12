"""The guide behind F1, and the About window."""

import re
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

from desktop.looks.theme import Theme
from desktop.windows import guide
from desktop.windows.about import LIBRARIES
from desktop.windows.guide import GuideWindow, guide_file
from realtime import __version__

ROOT = Path(__file__).parents[2]


def test_f1_opens_the_guide_and_a_chapter_scrolls_to_its_place(opened, qtbot):
    qtbot.keyClick(opened.window, Qt.Key.Key_F1)
    shown = opened.window.findChild(GuideWindow)
    qtbot.waitUntil(shown.isVisible)
    names = [shown.chapters.item(row).text() for row in range(shown.chapters.count())]
    assert "Level and loudness" in names
    shown.chapters.setCurrentRow(len(names) - 2)
    assert shown.pages.verticalScrollBar().value() > 200
    with qtbot.waitSignal(shown.destroyed):
        qtbot.keyClick(shown.pages, Qt.Key.Key_Escape)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_the_guide_s_pictures_are_there_and_in_the_theme(qtbot, name):
    text = guide_file().read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures
    shown = GuideWindow(Theme.named(name))
    qtbot.addWidget(shown)
    for picture in pictures:
        path = guide_file().parent / picture
        assert path.is_file(), picture
        drawn = shown.pages._picture(path)
        assert not drawn.isNull()
        assert (drawn.pixelColor(2, 2).lightness() < 128) == (name == "dark")


def test_every_key_the_guide_names_is_a_key_of_the_program(opened):
    from desktop.windows.actions import WIDGET_KEYS

    known = {key for command in opened.menus.commands for key in command.keys}
    known |= {key for _, keys, _ in WIDGET_KEYS for key in keys.split(", ")} | {"B"}
    named = set(re.findall(r"`([^`]+)`", guide_file().read_text(encoding="utf-8")))
    assert {one for one in named if not one.startswith("tutti")} <= known


def test_a_guide_that_was_not_installed_is_one_sentence(opened, monkeypatch, tmp_path):
    monkeypatch.setattr(guide, "_FOLDERS", (tmp_path,))
    assert opened.menus.helping.show_guide() is None
    assert "guide was not found" in opened.window.status.message.text()


def test_about_says_both_versions_and_copies_them_for_a_report(opened, qtbot):
    opened.window._show_spec()
    about = opened.menus.helping.show_about()
    about.copy()
    text = QGuiApplication.clipboard().text()
    spec = opened.window.model.result().spec
    assert f"Version: {__version__}" in text
    assert f"Model: {spec.name} {spec.version}" in text
    assert re.search(r"^Logs: .*tutti", text, re.MULTILINE)


def test_about_names_every_library_a_listener_installs():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {re.match(r"[\w.-]+", line).group() for line in project["dependencies"]}
    assert {name for name, *_ in LIBRARIES} == installed
