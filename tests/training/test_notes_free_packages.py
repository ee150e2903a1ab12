"""Packages are what they were pinned as, and open without the tools of their system."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from realtime.errors import TuttiError
from training.notes.free import packages
from training.notes.free.packages import Package, opened


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


def package(path: Path, data: bytes) -> Package:
    path.write_bytes(data)
    return Package("some package", path.as_uri(), hashlib.sha256(data).hexdigest())


def test_npm_and_debian_packages_open_alike(tmp_path: Path) -> None:
    inner = {"a/one.txt": b"1", "a/b/two.txt": b"22"}
    npm = package(tmp_path / "x.tgz", tar(inner, "gz"))
    control = {"debian-binary": b"2.0\n", "control.tar.xz": tar({"control": b"odd"}, "xz") + b"."}
    deb = package(tmp_path / "x.deb", debian({**control, "data.tar.xz": tar(inner, "xz")}))
    for number, one in enumerate((npm, deb)):
        folder = opened(one, tmp_path / str(number))
        found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.txt")}
        assert found == inner


def test_an_organ_in_a_package_opens_too(tmp_path: Path) -> None:
    organ = io.BytesIO()
    with zipfile.ZipFile(organ, "w") as zipped:
        zipped.writestr("Montre8/060-C.wav", b"pipe")
    npm = package(tmp_path / "x.tgz", tar({"p/demo.orgue": organ.getvalue()}, "gz"))
    assert (opened(npm, tmp_path / "out") / "p/demo/Montre8/060-C.wav").read_bytes() == b"pipe"


def test_what_is_there_is_not_downloaded_again(tmp_path: Path) -> None:
    npm = package(tmp_path / "x.tgz", tar({"one.txt": b"1"}, "gz"))
    first = opened(npm, tmp_path / "out")
    (tmp_path / "x.tgz").unlink()
    assert opened(npm, tmp_path / "out") == first


def test_a_download_tells_how_far_it_is(tmp_path: Path) -> None:
    data = tar({"noise": np.random.default_rng(1).bytes(5 << 19)}, "gz")
    told: list[tuple[str, int, int]] = []
    opened(package(tmp_path / "x.tgz", data), tmp_path / "out", lambda *now: told.append(now))
    assert {name for name, _, _ in told} == {"downloading some package, MiB"}
    assert [(done, total) for _, done, total in told] == [(1, 2), (2, 2), (2, 2)]


def test_every_package_that_is_used_is_downloaded_first() -> None:
    named = {one for one in vars(packages).values() if isinstance(one, Package)}
    for several in (packages.TONEJS, packages.METAL, packages.SPEECH):
        named |= set(several.values() if isinstance(several, dict) else several)
    assert named <= set(packages.ALL)
    assert len({one.sha256 for one in packages.ALL}) == len(packages.ALL)


@pytest.mark.parametrize(
    ("content", "sha256", "says"),
    [
        (None, "0" * 64, "cannot be downloaded"),
        (b"another file", "0" * 64, "is not the file it was"),
        (b"!<arch>\n", hashlib.sha256(b"!<arch>\n").hexdigest(), "is no Debian package"),
    ],
)
def test_another_file_is_refused_and_nothing_stays(
    tmp_path: Path, content: bytes | None, sha256: str, says: str
) -> None:
    path = tmp_path / "x.deb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TuttiError, match=says):
        opened(Package("some package", path.as_uri(), sha256), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
