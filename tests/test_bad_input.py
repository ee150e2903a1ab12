"""Every parser and every small program: bad input is told in words, never by a traceback, a
private name, or the interpreter's own errors."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from realtime.cli import COMMAND_GROUP

ROOT = Path(__file__).resolve().parent.parent
BAD = ("x", "", "nan", "-inf", "inf", "-1", "0", "1e400", "0x1", "1,,2", "a:b:c", "1:2", "é")
INTERNAL = {"realtime.sources.recorder", "realtime.host.plugin_worker"}
"""Started by the program itself, never by a person."""
DEVELOPERS_ONLY = {"desktop.benchmark", "desktop.screenshots", "realtime.cli"}


def small_programs() -> list[str]:
    """Every module that can be started with ``python -m``."""
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ("realtime", "desktop", "training", "export")
        for path in sorted((ROOT / room).rglob("*.py"))
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    ]


class _Built(Exception):
    pass


def all_parsers() -> Iterator[argparse.ArgumentParser]:
    """Of the commands, their subcommands, and the small programs."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    for entry in entry_points(group=COMMAND_GROUP):
        entry.load()(commands)
    yield parser
    patch = pytest.MonkeyPatch()
    built: list[argparse.ArgumentParser] = []

    def caught(self: argparse.ArgumentParser, *_: object) -> None:
        built.append(self)
        raise _Built

    patch.setattr(argparse.ArgumentParser, "parse_args", caught)
    for name in small_programs():
        if name not in INTERNAL | {"realtime.cli"}:
            with pytest.raises(_Built):
                importlib.import_module(name).main()
    patch.undo()
    yield from built


def all_options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from all_options(one)
        else:
            yield f"{parser.prog} {action.option_strings or action.dest}", action


def test_no_option_shows_the_name_of_a_function() -> None:
    """argparse says "invalid _seconds value" where a type raises anything but its own error."""
    pytest.importorskip("torch")
    checked = 0
    for parser in all_parsers():
        for where, action in all_options(parser):
            if action.type in (None, Path, str):
                continue
            checked += 1
            for text in BAD:
                try:
                    value = action.type(text)  # type: ignore[operator]
                except argparse.ArgumentTypeError as error:
                    value = str(error)
                    told = f"'{text}'" in value
                else:
                    told = not isinstance(value, float) or math.isfinite(value)
                assert told, f"{where} given '{text}': {value}"
    assert checked >= 25


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("monitor --after x", "'x' is not a number of seconds: give at least 0 and at most 3600"),
        ("listen --duration 0", "'0' is not a number of seconds: give at least 0.1"),
        ("host --duration x", "'x' is not a number of seconds: give at least 0"),
        ("host --block 0", "'0' is not a whole number, 1 or more"),
        ("audit --mix a --min-s nan b", "'nan' is not a number of seconds: give at least 0.1"),
        ("benchmark --runs 0", "'0' is not a whole number, 1 or more"),
        ("bank build b --scale 2", "'2' is not a number above 0 and at most 1"),
        ("bank add a b --pieces x", "'x' is not a whole number, 1 or more"),
        ("train r --bank b --run c --seed -1", "'-1' is not a whole number, 0 or more"),
        ("train r --bank b --run c --accelerator tpu", "invalid choice: 'tpu'"),
    ],
)
def test_a_bad_number_is_told(arguments: str, says: str, capsys: pytest.CaptureFixture) -> None:
    from realtime import cli

    with pytest.raises(SystemExit) as left:
        cli.main(arguments.split())
    assert left.value.code == 2
    assert says in capsys.readouterr().err


def program(name: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", name, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=ROOT, **options,
    )  # fmt: skip


def test_every_small_program_ends_in_one_way() -> None:
    """``training.tool.run`` is what makes sentences of errors."""
    for name in small_programs():
        if name in INTERNAL | DEVELOPERS_ONLY:
            continue
        tree = ast.parse((ROOT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"))
        assert ast.unparse(tree.body[-1]) == "if __name__ == '__main__':\n    run(main)", name
        found = [
            node for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "training.tool"
        ]  # fmt: skip
        assert [alias.name for node in found for alias in node.names] == ["run"], name


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("training.card", ("none.json", "README.md"), "none.json cannot be read or written"),
        ("training.card", ("README.md", "README.md"), "is not the report.json"),
        ("training.average", ("none.pt", "--out", "x.pt"), "none.pt is not there"),
        ("training.validation", ("none.pt", "--bank", "none"), "none is not a note bank"),
        ("training.difficulty", ("--bank", "none"), "none is not a note bank"),
        ("training.mixing.demo", ("/dev/null/x.ogg",), "/dev/null"),
        ("training.cli_bank", ("bank", "info", "none"), "none is not a note bank"),
        ("desktop.screenshots", ("FOLDER", "--file", "none.wav"), "none.wav does not exist"),
        (
            "export.compare",
            ("--bank", "none", "--recordings", "none", "--out", "FOLDER"),
            "none is not a note bank",
        ),
    ],
)
def test_a_small_program_tells_bad_input(name, arguments, says, tmp_path) -> None:
    pytest.importorskip("torch")
    given = [tmp_path / "out" if argument == "FOLDER" else argument for argument in arguments]
    done = program(name, *given)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_card_of_half_a_report_changes_no_page(tmp_path: Path) -> None:
    report, page, other = tmp_path / "report.json", tmp_path / "page.md", tmp_path / "other.md"
    described = {"version": "1", "windows_seen": 1e6, "recipe": "a, seed 1", "sha256": "0" * 64}
    report.write_text(json.dumps({"model": described, "machine": "m", "command": "c"}))
    page.write_text("<!-- model -->\n<!-- /model -->\n")
    other.write_text("<!-- scores -->\n<!-- /scores -->\n")
    before = page.read_text(), other.read_text()
    done = program("training.card", report, page, other)
    assert done.returncode == 2
    assert re.search("report.json lacks what .*other.md asks for", done.stderr)
    assert (page.read_text(), other.read_text()) == before
    assert program("training.card", report, page).returncode == 0
    assert page.read_text() != before[0]


BASE_INSTALL = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "pretty_midi", "scipy", "sklearn", "onnx", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def in_base_install(tmp_path: Path, name: str, *arguments: object) -> object:
    """A small program where the packages of the extra are not installed."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(BASE_INSTALL, encoding="utf-8")
    path = os.pathsep.join((str(site), str(ROOT)))
    return program(name, *arguments, env=os.environ | {"PYTHONPATH": path})


@pytest.mark.parametrize(
    "name",
    [name for name in small_programs() if name.startswith(("training.", "export."))],
)
def test_a_base_install_is_told_what_is_missing(name: str, tmp_path: Path) -> None:
    arguments = {"training.card": ["none"], "training.cli_bank": ["bank", "info", "none"]}
    done = in_base_install(tmp_path, name, *arguments.get(name, ["--help"]))
    if done.returncode == 0 or name in arguments:  # it needs none of them to say so much
        assert "Traceback" not in done.stderr
        return
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(
        r"This needs more packages \(\w+\): pip install 'tutti-meter\[training\]'\.\n", done.stderr
    )


def test_the_audit_page_says_what_its_trial_needs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("To try it"))
    command = re.search(r"`python -m (training\.mixing\.demo [^`]+)`", line)
    assert command
    assert "tutti-meter[training]" in line or ".[training]" in line
    done = in_base_install(tmp_path, *command[1].split())
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
