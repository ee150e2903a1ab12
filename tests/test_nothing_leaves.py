"""No command sends anything, or writes outside what it is asked to and Tutti's own folders.

Each runs in a network namespace of its own, with a name server that notes who asks and a
fresh home (``closed_namespace.py``). ``tutti bank fetch`` is left out: to download is what
it is for.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "realtime" / "assets" / "demo.ogg"
HARNESS = ROOT / "tests" / "closed_namespace.py"
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
TUTTI = (sys.executable, "-m", "realtime.cli")
ALLOWED = re.compile(
    r"home/\.(config|cache|local|local/state)$"  # on the way to:
    r"|home/\.(config|cache|local/state)/tutti(/|$)"
    # Left by libpulse and libjack themselves when PortAudio asks whether a server runs:
    # the sound server's, like the socket.
    r"|run/pulse(/|$)|home/\.config/pulse(/|$)|/dev/shm/(jack|pulse)"
)
CHAIN = '[[chain]]\ntap = "before"\n\n[[chain]]\neffect = "Gain"\ngain_db = -6.0\n'
RECIPE = """\
batch = 8
validate_every = 10_000
validation_windows = 32

[[stage]]
name = "mixtures"
windows = 32
window_s = 0.5
"""


def _refusal() -> str:
    """Why namespaces cannot be used here; '' where they can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        return "there is no unshare (Debian: util-linux)"
    return f"unshare is not permitted here: {done.stderr.strip()}" if done.returncode else ""


REFUSAL = _refusal()
closed = pytest.mark.skipif(bool(REFUSAL), reason=REFUSAL or "namespaces can be used")


def run_closed(folder: Path, *command: str | Path) -> dict[str, Any]:
    """The report of ``closed_namespace.py`` on a command."""
    done = subprocess.run(
        [*UNSHARE, sys.executable, str(HARNESS), str(folder), *map(str, command)],
        capture_output=True, text=True, timeout=170, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def environment() -> dict[str, str]:
    """A user's: without what this process has from importing ``realtime`` and ``training``."""
    ours = ("ORT_DISABLE_TELEMETRY", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
    kept = {k: v for k, v in os.environ.items() if k not in (*ours, "CI")}
    return kept | {"PYTHONPATH": str(ROOT)}


def check(report: dict[str, Any], status: int = 0, asked_for: str = "") -> None:
    """Nothing left, and nothing was written but below ``work/`` what ``asked_for`` matches."""
    assert report["status"] == status, report["stderr"]
    assert "Traceback" not in report["stderr"]
    assert report["lookups"] == []
    assert report["packets"] == []
    assert report["sockets"] == []
    wanted = re.compile(rf"work/({asked_for})$")
    assert [f for f in report["files"] if not (ALLOWED.match(f) or wanted.match(f))] == []


SPY = """
import socket, pathlib
pathlib.Path.home().joinpath("left").touch()
socket.getaddrinfo("somewhere.example", 443)
for address in (("somewhere.example", 443), ("198.51.100.7", 80)):
    try:
        socket.create_connection(address)
    except OSError:
        pass
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.5", 9))
server = socket.create_server(("127.0.0.1", 5_000))
import time; time.sleep(0.3)
"""


@closed
def test_the_closed_namespace_sees_what_a_spy_does(tmp_path: Path) -> None:
    report = run_closed(tmp_path / "closed", sys.executable, "-c", SPY)
    assert report["status"] == 0, report["stderr"]
    assert set(report["lookups"]) == {"somewhere.example"}
    assert {"tcp 192.0.2.1:443", "tcp 198.51.100.7:80", "udp 203.0.113.5:9"} <= set(
        report["packets"]
    )
    assert "tcp 0100007F:1388" in report["sockets"]
    assert report["files"] == ["home/left"]


COMMANDS: dict[str, tuple[tuple[str | Path, ...], int, str]] = {
    "version": (("--version",), 0, ""),
    "tag": (("tag", DEMO, "-o", "tags.txt"), 0, r"tags\.txt"),
    "listen": (("listen", "--file", DEMO, "--duration", "3", "--log", "log"), 0, "log"),
    "devices": (("devices",), 2, ""),  # there is no sound server in this namespace
    "audit": (("audit", "--mix", DEMO, "STEM", "--picture", "a.svg"), 0, r"a\.svg"),
    "host": (
        ("host", "CHAIN", DEMO, "-o", "out.wav", "--report", "report.json"),
        0,
        r"out\.wav|report\.(json|svg)",
    ),
    "host effects": (("host", "--effects"), 0, ""),
    "screenshot": (("monitor", DEMO, "--screenshot", "s.png", "--after", "1"), 0, r"s\.png"),
    "bench": (("bench", "--peer", "none.onnx"), 2, ""),  # what it measures are the others
}


@closed
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_sends_nothing_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    arguments, status, asked_for = COMMANDS[name]
    chain = tmp_path / "chain.toml"
    chain.write_text(CHAIN, encoding="utf-8")
    stem = tmp_path / "stem.ogg"
    stem.write_bytes(DEMO.read_bytes())
    made = {"CHAIN": chain, "STEM": stem}
    given = [made.get(str(argument), argument) for argument in arguments]
    check(run_closed(tmp_path / "closed", *TUTTI, *given), status, asked_for)


@closed
def test_the_window_sends_nothing_while_a_file_plays(tmp_path: Path) -> None:
    command = ("timeout", "--preserve-status", "-s", "TERM", "5", *TUTTI, "monitor", DEMO)
    report = run_closed(tmp_path / "closed", *command)
    check(report)
    assert "home/.config/tutti/settings.json" in report["files"]  # it had got so far


@closed
@pytest.mark.slow  # 40 s: what was sent before came only after some 20
def test_half_a_minute_of_listening_sends_nothing(tmp_path: Path) -> None:
    check(run_closed(tmp_path / "closed", *TUTTI, "listen", "--file", DEMO, "--duration", "40"))


SERVER = """
pulseaudio -n --daemonize=yes --exit-idle-time=20 -L 'module-null-sink sink_name=mix' \
  -L module-native-protocol-unix 2>/dev/null
"$@" && pactl info | grep -q 'Name: pulseaudio'
status=$?
pactl exit
exit $status
"""


@closed
@pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs PulseAudio")
def test_listening_to_a_sound_server_opens_its_socket_only(tmp_path: Path) -> None:
    listen = (*TUTTI, "listen", "--duration", "2")
    report = run_closed(tmp_path / "closed", "sh", "-c", SERVER, "sh", *listen)
    check(report)
    assert "silence" in report["stdout"]  # it was heard


@closed
def test_outputs_that_were_asked_for_stay_on_this_computer(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    listen = ("listen", "--file", DEMO, "--duration", "3", "--osc", "9000", "--web", "8080")
    report = run_closed(tmp_path / "closed", *TUTTI, *listen)
    assert report["status"] == 0, report["stderr"]
    assert report["lookups"] == []
    assert report["packets"] == ["udp 127.0.0.1:9000"]
    kinds_and_ends = {tuple(one.split()) for one in report["sockets"]}
    assert ("tcp", "0100007F:1F90") in kinds_and_ends
    assert {end.split(":")[0] for _, end in kinds_and_ends} == {"0100007F"}


@closed
@pytest.mark.parametrize(
    ("arguments", "socket"),
    [
        pytest.param((), "udp 0100007F:E556", id="as it is"),
        pytest.param(
            ("--reastream-address", "0.0.0.0"), "udp 00000000:E556",
            id="wider when told", marks=pytest.mark.slow,
        ),
    ],
)
def test_reastream_is_received_from_this_computer_only(
    arguments: tuple[str, ...], socket: str, tmp_path: Path
) -> None:
    report = run_closed(tmp_path / "closed", *TUTTI, "listen", "--reastream", *arguments)
    assert report["sockets"] == [socket]
    check(report | {"sockets": []}, status=2)
    assert "Nobody sends by ReaStream" in report["stderr"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A bank, and the run that a command in a closed namespace left, as small as can be."""
    pytest.importorskip("torch")
    from bank_factory import make_bank

    folder = tmp_path_factory.mktemp("learning")
    bank = make_bank(folder / "bank").path
    recipe = folder / "tiny.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    run = folder / "run"
    train = ("train", recipe, "--bank", bank, "--run", run, "--accelerator", "cpu")
    check(run_closed(folder / "closed", *TUTTI, *train))
    return bank, run / "last.pt"


@closed
def test_training_sends_nothing(trained: tuple[Path, Path]) -> None:
    assert trained[1].is_file()  # the fixture has looked at what was sent


@closed
@pytest.mark.slow
def test_exporting_and_evaluating_send_nothing(trained: tuple[Path, Path], tmp_path: Path) -> None:
    bank, checkpoint = trained
    export = ("export", checkpoint, "--bank", bank, "--out", "m", "--clips", "100")
    check(
        run_closed(tmp_path / "export", *TUTTI, *export),
        asked_for=r"m\.(fp32\.onnx|int8\.onnx|pt)",
    )
    music = tmp_path / "music"
    music.mkdir()
    (music / DEMO.name).write_bytes(DEMO.read_bytes())
    (music / "recordings.csv").write_text(
        f"path,split,instruments,complete,group\n{DEMO.name},solo,piano,1,one\n", encoding="utf-8"
    )
    evaluate = ("evaluate", "--recordings", music, "--bank", bank, "--clips", "10")
    check(run_closed(tmp_path / "evaluate", *TUTTI, *evaluate), asked_for="runs(/.*)?")


@closed
def test_a_bank_sends_nothing(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from bank_factory import make_bank

    bank = make_bank(tmp_path / "bank").path
    check(run_closed(tmp_path / "info", *TUTTI, "bank", "info", bank))
    pack = ("bank", "pack", bank, "packed")
    check(run_closed(tmp_path / "pack", *TUTTI, *pack), asked_for="packed(/.*)?")
    takes = ("bank", "add", bank, "more", "--second-takes")
    check(run_closed(tmp_path / "add", *TUTTI, *takes), asked_for="more(/.*)?")


def onnxruntime_importers() -> list[str]:
    """Modules of the four rooms whose text imports onnxruntime, anywhere in it."""
    found = []
    for room in ("realtime", "desktop", "training", "export"):
        for path in sorted((ROOT / room).rglob("*.py")):
            names = set()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names.add(node.module or "")
                elif isinstance(node, ast.Call):  # importlib.import_module("onnxruntime")
                    names |= {str(a.value) for a in node.args if isinstance(a, ast.Constant)}
            if any(name.split(".")[0] == "onnxruntime" for name in names):
                found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def test_onnxruntime_is_imported_in_one_place_and_for_quantising() -> None:
    assert sorted(onnxruntime_importers()) == ["export.quantize", "realtime.runtime"]


WATCH = """
import importlib, importlib.abc, os, sys

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print("telemetry off:", os.environ.get("ORT_DISABLE_TELEMETRY"))
        return None

sys.meta_path.insert(0, Watch())
{use}
"""


@pytest.mark.parametrize(
    "use",
    [
        "import realtime.model; realtime.model.TagModel()",
        "import export.quantize",
    ],
)
def test_telemetry_is_off_before_onnxruntime_is_found(use: str) -> None:
    if "export" in use:
        pytest.importorskip("onnx")
    done = subprocess.run(
        [sys.executable, "-c", WATCH.format(use=use)],
        capture_output=True, text=True, timeout=60, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "telemetry off: 1\n"


def test_the_switch_of_windows_is_thrown_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    from realtime import runtime

    thrown: list[bool] = []
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: thrown.append(True))
    assert runtime.onnxruntime() is onnxruntime
    assert thrown == [True]
