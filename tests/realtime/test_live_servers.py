"""Faults of real sound servers, and of the machine around a real stream."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

from realtime.engine import Engine
from realtime.model import TagModel
from realtime.sources.device import DeviceSource, find_device, list_devices
from realtime.stats import EngineState

WAIT_S = 25


@pytest.fixture(scope="module")
def model() -> TagModel:
    return TagModel()


def hears(engine: Engine, wait_until) -> None:
    before = engine.latest().stats.windows
    wait_until(
        lambda: (
            engine.latest().stats.windows > before + 1
            and engine.latest().stats.state in (EngineState.RUNNING, EngineState.NO_SIGNAL)
        ),  # the null sink gives zeros
        WAIT_S,
        "windows to come",
    )


def note(record_property, engine: Engine) -> None:
    stats = engine.latest().stats
    record_property("reopenings", stats.reopenings)
    record_property("frames missing, counted", stats.frames_missing)


def test_pulse_killed_and_restarted(pulse_server, model, wait_until, record_property):
    """Sound server killed (PulseAudio) and restarted at another rate, mid-run."""
    source = DeviceSource()
    engine = Engine(model, source, hop_s=0.2)
    with engine:
        hears(engine, wait_until)
        assert source.sample_rate_hz == 48_000
        pulse_server.kill()
        wait_until(
            lambda: engine.latest().stats.state == EngineState.RECONNECTING,
            5,
            "the loss to be seen",
        )
        assert "Monitor of Null Output" in (engine.latest().stats.last_error or "")
        time.sleep(0.5)
        pulse_server.start(44_100)
        hears(engine, wait_until)
        assert source.sample_rate_hz == 44_100
        assert engine.latest().stats.frames_missing > 20_000
    note(record_property, engine)


def test_what_readme_says_of_python(pulse_server, tmp_path):
    """README's Python, as it stands, on a file and on the default input, where it is silent."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL))
    sound = np.random.default_rng(0).normal(0, 0.1, 4 * 16_000).astype(np.float32)
    with AudioFile(str(tmp_path / "mix.flac"), "w", 16_000, 1) as file:
        file.write(sound)
    code += "print(len(timeline.instruments), timeline.summary()['piano'].present)\n"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=tmp_path, text=True,
    ) as script:  # fmt: skip
        assert script.stdout is not None
        seen = [next(script.stdout) for _ in range(3)]
        rest, _ = script.communicate("\n", timeout=WAIT_S)
    assert script.returncode == 0
    assert seen[0] == "Enter ends it.\n"
    assert [line.partition(":")[0] for line in seen[1:]] == ["1.0 s", "1.5 s"]
    assert all(line.endswith(": nothing certain\n") for line in seen[1:])
    assert rest.splitlines()[-1] == "7 False"


def test_pulse_through_alsa_killed_and_restarted(pulse_server, model, wait_until, record_property):
    """Sound server killed and restarted, heard through PortAudio and ALSA's pulse plugin."""
    alsa = [device for device in list_devices() if device.host_api == "ALSA"]
    if not alsa:
        pytest.skip("PortAudio has no ALSA here, or ALSA no pulse plugin")
    engine = Engine(model, DeviceSource(find_device("default", alsa)), hop_s=0.2)
    with engine:
        hears(engine, wait_until)
        pulse_server.kill()
        wait_until(
            lambda: engine.latest().stats.state == EngineState.RECONNECTING,
            8,
            "the loss to be seen",
        )
        pulse_server.start()
        hears(engine, wait_until)
    note(record_property, engine)


def test_pulse_frozen_and_thawed(pulse_server, model, wait_until, record_property):
    """Sound server frozen (SIGSTOP): the stall is seen; it is heard again once it runs."""
    engine = Engine(model, DeviceSource(), hop_s=0.2)
    engine.start()
    try:
        hears(engine, wait_until)
        pulse_server.freeze()
        wait_until(lambda: engine.latest().stats.stalls > 0, 10, "the stall to be seen")
        pulse_server.thaw()
        hears(engine, wait_until)
    finally:
        pulse_server.thaw()
        engine.stop()
    record_property("stalls", engine.latest().stats.stalls)
    note(record_property, engine)


def test_pulse_device_removed_and_back(pulse_server, model, wait_until, record_property):
    """Device removed from the server, and back: no other device is taken meanwhile.

    As on a desktop, the server would move the recording to another source.
    """
    assert pulse_server.ask("pactl", "load-module", "module-rescue-streams").returncode == 0
    source = DeviceSource("mix.monitor")
    engine = Engine(model, source, hop_s=0.2)
    with engine:
        hears(engine, wait_until)
        assert pulse_server.ask(
            "pactl", "load-module", "module-null-sink", "sink_name=other",
            "sink_properties=device.description=Other",
        ).returncode == 0  # fmt: skip
        pulse_server.unload_sink()
        wait_until(lambda: engine.latest().stats.reopenings >= 2, 10, "attempts to reopen")
        assert engine.latest().stats.state == EngineState.RECONNECTING
        assert "no other is taken" in (engine.latest().stats.last_error or "")
        pulse_server.load_sink()
        hears(engine, wait_until)
        assert source.name == "Monitor of Null Output"
    note(record_property, engine)


def test_jack_killed_and_restarted_at_another_rate(jack_server, model, wait_until, record_property):
    """Sound server killed (JACK) and restarted at another sample rate, mid-run."""
    jack = [device for device in list_devices() if "JACK" in device.host_api]
    if not jack:
        pytest.skip("PortAudio has no JACK here")
    source = DeviceSource(find_device("system", jack))
    engine = Engine(model, source, hop_s=0.2)
    with engine:
        hears(engine, wait_until)
        assert source.sample_rate_hz == 44_100
        jack_server.kill()
        wait_until(
            lambda: engine.latest().stats.state == EngineState.RECONNECTING,
            10,
            "the loss to be seen",
        )
        jack_server.start(48_000)
        hears(engine, wait_until)
        assert source.sample_rate_hz == 48_000
    note(record_property, engine)


@pytest.mark.parametrize("server", ["pulse", pytest.param("jack", marks=pytest.mark.slow)])
def test_interpreter_held_by_other_threads(server, request, model, wait_until, record_property):
    """GIL held: 1.5 s at a stretch by native code, and fought over by four busy threads."""
    request.getfixturevalue(f"{server}_server")
    api = {"pulse": "PulseAudio", "jack": "JACK"}[server]
    devices = [device for device in list_devices() if api in device.host_api]
    if not devices:
        pytest.skip(f"no {api} here")
    engine = Engine(model, DeviceSource(devices[0]), hop_s=0.2)
    busy = threading.Event()

    def spin() -> None:
        count = 0
        while not busy.is_set():
            count += 1

    engine.start()
    try:
        hears(engine, wait_until)
        python = ctypes.PyDLL(None)  # calls through PyDLL keep the interpreter locked
        for _ in range(2):
            python.usleep(1_500_000)
            time.sleep(0.3)
        spinners = [threading.Thread(target=spin, daemon=True) for _ in range(4)]
        for spinner in spinners:
            spinner.start()
        time.sleep(2.5)
        busy.set()
        for spinner in spinners:
            spinner.join()
        hears(engine, wait_until)
        time.sleep(2.2)  # a loss is found within two seconds
    finally:
        busy.set()
        engine.stop()
    stats = engine.latest().stats
    assert (stats.frames_missing, stats.windows_dropped, stats.stalls) == (0, 0, 0)
    tags = engine.history()
    starts = [each.start_s for each in tags]
    assert all(b - a == pytest.approx(0.2) for a, b in zip(starts, starts[1:], strict=False))
    record_property("frames missing", stats.frames_missing)
    record_property("windows dropped", stats.windows_dropped)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux sound servers")
