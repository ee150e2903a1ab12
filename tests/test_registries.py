"""Packages are named, and their clients know where they are: no registry's host is in the tree."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOSTS = [
    ".".join(parts)
    for parts in (
        *((name, "debian", "org") for name in ("deb", "ftp", "security", "snapshot", "archive")),
        *((name, "ubuntu", "com") for name in ("archive", "security", "ports")),
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("unpkg", "com"),
        ("yarnpkg", "com"),
        ("download", "pytorch", "org"),
        ("anaconda", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("ghcr", "io"),
        ("docker", "io"),
    )
]
NAMED = re.compile(r"(?<![\w-])(?:[\w-]+\.)*(?:" + "|".join(map(re.escape, HOSTS)) + r")(?![\w-])")


def texts() -> dict[str, str]:
    """What the project is made of, by path; binary files read as Latin text."""
    kept = {".ci", "desktop", "docs", "export", "realtime", "tests", "training"}
    files = [path for path in ROOT.iterdir() if path.is_file() and path.suffix != ".log"]
    for folder in kept:
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {
        path.relative_to(ROOT).as_posix(): path.read_bytes().decode("latin-1")
        for path in files
        if "__pycache__" not in path.parts and path.name != ".git"
    }


def test_hosts_are_found_where_they_stand() -> None:
    for host in HOSTS:
        assert NAMED.search(f"see https://www.{host}/x.deb")
        assert not NAMED.search(f"see https://not-{host}/x.deb")


def test_no_registry_s_host_is_in_the_tree() -> None:
    read = texts()
    assert {"README.md", "Makefile", ".ci/fresh", "training/making/free/packages.py"} <= set(read)
    found = [f"{path}: {hit}" for path, text in read.items() for hit in NAMED.findall(text)]
    assert not found
