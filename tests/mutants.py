"""Changes the program in small ways with mutmut, and counts the changes that no test notices.

    python tests/mutants.py [GROUP ...] [--share N] [--seed S]

Each group of modules runs against its own fast tests, in a copy under build/mutants. Of a module
with more than N mutants, N are drawn. What is only said (``raise``) is left alone. Of each
survivor what it changes is printed; those of functions that run when a module is imported have
another chance, in a process of their own.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("realtime", "desktop", "training", "export", "tutti")
NOTICED = {1, 3, 24, 36, 152, 255, -24, -11, -9, -6}
"""Exit codes of mutmut's runs: tests failed, ran on for ever or died; 0: none noticed."""
REAL, TRAINING, EXPORT = "tests/realtime/test_", "tests/training/test_", "tests/export/test_"
GROUPS: dict[str, tuple[list[str], list[str]]] = {
    "core": (
        [*(f"realtime/{name}.py" for name in (
            "smoothing", "levels", "postprocess", "windows", "downmix", "timeline", "tagger",
            "spec", "model", "taxonomy", "whole_file", "hearing")), "realtime/outputs/*.py"],
        [f"{REAL}{name}.py" for name in (
            "smoothing", "levels", "block_level", "postprocess", "windows", "downmix", "timeline",
            "tagger", "spec", "model", "taxonomy", "whole_file", "hearing", "outputs")],
    ),
    "host": (["realtime/host/tap.py", "realtime/host/chain.py"],
             [f"{REAL}host_tap.py", f"{REAL}host_tapped.py", f"{REAL}host_chain.py"]),
    "audit": (["realtime/audit/*.py"], [f"{REAL}audit_ear.py"]),
    "calibrate": (["export/calibrate.py", "export/polyphony.py"],
                  [f"{EXPORT}calibrate.py"]),
    "export": ([f"export/{name}.py" for name in ("pipeline", "quantize", "to_onnx", "verify")],
               [f"{EXPORT}export.py", f"{EXPORT}export_policies.py"]),
    "training": ([f"training/{name}.py" for name in (
                     "losses", "optimizer", "recipe", "fit", "lessons")],
                 [f"{TRAINING}{name}.py" for name in (
                     "optimizer", "losses", "recipe", "fit_rules", "policies")]),
}  # fmt: skip
SLOW = (
    "test_memory_hardly_grows_with_the_length",
    "test_memory_does_not_grow",
    "test_the_block_size_changes_nothing[1-",
    "test_the_block_size_changes_nothing[7-44100",
    "test_any_json_gives_a_specification_or_a_clear_error",
    "test_a_truncated_or_changed_model_is_refused_or_runs",
)
"""Left out: minutes a mutant."""
AT_IMPORT = ("realtime/taxonomy.py", "realtime/audit/gains.py", "realtime/audit/ear.py")
"""Modules with functions that run when they are imported."""


def prepare(group: str) -> Path:
    """A copy of the tree that mutmut finds its settings in."""
    modules, tests = GROUPS[group]
    folder = ROOT / "build" / "mutants" / group
    shutil.rmtree(folder, ignore_errors=True)
    for name in (*ROOMS, "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "screenshots")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    room = modules[0].split("/")[0]
    settings = {
        "source_paths": [room],
        "only_mutate": modules,
        "do_not_mutate_patterns": [r"^\s*raise ", r"^\s*return TuttiError\(", r"os\.kill\("],
        "also_copy": [*(name for name in ROOMS if name != room), "docs", "README.md"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-k", _without(SLOW)],
        "pytest_add_cli_args_test_selection": [t for t in tests if (ROOT / t).exists()],
        "process_isolation": "forkserver",
    }
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.mutmut]\n")
        file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    return folder


def _without(tests: tuple[str, ...]) -> str:
    return " and ".join(f"not {re.sub(r'[^a-z_0-9].*', '', name)}" for name in tests)


def mutmut(folder: Path, *names: str) -> None:
    """Run those mutants; draws them first where there are none."""
    # Draws of hypothesis must be the same each time, and the copy wins over an install.
    environment = os.environ | {"CI": "1"}
    environment.pop("PYTHONPATH", None)
    command = [str(Path(sys.executable).with_name("mutmut")), "run", *names]
    with (folder / "mutmut.log").open("ab") as log:
        subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log)


def verdicts(folder: Path) -> dict[str, dict[str, int | None]]:
    """Exit codes of the mutants, by module."""
    found = {}
    for path in sorted((folder / "mutants").rglob("*.py.meta")):
        module = path.relative_to(folder / "mutants").as_posix().removesuffix(".meta")
        found[module] = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def draw(names: list[str], share: int, rng: random.Random) -> list[str]:
    """At most so many of the mutants; fewer of one seed are among more of it."""
    names = sorted(names)
    rng.shuffle(names)
    return sorted(names[:share])


def run(folder: Path, names: list[str]) -> None:
    """Run mutants; those that were on their way when one killed mutmut run again."""
    for _ in range(5):
        codes = {name: code for one in verdicts(folder).values() for name, code in one.items()}
        if left := [name for name in names if codes[name] is None]:
            mutmut(folder, *left)


def notices_from_the_start(folder: Path, name: str) -> bool:
    """Whether tests fail in a process that imports everything with the mutant in it."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    settings = settings["tool"]["mutmut"]
    arguments = settings["pytest_add_cli_args"] + settings["pytest_add_cli_args_test_selection"]
    environment = os.environ | {"CI": "1", "MUTANT_UNDER_TEST": name}
    environment["PYTHONPATH"] = str(folder / "mutants")
    command = [sys.executable, "-m", "pytest", "-q", "-x", *arguments]
    done = subprocess.run(
        command, cwd=folder / "mutants", env=environment, stdout=subprocess.DEVNULL
    )
    return done.returncode != 0


def difference(folder: Path, module: str, name: str) -> Iterator[str]:
    """The lines that a mutant changes."""
    source = (folder / "mutants" / module).read_text(encoding="utf-8")
    functions = {
        node.name: (ast.get_source_segment(source, node) or "").splitlines()[1:]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }
    mutant = name.rpartition(".")[2]
    original = re.sub(r"__mutmut_\d+$", "__mutmut_orig", mutant)
    if original in functions and mutant in functions:
        for line in difflib.unified_diff(functions[original], functions[mutant], n=0):
            if re.match(r"[-+](?![-+])", line):
                yield line[0] + " " + line[1:].strip()


def main() -> None:
    """Runs the groups, and prints a row for each module and what survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of: {', '.join(GROUPS)} (all)")
    parser.add_argument("--share", type=int, default=30, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    args = parser.parse_args()
    print("| module | mutants | tried | noticed | |\n|---|---|---|---|---|")
    survivors = []
    for group in args.groups or GROUPS:
        folder = prepare(group)
        mutmut(folder, "none")  # makes them all, and runs none
        chosen = {
            module: draw(list(codes), args.share, random.Random(args.seed))
            for module, codes in verdicts(folder).items()
            if codes
        }
        run(folder, [name for names in chosen.values() for name in names])
        for module, codes in verdicts(folder).items():
            tried = chosen.get(module, [])
            left = [name for name in tried if codes[name] not in NOTICED]
            if module in AT_IMPORT:
                left = [name for name in left if not notices_from_the_start(folder, name)]
            if tried:
                noticed = len(tried) - len(left)
                row = [module, len(codes), len(tried), noticed, f"{noticed / len(tried):.0%}"]
                print("| " + " | ".join(map(str, row)) + " |", flush=True)
            survivors += [(folder, module, name) for name in left]
    for folder, module, name in survivors:
        print(name, *difference(folder, module, name), sep="\n  ")


if __name__ == "__main__":
    main()
