"""Qt cannot start: one sentence that names cause and remedy, status 2, never an abort."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from desktop import starting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="displays as Linux has them")


def monitor(tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE")
    }
    own = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", "monitor"],
        env=kept | own | environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"DISPLAY": ":4711"}, ["display ':4711' (DISPLAY) cannot be reached", "tutti listen"]),
        (
            {"WAYLAND_DISPLAY": "wayland-47", "XDG_SESSION_TYPE": "wayland"},
            ["display 'wayland-47' (WAYLAND_DISPLAY) cannot be reached", "tutti listen"],
        ),
        (
            {"DISPLAY": ":4711", "QT_QPA_PLATFORM": "xbc"},
            ["no platform 'xbc' (QT_QPA_PLATFORM)", "unset", "offscreen"],
        ),
        ({"QT_QPA_PLATFORM": "xcb"}, ["DISPLAY is not set", "tutti listen"]),
        ({"QT_QPA_PLATFORM": "eglfs"}, ["Qt cannot open a window here", "unset QT_QPA_PLATFORM"]),
        ({}, ["There is no display to open a window on", "tutti listen"]),
    ],
)
def test_a_display_that_is_not_there(tmp_path, environment, says) -> None:
    done = monitor(tmp_path, **environment)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("tutti: ")
    for words in says:
        assert words in done.stderr


def test_a_library_that_is_missing_is_named_with_its_package(tmp_path) -> None:
    (tmp_path / "libxcb-cursor.so.0").touch()  # found first, and cannot be loaded
    done = monitor(tmp_path, DISPLAY=":4711", LD_LIBRARY_PATH=str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "libxcb-cursor.so.0 is missing" in done.stderr
    assert "sudo apt install libxcb-cursor0" in done.stderr


def test_a_display_elsewhere_that_never_accepts_is_told_in_time(monkeypatch) -> None:
    monkeypatch.setattr(starting, "CONNECT_S", 0.3)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        display = f"127.0.0.1:{port - 6_000}.0"
        assert starting.display_that_never_accepts({"DISPLAY": display}) is None
        callers = [socket.socket() for _ in range(3)]  # nobody accepts: the queue is full
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        assert starting.display_that_never_accepts({"DISPLAY": display}) == display
        for caller in callers:
            caller.close()
        other = {"DISPLAY": display, "QT_QPA_PLATFORM": "offscreen"}
        assert starting.display_that_never_accepts(other) is None
    for answered in (":0", "", "127.0.0.1:1", "127.0.0.1:99999999"):
        assert starting.display_that_never_accepts({"DISPLAY": answered}) is None


def test_such_a_display_ends_the_start(monkeypatch, capsys) -> None:
    from realtime import cli

    monkeypatch.setattr(starting, "display_that_never_accepts", lambda _: "far:0")
    monkeypatch.setenv("DISPLAY", "far:0")
    monkeypatch.delenv("QT_QPA_PLATFORM")
    assert cli.main(["monitor"]) == 2
    assert "display 'far:0' (DISPLAY) does not answer" in capsys.readouterr().err
