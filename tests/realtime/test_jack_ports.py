"""Ports of Tutti's own in JACK's patch bay, at a real jackd without a sound card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from realtime.engine import Engine
from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.sources import jack_ports, jack_recorder
from realtime.sources.device import (
    DeviceGone,
    DeviceSource,
    find_device,
    known_device,
    list_devices,
)
from realtime.sources.jack_ports import JackPorts, device
from realtime.stats import EngineState

TUTTI = [sys.executable, "-m", "realtime.cli"]
WAIT_S = 20
DAW = """
import sys, time, jack
client = jack.Client("daw", no_start_server=True)
outs = [client.outports.register(f"out_{n}") for n in (1, 2)]

def process(frames):
    for out, value in zip(outs, (0.25, -0.5)):
        out.get_array()[:] = value

client.set_process_callback(process)
client.activate()
print("plays", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs jackd's dummy driver")


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    """Where the connections are kept, of this test only."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "tutti" / jack_recorder.REMEMBERED


@pytest.fixture
def daw(jack_server, config) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """``daw()``: another program, that plays 0.25 to the left and -0.5 to the right."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", DAW],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        started.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "plays\n"
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def patch(server, program: str, number: int, strip: str = "Tutti drums") -> None:
    done = server.ask(program, "-s", server.NAME, f"daw:out_{number}", f"{strip}:in_{number}")
    assert done.returncode == 0, done.stderr


def hears(stream: JackPorts, left: float, right: float) -> bool:
    """Whether a whole block of those values comes within the time."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        block = stream.read(0.2)
        if len(block) and np.all(block == np.array([left, right], np.float32)):
            return True
    return False


def test_a_strip_is_connected_heard_and_connected_again(jack_server, daw, config, wait_until):
    """Ports by name in the patch bay; what was connected is so again, and what was parted not."""
    player = daw()
    stream = JackPorts(device("drums"), 2)
    try:
        assert stream.sample_rate_hz == 44_100
        assert hears(stream, 0.0, 0.0)
        for number in (1, 2):
            patch(jack_server, "jack_connect", number)
        assert hears(stream, 0.25, -0.5)
        wait_until(lambda: config.exists() and "daw:out_2" in config.read_text(), 5, "the file")
    finally:
        stream.close()
    stream = JackPorts(device("drums"), 2)  # Tutti, started again
    try:
        assert hears(stream, 0.25, -0.5)
        player.kill()  # the DAW, closed and opened
        player.wait()
        assert hears(stream, 0.0, 0.0)
        daw()
        assert hears(stream, 0.25, -0.5)
        patch(jack_server, "jack_disconnect", 2)
        assert hears(stream, 0.25, 0.0)
        wait_until(lambda: "daw:out_2" not in config.read_text(), 10, "it to be forgotten")
        assert json.loads(config.read_text()) == {
            "Tutti drums": {"in_1": ["daw:out_1"], "in_2": []}
        }
        assert hears(stream, 0.25, 0.0)
    finally:
        stream.close()


def test_two_strips_are_two_pairs(jack_server, config):
    """Each with its own name, of as many ports as it was asked for."""
    drums, mix = JackPorts(device("drums"), 2), JackPorts(device(""), 3)
    try:
        ports = jack_server.ask("jack_lsp", "-s", jack_server.NAME).stdout.splitlines()
        assert {port for port in ports if port.startswith("Tutti")} == {
            "Tutti drums:in_1", "Tutti drums:in_2", "Tutti:in_1", "Tutti:in_2", "Tutti:in_3",
        }  # fmt: skip
        assert drums.read(5.0).shape[1] == 2
        assert mix.read(5.0).shape[1] == 3
    finally:
        drums.close()
        mix.close()
    ports = jack_server.ask("jack_lsp", "-s", jack_server.NAME).stdout
    assert "Tutti" not in ports


@pytest.mark.slow
def test_a_strip_is_among_the_devices(jack_server, config):
    """Where JACK runs: for ``tutti devices``, ``--device`` and the window; never the default."""
    found = list_devices()
    assert [each.full_label for each in found if each.name == "Tutti"] == ["Tutti (JACK ports)"]
    strip = find_device("Tutti (JACK ports)", found)
    assert (strip.sample_rate_hz, strip.channels, strip.is_default) == (44_100, 2, False)
    source = DeviceSource(strip)
    source.open()
    try:
        assert "Tutti:in_1" in jack_server.ask("jack_lsp", "-s", jack_server.NAME).stdout
    finally:
        source.close()


@pytest.mark.slow
def test_connections_outlive_the_server(jack_server, daw, config, wait_until):
    """jackd killed and started again, and the DAW after it: reconnected, and heard."""
    config.parent.mkdir()
    config.write_text(json.dumps({"Tutti drums": {"in_1": ["daw:out_1"], "in_2": ["daw:out_2"]}}))
    daw()
    model = TagModel()
    engine = Engine(model, DeviceSource(device("drums")), hop_s=0.2)

    def peak_dbfs() -> float:
        level = engine.latest().level
        return level.peak_dbfs if level else -120.0

    with engine:
        wait_until(lambda: peak_dbfs() > -7, WAIT_S, "the DAW to be heard")
        jack_server.kill()
        wait_until(
            lambda: engine.latest().stats.state == EngineState.RECONNECTING, 10, "the loss"
        )
        jack_server.start(48_000)
        daw()
        wait_until(
            lambda: engine.latest().stats.state != EngineState.RECONNECTING and peak_dbfs() > -7,
            WAIT_S,
            "the DAW to be heard again",
        )
    assert engine.latest().stats.reopenings >= 1


@pytest.mark.parametrize("text", ["{", "[]", '{"Tutti drums": {"in_1": 3}}', '{"Tutti drums": 1}'])
def test_a_damaged_file_is_forgotten(tmp_path, text):
    (tmp_path / "jack.json").write_text(text)
    assert jack_recorder._load(tmp_path / "jack.json") == {}


def test_a_strip_kept_is_known_by_its_name():
    """The window keeps name and host API; no list has it."""
    strip = device("drums")
    assert known_device(strip.name, strip.host_api).identity == strip.identity


@pytest.mark.parametrize("name", ["a:b", "n" * 25, "a\n"])
def test_a_name_that_jack_has_no_room_for(name):
    with pytest.raises(TuttiError, match="patch bay"):
        device(name)


def test_no_server_is_one_sentence(monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "tutti-none")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    with pytest.raises(DeviceGone, match="no JACK server runs"):
        JackPorts(device("drums"), 2)


@pytest.mark.parametrize(
    "error",
    [
        "ImportError('no')",
        pytest.param("OSError('JACK library not found')", marks=pytest.mark.slow),
    ],
)
def test_without_jack_it_says_what_to_install(tmp_path, error):
    """The package or the library missing: one sentence, exit 2; files still work."""
    (tmp_path / "jack.py").write_text(f"raise {error}\n")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{jack_ports_root()}"}
    done = subprocess.run(
        [*TUTTI, "listen", "--jack", "drums"],
        capture_output=True, text=True, timeout=60, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "tutti-meter[jack]" in done.stderr
    assert done.stderr.count("\n") == 1


def jack_ports_root() -> Path:
    return Path(jack_ports.__file__).parents[2]
