"""Free sounds that ride in packages of Debian, npm and PyPI: what is where, downloaded, opened.

Every file is named by its checksum, so that what trained once can be had again.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import TuttiError
from training.notes.build import Progress, silent

_DEBIAN = "https://deb.debian.org/debian/pool/main/"
_NPM = "https://registry.npmjs.org/"
_PYPI = "https://files.pythonhosted.org/packages/"
_MIB = 1 << 20


@dataclass(frozen=True)
class Package:
    """A file to download and what it must be."""

    name: str
    url: str
    sha256: str


def _debian(name: str, path: str, sha256: str) -> Package:
    return Package(name, _DEBIAN + path, sha256)


def _tonejs(instrument: str, version: str, sha256: str) -> Package:
    name = f"tonejs-instrument-{instrument}-mp3"
    return Package(f"tonejs {instrument}", f"{_NPM}{name}/-/{name}-{version}.tgz", sha256)


TONEJS: dict[str, Package] = {
    instrument: _tonejs(instrument, version, sha256)
    for instrument, version, sha256 in (
        ("guitar-acoustic", "1.1.2",
         "8e8708d63a7a24854781a74202742f8130eca5a68e9880cb8c95db2e9c0705ff"),
        ("guitar-electric", "1.1.1",
         "166600df07ea0deb369b195be08d198f21da3318bf29765dd35a0800ef61b070"),
        ("guitar-nylon", "1.1.1",
         "87328e71336dd5ef6cae0f24e3b8065302df986c914a799917fb45596e521aaa"),
        ("piano", "1.1.2",
         "d564aa1c9cb691aa6816052924568cf40033ee5be3e32852872b4dcf93ecb446"),
        ("saxophone", "1.1.2",
         "5871de2f8445199495d1cf2d6a404c4159807b9681197c9fb7fc1555934e3bbc"),
        ("trombone", "1.1.2",
         "44c2d798aa41491d7b597d7213c969326f2477fec0f498ed221bdbafed25e46b"),
        ("tuba", "1.1.2",
         "35c0c30a9387bb4b89fd17192b26a68a72a8268b9de650fdb6f09ef1cfd00cb0"),
        ("xylophone", "1.1.2",
         "c844fd335174b767856d05af77621b00077b885f3af8704dbf5d381ed6ee5505"),
    )
}  # fmt: skip
FREEPATS = _debian(
    "freepats", "f/freepats/freepats_20060219-4_all.deb",
    "1282628c7ec015f0d39a8b1ee58a2d942220bbad38173d005bbfbaaf36e1d6f1",
)  # fmt: skip
DRUMKITS = _debian(
    "hydrogen-drumkits",
    "h/hydrogen-drumkits/hydrogen-drumkits_2017.09.19~dfsg-1_all.deb",
    "6ea3c6df9a67762e2362f946c695e619859126b19fbccf32a2e8f07dfd03b2f4",
)  # fmt: skip
STRUMS = _debian(
    "hydrogen-drumkits-effects",
    "h/hydrogen-drumkits/hydrogen-drumkits-effects_2017.09.19~dfsg-1_all.deb",
    "4ca3ff30e89d044952ad8a4ed28c60e8e5e1f8fec0ddcf0e1e7e2c84ce2975c8",
)  # fmt: skip
PIPE_ORGAN = _debian(
    "grandorgue-demo", "g/grandorgue/grandorgue-demo_3.9.5-1_all.deb",
    "e189e3540e24842da3806f7ed6a8c10308f43310da86fea2d6efc2c617c6a0e7",
)  # fmt: skip
METAL = (
    _debian(
        "fretsonfire-songs-muldjord",
        "f/fretsonfire-songs-muldjord/fretsonfire-songs-muldjord_2.dfsg-2.1_all.deb",
        "b37adf8b08b46d4182c283e760e4f40622d83674e05803960ea1e11a92600c7b",
    ),
    _debian(
        "fretsonfire-songs-sectoid",
        "f/fretsonfire-songs-sectoid/fretsonfire-songs-sectoid_1.dfsg-3.1_all.deb",
        "14c1ed3e43c1a6a80eae7698f0469a0825cd1184e441968d62df89ca418aa0b4",
    ),
)  # fmt: skip
SPEECH = {
    "KLettres": _debian(
        "klettres-data", "k/klettres/klettres-data_22.12.3-1_all.deb",
        "1186d257a19e84230856baea0b0b1ded8be9195080fcdb2588970b5cd937f5a8",
    ),
    "KTuberling": _debian(
        "ktuberling-data", "k/ktuberling/ktuberling-data_22.12.3-1_all.deb",
        "fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
    ),
}  # fmt: skip
SOLOS = _debian(
    "gcompris-qt-data", "g/gcompris-qt/gcompris-qt-data_3.1-2_all.deb",
    "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
)  # fmt: skip
LIEDER = Package(
    "synctoolbox",
    f"{_PYPI}e9/d7/da50c45352952b90523cbbb87a7d29d70b84b09f9c877e3b0c1d10710bb8/"
    "synctoolbox-1.4.2.tar.gz",
    "67e7ced88cf8474b13f0fb10c599fdbb3977e47c987be5c1d3fabb7b6b438a55",
)  # fmt: skip
SOUNDFONTS: dict[str, tuple[Package, str]] = {
    # file name: the package and the licence, in the order in which banks/wide got them
    "GeneralUser-v1.47.sf2": (
        _debian(
            "minuet-data", "m/minuet/minuet-data_22.12.3-1_all.deb",
            "ebcfe09eb16ceeeaea998427b671784ff6a5f0b0e2aecb1e1ad9ef0da6ded5fb",
        ),
        "GeneralUser GS 1.47, S. Christian Collins",
    ),
    "A320U.sf2": (
        _debian(
            "denemo-data", "d/denemo/denemo-data_2.6.18-1_all.deb",
            "f9f78742295951f03d626dd1aaace480b70c6e7bf6eceb9607bfb9b275ca21be",
        ),
        "GPL",
    ),
    "sonivox.sf2": (
        Package(
            "@coderline/alphatab",
            f"{_NPM}@coderline/alphatab/-/alphatab-1.8.4.tgz",
            "70b2c77abc9698a055d90a11d77308b6b41247936476e969d85770e3d4db4602",
        ),
        "Apache-2.0",
    ),
}  # fmt: skip


ALL = (
    *(package for package, _ in SOUNDFONTS.values()),
    *TONEJS.values(),
    *METAL,
    *SPEECH.values(),
    *(FREEPATS, DRUMKITS, STRUMS, PIPE_ORGAN, SOLOS, LIEDER),
)


def opened(package: Package, folder: Path, progress: Progress = silent) -> Path:
    """The package's files, under ``folder``; downloaded only where they are not there.

    ``progress`` is told the MiB read and in all.

    Raises:
        TuttiError: the file cannot be had, or is not the one that was pinned.
    """
    target = folder / package.name.replace("/", "-").replace(" ", "-")
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(fileobj=_tar(_download(package, progress), package)) as tar:
        tar.extractall(part, filter="data")
    for inner in [path for path in part.rglob("*.orgue") if zipfile.is_zipfile(path)]:
        with zipfile.ZipFile(inner) as zipped:
            zipped.extractall(inner.with_suffix(""))
    part.rename(target)
    return target


def _download(package: Package, progress: Progress) -> io.BytesIO:
    data, digest = io.BytesIO(), hashlib.sha256()
    try:
        with urllib.request.urlopen(package.url, timeout=60) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_MIB):
                digest.update(chunk)
                data.write(chunk)
                progress(f"downloading {package.name}, MiB", data.tell() // _MIB, size // _MIB)
    except (urllib.error.URLError, OSError) as error:
        raise TuttiError(f"{package.url} cannot be downloaded ({error}).") from error
    if digest.hexdigest() != package.sha256:
        raise TuttiError(
            f"{package.url} is not the file it was (sha256 {digest.hexdigest()} instead of "
            f"{package.sha256}), so its sounds are not known."
        )
    data.seek(0)
    return data


def _tar(archive: io.BytesIO, package: Package) -> io.BytesIO:
    """The tar of files: an npm package is one, a Debian package is an ``ar`` that holds one."""
    if package.url.endswith((".tgz", ".tar.gz")):
        return archive
    archive.seek(len(b"!<arch>\n"))
    while header := archive.read(60):
        name, size = header[:16].decode().strip(" /"), int(header[48:58])
        body = archive.read(size + size % 2)
        if name.startswith("data.tar"):
            return io.BytesIO(body)
    raise TuttiError(f"{package.url} is no Debian package.")
