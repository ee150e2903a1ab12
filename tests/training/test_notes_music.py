"""Music nobody labelled: what is taken of a package, where it goes, under which licence."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from bank_factory import make_bank
from hypothesis import given
from hypothesis import strategies as st

from realtime.cli import main
from realtime.errors import TuttiError
from training.bank.bank import Bank
from training.bank.splits import MUSIC_HELD_OUT
from training.making.add import add_music
from training.making.free import music as free_music
from training.making.free.music import gather_music, is_music
from training.sounds.music import excerpt, licence, tracks

RATE_HZ = 16_000
_COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: somebody
License: GPL-2+

Files: ./data/music/slow.ogg
       data/music/[old].ogg
Copyright: somebody else
License: CC-BY-SA-3.0
 Text of it.

License: GPL-2+
 Files: are free.
"""


def song(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return 0.3 * np.sin(2 * np.pi * 220 * time) * (1 + 0.5 * np.sin(2 * np.pi * time))


def ogg(seconds: float) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, song(seconds, 8000), 8000, format="OGG", subtype="VORBIS")
    return file.getvalue()


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two packages, one of them held out; one file is short, one is none."""
    path, held_out = tmp_path / "music", next(iter(MUSIC_HELD_OUT))
    for package in ("some-music", held_out):
        put(path / package / "usr/share/x/data/music/slow.ogg", ogg(30))
        put(path / package / "copyright", _COPYRIGHT.encode())
    put(path / "some-music/data/fast.ogg", ogg(5))
    put(path / "some-music/data/none.ogg", b"OggS, not really")
    put(path / ".left.part/music/half.ogg", ogg(30))
    return path


def test_each_file_becomes_a_clip_with_source_split_licence_and_origin(
    tmp_path: Path, folder: Path
) -> None:
    old = make_bank(tmp_path / "old", labels=("violin",))
    add_music(old.path, tmp_path / "new", folder, longest_s=22.0, seed=1, processes=1)
    bank = Bank.open(tmp_path / "new")
    new = slice(len(old), None)
    held_out = next(iter(MUSIC_HELD_OUT))
    columns = ("source", "split", "kind", "label", "articulation", "licence", "origin")
    assert sorted(zip(*(getattr(bank, name)[new].tolist() for name in columns), strict=True)) == [
        (source, split, "music", "", "", "CC-BY-SA-3.0", "usr/share/x/data/music/slow.ogg")
        for source, split in sorted([("some-music", "train"), (held_out, "val")])
    ]
    assert set(bank.length[new].tolist()) == {22 * RATE_HZ}
    assert bank.manifest["dropped"]["music that cannot be decoded"] == 1
    assert bank.manifest["dropped"]["music of less than 20 s"] == 1
    with pytest.raises(TuttiError, match="some-music is in .* already"):
        add_music(bank.path, tmp_path / "newer", folder, longest_s=22.0, seed=1)
    assert not (tmp_path / "newer").exists()


def test_the_same_seed_takes_the_same_stretch(tmp_path: Path, folder: Path) -> None:
    old = make_bank(tmp_path / "old", labels=("violin",))
    sounds = []
    for name, seed, processes in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        add_music(old.path, tmp_path / name, folder, longest_s=20.0, seed=seed, processes=processes)
        sounds.append((tmp_path / name / "audio.i16").read_bytes())
    assert sounds[0] == sounds[1]
    assert sounds[0] != sounds[2]


def test_a_stretch_leaves_out_silence(tmp_path: Path) -> None:
    gap = np.zeros(40 * RATE_HZ)
    soundfile.write(
        tmp_path / "a.flac", np.concatenate((gap, song(25), gap, song(60), gap)), RATE_HZ
    )
    found = excerpt(tmp_path / "a.flac", 50.0, np.random.default_rng(1))
    assert len(found) == 50 * RATE_HZ
    seconds = np.abs(found.reshape(50, RATE_HZ)).max(axis=1)
    assert (seconds > 0.1).all()


def test_other_rates_and_channels_become_16_khz_mono(tmp_path: Path) -> None:
    both = np.stack([song(30, 44_100), np.zeros(30 * 44_100)], axis=1)
    soundfile.write(tmp_path / "a.flac", both, 44_100)
    found = excerpt(tmp_path / "a.flac", 20.0, np.random.default_rng(1))
    assert len(found) == 20 * RATE_HZ
    spectrum = np.abs(np.fft.rfft(found[: 4 * RATE_HZ]))
    assert np.argmax(spectrum) == pytest.approx(4 * 220, abs=5)


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("usr/share/games/x/data/music/slow.ogg", "CC-BY-SA-3.0"),
        ("usr/share/games/x/data/music/[old].ogg", "CC-BY-SA-3.0"),
        ("usr/share/games/x/data/music/o.ogg", "GPL-2+"),
    ],
)
def test_the_last_paragraph_that_fits_gives_the_licence(origin: str, name: str) -> None:
    assert licence(_COPYRIGHT, origin) == name


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.text(max_size=30))
def test_any_copyright_gives_one_line(text: str, origin: str) -> None:
    for stated in (text, f"Files: *\nLicense: {text}", f"Files: {text}\nLicense: MIT"):
        assert "\n" not in licence(stated, origin)


def test_a_copyright_of_another_form_is_pointed_at(tmp_path: Path) -> None:
    text = "This package was debianized by somebody.\nIt is free.\n"
    assert licence(text, "a.ogg") == ""
    put(tmp_path / "some/a.ogg", ogg(1))
    put(tmp_path / "some/copyright", text.encode())
    put(tmp_path / "stray/a.ogg", ogg(1))
    stated = {track.package: track.licence for track in tracks(tmp_path)}
    assert stated == {"some": "see the copyright of its package", "stray": ""}


@pytest.mark.parametrize(
    ("path", "music"),
    [
        ("usr/share/games/x/music/a.ogg", True),
        ("usr/share/games/x/Data/Music/a.OPUS", True),
        ("usr/share/games/x/sounds/music/a.mp3", True),
        ("usr/share/games/x/sounds/a.ogg", False),
        ("usr/share/games/x/sound_effects/a.ogg", False),
        ("usr/share/games/x/tracks/a.ogg", True),
        ("usr/share/games/x/music.pk3/sound/cdtracks/a.ogg", True),
        ("usr/share/games/x/music/a.wav.txt", False),
        ("music/../../a.ogg", False),
    ],
)
def test_music_is_told_from_effects_by_its_folders(path: str, music: bool) -> None:
    assert is_music(path) is music


def debian(path: Path, files: dict[str, bytes]) -> Path:
    """A package as dpkg-deb makes it."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("needs dpkg-deb")
    root = path.with_suffix(".root")
    control = b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.example>\n"
    for name, content in {**files, "DEBIAN/control": control + b"Description: x\n"}.items():
        put(root / name, content)
    root.chmod(0o755)
    (root / "DEBIAN").chmod(0o755)
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", root, path]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(root)
    return path


def test_of_a_package_the_music_stays_and_its_licences(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("audio/music/inside.ogg", ogg(21))
        archive.writestr("audio/voice/word.ogg", ogg(21))
        archive.writestr("../music/out.ogg", ogg(21))
    debian(
        tmp_path / "packages/some-music_1_all.deb",
        {
            "usr/share/doc/some-music/copyright": b"Files: *\nLicense: MIT\n",
            "usr/share/x/music/long.ogg": ogg(21),
            "usr/share/x/music/jingle.ogg": ogg(3),
            "usr/share/x/music/none.mp3": b"no sound",
            "usr/share/x/sounds/rain.ogg": ogg(30),
            "usr/share/x/all.pk3": inner.getvalue(),
        },
    )
    assert gather_music(tmp_path, ("some-music",), fetch=refused) == []
    root = tmp_path / "music"
    files = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert files == {
        "some-music/copyright",
        "some-music/usr/share/x/music/long.ogg",
        "some-music/usr/share/x/all.pk3/audio/music/inside.ogg",
    }
    assert {track.licence for track in tracks(root)} == {"MIT"}
    (tmp_path / "packages/some-music_1_all.deb").unlink()
    assert gather_music(tmp_path, ("some-music",), fetch=refused) == []  # made already


def refused(name: str, packages: Path) -> Path:
    raise TuttiError(f"The package {name} cannot be had.")


def test_what_cannot_be_had_or_opened_is_a_sentence_and_the_rest_goes_on(tmp_path: Path) -> None:
    whole = debian(tmp_path / "packages/c_1_all.deb", {"usr/share/c/music/a.ogg": ogg(21)})
    for name, content in (
        ("b", whole.read_bytes()[:-9000]),
        ("d", b"no package"),
        ("e", debian(tmp_path / "e.deb", {"usr/share/e/music/a.ogg": ogg(2)}).read_bytes()),
    ):
        put(tmp_path / f"packages/{name}_1_all.deb", content)
    sentences = gather_music(tmp_path, ("a", "b", "c", "d", "e"), fetch=refused)
    for said, words in zip(
        sentences,
        ("a cannot be had", "b_1_all.deb cannot be", "d_1_all.deb cannot be", "e holds no music"),
        strict=True,
    ):
        assert words in said
        assert "\n" not in said
    assert [path.name for path in (tmp_path / "music").iterdir()] == ["c"]


def test_apt_is_asked_by_name_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = debian(tmp_path / "made.deb", {"usr/share/a/music/a.ogg": ogg(21)})
    programs = tmp_path / "bin"
    put(
        programs / "apt-get",
        f'#!/bin/sh\n[ "$*" = "download a" ] && cp {made} a_1_all.deb && exit 0\n'
        'echo half > half.deb\necho "E: Unable to locate package $2" >&2\nexit 100\n'.encode(),
    )
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    (sentence,) = gather_music(tmp_path / "out", ("gone", "a"))
    assert "package gone cannot be had (E: Unable to locate package gone)" in sentence
    assert sorted(p.name for p in (tmp_path / "out/packages").iterdir()) == ["a_1_all.deb"]
    assert sorted(p.name for p in (tmp_path / "out/music").iterdir()) == ["a"]


def test_without_debians_programs_it_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TuttiError, match="apt-get is missing"):
        gather_music(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("make", "says"), [(False, "is no folder"), (True, "holds no music")])
def test_a_folder_without_music_is_named(tmp_path: Path, make: bool, says: str) -> None:
    old = make_bank(tmp_path / "old", labels=("violin",))
    if make:
        put(tmp_path / "music/some/readme.txt", b"")
    with pytest.raises(TuttiError, match=says):
        add_music(old.path, tmp_path / "new", tmp_path / "music", longest_s=9.0, seed=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == (["music"] if make else []) + ["old"]


def test_the_command_fetches_and_adds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    debian(tmp_path / "packages/a_1_all.deb", {"usr/share/a/music/a.ogg": ogg(30)})
    whole = gather_music
    monkeypatch.setattr(
        free_music, "gather_music",
        lambda out, progress: whole(out, ("a", "b"), progress=progress, fetch=refused),
    )  # fmt: skip
    monkeypatch.setattr("sys.argv", ["tutti", "bank", "fetch", str(tmp_path), "--music"])
    assert main() == 0
    assert "package b cannot be had" in capsys.readouterr().err
    old, new = make_bank(tmp_path / "old", labels=("violin",)), tmp_path / "new"
    monkeypatch.setattr(
        "sys.argv",
        ["tutti", "bank", "add", str(old.path), str(new), "--music", str(tmp_path / "music"),
         "--music-s", "21", "--processes", "1"],
    )  # fmt: skip
    assert main() == 0
    bank = Bank.open(new)
    assert bank.length[bank.kind == "music"].tolist() == [21 * RATE_HZ]
