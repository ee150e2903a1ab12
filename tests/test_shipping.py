"""The packaged program: what starts it, and what it starts of itself."""

import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.host.isolation import WORKER
from realtime.live_outputs import midi_port
from realtime.sources import datagrams, jack_recorder, portaudio, recorder
from realtime.sources.child import module_command

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = ROOT / "ship" / "launch.py"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


launch = load(LAUNCH)


def run(*arguments):
    command = [sys.executable, str(LAUNCH), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_helpers_that_the_program_starts_are_known_to_the_packaged_one(monkeypatch):
    """A packaged ``sys.executable`` is the program itself: it must not open a window instead."""
    _, *call = portaudio._command("record", "default")
    assert launch.helper_of(call) == ("realtime.sources.recorder", ["record", "default"])
    _, *call = WORKER
    assert launch.helper_of([*call, "5000", "secret", "memory"]) == (
        "realtime.host.plugin_worker",
        ["5000", "secret", "memory"],
    )
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    for module in (jack_recorder, datagrams, midi_port):
        _, *call = module_command(module.__name__, "one", "two")
        assert launch.helper_of(call) == (module.__name__, ["one", "two"])
    for other in (["monitor"], ["tag", "a.wav"], ["-m", "antigravity"], ["-P", "x.py"], []):
        assert launch.helper_of(other) is None


def test_the_recorder_answers_through_the_packaged_program_s_door():
    answer = run("-P", recorder.__file__, "list")
    plain = subprocess.run(
        [sys.executable, "-P", recorder.__file__, "list"], capture_output=True, text=True
    )
    assert (answer.returncode, answer.stdout) == (plain.returncode, plain.stdout)


def test_every_program_of_its_own_is_a_helper():
    """What is started as a module of its own must be found in the package too."""
    started = re.compile(r"module_command\((\w+)\.__name__")
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "realtime").rglob("*.py")]
    found = {name for source in sources for name in started.findall(source)}
    assert found == {"midi_port", "jack_recorder", "datagrams"}
    assert found <= {name.rpartition(".")[2] for name in launch.HELPERS}


def test_arguments_reach_the_command():
    done = run("tag", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: tutti tag" in done.stdout


def test_portaudio_of_the_package_is_found_where_the_system_has_none(tmp_path, monkeypatch):
    import ctypes.util

    (tmp_path / "libportaudio.so.2").touch()
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    launch.use_own_portaudio(tmp_path)
    assert ctypes.util.find_library("portaudio") == str(tmp_path / "libportaudio.so.2")
    assert ctypes.util.find_library("jack") is None
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "the system's")
    launch.use_own_portaudio(tmp_path)
    assert ctypes.util.find_library("portaudio") == "the system's"


def test_the_menu_s_entry_starts_the_monitor_with_our_own_icon():
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str
    entry.read(ROOT / "ship" / "tutti.desktop", encoding="utf-8")
    fields = entry["Desktop Entry"]
    assert fields["Type"] == "Application"
    assert fields["Exec"] == "tutti monitor %f"
    assert fields["Icon"] == "tutti"
    assert all(fields[key].endswith(";") for key in ("Categories", "Keywords", "MimeType"))


@pytest.mark.parametrize("side_px", [16, 256])
def test_the_icon_can_be_seen_at_every_size(tmp_path, side_px):
    path = tmp_path / "tutti.png"
    command = [sys.executable, str(ROOT / "ship" / "icon.py"), str(path), str(side_px)]
    assert subprocess.run(command).returncode == 0
    from PyQt6.QtGui import QImage

    image = QImage(str(path))
    assert (image.width(), image.height()) == (side_px, side_px)
    seen = {image.pixel(x, y) for x in range(0, side_px, 2) for y in range(0, side_px, 2)}
    assert len(seen) > 4
    assert image.pixelColor(0, 0).alpha() == 0


@pytest.mark.skipif(os.name == "nt", reason="AppImages are Linux's")
def test_the_appdir_is_what_an_appimage_needs(tmp_path):
    """Built with stand-ins for Python, PyInstaller and appimagetool."""
    for name in ("ship", "desktop/looks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    calls = tmp_path / "calls"
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {calls}\n'
        'if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi\n'
        'if [ "$1" = ship/icon.py ]; then echo png > "$2"; fi\n'
        'if [ "$2" = PyInstaller ]; then mkdir -p build/ship/dist/tutti;'
        ' printf "#!/bin/sh\\necho started \\"\\$@\\"\\n" > build/ship/dist/tutti/tutti;'
        " chmod +x build/ship/dist/tutti/tutti; fi\n"
    )
    python.chmod(0o755)
    tool = tmp_path / "appimagetool"
    tool.write_text('#!/bin/sh\necho "$ARCH $@" >> "$(dirname "$0")/calls"\necho made > "$3"\n')
    tool.chmod(0o755)
    build = [str(tmp_path / "ship" / "appimage"), str(python)]
    made = subprocess.run(
        build, env=os.environ | {"APPIMAGETOOL": str(tool)}, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    app = tmp_path / "build" / "ship" / "Tutti.AppDir"
    present = {path.name for path in app.iterdir()}
    assert {"AppRun", "tutti.desktop", "tutti.png", "tutti.svg", ".DirIcon"} <= present
    assert "AppImage" in made.stdout
    assert "Tutti.AppDir" in calls.read_text().splitlines()[-1]
    started = subprocess.run([str(app / "AppRun"), "tag", "a b"], capture_output=True, text=True)
    assert started.stdout == "started tag a b\n"
    without = subprocess.run(
        build, env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}, capture_output=True, text=True
    )
    assert without.returncode == 0, without.stderr
    assert "No AppImage was made" in without.stdout
    assert list((tmp_path / "build" / "ship").glob("*.tar.gz"))
