"""The programs that plant faults and change the code still fit it: both name files, text, tests."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("fault", program("planted_faults").FAULTS, ids=lambda fault: fault[0])
def test_a_fault_can_be_planted(fault: tuple[str, str, str, str, str]) -> None:
    _, file, right, wrong, test = fault
    assert (ROOT / file).read_text(encoding="utf-8").count(right) == 1
    assert right != wrong
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_group_of_mutants_is_there() -> None:
    for modules, tests in program("mutants").GROUPS.values():
        for pattern in (*modules, *tests):
            assert list(ROOT.glob(pattern)), pattern
