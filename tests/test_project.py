"""What a newcomer meets first works: packaging, the command, constraints, README's lines."""

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, requires
from pathlib import Path

import pytest

from realtime.cli import COMMAND_GROUP

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, TOOLS = PYPROJECT["project"], PYPROJECT["tool"]
COMMANDS = PROJECT["entry-points"][COMMAND_GROUP]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tutti(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "realtime.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("entry", sorted(entry_points(group=COMMAND_GROUP), key=lambda e: e.name))
def test_every_entry_point_loads(entry) -> None:
    assert callable(entry.load())


def test_what_is_installed_is_what_the_project_says() -> None:
    installed = {entry.name: entry.value for entry in entry_points(group=COMMAND_GROUP)}
    assert installed == COMMANDS, "install again: pip install --editable . --no-deps"


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "realtime.cli", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^    {name}\s", done.stdout, re.MULTILINE), name
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    heavy = {"numpy", "torch", "onnxruntime", "onnx", "PyQt6", "sounddevice", "pedalboard", "rich"}
    assert not loaded & heavy


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_explains_itself_with_examples(name: str) -> None:
    done = tutti(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"tutti {name}" in done.stdout
    assert "example" in done.stdout.lower() or name == "devices"  # it takes no arguments


def test_an_unknown_command_is_refused_without_a_traceback() -> None:
    done = tutti("dance")
    assert done.returncode == 2
    assert "dance" in done.stderr
    assert "Traceback" not in done.stderr


def test_constraints_pin_every_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.!-]+", pin) for pin in pins), "exact, public versions"
    pinned = {canonical(pin.split("==")[0]) for pin in pins}
    wanted = {
        canonical(re.match(r"[\w.-]+", line).group())  # type: ignore[union-attr]
        for line in requires(PROJECT["name"]) or ()
    }
    assert wanted - {canonical(PROJECT["name"])} <= pinned
    assert "torch==2.13.0" in pins


def test_a_listener_installs_no_torch() -> None:
    names = {canonical(re.match(r"[\w.-]+", line).group()) for line in PROJECT["dependencies"]}
    assert not names & {"torch", "onnx", "scipy", "scikit-learn", "pretty-midi"}


def test_the_demo_piece_and_the_model_travel_with_the_package() -> None:
    from importlib import resources

    assets = resources.files("realtime") / "assets"
    assert 100_000 < len((assets / "demo.ogg").read_bytes()) < 500_000
    assert (assets / "tutti.int8.onnx").is_file()


@pytest.mark.parametrize("room", ["tutti", "realtime", "desktop", "training", "export"])
def test_nothing_is_left_out_of_the_package(room: str) -> None:
    """But for the weights training begins with, of which a listener has no use."""
    files = [p for p in (ROOT / room).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    folders = {path.parent for path in files if path.suffix == ".py"}
    assert all((folder / "__init__.py").exists() for folder in folders)
    patterns = TOOLS["setuptools"]["package-data"].get(room, [])
    data = [path.relative_to(ROOT / room) for path in files if path.suffix != ".py"]
    left_out = [p for p in data if not any(p.match(pattern) for pattern in patterns)]
    assert {path.parent for path in left_out} <= {Path("weights")}


def readme_lines(first_word: str) -> list[str]:
    """Commands in README's fenced blocks, without comments."""
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.split(" ")[0] == first_word]


def test_readme_s_make_targets_exist() -> None:
    lines = readme_lines("make")
    assert {"make run", "make test"} <= set(lines)
    for line in lines:
        done = subprocess.run(
            ["make", "--dry-run", *shlex.split(line)[1:]], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_readme_s_tutti_commands_can_be_given() -> None:
    """Parsed by the real parsers, and not run."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    commands = parser.add_subparsers()
    for entry in entry_points(group=COMMAND_GROUP):
        entry.load()(commands)
    lines = readme_lines("tutti")
    assert lines
    for line in lines:
        assert callable(parser.parse_args(shlex.split(line)[1:]).run), line


def test_readme_s_pictures_and_pages_exist() -> None:
    targets = re.findall(r"\]\(([^)#\s]+)\)", README)
    missing = [t for t in targets if "://" not in t and not (ROOT / t).exists()]
    assert not missing


def test_the_changelog_s_last_release_is_this_version() -> None:
    from realtime import __version__

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)", h) for h in heads[1:]]
    assert all(released), heads
    numbers = [tuple(map(int, one.groups()[:3])) for one in released if one]
    dates = [one[4] for one in released if one]
    assert ".".join(map(str, numbers[0])) == __version__
    assert numbers == sorted(numbers, reverse=True)
    assert dates == sorted(dates, reverse=True)
    assert "`vMAJOR.MINOR.PATCH`" in text.split("## ")[0]


def test_git_tags_have_the_form_that_is_stated() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    try:
        done = subprocess.run(["git", "tag"], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no git here")
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = {f"v{number}" for number in re.findall(r"^## \[([\d.]+)\]", text, re.MULTILINE)}
    assert set(done.stdout.split()) <= released


def test_the_version_stands_in_one_place() -> None:
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    assert TOOLS["setuptools"]["dynamic"]["version"] == {"attr": "realtime.__version__"}
