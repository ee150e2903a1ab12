"""Packages come through their registries' clients, are what they were pinned as, and open
without the tools of their system."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from realtime.errors import TuttiError
from training.making.free import gather, packages
from training.making.free.packages import APT, NPM, PIP, Client, Package, opened

CLIENTS = {"apt": APT, "npm": NPM, "pip": PIP}
ASKED = {
    "apt": ["download", "some-package=4:1.2-3"],
    "npm": ["pack", "--ignore-scripts", "some-package@4:1.2-3"],
    "pip": ["-m", "pip", "download", "--no-deps", "--no-binary", "some-package",
            "--require-hashes", "-r", "wish.txt"],
}  # fmt: skip
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="clients are played by scripts")
pytestmark = posix_only


def tar(files: dict[str, bytes], compression: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def debian(members: dict[str, bytes]) -> bytes:
    """An ``ar`` archive, as ``dpkg-deb`` writes it: odd members are padded."""
    out = b"!<arch>\n"
    for name, data in members.items():
        out += f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) % 2)
    return out


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that all three clients take what they are asked for from.

    They write what they were asked into ``asked``, and say what is in ``said`` where there
    is no file; ``sys.executable`` is one of them, for pip.
    """
    folder = tmp_path / "registry"
    folder.mkdir()
    script = f"""#!{sys.executable}
import shutil, sys
from pathlib import Path
registry = Path({str(folder)!r})
(registry / "asked").write_text("\\n".join(sys.argv[1:]))
wish = Path("wish.txt")
(registry / "wish").write_text(wish.read_text())
found = list(registry.glob("some-package*"))
if not found:
    sys.exit((registry / "said").read_text())
shutil.copy(found[0], ".")
"""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("apt-get", "npm", "python"):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    return folder


def package(registry: Path, data: bytes, client: Client = NPM, ending: str = ".tgz") -> Package:
    (registry / f"some-package{ending}").write_bytes(data)
    return Package("some-package", "4:1.2-3", hashlib.sha256(data).hexdigest(), client)


@pytest.mark.parametrize("name", CLIENTS)
def test_each_registry_s_client_is_asked_by_name_and_version(
    registry: Path, tmp_path: Path, name: str
) -> None:
    inner = {"a/one.txt": b"1", "a/b/two.txt": b"22"}
    data = tar(inner, "gz")
    if name == "apt":
        control = {"debian-binary": b"2.0\n", "control.tar.xz": tar({"odd": b"odd"}, "xz") + b"."}
        data = debian({**control, "data.tar.xz": tar(inner, "xz")})
    one = package(registry, data, CLIENTS[name], ".deb" if name == "apt" else ".tar.gz")
    folder = opened(one, tmp_path / "out")
    assert folder == tmp_path / "out" / "some-package"
    assert (registry / "asked").read_text().splitlines() == ASKED[name]
    assert (registry / "wish").read_text() == f"some-package==4:1.2-3 --hash=sha256:{one.sha256}\n"
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.txt")}
    assert found == inner
    assert list((tmp_path / "out").iterdir()) == [folder], "nothing else stays"


def test_an_organ_in_a_package_opens_too(registry: Path, tmp_path: Path) -> None:
    organ = io.BytesIO()
    with zipfile.ZipFile(organ, "w") as zipped:
        zipped.writestr("Montre8/060-C.wav", b"pipe")
    npm = package(registry, tar({"p/demo.orgue": organ.getvalue()}, "gz"))
    assert (opened(npm, tmp_path / "out") / "p/demo/Montre8/060-C.wav").read_bytes() == b"pipe"


def test_what_is_there_is_not_downloaded_again(registry: Path, tmp_path: Path) -> None:
    npm = package(registry, tar({"one.txt": b"1"}, "gz"))
    assert not packages.is_here(npm, tmp_path / "out")
    first = opened(npm, tmp_path / "out")
    (registry / "some-package.tgz").unlink()
    assert packages.is_here(npm, tmp_path / "out")
    assert opened(npm, tmp_path / "out") == first


def test_what_a_killed_download_left_is_in_nobody_s_way(registry: Path, tmp_path: Path) -> None:
    npm = package(registry, tar({"one.txt": b"1"}, "gz"))
    left = tmp_path / "out" / "some-package.part" / "download"
    left.mkdir(parents=True)
    (left / "some-package.tgz").write_bytes(b"half")
    assert [path.name for path in opened(npm, tmp_path / "out").iterdir()] == ["one.txt"]


def test_every_package_that_is_used_is_downloaded_first() -> None:
    named = {one for one in vars(packages).values() if isinstance(one, Package)}
    for several in (packages.TONEJS, packages.METAL, packages.SPEECH):
        named |= set(several.values() if isinstance(several, dict) else several)
    assert named <= set(packages.ALL)
    assert len({one.sha256 for one in packages.ALL}) == len(packages.ALL)
    assert {one.client for one in packages.ALL} == {APT, NPM, PIP}


SAID = {
    "apt": (
        "Reading package lists...\nE: Version '4:1.2-3' for 'some-package' was not found",
        r"^apt-get cannot download some-package 4:1\.2-3 \(Version '4:1\.2-3' for 'some-package' "
        r"was not found\): it is a package of Debian 12, [^.]*\.$",
    ),
    "npm": (
        "npm error code ETARGET\nnpm error notarget No matching version found for "
        "some-package@4.\nnpm error notarget In most cases you or one of your dependencies ...",
        r"^npm cannot download some-package 4:1\.2-3 \(No matching version found for "
        r"some-package@4\): npm comes with Node\.js, and needs its registry\.$",
    ),
    "pip": (
        "WARNING: a location is ignored\nERROR: Ignored the following versions: 1\n"
        "ERROR: Could not find a version that satisfies the requirement\n"
        "ERROR: No matching distribution found for some-package==4",
        r"^pip cannot download some-package 4:1\.2-3 \(No matching distribution found for "
        r"some-package==4\): pip comes by [^.]*\.$",
    ),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_version_that_is_no_longer_there_is_one_sentence_and_nothing_stays(
    registry: Path, tmp_path: Path, name: str
) -> None:
    output, says = SAID[name]
    (registry / "said").write_text(output)
    with pytest.raises(TuttiError, match=says):
        opened(Package("some-package", "4:1.2-3", "0" * 64, CLIENTS[name]), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"another file", r"some-package 4:1\.2-3 is not the file it was \(sha256 "),
        (b"!<arch>\n", r"is no Debian package"),
    ],
)
def test_another_file_is_refused_and_nothing_stays(
    registry: Path, tmp_path: Path, data: bytes, says: str
) -> None:
    deb = package(registry, data, APT, ".deb")
    wanted = deb if data.startswith(b"!") else replace(deb, sha256="0" * 64)
    with pytest.raises(TuttiError, match=says):
        opened(wanted, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["apt", "npm"])
def test_a_missing_client_is_told_before_anything_is_downloaded(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    programs = Path(sys.executable).parent
    (programs / CLIENTS[name].program).unlink()
    for program in gather._NEEDED:
        (programs / program).write_text("#!/bin/sh\n")
        (programs / program).chmod(0o755)
    with pytest.raises(TuttiError, match=rf"^{CLIENTS[name].program} is missing, which downloads "):
        gather.gather(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (registry / "asked").exists()
