"""Streams that are closed, full or read by nobody: one sentence and a status, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
CLOSED = "tutti: The output cannot be written (it is closed): "


@pytest.fixture
def shell(tone_model_path, tmp_path, tones):
    """``shell(line)`` of sh, where ``$tutti`` is the command, ``$tag`` that with the tone model
    and ``piano.wav`` a file: status of the line, stdout, stderr."""
    soundfile.write(tmp_path / "piano.wav", tones(["piano"], 3), 16_000)
    tutti = f"{sys.executable} -m realtime.cli"
    own = {"tutti": tutti, "tag": f"{tutti} tag --model {tone_model_path}"}

    def run(line):
        done = subprocess.run(
            ["sh", "-c", line], env=os.environ | own, cwd=tmp_path, capture_output=True, text=True,
            timeout=100, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize(
    "line",
    [
        "$tutti --version",
        "$tutti --help",
        "$tutti listen --file piano.wav --duration 1.5",
        "$tutti host --effects",
    ],
)
def test_a_closed_stdout_is_one_sentence(shell, line):
    status, _, err = shell(f"{line} >&-")
    assert status == 2
    assert err.startswith(CLOSED)
    assert len(err.splitlines()) == 1


def test_tag_with_a_closed_stdout(shell, tmp_path):
    status, _, err = shell("$tag piano.wav >&-")
    assert status == 2
    assert len(err.splitlines()) == 1
    assert "cannot be written to the output (it is closed)" in err
    # What needs no stdout does not miss it, and no file of ours takes its number.
    assert shell("$tag piano.wav -o out.txt >&-") == (0, "", "")
    assert "Piano" in (tmp_path / "out.txt").read_text(encoding="utf-8")


def test_a_closed_stderr_costs_what_it_says_and_no_more(shell):
    status, out, _ = shell("$tag piano.wav 2>&-")
    assert status == 0
    assert "Piano" in out
    # Python would print it on stdout, into the document.
    assert shell("$tag none.wav 2>&-")[:2] == (2, "")
    assert shell("$tag none.wav >&- 2>&-")[:2] == (2, "")
    assert shell("$tag piano.wav <&-")[0] == 0


CHILD = """
import os, sys
from realtime.standard_streams import standard_streams
with standard_streams():
    opened = [open(os.devnull).fileno() for _ in range(3)]
    sys.exit(min(opened) <= 2)
"""


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path, shell):
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf-8")
    environment = f"PYTHONPATH={Path(__file__).resolve().parents[2]}"
    assert shell(f"{environment} {sys.executable} {script} <&- >&- 2>&-")[0] == 0


@full
@pytest.mark.parametrize(
    "line",
    ["$tutti --help", "$tutti listen --file piano.wav --duration 1.5", "$tutti host --effects"],
)
def test_a_full_disk_is_one_sentence_in_every_command(shell, line):
    status, _, err = shell(f"{line} >/dev/full")
    assert status == 2
    assert err.startswith("tutti: The output cannot be written (No space left on device): ")
    assert len(err.splitlines()) == 1


@full
def test_a_full_disk_behind_stderr_changes_no_status(shell):
    assert shell("$tag none.wav 2>/dev/full")[0] == 2
    assert shell("$tag piano.wav >/dev/full 2>&1")[0] == 2


@pytest.mark.parametrize("style", ["text", "csv", "json"])
@pytest.mark.parametrize("where", ["", "-o /dev/stdout"])
def test_a_reader_that_has_left_is_141_and_quiet(shell, style, where):
    # The command starts when the reader is gone: what it writes first meets nobody.
    line = f"{{ sleep 0.3; $tag piano.wav --format {style} {where}; echo $? >&3; }} | true"
    assert shell(f"exec 3>&1; {line}") == (0, "141\n", "")


def test_the_reader_of_an_audit_has_left(shell, tmp_path, tones):
    soundfile.write(tmp_path / "stem.wav", tones(["piano"], 3), 16_000)
    for where in ("", "-o /dev/stdout"):
        line = f"{{ $tutti audit --mix piano.wav stem.wav {where}; echo $? >&3; }} | true"
        assert shell(f"exec 3>&1; {line}") == (0, "141\n", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("tag ''", "A name is empty"),
        ("tag piano.wav -o ''", "The name after -o is empty"),
        ("tag --model= piano.wav", "The name after --model is empty"),
        ("listen --file ''", "The name after --file is empty"),
        ("listen --device ' '", "The name after --device is empty"),
        ("audit --mix piano.wav ''", "A name is empty"),
        ("host '' piano.wav", "A name is empty"),
        ("monitor ''", "A name is empty"),
        ("benchmark ''", "A name is empty"),
    ],
)
def test_an_empty_name_is_told_from_the_folder_one_is_in(shell, tmp_path, arguments, says):
    before = set(tmp_path.iterdir())
    status, out, err = shell(f"$tutti {arguments}")
    assert (status, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1
    assert set(tmp_path.iterdir()) == before
