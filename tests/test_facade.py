"""``from tutti import ...``: what is promised is there, typed, and loaded only when asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tutti

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", tutti.__all__)
def test_a_name_is_what_its_room_made(name: str) -> None:
    assert getattr(tutti, name) is getattr(import_module(tutti._MADE_IN[name]), name)


def test_a_type_checker_is_told_the_same_names() -> None:
    """Those under TYPE_CHECKING, which no interpreter reads."""
    tree = ast.parse((ROOT / "tutti" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == tutti._MADE_IN


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'tutti' has no attribute 'Tager'"):
        _ = tutti.Tager


def test_importing_it_loads_nothing_else() -> None:
    code = (
        "import sys, tutti; assert 'Tagger' in dir(tutti);"
        "print([name for name in ('numpy', 'realtime', 'pedalboard') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("room", ["tutti", "realtime", "desktop", "training", "export"])
def test_a_type_checker_may_read_every_room(room: str) -> None:
    assert (ROOT / room / "py.typed").is_file()
