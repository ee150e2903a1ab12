"""The audibility window: files in, a report out, off the UI thread."""

import json
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import QPointF, Qt

from desktop.looks.theme import Theme
from desktop.sessions.file_session import FileSession
from desktop.widgets.stem_lanes import describe
from desktop.windows.audit import AuditWindow, summary

RATE_HZ = 32_000


@pytest.fixture
def files(tmp_path, tones) -> tuple[Path, list[Path]]:
    """A piano buried from 3 s on by noise, with a name that could be taken for markup."""
    piano = tones(["piano"], 6, RATE_HZ, 0.005)
    noise = np.random.default_rng(2).standard_normal(6 * RATE_HZ).astype(np.float32) * 0.3
    noise[: 3 * RATE_HZ] = 0
    paths = [tmp_path / name for name in ("the mix.wav", "<b>piano.wav", "noise.wav")]
    for path, sound in zip(paths, (piano + noise, piano, noise), strict=True):
        soundfile.write(path, sound, RATE_HZ, subtype="FLOAT")
    return paths[0], paths[1:]


@pytest.fixture
def window(qtbot, theme, model_future):
    made = AuditWindow(theme, model_future)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def compared(qtbot, window, files):
    window.use(*files)
    qtbot.mouseClick(window.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.result is not None, timeout=30_000)
    return window


def test_nothing_can_be_started_or_saved_before_files_are_chosen(window, files):
    assert not window.start.isEnabled()
    assert not window.save_button.isEnabled()
    window.use(files[0], [])
    assert not window.start.isEnabled()
    window.use(*files)
    assert window.start.isEnabled()
    assert window.files.text() == "the mix.wav, 2 stems"


def test_dropped_files_are_sorted_by_name(window, files):
    mix, stems = files
    window.drop([stems[0], mix, stems[1]])
    assert (window.mix, window.stems) == (mix, stems)


def test_the_report_is_shown_as_lanes_and_as_a_list(compared):
    assert "Cannot always be heard: <b>piano." in compared.message.text()
    assert compared.table.rowCount() == 1
    cells = [compared.table.item(0, column).text() for column in range(5)]
    assert cells[0] == "<b>piano"
    assert cells[3].startswith("masked, ")
    (piano, noise) = compared.result.stems
    assert piano.passages[0].start_s == pytest.approx(3, abs=0.5)
    assert noise.passages == ()
    bar = compared.lanes.bar_of(0)
    found = compared.lanes.passage_at(QPointF(bar.left() + bar.width() * 0.8, bar.center().y()))
    assert found == (piano, piano.passages[0])
    assert "masked" in describe(*found)
    before = QPointF(bar.left() + bar.width() * 0.2, bar.center().y())
    assert compared.lanes.passage_at(before) is None


def test_a_click_and_enter_ask_to_hear_the_mix_there(compared, qtbot, files):
    bar = compared.lanes.bar_of(0)
    with qtbot.waitSignal(compared.time_chosen) as asked:
        middle = QPointF(bar.center().x(), bar.center().y()).toPoint()
        qtbot.mouseClick(compared.lanes, Qt.MouseButton.LeftButton, pos=middle)
    assert asked.args[0] == files[0]
    assert asked.args[1] == pytest.approx(3.0, abs=0.1)
    with qtbot.waitSignal(compared.time_chosen) as asked:
        compared.table.itemActivated.emit(compared.table.item(0, 2))
    assert asked.args[1] == compared.result.stems[0].passages[0].start_s


@pytest.mark.parametrize("ending", [".svg", ".csv", ".json", ".txt"])
def test_it_saves_in_each_form(compared, tmp_path, ending):
    compared.save(tmp_path / f"report{ending}")
    text = (tmp_path / f"report{ending}").read_text(encoding="utf-8")
    assert "piano" in text
    if ending == ".json":
        assert json.loads(text)["schema"] == 1


def test_what_cannot_be_saved_is_told(compared, tmp_path):
    compared.save(tmp_path / "report.png")
    assert "end the name in .svg" in compared.message.text()
    compared.save(tmp_path / "no" / "report.csv")
    assert "cannot be written" in compared.message.text()


def test_a_bad_file_is_told_and_another_try_is_possible(qtbot, window, files, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"not sound")
    window.use(files[0], [bad])
    window.compare()
    qtbot.waitUntil(lambda: "bad.wav" in window.message.text(), timeout=30_000)
    assert window.start.text() == "Compare"
    assert window.start.isEnabled()


def test_called_off_work_never_shows(qtbot, theme, files):
    late: Future = Future()
    window = AuditWindow(theme, late)
    qtbot.addWidget(window)
    window.use(*files)
    window.toggle()
    assert window.start.text() == "Stop"
    window.toggle()
    assert window.message.text() == "Called off."
    late.set_exception(RuntimeError("too late"))
    qtbot.wait(200)
    assert window.message.text() == "Called off."
    assert window.result is None


def test_all_heard_is_said(compared):
    quiet = compared.result
    assert "Every stem" in summary(
        type(quiet)("mix", 6.0, -50.0, quiet.stems[1:], (), "model", 1.0)
    )


def test_the_monitor_opens_it_with_the_open_file_and_plays_where_it_points(
    opened, qtbot, files, wait
):
    opened.window.open_file(files[0])
    window = opened.menus.sources.show_audit()
    assert window.mix == files[0]
    window.time_chosen.emit(files[0], 2.0)
    session = opened.window.session
    assert isinstance(session, FileSession)
    assert session.player.position_s == pytest.approx(2.0, abs=0.3)
    opened.menus.view.set_theme("light")
    qtbot.waitUntil(lambda: window.theme.name == "light", timeout=2000)
    opened.menus.view.set_theme("dark")
    assert isinstance(window.theme, Theme)
