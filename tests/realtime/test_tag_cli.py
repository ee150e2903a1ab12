"""`tutti tag` as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from realtime import cli


@pytest.fixture
def tag(tone_model_path, capsys):
    """``tag(*arguments)``: exit status, stdout, stderr of one call with the tone model."""

    def run(*arguments):
        status = cli.main(["tag", "--model", str(tone_model_path), *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def piano(tmp_path, tones):
    path = tmp_path / "piano.wav"
    soundfile.write(path, tones(["piano"], 3, 44_100), 44_100)
    return path


@pytest.fixture
def duet(tmp_path, tones):
    path = tmp_path / "duet.flac"
    soundfile.write(path, tones(["cello", "horn"], 3, 48_000), 48_000)
    return path


def present(document):
    return {name for name, one in document["summary"]["instruments"].items() if one["present"]}


def test_text_is_the_default(tag, piano, duet):
    status, out, err = tag(piano, duet)
    assert (status, err) == (0, "")
    assert "Piano" in out
    assert "Cello" in out
    assert "\x1b" not in out  # no colours where nobody looks


def test_json_is_one_document_a_line(tag, piano, duet):
    status, out, err = tag(piano, duet, "--format", "json")
    assert (status, err) == (0, "")
    documents = [json.loads(line) for line in out.splitlines()]
    assert [document["file"] for document in documents] == [str(piano), str(duet)]
    assert [present(document) for document in documents] == [{"piano"}, {"cello", "horn"}]


def test_csv_of_several_files_has_one_header(tag, piano, duet):
    _, out, _ = tag(piano, duet, "--format", "csv")
    assert sum(line.startswith("file,") for line in out.splitlines()) == 1
    assert len(out.splitlines()) == 1 + 5 + 5


@pytest.mark.parametrize("style", ["text", "json", "jsonl", "csv", "audacity"])
def test_output_goes_to_a_file_or_to_one_a_file_in_a_folder(tag, piano, duet, tmp_path, style):
    _, printed, _ = tag(piano, "--format", style)
    single = tmp_path / "deeper" / "out.x"
    status, out, _ = tag(piano, "--format", style, "-o", single)
    assert (status, out) == (0, "")
    assert single.read_text(encoding="utf-8") == printed
    folder = tmp_path / "results"
    assert tag(piano, duet, "--format", style, "-o", f"{folder}/")[0] == 0
    assert len(list(folder.iterdir())) == 2
    assert next(folder.glob("piano.wav.*")).read_text(encoding="utf-8") == printed


def test_bad_files_are_named_and_the_others_tagged(tag, piano, tmp_path):
    empty = tmp_path / "empty.wav"
    empty.touch()
    status, out, err = tag(tmp_path / "none.wav", tmp_path, empty, piano, "--format", "json")
    assert status == 2
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(piano)]
    lines = err.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, (tmp_path / "none.wav", tmp_path, empty), strict=True):
        assert str(name) in line
        assert line.startswith("tutti tag: ")


def test_samples_that_are_not_numbers_are_told(tag, tmp_path, tones):
    audio = tones(["piano"], 3)
    audio[[5, 20_000]] = np.nan, np.inf
    path = tmp_path / "nan.wav"
    soundfile.write(path, audio, 16_000, subtype="FLOAT")
    status, out, err = tag(path, "--format", "json")
    assert status == 2
    assert err.splitlines() == [
        f"tutti tag: {path} holds 2 samples that are not numbers; they were heard as silence, "
        "so export it again."
    ]
    assert present(json.loads(out)) == {"piano"}


def test_a_bad_model_is_refused_before_any_file(tag, piano, tmp_path, capsys):
    assert cli.main(["tag", "--model", str(tmp_path / "no.onnx"), str(piano)]) == 2
    err = capsys.readouterr().err
    assert "no.onnx does not exist" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--hop", "0.01"], "is not a hop"),
        (["--hop", "fast"], "is not a hop"),
        (["--channel", "centre"], "is not a channel"),
        (["--format", "xml"], "invalid choice"),
    ],
)
def test_bad_options_are_refused(tag, piano, capsys, arguments, says):
    with pytest.raises(SystemExit) as left:
        tag(piano, *arguments)
    assert left.value.code == 2
    assert says in capsys.readouterr().err


def test_the_channel_and_the_hop_are_used(tag, tmp_path, tones):
    path = tmp_path / "two.wav"
    stereo = np.stack((tones(["banjo"], 3), tones(["organ"], 3)), axis=1)
    soundfile.write(path, stereo, 16_000)
    for channel, expected in {"left": {"banjo"}, "2": {"organ"}, "1,2": {"banjo", "organ"}}.items():
        _, out, _ = tag(path, "--format", "json", "--channel", channel, "--hop", "0.25")
        document = json.loads(out)
        assert present(document) == expected
        assert document["windows"][1]["start_s"] == 0.25
    status, _, err = tag(path, "--channel", "3")
    assert status == 2
    assert "no channel 3" in err
    assert str(path) in err


def test_a_pattern_that_no_shell_has_replaced(tag, piano, duet, tmp_path):
    odd = tmp_path / "[1].wav"
    odd.write_bytes(piano.read_bytes())
    _, out, _ = tag(tmp_path / "*.wav", tmp_path / "d?et.flac", odd, "--format", "json")
    files = [json.loads(line)["file"] for line in out.splitlines()]
    assert files == [str(odd), str(piano), str(duet), str(odd)]
    status, _, err = tag(tmp_path / "*.aiff")
    assert status == 2
    assert "*.aiff does not exist" in err


def test_an_input_is_never_overwritten(tag, piano, duet):
    before = piano.read_bytes()
    status, _, err = tag(piano, duet, "-o", piano)
    assert status == 2
    assert "would be overwritten" in err
    assert piano.read_bytes() == before


def test_results_that_would_mix_are_refused(tag, piano, duet, tmp_path):
    assert "one file" in tag(piano, duet, "--format", "audacity")[2]
    other = tmp_path / "other"
    other.mkdir()
    twin = other / piano.name
    twin.write_bytes(piano.read_bytes())
    assert "one name" in tag(piano, twin, "-o", f"{tmp_path}/out/")[2]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(tag, piano):
    status, _, err = tag(piano, "-o", "/dev/full")
    assert status == 2
    assert err.startswith("tutti tag: The result cannot be written to /dev/full")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_a_redirection_too(tone_model_path, piano):
    command = [sys.executable, "-m", "realtime.cli", "tag", "--model", tone_model_path, piano]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 2
    assert b"cannot be written" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_names_that_are_not_utf8_do_not_break_any_format(tag, piano, tmp_path):
    if sys.platform != "linux":
        pytest.skip("needs a file system that takes any bytes")
    odd = tmp_path / os.fsdecode(b"odd\xff.wav")
    odd.write_bytes(piano.read_bytes())
    for style in ("text", "json", "jsonl", "csv", "audacity"):
        assert tag(odd, "--format", style)[0] == 0
    assert json.loads(tag(odd, "--format", "json")[1])["file"] == str(odd)


def process(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", "tag", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def test_a_closed_pipe_is_quiet(tone_model_path, piano):
    running = process("--model", tone_model_path, *[piano] * 20, "--format", "csv")
    assert running.stdout.readline().startswith(b"file,")
    running.stdout.close()
    assert running.wait(60) == 141
    assert running.stderr.read() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C another way")
def test_ctrl_c_ends_with_130_and_no_traceback(tone_model_path, piano):
    running = process("--model", tone_model_path, *[piano] * 2_000, "--format", "jsonl")
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"Traceback" not in err


def test_a_terminal_without_unicode_gets_plain_characters(tone_model_path, piano):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    running = process("--model", tone_model_path, piano, env=environment)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, b"")
    assert out.isascii()
    assert b"Piano" in out


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_there_are_colours_and_a_bar_for_a_long_file(
    tone_model_path, tmp_path, tones
):
    import pty

    path = tmp_path / "long.wav"
    soundfile.write(path, tones(["piano"], 120), 16_000)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "realtime.cli", "tag", "--model", str(tone_model_path), path]
    running = subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm-256color"}
    )
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert running.wait(60) == 0
    assert "━".encode() in shown
    assert b"\x1b[" in shown
    assert "▇".encode() in shown
