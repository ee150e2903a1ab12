"""The same formats from every command that writes them."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mido
import pytest
import soundfile
import webvtt
from pyarrow import parquet

from realtime import cli

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
CHAIN = '[[chain]]\ntap = "dry/in"\n\n[[chain]]\neffect = "Gain"\n\n[[chain]]\ntap = "after"\n'


@pytest.fixture
def piano(tmp_path: Path, tones) -> Path:
    path = tmp_path / "piano.wav"
    soundfile.write(path, tones(["piano"], 2.5), 16_000)
    return path


def test_tag_writes_a_file_for_each_sound(piano, tmp_path, tone_model_path) -> None:
    other = piano.with_name("other.wav")
    other.write_bytes(piano.read_bytes())
    out = tmp_path / "out"
    for name, suffix in (("midi", ".mid"), ("webvtt", ".vtt"), ("parquet", ".parquet")):
        given = ["tag", str(piano), str(other), "--format", name, "-o", f"{out}/"]
        assert cli.main([*given, "--model", str(tone_model_path)]) == 0
        assert {p.name for p in out.glob(f"*{suffix}")} == {
            f"piano.wav{suffix}", f"other.wav{suffix}",
        }  # fmt: skip
    for path in out.glob("*.mid"):
        assert [track.name for track in mido.MidiFile(path).tracks] == ["", "Piano"]
    assert webvtt.read(str(out / "other.wav.vtt")).captions[0].text == "Piano"
    assert parquet.read_table(out / "piano.wav.parquet").num_rows == 4


def test_tag_pipes_bytes_and_refuses_them_a_screen(
    piano, tmp_path, tone_model_path, monkeypatch, capsys
) -> None:
    command = ["tag", str(piano), "--format", "midi", "--model", str(tone_model_path)]
    with (tmp_path / "piped.mid").open("wb") as out:
        subprocess.run(
            [sys.executable, "-m", "realtime.cli", *command],
            stdout=out, env=ENVIRONMENT, timeout=60, check=True,
        )  # fmt: skip
    assert mido.MidiFile(tmp_path / "piped.mid").tracks[1].name == "Piano"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(command) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "MIDI is no text for a screen: name a file with -o" in told.err


def test_host_writes_the_tags_of_each_tap(piano, tmp_path, tone_model_path, capsys) -> None:
    chain = tmp_path / "chain.toml"
    chain.write_text(CHAIN)
    given = ["host", str(chain), str(piano), "--tags", str(tmp_path / "tags")]
    assert cli.main([*given, "--format", "reaper", "--model", str(tone_model_path)]) == 0
    assert "Tags at dry/in: " in capsys.readouterr().out
    written = sorted((tmp_path / "tags").iterdir())
    assert [path.name for path in written] == ["piano.wav.after.csv", "piano.wav.dry_in.csv"]
    for path in written:
        (region,) = csv.DictReader(path.open(encoding="utf-8"))
        assert (region["#"], region["Name"], region["Start"]) == ("R1", "Piano", "0:00:00.000")


def listen(piano: Path, tone_model_path: Path, *more: object) -> list[str]:
    return [sys.executable, "-m", "realtime.cli", "listen", "--file", str(piano),
            "--model", str(tone_model_path), *map(str, more)]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
@pytest.mark.parametrize("ended", ["by itself", "by Ctrl-C"])
def test_listen_writes_the_session_when_it_ends(
    tones, tmp_path, tone_model_path, ended: str
) -> None:
    sound, out = tmp_path / "long.wav", tmp_path / "session.mid"
    soundfile.write(sound, tones(["piano"], 2.5 if ended == "by itself" else 60), 16_000)
    command = listen(sound, tone_model_path, "--format", "midi", "-o", out)
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True
    )
    assert running.stdout is not None
    first = running.stdout.readline()
    if ended == "by Ctrl-C":
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
    rest, told = running.communicate(timeout=30)
    assert running.returncode == (0 if ended == "by itself" else 130), told
    assert "piano" in first
    (note,) = [m for m in mido.MidiFile(out).tracks[1] if m.type == "note_off"]
    windows = 1 + rest.count("\n") + (ended == "by Ctrl-C")
    assert note.time == pytest.approx(500 * (windows + 1), abs=600)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
def test_a_session_that_takes_long_to_write_is_written(
    tones, tmp_path, tone_model_path
) -> None:
    """Longer than what otherwise ends a process that hangs after Ctrl-C."""
    sound, out = tmp_path / "long.wav", tmp_path / "session.csv"
    soundfile.write(sound, tones(["piano"], 60), 16_000)
    slow = (
        "import time, sys\nfrom realtime import cli\nfrom realtime.outputs import csv\n"
        "lines = csv.lines\n"
        "csv.lines = lambda timeline: (time.sleep(1.5), *lines(timeline))[1:]\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    command = listen(sound, tone_model_path, "--format", "csv", "-o", out)
    running = subprocess.Popen(
        [sys.executable, "-c", slow, *command[3:]],
        stdout=subprocess.PIPE, env=ENVIRONMENT, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    running.stdout.readline()
    time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert running.returncode == 143
    assert len(list(csv.DictReader(out.open()))) >= 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--format", "midi"], "MIDI needs the whole session: name a file for it with -o"),
        (["-o", "x.txt"], "give --format"),
        (["--format", "csv", "-o", "none/x.csv"], "none/x.csv cannot be written"),
        (["--format", "csv", "-o", "."], ". cannot be written"),
    ],
)
def test_listen_says_before_it_listens_what_it_could_not_write(
    piano, tone_model_path, capsys, more: list[str], says: str
) -> None:
    given = ["listen", "--file", str(piano), "--model", str(tone_model_path), *more]
    assert cli.main(given) == 2
    assert says in capsys.readouterr().err
