"""Every parser and every command: bad input is told in words, never by a traceback, a private
name, or the interpreter's own errors."""

from __future__ import annotations

import argparse
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

from realtime.cli import COMMAND_GROUP, DEV_GROUP

ROOT = Path(__file__).resolve().parent.parent
BAD = ("x", "", "nan", "-inf", "inf", "-1", "0", "1e400", "0x1", "1,,2", "a:b:c", "1:2", "é")
STARTED_BY_THEMSELVES = {
    "export.bench.child",
    "realtime.cli",
    "realtime.host.plugin_worker",
    "realtime.live_outputs.midi_port",
    "realtime.sources.datagrams",
    "realtime.sources.jack_recorder",
    "realtime.sources.recorder",
}
"""The command, and the processes it starts itself; a person starts nothing with ``python -m``."""


def test_nothing_hides_behind_the_interpreter() -> None:
    """What a person starts is a command of ``tutti``, which ends it in the one way."""
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ("realtime", "desktop", "training", "export")
        for path in sorted((ROOT / room).rglob("*.py"))
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    assert found == STARTED_BY_THEMSELVES


def all_parsers() -> Iterator[argparse.ArgumentParser]:
    """Of the commands and their subcommands."""
    for group in (COMMAND_GROUP, DEV_GROUP):
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers()
        for entry in entry_points(group=group):
            entry.load()(commands)
        yield parser


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


def tutti(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=ROOT, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("card", ("none.json", "README.md"), "none.json cannot be read or written"),
        ("card", ("README.md", "README.md"), "is not the report.json"),
        ("average", ("none.pt", "--out", "x.pt"), "none.pt is not there"),
        ("validate", ("none.pt", "--bank", "none"), "none is not a note bank"),
        ("difficulty", ("--bank", "none"), "none is not a note bank"),
        ("demo", ("/dev/null/x.ogg",), "/dev/null"),
        ("screenshots", ("FOLDER", "--file", "none.wav"), "none.wav does not exist"),
    ],
)
def test_a_tool_tells_bad_input(name, arguments, says, tmp_path) -> None:
    pytest.importorskip("torch")
    given = [tmp_path / "out" if argument == "FOLDER" else argument for argument in arguments]
    done = tutti("dev", name, *given)
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
    done = tutti("dev", "card", report, page, other)
    assert done.returncode == 2
    assert re.search("report.json lacks what .*other.md asks for", done.stderr)
    assert (page.read_text(), other.read_text()) == before
    assert tutti("dev", "card", report, page).returncode == 0
    assert page.read_text() != before[0]


BASE_INSTALL = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "pretty_midi", "scipy", "sklearn", "onnx", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def in_base_install(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command where the packages of the extra are not installed."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(BASE_INSTALL, encoding="utf-8")
    path = os.pathsep.join((str(site), str(ROOT)))
    return tutti(*arguments, env=os.environ | {"PYTHONPATH": path})


@pytest.mark.parametrize("entry", sorted(e.name for e in entry_points(group=DEV_GROUP)))
def test_a_base_install_lists_every_tool(entry: str, tmp_path: Path) -> None:
    """Help needs none of the packages; what does need them says so (test_cli.py)."""
    done = in_base_install(tmp_path, "dev", entry, "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: tutti dev {entry}" in done.stdout


def test_the_audit_page_says_what_its_trial_needs() -> None:
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("To try it"))
    assert re.search(r"`tutti dev demo [^`]+ --stems [^`]+`", line)
    assert "tutti-meter[training]" in line or ".[training]" in line
