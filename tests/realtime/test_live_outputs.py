"""Live outputs: none slows the meters, each loss is counted, and OSC as others read it."""

from __future__ import annotations

import argparse
import importlib
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import pytest
from live_tags import SPEC, arguments, tags
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import ThreadingOSCUDPServer

from realtime.cli import main
from realtime.commands import host, listen
from realtime.engine import Engine
from realtime.errors import TuttiError
from realtime.live_outputs import table
from realtime.live_outputs.address import parse_address
from realtime.live_outputs.osc import bundle
from realtime.live_outputs.sender import Sender
from realtime.live_outputs.table import KINDS, LiveOutputs
from realtime.model import TagModel
from realtime.sources.synthetic import SyntheticSource, tone
from realtime.taxonomy import FAMILIES, INSTRUMENTS

ROOT = Path(__file__).resolve().parent.parent.parent
WAIT_S = 20


class Fake:
    """Notes what it is sent; hangs while ``free`` is not set, fails while ``error`` is."""

    where = "Test to nowhere"

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.began = threading.Event()
        self.error: Exception | None = None
        self.got: list[tuple[str, float]] = []
        self.closed = threading.Event()

    def send(self, name, one) -> None:
        self.began.set()
        self.free.wait(WAIT_S)
        if self.error:
            raise self.error
        self.got.append((name, one.start_s))

    def close(self) -> None:
        self.closed.set()


def end(sender: Sender) -> None:
    sender.end()
    sender.join(WAIT_S)


@pytest.fixture
def fake():
    made = Fake()
    yield made
    made.free.set()


def test_an_output_that_hangs_gets_the_newest_and_the_rest_is_counted(fake):
    sender = Sender(fake, pytest.fail)
    fake.free.clear()
    sender.tell("", tags(0))
    assert fake.began.wait(WAIT_S)
    for number in range(1, 101):
        sender.tell("before", tags(number))
        sender.tell("after", tags(number))
    assert fake.got == []  # it hangs, and telling it has come to an end
    fake.free.set()
    end(sender)
    assert fake.got == [("", 0.0), ("before", 50.0), ("after", 50.0)]
    assert (sender.counts.sent, sender.counts.lost) == (3, 198)
    assert fake.closed.is_set()


def test_an_output_that_hangs_for_ever_does_not_keep_the_end(fake):
    sender = Sender(fake, pytest.fail)
    fake.free.clear()
    sender.tell("", tags(0))
    assert fake.began.wait(WAIT_S)
    sender.end()
    sender.join(0.1)
    assert not fake.closed.is_set()  # it still hangs, and we are here


def test_a_peer_that_is_gone_is_one_sentence_and_a_count(fake, wait_until):
    said = []
    sender = Sender(fake, said.append)
    fake.error = OSError(111, "Connection refused")
    for number in range(3):
        sender.tell("", tags(number))
        wait_until(lambda n=number: sender.counts.lost == n + 1, WAIT_S, "the loss")
    fake.error = None
    sender.tell("", tags(3))
    end(sender)
    assert said == [
        "Test to nowhere is not received (Connection refused): what is lost is counted, and the "
        "meters go on."
    ]
    assert fake.got == [("", 1.5)]
    assert (sender.counts.sent, sender.counts.lost) == (1, 3)


def test_whatever_an_output_raises_the_next_window_is_sent(fake):
    sender = Sender(fake, lambda text: None)
    fake.error = ZeroDivisionError("a fault of ours")
    sender.tell("", tags(0))
    end(sender)
    assert sender.counts.lost == 1
    assert fake.closed.is_set()


def test_an_engine_with_an_output_that_hangs_gives_every_window(fake, tone_model_path, monkeypatch):
    """All windows come, in order, as from an engine without it; the output has got but one."""

    def windows(*listeners) -> list[float]:
        heard: list[float] = []
        source = SyntheticSource(tone(262, 16_000), 16_000, speed=0.0, duration_s=20.0)
        engine = Engine(TagModel(tone_model_path), source, hop_s=0.1)
        for listener in (*listeners, lambda one: heard.append(one.start_s)):
            engine.subscribe(listener)
        with engine:
            assert engine.wait(WAIT_S)
        assert engine.latest().stats.listener_errors == 0
        return heard

    module = argparse.Namespace(open_output=lambda where, setting: fake)
    monkeypatch.setattr(table, "import_module", lambda name: module)
    fake.free.clear()
    with LiveOutputs(arguments("--osc", "9000"), SPEC, lambda text: None) as outputs:
        heard = windows(outputs.listener())
        lost = outputs.counts()["osc"].lost
    assert not fake.closed.is_set()  # it still hangs
    assert heard == windows()
    assert len(heard) > 150
    assert fake.got == []
    assert lost >= len(heard) - 3  # one is being sent, one waits, one may have come before it


def test_commands_have_every_output_and_the_table_is_the_folder():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for command in (listen, host):
        command.add_parser(commands)
        chosen = commands.choices[command.__name__.rsplit(".", 1)[1]]
        for kind in KINDS:
            assert f"--{kind.name}" in chosen.format_help()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    modules = {path.stem for path in (ROOT / "realtime/live_outputs").glob("*.py")}
    for kind in KINDS:
        assert kind.name in extras
        assert callable(importlib.import_module(f"realtime.live_outputs.{kind.name}").open_output)
    senders = {
        name
        for name in modules - {"__init__"}
        if hasattr(importlib.import_module(f"realtime.live_outputs.{name}"), "open_output")
    }
    assert senders == {kind.name for kind in KINDS}


def test_without_its_packages_an_output_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythonosc", None)
    monkeypatch.setitem(sys.modules, "pythonosc.osc_bundle_builder", None)
    monkeypatch.delitem(sys.modules, "realtime.live_outputs.osc", raising=False)
    with pytest.raises(TuttiError, match=r"--osc needs more packages: pip install 'tutti-meter\["):
        LiveOutputs(arguments("--osc", "9000"), SPEC, lambda text: None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--web-token", "x"), "--web-token goes with --web: give that, too."),
        (("--osc", "9000", "--midi-map", "x"), "--midi-map goes with --midi: give that, too."),
    ],
)
def test_an_option_of_an_output_that_is_not_asked_for_is_refused(given, sentence):
    with pytest.raises(TuttiError) as told:
        LiveOutputs(arguments(*given), SPEC, pytest.fail)
    assert str(told.value) == sentence


@pytest.mark.parametrize(
    ("text", "host_port"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("9000", ("127.0.0.1", 9000)),
        (":9000", ("127.0.0.1", 9000)),
        ("studio.local:1", ("studio.local", 1)),
        ("[::1]:65535", ("::1", 65_535)),
    ],
)
def test_addresses(text, host_port):
    address = parse_address(text, "--osc")
    assert (address.host, address.port) == host_port


@pytest.mark.parametrize(
    "text",
    ["", "here", "1:2:3", "host:", "host:0", "host:65536", "::1:9000", "a b:1", "host:-1",
     "[::1]", "host:1x", "host:٣", "9" * 30],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_a_sentence(text):
    with pytest.raises(TuttiError, match=r"is not HOST:PORT: .* 127\.0\.0\.1:9000"):
        parse_address(text, "--osc")


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.0.2.1", False)],
)  # fmt: skip
def test_what_stays_on_this_computer(host, here):
    assert parse_address(f"[{host}]:80" if ":" in host else f"{host}:80", "--web").is_here is here


def serve_osc() -> tuple[ThreadingOSCUDPServer, list[tuple[str, float]]]:
    """python-osc's own server, and all that it is told."""
    got: list[tuple[str, float]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: got.append((address, *values)))
    server = ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, got


def test_osc_is_received_by_a_server(wait_until):
    server, got = serve_osc()
    where = f"127.0.0.1:{server.server_address[1]}"
    said = []
    with LiveOutputs(arguments("--osc", where), SPEC, said.append) as outputs:
        outputs.listener()(tags(3, piano=0.75, key=0.5, rms_dbfs=-21.5, count=2.6))
        wait_until(lambda: len(got) == len(INSTRUMENTS) + len(FAMILIES) + 3, WAIT_S, "a bundle")
    server.shutdown()
    server.server_close()
    assert said == [f"OSC to {where}."]
    values = dict(got)
    assert set(values) == {
        *(f"/tutti/instrument/{name}" for name in INSTRUMENTS),
        *(f"/tutti/family/{name}" for name in FAMILIES),
        "/tutti/polyphony", "/tutti/polyphony/count", "/tutti/level",
    }  # fmt: skip
    assert values["/tutti/instrument/piano"] == 0.75
    assert values["/tutti/family/key"] == 0.5
    assert values["/tutti/instrument/flute"] == 0.0
    assert values["/tutti/polyphony"] == pytest.approx(2.6)
    assert values["/tutti/level"] == -21.5
    assert values["/tutti/polyphony/count"] == 3
    assert isinstance(values["/tutti/polyphony/count"], int)


def messages(datagram: bytes) -> list[tuple[str, str, bytes]]:
    """Address, types and arguments of a bundle's messages, by the specification's own words."""
    assert len(datagram) % 4 == 0
    assert datagram[:16] == b"#bundle\0" + bytes(7) + b"\1"  # "immediately"
    found, at = [], 16
    while at < len(datagram):
        size = int.from_bytes(datagram[at : at + 4], "big")
        message = datagram[at + 4 : at + 4 + size]
        assert size % 4 == 0
        assert len(message) == size
        parts, start = [], 0
        for _ in range(2):
            end = message.index(0, start)
            parts.append(message[start:end].decode("ascii"))
            start = end + 4 - end % 4
        found.append((parts[0], parts[1], message[start:]))
        at += 4 + size
    return found


def test_a_bundle_by_the_specification():
    datagram = bundle("", tags(count=5.0, rms_dbfs=-6.0), SPEC)
    assert len(datagram) <= 1472, "more than one packet of Ethernet holds"
    found = messages(datagram)
    by_name = {address: (types, data) for address, types, data in found}
    assert len(by_name) == len(found) == len(INSTRUMENTS) + len(FAMILIES) + 3
    assert by_name["/tutti/polyphony/count"] == (",i", (5).to_bytes(4, "big"))
    assert by_name["/tutti/level"] == (",f", np.array([-6], ">f4").tobytes())
    assert {types for types, _ in by_name.values()} == {",f", ",i"}


def test_sounds_of_a_host_have_addresses_of_their_own():
    found = messages(bundle("after the /EQ*", tags(), SPEC))
    assert {address.split("/")[1] for address, _, _ in found} == {"tutti"}
    assert {address.split("/")[2] for address, _, _ in found} == {"after_the__EQ_"}


def test_nobody_listens_to_osc_and_then_somebody_does(wait_until):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        port = peer.getsockname()[1]
    said = []
    with LiveOutputs(arguments("--osc", str(port)), SPEC, said.append) as outputs:
        tell = outputs.listener()

        def told(number: int) -> None:
            tell(tags(number))
            wait_until(
                lambda: sum(vars(outputs.counts()["osc"]).values()) == number + 1, WAIT_S, "it"
            )

        for number in range(4):
            told(number)
        counts = outputs.counts()["osc"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", port))
            peer.settimeout(WAIT_S)
            told(4)
            assert len(messages(peer.recv(65_536))) == len(INSTRUMENTS) + len(FAMILIES) + 3
    if sys.platform == "linux":  # others need not tell
        assert (counts.sent, counts.lost) == (1, 3)  # the first cannot be known to be lost
        assert len(said) == 2
        assert "is not received (Connection refused)" in said[1]


def test_every_tap_of_a_host_is_sent(pulse_server, monkeypatch, tmp_path, tone_model_path):
    """The command itself, over a real sound server: each tap's windows, under the tap's name."""
    monkeypatch.setenv("PULSE_SINK", "mix")
    monkeypatch.setenv("PULSE_SOURCE", "mix.monitor")
    (tmp_path / "chain.toml").write_text('[[chain]]\neffect = "Gain"\ngain_db = -60.0\n')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(WAIT_S)
        command = [
            sys.executable, "-m", "realtime.cli", "host", str(tmp_path / "chain.toml"), "--live",
            "--duration", "2", "--model", str(tone_model_path),
            "--osc", str(peer.getsockname()[1]),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        taps = {messages(peer.recv(65_536))[0][0].split("/")[2] for _ in range(2)}
    assert taps == {"input", "output"}


def test_every_stem_is_sent(tone_model_path, capsys):
    demo = ROOT / "realtime" / "assets" / "demo.ogg"
    stems = [part for name in ("drums", "the rest") for part in ("--stem", f"{name}=file:{demo}")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(WAIT_S)
        port = str(peer.getsockname()[1])
        model = ("--model", str(tone_model_path))
        assert main(["listen", *stems, *model, "--duration", "2", "--osc", port]) == 0
        names = {messages(peer.recv(65_536))[0][0].split("/")[2] for _ in range(2)}
    assert names == {"drums", "the_rest"}
    assert capsys.readouterr().err == f"tutti listen: OSC to 127.0.0.1:{port}.\n"


def test_a_peer_that_no_way_leads_to_is_one_sentence(monkeypatch):
    class Unreachable(socket.socket):
        def connect(self, address) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("realtime.live_outputs.osc.socket.socket", Unreachable)
    with pytest.raises(TuttiError, match=r"1:9000 cannot be reached for OSC \(Network"):
        LiveOutputs(arguments("--osc", "203.0.113.1:9000"), SPEC, pytest.fail)


def test_a_host_that_renders_a_file_sends_nothing_and_says_so():
    args = ["chain.toml", "in.wav", "-o", "out.wav", "--osc", "9000"]
    parser = argparse.ArgumentParser()
    host.add_parser(parser.add_subparsers())
    with pytest.raises(TuttiError, match="--osc sends what is heard live: give --live"):
        host.run(parser.parse_args(["host", *args]))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--osc", "nine"), "--osc nine is not HOST:PORT"),
        (("--web", "http://127.0.0.1:80"), "--web http://127.0.0.1:80 is not HOST:PORT"),
        (("--osc=udp://127.0.0.1:80",), "--osc udp://127.0.0.1:80 is not HOST:PORT"),
        (("--osc", "no.such.invalid:9000"), "The host of no.such.invalid:9000 is not found"),
    ],
)
def test_bad_addresses_end_the_command_with_2(given, sentence, capsys):
    demo = ROOT / "realtime" / "assets" / "demo.ogg"
    assert main(["listen", "--file", str(demo), *given]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"tutti: {sentence}")
    assert told.err.count("\n") == 1
    assert told.out == ""
