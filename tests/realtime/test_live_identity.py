"""Which device is heard: the one that was named, and never another."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from realtime.engine import Engine
from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.sources import portaudio, pulse
from realtime.sources.base import Block
from realtime.sources.child import Child
from realtime.sources.device import (
    Device,
    DeviceSource,
    find_device,
    find_known,
    list_devices,
    titled,
)
from realtime.stats import EngineState

WAIT_S = 15
LOUD = 0.2
ALIKE = "Monitor of Null Output"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a Linux sound server")


@pytest.fixture(scope="module")
def model() -> TagModel:
    return TagModel()


class Pair:
    """Two null sinks of the same description, ``mix`` and ``twin``; only one has a tone."""

    def __init__(self, server, tone: Path) -> None:
        self.server = server
        self.tone = tone

    def load(self, name: str, *more: str) -> None:
        asked = self.server.ask("pactl", "load-module", "module-null-sink", f"sink_name={name}",
                                "rate=48000", *more)  # fmt: skip
        assert asked.returncode == 0, asked.stderr

    def unload(self, name: str) -> None:
        modules = self.server.ask("pactl", "list", "short", "modules").stdout.splitlines()
        (index,) = [line.split()[0] for line in modules if f"sink_name={name}" in line]
        assert self.server.ask("pactl", "unload-module", index).returncode == 0

    def play_into(self, sink: str) -> None:
        player = self.server.spawn("paplay", "--latency-msec=100", "-d", sink, str(self.tone))
        self.server.helpers.append(player)

    def make_default(self, sink: str) -> None:
        assert self.server.ask("pactl", "set-default-source", f"{sink}.monitor").returncode == 0


@pytest.fixture
def pair(pulse_server, tmp_path) -> Pair:
    t = np.arange(60 * 48_000) / 48_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    soundfile.write(tmp_path / "tone.wav", tone, 48_000)
    made = Pair(pulse_server, tmp_path / "tone.wav")
    made.load("twin")
    return made


class Kept(DeviceSource):
    """Remembers how loud every block was, over all openings."""

    peaks: list[float]

    def read(self, timeout_s: float) -> Block | None:
        block = super().read(timeout_s)
        if block is not None and len(block):
            self.peaks = [*getattr(self, "peaks", []), float(np.abs(block).max())]
        return block


def loudest(source: DeviceSource, seconds: float) -> float:
    """The highest peak of what an open source gives in that time."""
    peak, until_s = 0.0, time.monotonic() + seconds
    while time.monotonic() < until_s:
        block = source.read(0.1)
        assert block is not None
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    return peak


@pytest.mark.parametrize(("sink", "other"), [("mix", "twin"), ("twin", "mix")])
def test_of_two_alike_the_one_named_is_heard(pair, sink, other):
    """A tone in one of two outputs of the same description: only that one's monitor has it."""
    pair.play_into(sink)
    named, unnamed = DeviceSource(f"{sink}.monitor"), DeviceSource(f"{other}.monitor")
    try:
        named.open()
        unnamed.open()
        assert loudest(named, 4.0) > LOUD
        assert loudest(unnamed, 1.0) == 0.0
        assert named.name == f"{ALIKE} [{sink}.monitor]"
    finally:
        named.close()
        unnamed.close()


def test_two_alike_are_listed_with_their_names_and_neither_is_taken(pair):
    devices = list_devices()
    labels = [f"{ALIKE} [{sink}.monitor] (PulseAudio)" for sink in ("mix", "twin")]
    assert [each.full_label for each in devices[:2]] == labels
    for text, device in zip(labels, devices, strict=False):
        assert find_device(text, devices) is device
        assert find_device(device.label, devices) is device
    for wanted in (ALIKE, "null output"):
        with pytest.raises(TuttiError, match="fits 2 input devices") as told:
            find_device(wanted, devices)
        assert all(label in str(told.value) for label in labels)


def test_a_name_that_fits_several_ends_the_command(pair, monkeypatch):
    """``--device`` that fits several: one message with each of them, exit 2."""
    monkeypatch.setenv("COLUMNS", "200")
    tables = []
    for command in (["listen", "--device", ALIKE], ["devices"]):
        done = subprocess.run([sys.executable, "-m", "realtime.cli", *command],
                              capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
        tables.append(done.stdout + done.stderr)
        assert done.returncode == (2 if command[0] == "listen" else 0)
    for text in tables:
        assert "mix.monitor" in text
        assert "twin.monitor" in text
    assert tables[0].count("\n") == 1


def test_one_that_went_is_waited_for_and_no_other_taken(pair, model, wait_until):
    """The chosen output is unloaded while a tone plays in the one that is called the same."""
    pair.play_into("mix")
    source = Kept("twin.monitor")
    engine = Engine(model, source, hop_s=0.5)
    with engine:
        wait_until(lambda: engine.latest().stats.windows > 1, WAIT_S, "windows")
        pair.unload("twin")
        wait_until(
            lambda: engine.latest().stats.state == EngineState.RECONNECTING,
            5,
            "the loss to be seen",
        )
        time.sleep(3.0)
        stats = engine.latest().stats
        assert stats.state == EngineState.RECONNECTING
        assert f"'{ALIKE} [twin.monitor]' is gone" in (stats.last_error or "")
        assert "waited for, and no other is taken" in (stats.last_error or "")
        windows = engine.latest().stats.windows
        pair.load("twin")
        wait_until(lambda: engine.latest().stats.windows > windows + 1, WAIT_S, "it to come back")
    assert max(source.peaks) == 0.0


def test_a_named_input_stays_though_the_default_changes(pair, model, wait_until):
    """PulseAudio moves recordings of the old default to the new one, named ones among them."""
    pair.play_into("twin")
    source = Kept("mix.monitor")
    engine = Engine(model, source, hop_s=0.5)
    with engine:
        wait_until(lambda: engine.latest().stats.windows > 1, WAIT_S, "windows")
        pair.make_default("twin")
        wait_until(lambda: engine.latest().stats.reopenings > 0, 5, "the move to be seen")
        windows = engine.latest().stats.windows
        wait_until(lambda: engine.latest().stats.windows > windows + 2, WAIT_S, "it to be back")
    assert max(source.peaks) == 0.0


def test_a_recording_moved_by_hand_is_brought_back(pair, model, wait_until):
    """As with pavucontrol."""
    pair.play_into("mix")
    source = Kept("twin.monitor")
    engine = Engine(model, source, hop_s=0.5)
    with engine:
        wait_until(lambda: engine.latest().stats.windows > 1, WAIT_S, "windows")
        listed = pair.server.ask("pactl", "list", "source-outputs").stdout.split("\nSource Output ")
        (ours,) = [each for each in listed if 'application.name = "Tutti"' in each]
        number = ours.removeprefix("Source Output ").split("\n")[0].removeprefix("#")
        pair.server.ask("pactl", "move-source-output", number, "mix.monitor")
        wait_until(lambda: engine.latest().stats.reopenings > 0, 5, "the move to be seen")
        assert "moved the recording" in (engine.latest().stats.last_error or "")
        windows = engine.latest().stats.windows
        wait_until(lambda: engine.latest().stats.windows > windows + 2, WAIT_S, "it to be back")
    assert max(source.peaks) == 0.0


@pytest.mark.parametrize("moves", [True, False], ids=["PulseAudio", "PipeWire"])
def test_the_default_is_followed(pair, model, wait_until, monkeypatch, moves):
    """Without a name: the system's default, also once that is another."""
    if not moves:  # PipeWire leaves recordings where they are: only the default tells
        monkeypatch.setattr(pulse.PulseStream, "_moved", lambda self: False)
    pair.play_into("twin")
    source = Kept()
    engine = Engine(model, source, hop_s=0.5)
    with engine:
        wait_until(lambda: engine.latest().stats.windows > 1, WAIT_S, "windows")
        assert "mix" in source.name
        assert max(source.peaks) == 0.0
        pair.make_default("twin")
        wait_until(lambda: max(source.peaks) > LOUD, WAIT_S, "the tone of the new default")
        assert engine.latest().source_name == f"{ALIKE} [twin.monitor]"
        pair.unload("twin")  # the server makes the other the default
        wait_until(lambda: engine.latest().source_name == ALIKE, WAIT_S, "the default to go back")


@pytest.mark.parametrize("language", ["", "de"])
def test_descriptions_of_every_alphabet(pair, monkeypatch, language):
    """As ``pactl -f json`` 16.1 gives them, they would all be "(null)"."""
    monkeypatch.setenv("LANGUAGE", language)
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    for sink, description in (("cyr", "Звук экрана"), ("jp", "内蔵オーディオ"), ("fr", "Écran")):
        pair.load(sink, f"sink_properties=\"device.description='{description}'\"")
    devices = {device.name: device for device in pulse.list_inputs()}
    assert devices["cyr.monitor"].label == "Monitor of Звук экрана"
    assert devices["jp.monitor"].label == "Monitor of 内蔵オーディオ"
    assert devices["fr.monitor"].label == "Monitor of Écran"
    assert devices["mix.monitor"].is_default
    assert find_device("オーディオ", list(devices.values())).name == "jp.monitor"
    source = DeviceSource("звук")
    source.open()
    source.close()
    assert source.name == "Monitor of Звук экрана"


def test_a_description_cannot_pass_for_a_source(pair):
    """Line breaks in a description: the list holds what is there, under its own name."""
    lines = "X\n\tName: mix.monitor\n\tDescription: no\n\tSample Specification: s16le 9ch 1Hz"
    pair.load("odd", f"sink_properties=\"device.description='{lines}'\"")
    names = [(device.name, device.channels) for device in pulse.list_inputs()]
    assert names == [("mix.monitor", 2), ("twin.monitor", 2), ("odd.monitor", 2)]


@pytest.mark.parametrize("fails", ["parec", "source"])
def test_a_stream_that_cannot_be_opened_leaves_nothing_running(
    pair, monkeypatch, wait_until, fails
):
    """Neither the recorder nor the watcher outlives an opening that failed."""
    (device,) = [each for each in pulse.list_inputs() if each.name == "twin.monitor"]
    children: list[Child] = []

    def start(command: list[str]) -> Child:
        if command[0] == fails:
            raise FileNotFoundError(2, "No such file or directory")
        children.append(Child(command))
        return children[-1]

    monkeypatch.setattr(pulse, "Child", start)
    if fails == "source":
        pair.unload("twin")
    with pytest.raises(TuttiError, match="install pulseaudio-utils|is not there"):
        pulse.PulseStream(device, 2)
    assert children
    assert [child._process.poll() is not None for child in children] == [True] * len(children)
    for child in children:  # and nothing that they started
        wait_until(lambda child=child: not group_runs(child.process_id), 5, "its group to end")


def group_runs(leader: int) -> bool:
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(each.pid) == leader and each.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


# Without a server: what was chosen, among what there is.


def source(name: str, description: str) -> Device:
    return Device(name, "PulseAudio", 2, 48_000, True, False, description)


def test_what_was_saved_is_that_name_or_nothing():
    """Never a name that holds the saved one; a description, as earlier versions saved it."""
    devices = titled([source("remix.monitor", "Out"), source("a", "Same"), source("b", "Same")])
    with pytest.raises(TuttiError, match=r"'mix.monitor' \(PulseAudio\) is not there"):
        find_known("mix.monitor", "PulseAudio", devices)
    assert find_known("remix.monitor", "PulseAudio", devices) is devices[0]
    assert find_known("Out", "PulseAudio", devices) is devices[0]
    with pytest.raises(TuttiError, match="fits 2"):
        find_known("Same", "PulseAudio", devices)
    with pytest.raises(TuttiError, match="is not there"):
        find_known("remix.monitor", "ALSA", devices)


def test_one_name_through_two_host_apis_is_listed_not_guessed():
    """As every device on Windows."""
    devices = [Device("Mic", api, 2, 48_000, False, False) for api in ("MME", "Windows WASAPI")]
    with pytest.raises(TuttiError, match=r"'Mic \(MME\)', 'Mic \(Windows WASAPI\)'"):
        find_device("Mic", devices)
    assert find_device("Mic (MME)", devices) is devices[0]
    assert find_device("wasapi", devices) is devices[1]


# PortAudio, played by a module of its name: each device gives its own number as sound.

FAKE = """
import json, pathlib, time
STATE = pathlib.Path(__file__).with_name("state.json")
class PortAudioError(Exception):
    pass
def _state():
    return json.loads(STATE.read_text())
class default:
    device = (_state()["default"], -1)
def query_hostapis():
    return ({"name": "Core Audio", "default_input_device": 0},)
def query_devices():
    return [{"name": name, "hostapi": 0, "index": i, "default_samplerate": 48000.0,
             "max_input_channels": 1, "max_output_channels": 0}
            for i, name in enumerate(_state()["names"])]
class RawInputStream:
    channels, samplerate = 1, 48000
    def __init__(self, device, **options):
        self.sound = bytes(__import__("struct").pack("<f", (1 + device) / 10)) * 4800
    def start(self):
        pass
    @property
    def read_available(self):
        time.sleep(0.1)
        if not _state()["names"]:
            raise PortAudioError("unplugged")
        return 4800
    def read(self, frames):
        return self.sound, False
"""


class Fake:
    def __init__(self, folder: Path) -> None:
        self._state = folder / "state.json"

    def set(self, *names: str, default: int = 0) -> None:
        import json

        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps({"names": names, "default": default}))
        fresh.replace(self._state)


@pytest.fixture
def fake(tmp_path, monkeypatch) -> Iterator[Fake]:
    (tmp_path / "sounddevice.py").write_text(FAKE)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setattr(pulse, "list_inputs", list)
    monkeypatch.setattr(portaudio, "FOLLOW_S", 0.2)
    return Fake(tmp_path)


def sound_of(source: DeviceSource) -> int:
    """The number of the device that is heard."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        block = source.read(0.2)
        if block is not None and len(block):
            return round(10 * float(block[-1, 0])) - 1
    raise AssertionError("nothing came")


def test_of_two_of_one_name_the_chosen_is_opened(fake):
    fake.set("Mic", "Line", "Mic")
    devices = list_devices()
    assert [each.label for each in devices] == ["Mic [1 of 2]", "Line", "Mic [2 of 2]"]
    for device, number in zip(devices, (0, 1, 2), strict=True):
        for wanted in (device, device.label):
            source = DeviceSource(wanted)
            source.open()
            assert sound_of(source) == number
            source.close()
    with pytest.raises(TuttiError, match=r"Mic \[1 of 2\].*Mic \[2 of 2\]"):
        DeviceSource("Mic").open()


def test_what_cannot_be_told_apart_is_not_guessed_again(fake):
    """Twins, one of which was away; and a second of the name that came meanwhile."""
    fake.set("Mic", "Mic")
    twin = DeviceSource("Mic [2 of 2]")
    twin.open()
    twin.close()
    for again in (twin, twin.renewed()):
        with pytest.raises(TuttiError, match="choose it again"):
            again.open()
    fake.set("Mic", "Line")
    alone = DeviceSource("Mic")
    alone.open()
    alone.close()
    fake.set("Mic", "Line", "Mic")
    with pytest.raises(TuttiError, match="2 are called that now.*no other is taken"):
        alone.open()
    fake.set("Line")
    with pytest.raises(TuttiError, match="not connected.*no other is taken"):
        alone.open()
    fake.set("Line", "Mic")
    alone.open()
    assert sound_of(alone) == 1
    alone.close()


@pytest.mark.parametrize("follows", [True, False])
def test_portaudios_default_is_followed_where_it_changes(fake, monkeypatch, follows):
    """Asked anew in a process of its own, now and then; a named input is not asked for."""
    monkeypatch.setattr(portaudio, "DEFAULT_CHANGES", True)
    fake.set("Mic", "Line")
    source = DeviceSource(None if follows else "Mic")
    source.open()
    assert sound_of(source) == 0
    fake.set("Mic", "Line", default=1)
    until_s = time.monotonic() + (WAIT_S if follows else 2.0)
    told = ""
    while not told and time.monotonic() < until_s:
        try:
            source.read(0.1)
        except TuttiError as error:
            told = str(error)
    source.close()
    assert ("'Line'" in told) == follows
    source.open()
    assert (sound_of(source), source.name) == ((1, "Line") if follows else (0, "Mic"))
    source.close()
