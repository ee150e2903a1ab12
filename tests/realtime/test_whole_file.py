"""A user's file is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import ast
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.whole_file import is_running, whole_file, write_whole

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with whole_file(path) as partial:
        partial.write_text("new")
        assert partial.suffix == ".csv", "libraries choose the form by the ending"
        assert partial.parent == tmp_path, "another disk could not be renamed from"
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, ValueError])
def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, error: type) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def interrupted() -> None:
        with whole_file(path) as partial:
            partial.write_text("ne")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.csv"]


KILLED = """
import os, signal, sys
from pathlib import Path
from realtime.whole_file import whole_file
with whole_file(Path(sys.argv[1])) as partial:
    partial.write_text("ne")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@POSIX
def test_a_killed_write_leaves_the_old_file_and_the_next_tidies_up(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    (tmp_path / "b.partial-1.csv").write_text("another's")
    running = tmp_path / f".a.partial-{os.getppid()}.csv"
    running.write_text("of a process that runs")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 4
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert names(tmp_path) == sorted([running.name, "a.csv", "b.partial-1.csv"])


@POSIX
def test_a_link_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    real, link = tmp_path / "shared" / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_whole(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@POSIX
def test_what_may_not_be_written_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o444)
    refused = PermissionError(13, "Permission denied")

    def open_as_a_user(self: Path, mode: str = "r", *rest: object, **more: object) -> None:
        raise refused

    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may do all
    monkeypatch.setattr(Path, "open", open_as_a_user)
    with pytest.raises(PermissionError):
        write_whole(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"


@POSIX
def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    write_whole(pipe, "through")
    assert reader.communicate(timeout=20)[0] == "through"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@POSIX
def test_stdout_may_be_a_file(tmp_path: Path) -> None:
    """What was written there before stays."""
    program = (
        "from pathlib import Path; from realtime.whole_file import write_whole\n"
        "print('before', flush=True); write_whole(Path('/dev/stdout'), 'it\\n')\n"
    )
    out = tmp_path / "out.txt"
    with out.open("ab") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, cwd=ROOT, check=True)
    assert out.read_text().splitlines()[-1] == "it"
    assert names(tmp_path) == ["out.txt"]


@POSIX
def test_which_processes_run(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert is_running(os.getppid())
    assert not is_running(done.pid)
    assert not is_running(os.getpid()), "what has this number was left by one before"

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert is_running(1), "another user's"
    monkeypatch.delattr(os, "kill")
    monkeypatch.setattr(os, "name", "nt")
    assert is_running(1), "not asked on Windows, where it would end"


def test_a_folder_that_cannot_be_listed_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "listdir", refuse)
    write_whole(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


@POSIX
def test_text_is_utf_8_in_every_locale(tmp_path: Path) -> None:
    program = "from realtime.whole_file import *; write_whole(Path('a.txt'), '\\u00fc')"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment = os.environ | plain | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "a.txt").read_bytes() == "ü".encode()


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "ü\r\n\n\udcff")
    assert path.read_bytes() == "ü\r\n\n".encode() + b"\\udcff"


IN_PLACE = {
    # folders that are renamed when whole, and files in them
    "training/bank/packing.py", "training/bank/writer.py", "training/making/free/music.py",
    "training/making/free/packages.py", "training/making/free/freepats.py",
    # lines that are added
    "desktop/kept/session_log.py", "training/fit.py",
    # named by a table that is written last
    "training/making/free/gather.py",
    # the one place, and files that it is handed to
    "realtime/whole_file.py",
}  # fmt: skip
WRITERS = {"write_text", "write_bytes"}


def writes_in_place(source: str) -> list[int]:
    """Lines that write to something other than a ``partial`` name."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        modes = [a.value for a in node.args if isinstance(a, ast.Constant)]
        modes += [k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)]
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        opened = name == "open" and any(
            isinstance(mode, str) and set(mode) & set("wax") and set(mode) <= set("rwaxbt+")
            for mode in modes
        )
        receiver = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if (opened or name in WRITERS) and not receiver.endswith("partial"):
            lines.append(node.lineno)
    return lines


def test_the_search_finds_what_it_looks_for() -> None:
    assert writes_in_place("path.open('w')\nopen(p, mode='wb')\npath.write_text(t)") == [1, 2, 3]
    harmless = "partial.open('w')\npath.open()\nopen(p, 'rb')\npartial.open('wb')"
    assert writes_in_place(harmless) == []


@pytest.mark.parametrize("room", ["realtime", "desktop", "training", "export"])
def test_no_file_of_a_user_is_written_in_place(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{line}"
        for path in sorted((ROOT / room).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in IN_PLACE
        for line in writes_in_place(path.read_text(encoding="utf-8"))
    ]
    assert not found, "write through realtime.whole_file"
