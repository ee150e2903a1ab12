"""The `tutti` command: quick, quiet about what is not installed, and never a traceback."""

import argparse
import importlib.metadata
import subprocess
import sys

import pytest

from realtime import __version__, cli
from realtime.errors import TuttiError
from realtime.model import TagModel


class Entry:
    """Stands in for an installed entry point."""

    def __init__(self, name, run, extras=(), requires=()):
        self.name, self.extras, self.module = name, list(extras), f"{name}_cli"
        self.dist = type("Dist", (), {"requires": list(requires)})
        self._run = run

    def load(self):
        if isinstance(self._run, Exception):
            raise self._run

        def add_parser(subparsers):
            subparsers.add_parser(self.name, help="help of " + self.name).set_defaults(
                run=self._run
            )

        return add_parser


@pytest.fixture
def commands(monkeypatch):
    """``commands(Entry(...), ...)``: these are installed, nothing else."""

    def install(*entries):
        monkeypatch.setattr(cli, "entry_points", lambda group: entries)

    return install


def failing(error):
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def test_help_lists_each_command_with_one_line(commands, capsys):
    commands(Entry("tag", lambda args: 0), Entry("listen", lambda args: 0))
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    out = capsys.readouterr().out
    assert left.value.code == 0
    assert "help of tag" in out
    assert "help of listen" in out
    assert "examples:" in out


def test_no_command_prints_the_help(commands, capsys):
    commands(Entry("tag", lambda args: 0))
    assert cli.main([]) == 0
    assert "help of tag" in capsys.readouterr().out


def test_the_status_is_the_command_s(commands):
    commands(Entry("tag", lambda args: 5))
    assert cli.main(["tag"]) == 5


def test_bad_input_is_one_sentence_and_2(commands, capsys):
    commands(Entry("tag", failing(TuttiError("x.wav is a folder: name files."))))
    assert cli.main(["tag"]) == 2
    assert capsys.readouterr().err == "tutti: x.wav is a folder: name files.\n"


@pytest.mark.parametrize(
    ("library", "package"),
    [("libatomic.so.1", "libatomic1"), ("libfluidsynth.so.3", "libfluidsynth3")],
)
def test_a_missing_system_library_is_named_with_its_package(commands, capsys, library, package):
    """pedalboard's wheel links to libatomic, which a bare Debian lacks."""
    error = ImportError(f"{library}: cannot open shared object file: No such file or directory")
    commands(Entry("host", failing(error)))
    assert cli.main(["host"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{library} is missing" in told
    assert f"apt-get install {package})" in told


def test_another_failed_import_is_not_hidden(commands):
    commands(Entry("host", failing(ImportError("cannot import name 'x'"))))
    with pytest.raises(ImportError):
        cli.main(["host"])


def test_ctrl_c_is_130_and_silent(commands, capsys):
    commands(Entry("tag", failing(KeyboardInterrupt())))
    assert cli.main(["tag"]) == 130
    assert capsys.readouterr().err == ""


def test_a_programming_error_is_not_hidden(commands):
    commands(Entry("tag", failing(ZeroDivisionError())))
    with pytest.raises(ZeroDivisionError):
        cli.main(["tag"])


def test_a_command_whose_extra_is_missing_is_left_out_and_explained(commands, capsys):
    needs = ["numpy>=1", "no-such-package>=2; extra == 'training'"]
    commands(
        Entry("tag", lambda args: 0),
        Entry("train", ImportError("torch"), extras=["training"], requires=needs),
    )
    assert cli.main([]) == 0
    assert "train" not in capsys.readouterr().out
    assert cli.main(["train"]) == 2
    assert "pip install 'tutti-meter[training]'" in capsys.readouterr().err


def test_a_command_whose_extra_is_there_is_listed_last(commands, capsys):
    needs = ["numpy>=1; extra == 'training'"]
    commands(
        Entry("bank", lambda args: 0, extras=["training"], requires=needs),
        Entry("tag", lambda args: 0),
    )
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    assert out.index("help of tag") < out.index("help of bank")


def test_a_room_that_is_not_installed_is_left_out(commands, capsys):
    gone = ModuleNotFoundError("no", name="monitor_cli")
    commands(Entry("tag", lambda args: 0), Entry("monitor", gone))
    assert cli.main([]) == 0
    assert "help of monitor" not in capsys.readouterr().out
    commands(Entry("monitor", ModuleNotFoundError("no", name="something_else")))
    with pytest.raises(ModuleNotFoundError):
        cli.main([])


def tutti(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_installed_command_lists_its_real_commands():
    done = tutti("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in ("tag", "listen", "devices"):
        assert f"\n    {name} " in done.stdout


def test_the_version_is_the_program_s_and_the_model_s():
    spec = TagModel().spec
    assert tutti("--version").stdout == f"tutti {__version__}\nmodel tutti {spec.version}\n"


def test_there_is_one_version():
    assert importlib.metadata.version("tutti-meter") == __version__, (
        "install again: pip install --editable . --no-deps"
    )


def test_a_missing_model_still_tells_the_program_s_version(monkeypatch, capsys):
    def missing(path):
        raise TuttiError("The bundled model is missing.")

    monkeypatch.setattr("realtime.model.read_model", missing)
    assert cli.main(["--version"]) == 2
    told = capsys.readouterr()
    assert told.out == f"tutti {__version__}\n"
    assert told.err == "tutti: The bundled model is missing.\n"


def test_an_unknown_command_is_refused():
    done = tutti("sing")
    assert done.returncode == 2
    assert "invalid choice: 'sing'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_loads_nothing_heavy():
    """Half a second cannot be asserted on a busy machine; what takes the time can."""
    code = (
        "import sys\nfrom realtime.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'onnxruntime', 'torch', 'PyQt6', 'soxr', 'soundfile', 'sounddevice',"
        " 'pedalboard', 'rich', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.strip() == "[]"
