"""The chain window: edits reach the sound, meters show both taps, nothing blocks."""

import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt

from desktop.looks.theme import Theme
from desktop.widgets.tap_meters import HEAD_PX, ROW_PX, TapMeters
from desktop.windows.chain import START_HINT, ChainWindow
from desktop.windows.chain_parameters import NumberControl, readable
from realtime.errors import TuttiError
from realtime.host import chain as chains
from realtime.host import isolation
from realtime.host.chain import EffectStep, TapStep
from realtime.host.devices import Streams
from realtime.host.effects import EFFECTS
from realtime.taxonomy import INSTRUMENTS

RATE_HZ = 48_000
STUB = Path(__file__).parents[1] / "realtime" / "stub_worker.py"


class Device:
    """Plays ``audio`` round and round, and keeps the newest of what is played."""

    latency = 0.005
    write_available = 4096

    def __init__(self, audio):
        self.audio, self.at, self.played = audio, 0, np.zeros((1, 2), np.float32)
        self.broken = threading.Event()
        self.closed = False

    def start(self):
        pass

    def read(self, frames):
        if self.broken.is_set():
            raise OSError("unplugged")
        time.sleep(0.001)
        index = np.arange(self.at, self.at + frames) % len(self.audio)
        self.at += frames
        return self.audio[index], False

    def write(self, block):
        self.played = block
        return False

    def abort(self):
        pass

    def close(self):
        self.closed = True

    def open(self, settings):
        self.closed = False
        return Streams(self, self, "in", "out", RATE_HZ, 2)


@pytest.fixture
def device(tones):
    return Device(np.tile(tones(["flute", "piano"], 3.0, RATE_HZ), (2, 1)).T)


@pytest.fixture
def window(qtbot, theme, model_future, device):
    made = ChainWindow(theme, model_future, open_device=device.open)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def labels(window):
    return [getattr(s, "name", None) or s.effect for s in window.session.chain.steps]


def running(qtbot, window, *effects):
    for effect in effects:
        window.editor.add_effect(effect)
    window.toggle_run()
    qtbot.waitUntil(lambda: window.session.running, timeout=10_000)
    return window.session.host


def loudness(device):
    return float(np.abs(device.played).max())


def test_steps_are_added_between_the_taps_moved_and_removed(window):
    for effect in ("Gain", "Reverb"):
        window.editor.add_effect(effect)
    assert labels(window) == ["before", "Gain", "Reverb", "after"]
    assert window.editor.steps.currentRow() == 2
    window.editor.steps.move_step(2, 1)
    assert labels(window) == ["before", "Reverb", "Gain", "after"]
    window.editor.remove(0)
    assert labels(window) == ["Reverb", "Gain", "after"]
    window.editor.steps.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert window.session.chain.effects[0].bypass


def test_a_drag_reorders(window):
    for effect in ("Gain", "Reverb", "Chorus"):
        window.editor.add_effect(effect)
    moved = window.editor.steps.takeItem(3)
    window.editor.steps.insertItem(1, moved)
    window.editor.steps.reordered.emit(window.editor.steps.steps())
    assert labels(window) == ["before", "Chorus", "Gain", "Reverb", "after"]


def test_keys_remove_and_move(window, qtbot):
    for effect in ("Gain", "Reverb"):
        window.editor.add_effect(effect)
    qtbot.keyClick(window.editor.steps, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert labels(window) == ["before", "Reverb", "Gain", "after"]
    qtbot.keyClick(window.editor.steps, Qt.Key.Key_Delete)
    assert labels(window) == ["before", "Gain", "after"]


def test_every_effect_has_controls_from_its_ranges(window, qtbot):
    for name, effect in EFFECTS.items():
        if effect.whole_only or name == "Convolution":
            continue
        window.editor.add_effect(name)
        shown = set(window.editor.panel.controls)
        assert shown == set(effect.parameters) | {"mix"}
        for parameter in effect.parameters.values():
            control = window.editor.panel.controls[parameter.name]
            if isinstance(control, NumberControl):
                control.slider.setValue(1000)
                assert control.box.value() == pytest.approx(parameter.maximum, abs=0.06)
                control.slider.setValue(0)
                value = window.session.chain.effects[0].parameters[parameter.name]
                assert value == pytest.approx(parameter.minimum, abs=0.06)
        window.editor.remove(window.editor.steps.currentRow())


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_sliders_reach_every_value(name, qtbot):
    for parameter in EFFECTS[name].parameters.values():
        if parameter.kind != "number":
            continue
        control = NumberControl(parameter, float(parameter.default), "x")
        qtbot.addWidget(control)
        for place in (0, 1, 400, 999, 1000):
            value = control.value_at(place)
            assert parameter.problem(value) is None or value == pytest.approx(parameter.maximum)
            assert abs(control.place_of(value) - place) <= 1
        assert readable(parameter)[0].isupper()


def test_sound_runs_and_both_taps_are_shown(window, qtbot, device):
    running(qtbot, window, "Gain")
    window.session.set_parameter(0, "gain_db", -100.0)
    flute = INSTRUMENTS.index("flute")

    def both():
        window.tick()
        values = window.meters.values
        assert values is not None
        assert values[0][flute] > 0.9
        assert values[1][flute] < 0.1

    qtbot.waitUntil(both, timeout=15_000)
    assert "Flute" in window.meters.summary()
    assert window.meters.names == ("before", "after")
    assert "0 xruns" in window.status.text()
    assert window.run_button.text() == "Stop"
    window.toggle_run()
    qtbot.waitUntil(lambda: device.closed, timeout=10_000)
    assert window.run_button.text() == "Start"


def test_edits_are_heard_while_sound_runs(window, qtbot, device):
    running(qtbot, window, "Gain")
    window.session.set_parameter(0, "gain_db", -40.0)
    qtbot.waitUntil(lambda: loudness(device) < 0.01, timeout=10_000)
    window.editor.steps.item(1).setCheckState(Qt.CheckState.Unchecked)
    qtbot.waitUntil(lambda: loudness(device) > 0.1, timeout=10_000)
    window.editor.add_effect("Clipping")
    window.session.set_parameter(1, "threshold_db", -60.0)
    first = window.session.host
    qtbot.waitUntil(lambda: window.session.host is not first, timeout=10_000)
    qtbot.waitUntil(lambda: loudness(device) < 0.01, timeout=10_000)
    for _ in range(2):
        window.editor.remove(1)
    qtbot.waitUntil(lambda: loudness(device) > 0.1, timeout=10_000)
    assert labels(window) == ["before", "after"]


def test_a_fast_edit_is_not_lost_while_another_chain_is_on_its_way(window, qtbot, device):
    running(qtbot, window, "Gain")
    window.editor.add_effect("Gain")
    window.editor.steps.setCurrentRow(1)
    window.session.set_parameter(0, "gain_db", -30.0)
    window.session.set_parameter(1, "gain_db", -30.0)
    qtbot.waitUntil(lambda: loudness(device) < 0.005, timeout=10_000)


def test_before_and_after_are_equally_loud(window, qtbot, device):
    running(qtbot, window, "Gain")
    window.session.set_parameter(0, "gain_db", -20.0)
    qtbot.waitUntil(lambda: loudness(device) < 0.05, timeout=10_000)
    window.before.click()
    assert not window.after.isChecked()
    qtbot.waitUntil(lambda: window.session.matching_gain_db < -18, timeout=20_000)
    qtbot.waitUntil(lambda: 0.01 < loudness(device) < 0.04, timeout=10_000)
    window.tick()
    assert "equally loud" in window.matching.text()


def test_a_lost_device_is_told_and_the_window_lives(window, qtbot, device):
    running(qtbot, window, "Gain")
    device.broken.set()
    qtbot.waitUntil(lambda: not window.session.running, timeout=10_000)
    assert "gone or broke (unplugged)" in window.message.text()
    device.broken.clear()
    running(qtbot, window)


def test_a_device_that_cannot_be_opened_is_told(window, qtbot):
    def refuse(settings):
        raise TuttiError("There is no input device: connect one.")

    window.session._open_device = refuse
    window.editor.add_effect("Gain")
    window.toggle_run()
    qtbot.waitUntil(lambda: "no input device" in window.message.text(), timeout=10_000)
    assert window.run_button.text() == "Start"


def test_chains_are_saved_and_loaded(window, tmp_path):
    window.editor.add_effect("Compressor")
    window.session.set_parameter(0, "ratio", 8.0)
    window.save(tmp_path / "a.toml")
    assert chains.load(tmp_path / "a.toml").effects[0].parameters == {"ratio": 8.0}
    (tmp_path / "bad.toml").write_text('[[chain]]\neffect = "Compresor"')
    window.load(tmp_path / "bad.toml")
    assert "did you mean 'Compressor'" in window.message.text()
    assert labels(window) == ["before", "Compressor", "after"]
    window.editor.remove(1)
    window.save(tmp_path / "b.toml")
    assert "no effects" in window.message.text()
    window.load(tmp_path / "a.toml")
    assert window.session.chain == chains.load(tmp_path / "a.toml")


def test_two_taps_of_a_name_are_refused(window):
    window.editor.add_effect("Gain")
    window.editor.add_step(TapStep("before"))
    assert "two taps called 'before'" in window.message.text()
    assert labels(window) == ["before", "Gain", "after"]


@pytest.mark.skipif(sys.platform == "win32", reason="ends processes by POSIX signals")
def test_a_plugin_that_crashes_is_marked_and_reloaded(window, qtbot, device, tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "WORKER", (sys.executable, str(STUB)))
    path = tmp_path / "stub.vst3"
    path.touch()
    window.editor.add_step(EffectStep("VST3", {"gain": 0.01}, path=path))
    assert "appear when the sound runs" in window.editor.panel.note.text()
    running(qtbot, window)
    qtbot.waitUntil(lambda: "gain" in window.editor.panel.controls, timeout=10_000)
    assert set(window.editor.panel.controls) == {"gain", "trouble", "inverted", "mix"}
    qtbot.waitUntil(lambda: loudness(device) < 0.01, timeout=10_000)
    window.editor.panel.controls["trouble"].setCurrentText("crash")
    qtbot.waitUntil(lambda: "SIGSEGV" in window.message.text(), timeout=10_000)
    assert "(stopped: reload it)" in window.editor.steps.item(1).text()
    qtbot.waitUntil(lambda: loudness(device) > 0.1, timeout=10_000)
    window.editor.panel.controls["trouble"].setCurrentText("none")
    window.editor.steps.setCurrentRow(1)
    window.editor.panel.reload.click()
    qtbot.waitUntil(lambda: "runs again" in window.message.text(), timeout=10_000)
    assert "stopped" not in window.editor.steps.item(1).text()
    qtbot.waitUntil(lambda: loudness(device) < 0.01, timeout=10_000)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_tap_meters_mark_what_changed(name, qtbot):
    meters = TapMeters(Theme.named(name))
    qtbot.addWidget(meters)
    meters.resize(480, meters.height())
    before = np.zeros(len(INSTRUMENTS), np.float32)
    after = before.copy()
    before[3], after[3], after[5] = 0.9, 0.2, 0.05
    meters.set_taps(("dry", "wet"), (before, after), (-20.0, -21.0))
    marked = meters.grab().toImage()
    meters.set_taps(("dry", "wet"), (before, before), (-20.0, -21.0))
    plain = meters.grab().toImage()
    changed = [
        y for y in range(marked.height())
        if any(marked.pixel(x, y) != plain.pixel(x, y) for x in range(0, marked.width(), 2))
    ]  # fmt: skip
    row = meters.theme.px(HEAD_PX) + 3 * meters.theme.px(ROW_PX)
    assert changed
    assert row <= min(changed) + ROW_PX
    assert max(changed) < row + 3 * ROW_PX
    assert meters.summary() == "No notable difference."


def test_tap_meters_tell_who_crosses_the_threshold(qtbot):
    """A flute of threshold 0.2 falls from 0.6 to 0.1: from 75 to 25, and is no longer heard."""
    meters = TapMeters(Theme.named("dark"))
    qtbot.addWidget(meters)
    meters.set_thresholds({"flute": 0.2, "piano": 0.9})
    before, after = np.zeros((2, len(INSTRUMENTS)))
    flute, piano = INSTRUMENTS.index("flute"), INSTRUMENTS.index("piano")
    before[flute], after[flute] = 0.6, 0.1
    before[piano], after[piano] = 0.72, 0.9
    meters.set_taps(("a", "b"), (before, after), (None, None))
    assert meters.summary() == (
        "Flute 75 to 25 percent, no longer heard; Piano 40 to 50 percent, heard now"
    )


def test_an_empty_chain_invites_and_its_buttons_begin_one(window, qtbot):
    editor = window.editor
    assert editor.start.isVisible()
    assert window.meters.hint == START_HINT
    qtbot.mouseClick(editor.start.buttons["Highpass filter"], Qt.MouseButton.LeftButton)
    assert labels(window) == ["before", "HighpassFilter", "after"]
    assert not editor.start.isVisible()
    assert editor.panel.title.text() == "HighpassFilter"
    editor.remove(1)
    assert editor.start.isVisible()


def test_bypass_by_the_panel_the_tick_and_the_key_are_one(window, qtbot):
    window.editor.add_effect("Reverb")
    steps, panel = window.editor.steps, window.editor.panel
    panel.bypass.click()
    assert window.session.chain.effects[0].bypass
    assert "bypassed" in steps.item(1).text()
    assert steps.item(1).checkState() == Qt.CheckState.Unchecked
    assert panel.bypass.text() == "Bypassed"
    qtbot.keyClick(steps, Qt.Key.Key_B)
    assert not window.session.chain.effects[0].bypass
    assert panel.bypass.text() == "Bypass"
    steps.setCurrentRow(0)  # a tap has nothing to bypass
    assert not panel.bypass.isVisible()
    qtbot.keyClick(steps, Qt.Key.Key_B)
    assert not window.session.chain.effects[0].bypass


def test_the_monitor_opens_it_on_the_open_file_and_closes_it(opened, qtbot, write_sound):
    path = write_sound("a.wav", [(["flute"], 1.0)])
    assert opened.window.open_file(path)
    chain = opened.menus.sources.show_chain()
    assert chain.session.file == path
    assert chain.source.currentText() == "a.wav"
    opened.menus.view.flip_theme()
    chain.tick()
    assert chain.meters.theme is opened.window.theme
    with qtbot.waitSignal(chain.destroyed, timeout=5_000):
        opened.window.close()
