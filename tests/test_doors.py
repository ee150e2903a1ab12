"""The one rule about doors: realtime <- desktop, realtime <- training <- export."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("realtime", "desktop", "training", "export")
MAY_IMPORT = {
    "tutti": {"tutti", "realtime"},
    "realtime": {"realtime"},
    "desktop": {"desktop", "realtime"},
    "training": {"training", "realtime"},
    "export": {"export", "training", "realtime"},
}
TRAINING_MAY_IMPORT = {  # the vocabulary and the post-processing, so that what users see is scored,
    # the one place that loads onnxruntime, with its telemetry switched off, and the one reader of
    # sound files, so that training never takes half a file for the whole
    f"realtime.{name}"
    for name in (
        "taxonomy", "spec", "errors", "model", "windows", "levels", "smoothing", "postprocess",
        "timeline", "tagger", "runtime", "folders", "progress", "arguments", "sources.file",
        "whole_file",
    )
}  # fmt: skip
TRAINING_FOLDERS = {  # what a folder of training may import of the others
    "bank": set(),
    "sounds": {"bank", "datasets"},
    "pieces": {"bank", "sounds"},
    "making": {"bank", "sounds", "pieces", "datasets"},
    "mixing": {"bank"},
    "models": set(),
    "datasets": set(),
    "scoring": {"bank", "sounds", "mixing", "models", "datasets"},
    "protocols": {"bank", "sounds", "mixing", "models", "datasets", "scoring"},
    "teachers": {"mixing", "models", "scoring"},
}
DESKTOP_FOLDERS = {  # the same of desktop, and of the files beside the folders
    "looks": set(),
    "kept": set(),
    "heard": set(),
    "sessions": {"background", "kept", "heard"},
    "widgets": {"looks", "kept", "heard"},
    "windows": {"background", "looks", "kept", "heard", "sessions", "widgets"},
    "controllers": {"looks", "kept", "heard", "sessions", "widgets", "windows"},
}
FORBIDDEN_LIBRARIES = {
    "tutti": {"torch", "PyQt6", "onnx", "sklearn", "matplotlib", "scipy"},
    "realtime": {"torch", "PyQt6", "onnx", "sklearn", "matplotlib", "scipy"},
    "desktop": {"torch", "onnx", "sklearn", "matplotlib", "scipy", "onnxruntime"},
    "training": {"PyQt6"},
    "export": {"PyQt6"},
}


def imported_modules(source: str, package: str) -> set[str]:
    """Every module a source text imports, as absolute dotted names.

    ``from a import b`` gives ``a`` and ``a.b``: b may be a module.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return imported_modules(path.read_text(encoding="utf-8"), package)


def test_the_walk_sees_every_form_of_import() -> None:
    source = (
        "import torch.nn\n"
        "def f():\n    from training import fit\n"
        "from ..spec import ModelSpec\n"
        "from . import base\n"
    )
    assert imported_modules(source, "realtime.sources") >= {
        "torch.nn",
        "training.fit",
        "realtime.spec",
        "realtime.sources.base",
    }


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_through_its_own_doors(room: str) -> None:
    assert files_of(room), f"no Python file found in {room}"
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files_of(room)
        for module in sorted(imports_of(path))
        if (top := module.split(".")[0]) in FORBIDDEN_LIBRARIES[room]
        or (top in ROOMS and top not in MAY_IMPORT[room])
    ]
    assert not wrong, "\n".join(wrong)


def test_training_takes_only_vocabulary_and_post_processing_from_realtime() -> None:
    realtime_modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files_of("realtime")
    }
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files_of("training")
        for module in sorted(imports_of(path) & realtime_modules)
        if module not in TRAINING_MAY_IMPORT
    ]
    assert not wrong, "\n".join(wrong)


IMPORT_ALL = """
import importlib, pkgutil, sys
for room in {rooms}:
    package = importlib.import_module(room)
    for found in pkgutil.walk_packages(package.__path__, room + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
loaded = sorted({{name.split(".")[0] for name in sys.modules}} & {forbidden})
sys.exit("loaded: " + ", ".join(loaded) if loaded else 0)
"""


@pytest.mark.parametrize(
    ("rooms", "forbidden"),
    [
        (("realtime",), {"torch", "PyQt6", "desktop", "training", "export", "onnx", "scipy"}),
        (("realtime", "desktop"), {"torch", "training", "export", "onnx", "scipy"}),
    ],
)
def test_importing_every_module_loads_nothing_forbidden(
    rooms: tuple[str, ...], forbidden: set[str]
) -> None:
    script = IMPORT_ALL.format(rooms=rooms, forbidden=forbidden)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def arrows(room: str) -> dict[str, set[str]]:
    """Which folders and files of a room import which, imports within functions included."""
    found: dict[str, set[str]] = {}
    for path in files_of(room):
        own = path.relative_to(ROOT / room).parts[0].removesuffix(".py")
        others = {m.split(".")[1] for m in imports_of(path) if m.startswith(f"{room}.")}
        if own != "__init__":
            known = {name for name in others if (ROOT / room / name).is_dir()}
            known |= {name for name in others if (ROOT / room / f"{name}.py").is_file()}
            found.setdefault(own, set()).update(known - {own})
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_within_a_room_no_arrow_goes_back(room: str) -> None:
    order = list(TopologicalSorter(arrows(room)).static_order())  # raises where there is a cycle
    assert len(order) > 5


def test_the_folders_of_training_keep_to_their_doors() -> None:
    found = arrows("training")
    folders = {path.parent.name for path in (ROOT / "training").glob("*/__init__.py")}
    assert folders == set(TRAINING_FOLDERS) | {"commands"}
    for folder, doors in TRAINING_FOLDERS.items():
        assert found[folder] & folders <= doors, folder


def test_the_folders_of_desktop_keep_to_their_doors() -> None:
    found = arrows("desktop")
    folders = {path.parent.name for path in (ROOT / "desktop").glob("*/__init__.py")}
    assert folders == set(DESKTOP_FOLDERS) | {"commands"}
    for folder, doors in DESKTOP_FOLDERS.items():
        assert found[folder] <= doors, folder
