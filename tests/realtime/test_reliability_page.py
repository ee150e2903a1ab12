"""docs/reliability.md has every live test there is, as it is called now, and the shipped model."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from realtime.model import TagModel

HERE = Path(__file__).parent
AGAIN = "write it anew: python tests/realtime/reliability.py"
LIVE = ("test_*live*.py", "test_fuzz_*.py", "../test_circumstances.py")
ROW = re.compile(r"^\| (?P<title>.+?)(?: \(\d+ cases\))? \| ", re.MULTILINE)


@pytest.fixture(scope="module")
def reliability() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reliability", HERE / "reliability.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reliability"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page(reliability: ModuleType) -> str:
    return reliability.REPORT.read_text(encoding="utf-8")


def titles_of_tests(reliability: ModuleType, files: list[str]) -> set[str]:
    return {
        reliability.title_of(node.name, ast.get_docstring(node))
        for name in files
        for node in ast.parse((HERE / name).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_live_test_is_on_the_page_and_no_other(reliability: ModuleType, page: str) -> None:
    for group, files in reliability.GROUPS.items():
        section = page.split(f"\n## {group}\n")[1].split("\n## ")[0]
        rows = {match["title"] for match in ROW.finditer(section)} - {"what is done to it"}
        assert rows == titles_of_tests(reliability, files), f"{group}: {AGAIN} --tests"


def test_every_file_of_live_tests_is_in_a_group(reliability: ModuleType) -> None:
    grouped = {(HERE / name).resolve() for files in reliability.GROUPS.values() for name in files}
    found = {path.resolve() for pattern in LIVE for path in HERE.glob(pattern)}
    assert len(found) > 8
    assert not found - grouped


def test_cost_and_memory_are_those_of_the_shipped_model(page: str) -> None:
    spec = TagModel().spec
    assert f"Model: {spec.name} {spec.version}. Machine: " in page, AGAIN
