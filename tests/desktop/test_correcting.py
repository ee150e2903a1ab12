"""Correcting the model: a meter lowered, its sound kept with consent, thresholds, ensembles."""

import csv

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import Qt

from desktop.heard.expectation import Finding, Presence
from desktop.kept import clips
from desktop.kept.settings import Settings
from desktop.windows.correction import not_a
from desktop.windows.expected import ExpectedDialog
from realtime.taxonomy import INSTRUMENTS, display_name


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    """Clips of tests stay in the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def playing_flute(opened, qtbot, write_sound):
    window = opened.window
    assert window.open_file(write_sound("a.wav", [(["flute"], 8.0)]))
    qtbot.waitUntil(lambda: window.session.analysis.done, timeout=20_000)
    window.session.player.seek(5.0)
    qtbot.waitUntil(lambda: window.meters.is_present("flute"), timeout=10_000)
    return opened


def test_what_is_not_a_flute_is_heard_as_one_no_more(playing_flute, qtbot):
    window, correcting = playing_flute.window, playing_flute.menus.correcting
    dialog = correcting.correct("flute")
    assert dialog.windowTitle() == "This is not a flute"
    assert not dialog.keep.isChecked()  # nothing is kept before somebody agreed
    dialog.accept()
    qtbot.waitUntil(lambda: not window.meters.is_present("flute"), timeout=5_000)
    lowered = playing_flute.settings.thresholds["flute"]
    assert lowered > correcting.model_threshold("flute")
    values = window.session.track.rows().instruments[:, INSTRUMENTS.index("flute")]
    assert lowered > values[4:12].max()
    assert window.meters.thresholds["flute"] == lowered
    assert not clips.clips_folder().exists()
    correcting.set_threshold("flute", None)
    assert playing_flute.settings.thresholds == {}
    qtbot.waitUntil(lambda: window.meters.is_present("flute"), timeout=5_000)


def test_with_consent_the_last_seconds_are_kept_under_what_did_sound(playing_flute, qtbot):
    settings, correcting = playing_flute.settings, playing_flute.menus.correcting
    dialog = correcting.correct("mandolin")
    assert dialog.boxes["flute"].isChecked()  # what the meters hear is proposed
    dialog.keep.setChecked(True)
    dialog.boxes["flute"].setChecked(False)
    dialog.boxes["voice"].setChecked(True)
    dialog.complete.setChecked(True)
    dialog.accept()
    table = clips.clips_folder() / "several.csv"
    qtbot.waitUntil(table.exists, timeout=10_000)
    with table.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["instruments"], row["complete"]) == ("voice", "1")
    sound, rate_hz = soundfile.read(clips.clips_folder() / row["path"])
    assert len(sound) / rate_hz == pytest.approx(5.0, abs=0.2)
    assert np.abs(sound).max() > 0.05
    assert settings.keep_clips  # asked again the same way


def test_without_a_name_nothing_is_kept_and_it_is_said(playing_flute, qtbot):
    dialog = playing_flute.menus.correcting.correct("flute")
    dialog.keep.setChecked(True)
    for box in dialog.boxes.values():
        box.setChecked(False)
    dialog.accept()
    assert "No clip was kept" in playing_flute.window.status.message.toolTip()
    assert not clips.clips_folder().exists()


def test_cancel_changes_nothing(playing_flute):
    dialog = playing_flute.menus.correcting.correct("flute")
    dialog.keep.setChecked(True)
    dialog.reject()
    assert playing_flute.settings.thresholds == {}
    assert not playing_flute.settings.keep_clips


def test_an_instrument_s_menu_has_it(opened):
    menu = opened.menus.metering.row_menu("oboe")
    opened.menus.correcting.add_to(menu, "oboe")
    assert "This is not an oboe…" in [action.text() for action in menu.actions()]


@pytest.mark.parametrize(
    ("name", "said"),
    [("drums", "These are not drums"), ("bass", "This is not a bass"),
     ("organ", "This is not an organ"), ("ukulele", "This is not a ukulele"),
     ("mallet_percussion", "This is not mallet percussion")],
)  # fmt: skip
def test_it_is_said_as_one_says_it(name, said):
    assert not_a(display_name(name)) == said


def test_thresholds_of_one_s_own_are_kept_and_nonsense_is_not():
    document = Settings(thresholds={"flute": 0.7}).document()
    assert Settings.from_document(document).thresholds == {"flute": 0.7}
    for nonsense in ({"flute": 7}, {"flute": "high"}, [0.5], "x"):
        assert Settings.from_document({"thresholds": nonsense}).thresholds == {}


def test_ensembles_are_saved_ticked_and_deleted(qtbot):
    settings = Settings(expected=["piano"])
    dialog = ExpectedDialog(settings, display_name, frozenset())
    qtbot.addWidget(dialog)
    dialog.tick(frozenset({"bass", "drums"}))
    dialog.save("Trio")
    assert settings.ensembles == {"Trio": ["drums", "bass", "piano"]} or set(
        settings.ensembles["Trio"]
    ) == {"bass", "drums", "piano"}
    dialog.untick()
    dialog.take("Trio")
    assert set(dialog.chosen()) == {"bass", "drums", "piano"}
    assert Settings.from_document(settings.document()).ensembles == settings.ensembles
    dialog.delete("Trio")
    assert settings.ensembles == {}
    assert dialog.choice.count() == 1


def test_a_click_on_what_surprises_expects_it(opened, qtbot):
    window = opened.window
    window._timer.stop()
    opened.settings.expected = ["piano"]
    findings = [Finding("piano", Presence.HEARD), Finding("violin", Presence.UNEXPECTED)]
    window.expected.set_findings(findings)
    where = window.expected.rect().topLeft()
    where.setX(40)
    where.setY(window.theme.px(36 + 12))  # the surprise is told first
    qtbot.mouseClick(window.expected, Qt.MouseButton.LeftButton, pos=where)
    assert opened.settings.expected == ["piano", "violin"]
