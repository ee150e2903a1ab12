"""Settings survive damage: as a whole, and entry by entry."""

from __future__ import annotations

import errno
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.kept import settings as stored
from desktop.kept.settings import Settings

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def test_round_trip(tmp_path):
    path = tmp_path / "deep" / "settings.json"
    settings = Settings(theme="light", pinned=["flute"], names={"bass": "DI bass"}, channel=[2, 3])
    settings.remember_file("/music/a.wav")
    stored.save(settings, path)
    assert stored.load(path) == (settings, "")


def test_no_file_means_defaults(tmp_path):
    assert stored.load(tmp_path / "none.json") == (Settings(), "")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"theme": "dark"', b"null"]
)
def test_damaged_file_is_set_aside_and_named(tmp_path, content):
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    settings, told = stored.load(path)
    assert settings == Settings()
    assert "settings.damaged.json" in told
    assert (tmp_path / "settings.damaged.json").read_bytes() == content
    stored.save(settings, path)
    assert stored.load(path) == (Settings(), "")


def test_a_bad_entry_falls_alone():
    settings = Settings.from_document(
        {"theme": "pink", "hop_s": 0.1, "pinned": ["kazoo", "flute", 3], "release_s": float("nan"),
         "quiet_open": 1, "names": {"flute": "", "bass": "Moog"}, "presets": [1]}
    )  # fmt: skip
    assert settings.theme == "dark"
    assert settings.hop_s == 0.1
    assert settings.pinned == ["flute"]
    assert settings.release_s == Settings().release_s
    assert settings.quiet_open is False
    assert settings.names == {"bass": "Moog"}
    assert settings.presets == {}


@given(st.dictionaries(st.sampled_from([*Settings.__dataclass_fields__, "later"]), JSON))
def test_any_document_gives_settings_that_can_be_stored(document):
    settings = Settings.from_document(document)
    text = json.dumps(settings.document())
    assert Settings.from_document(json.loads(text)) == settings


def test_a_preset_leaves_devices_and_files_alone():
    settings = Settings(recent_files=["/a.wav"], sort="activity")
    preset = settings.preset()
    assert "recent_files" not in preset
    assert "device" not in preset
    other = Settings(recent_files=["/b.wav"])
    other.apply(preset | {"recent_files": ["/evil.wav"]}, preset_only=True)
    assert other.sort == "activity"
    assert other.recent_files == ["/b.wav"]


def test_recent_files_newest_first_without_repeats():
    settings = Settings()
    for name in "abcabcdefghijklmnop":
        settings.remember_file(name)
    assert settings.recent_files[0] == "p"
    assert len(settings.recent_files) == stored.RECENT_FILES
    assert len(set(settings.recent_files)) == stored.RECENT_FILES


def test_changed_settings_are_kept_while_the_program_runs(tmp_path):
    from desktop.app import _keep

    path = tmp_path / "settings.json"
    settings = Settings(sort="activity")
    _keep(settings, path)
    assert stored.load(path)[0].sort == "activity"
    before = path.stat().st_mtime_ns
    _keep(settings, path)
    assert path.stat().st_mtime_ns == before, "nothing changed, so nothing is written"
    settings.hidden.append("flute")
    _keep(settings, path)
    assert stored.load(path)[0].hidden == ["flute"]


def test_what_a_later_version_wrote_is_found_by_it_again(tmp_path):
    path = tmp_path / "settings.json"
    later = {"theme": "light", "rooms": {"a": [1, None]}, "others": 3, "schema": 9}
    path.write_text(json.dumps(later))
    settings, told = stored.load(path)
    assert (settings.theme, told) == ("light", "")
    settings.theme = "dark"
    stored.save(settings, path)
    kept = json.loads(path.read_text())
    assert {name: kept[name] for name in later} == later | {"theme": "dark"}
    assert stored.load(path) == (settings, "")


def test_a_full_disk_leaves_the_old_settings_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    stored.save(Settings(theme="light"), path)
    monkeypatch.setattr(stored.os, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        stored.save(Settings(theme="dark"), path)
    assert stored.load(path) == (Settings(theme="light"), "")
    assert list(tmp_path.iterdir()) == [path]


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")
