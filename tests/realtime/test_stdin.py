"""Sound on stdin: the tags are those of the same sound in a file, or one sentence says why not."""

import io
import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import sound_kinds
import soundfile

from realtime import cli
from realtime.errors import TuttiError
from realtime.sources.file import FileSource
from realtime.sources.raw import SAMPLES, RawFormat, parse_raw_format
from realtime.sources.stdin import StdinSource


class OneWay(io.RawIOBase):
    """A pipe: gives what it has in pieces of any size, and cannot seek."""

    def __init__(self, data, seed=0):
        self._rest = data
        self._rng = np.random.default_rng(seed)

    def readable(self):
        return True

    def seekable(self):
        return False

    def read(self, size=-1):
        count = min(size, int(self._rng.integers(1, 5_000)))
        part, self._rest = self._rest[:count], self._rest[count:]
        return part


def heard(data, raw_format=None):
    """``(rate, all of the frames)`` of a stream."""
    with StdinSource(raw_format, OneWay(data)) as source:
        return source.sample_rate_hz, np.concatenate(list(source))


def music(frames=70_000, channels=2):
    return 0.2 * np.random.default_rng(3).standard_normal((frames, channels))


@pytest.mark.parametrize(
    ("ending", "subtype"),
    [
        (".wav", "PCM_U8"),
        (".wav", "PCM_16"),
        (".wav", "PCM_24"),
        (".wav", "PCM_32"),
        (".wav", "FLOAT"),
        (".wav", "DOUBLE"),
        (".rf64", "PCM_16"),
        (".flac", "PCM_16"),
        (".flac", "PCM_24"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_stream_is_heard_as_its_file(tmp_path, ending, subtype, channels):
    path = tmp_path / f"sound{ending}"
    soundfile.write(path, music(channels=channels), 44_100, subtype=subtype)
    rate_hz, frames = heard(path.read_bytes())
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate_hz == 44_100
    np.testing.assert_array_equal(frames, expected)


def test_a_long_flac_is_heard_to_its_end(tmp_path):
    path = tmp_path / "long.flac"
    soundfile.write(path, music(2_000_000, 1), 48_000)
    assert path.stat().st_size > 3_000_000  # more than is kept of it
    np.testing.assert_array_equal(
        heard(path.read_bytes())[1], soundfile.read(path, dtype="float32", always_2d=True)[0]
    )


def wav(path, sizes):
    """A WAV file's bytes with other sizes of the file and of its sound in the head."""
    soundfile.write(path, music(), 44_100)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = struct.pack("<I", sizes)
    return bytes(data)


@pytest.mark.parametrize("sizes", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_head_written_to_a_pipe_gives_no_length(tmp_path, sizes):
    data = wav(tmp_path / "pipe.wav", sizes)
    assert len(heard(data)[1]) == 70_000
    with pytest.raises(TuttiError, match="ends within a frame of 4 bytes"):
        heard(data[:-3])


def test_flac_written_to_a_pipe_gives_no_length(tmp_path):
    path = tmp_path / "pipe.flac"
    soundfile.write(path, music(), 44_100)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert len(heard(bytes(data))[1]) == 70_000


def test_what_stands_around_the_sound_of_a_wav_is_not_heard(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, music(), 44_100)
    data = path.read_bytes()
    at = data.index(b"fmt ")
    odd = data[:at] + b"LIST" + struct.pack("<I", 5) + b"odd!!\0" + data[at:]
    stream = OneWay(odd + b"id3 " + struct.pack("<I", 200_000) + bytes(200_000))
    frames = np.concatenate(list(StdinSource(None, stream)))
    assert len(frames) == 70_000
    assert stream.read(1) == b""  # read to the end, so that who writes is not cut off


@pytest.mark.parametrize("ending", [".wav", ".flac"])
@pytest.mark.parametrize("share", [0.3, 0.999])
def test_a_stream_that_ends_too_early_is_told(tmp_path, ending, share):
    path = tmp_path / f"a{ending}"
    soundfile.write(path, music(), 44_100)
    data = path.read_bytes()
    with pytest.raises(TuttiError, match="on stdin ends before"):
        heard(data[: int(share * len(data))])


@pytest.mark.parametrize("name", SAMPLES)
def test_raw_samples(name):
    raw = RawFormat(name, 32_000, 2)
    code, width = SAMPLES[name], int(SAMPLES[name][-1])
    expected = np.array([[-1.0, 0.5], [0.25, -0.125]])
    if code == "u1":
        data = (expected * 128 + 128).astype(np.uint8).tobytes()
    elif "i" in code:
        order = "little" if code[0] == "<" else "big"
        whole = (expected * 2 ** (8 * width - 1)).astype(int).ravel().tolist()
        data = b"".join(one.to_bytes(width, order, signed=True) for one in whole)
    else:
        data = expected.astype(code).tobytes()
    rate_hz, frames = heard(data, raw)
    assert rate_hz == 32_000
    np.testing.assert_allclose(frames, expected, atol=1e-7)
    with pytest.raises(TuttiError, match="within a frame"):
        heard(data + b"\0", raw)


@pytest.mark.parametrize("kind", ["mp3", "aac", "mkv", "fast.m4a", "frag.mp4", "ts", "wma"])
def test_other_kinds_come_through_a_pipe_as_well(tmp_path, kind):
    sound = sound_kinds.demo(2.0)
    path = sound_kinds.encode(tmp_path / f"a.{kind}", kind, sound, 44_100)
    content = path.read_bytes()
    rate_hz, found = heard(content)
    assert rate_hz == 44_100
    assert len(found) == pytest.approx(len(sound), abs=2_400)
    with pytest.raises(TuttiError, match="cut short"):
        heard(content[: len(content) // 2 + 7])


def test_a_raw_format_is_three_things():
    assert parse_raw_format("F32LE:48000:2") == RawFormat("f32le", 48_000, 2)
    for wrong in ("f32le", "f32le:48000", "f32:48000:2", "f32le:1:2", "f32le:48000:0", "a:b:c", ""):
        with pytest.raises(ValueError):  # noqa: PT011
            parse_raw_format(wrong)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "Nothing came in on stdin"),
        (b"OggS" + bytes(100), "no sound that can be read from a pipe"),
        (b"ID3\x03" + bytes(100), "no sound that can be read from a pipe"),
        (b"x", "no sound that can be read from a pipe"),
        (b"fLaC", "damaged"),
        (b"fLaC" + bytes(1_000), "damaged"),
        (b"RIFF" + bytes(4) + b"AVI " + bytes(50), "not WAVE"),
        (b"RIFF" + bytes(4) + b"WAVE", "ends before its sound"),
        (b"RIFF" + bytes(4) + b"WAVEfmt \4\0\0\0abcd", "cut short"),
        (b"RIFF" + bytes(4) + b"WAVEdata\4\0\0\0abcd", "no 'fmt ' chunk"),
        (
            b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 85, 1, 44_100, 0, 0, 0),
            "format 85",
        ),
        (
            b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 0, 44_100, 0, 0, 16),
            "0 channels",
        ),
        (
            b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 7, 0, 0, 16)
            + b"data\0\0\0\0",
            "7 Hz",
        ),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_told(data, says):
    with pytest.raises(TuttiError, match=says):
        heard(data)


def test_ctrl_c_in_the_middle_of_a_flac_is_not_swallowed(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, music(500_000), 44_100)

    class Interrupted(OneWay):
        def read(self, size=-1):
            if len(self._rest) < 500_000:
                raise KeyboardInterrupt
            return super().read(size)

    with pytest.raises(KeyboardInterrupt):
        list(StdinSource(None, Interrupted(path.read_bytes())))


def tag(data, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "realtime.cli", "tag", *map(str, arguments)],
        input=data, capture_output=True, timeout=60,
    )  # fmt: skip


def test_the_tags_of_a_pipe_are_the_file_s(tmp_path, tones, tone_model_path):
    path = tmp_path / "duet.flac"
    soundfile.write(path, tones(["cello", "horn"], 25, 48_000), 48_000)
    frames, _ = soundfile.read(path, dtype="float32")
    options = ("--model", tone_model_path, "--format", "json")
    documents = [
        json.loads(tag(data, *options, *more).stdout)
        for data, more in (
            (b"", [path]),
            (path.read_bytes(), ["-"]),
            (frames.astype(">f4").tobytes(), ["-", "--raw-format", "f32be:48000:1"]),
        )
    ]
    assert [document.pop("file") for document in documents] == [str(path), "-", "-"]
    assert documents[0]["summary"]["instruments"]["cello"]["present"]
    assert documents[1] == documents[0]
    assert documents[2] == documents[0]
    assert FileSource(path).duration_s == 25.0


def test_stdin_among_files_and_a_folder_of_results(tmp_path, tones, tone_model_path):
    path = tmp_path / "piano.wav"
    soundfile.write(path, tones(["piano"], 3), 16_000)
    done = tag(
        path.read_bytes(), "--model", tone_model_path, path, "-", tmp_path / "none.wav",
        "-o", f"{tmp_path}/out/",
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"piano.wav.txt", "stdin.txt"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-", "-"], "name - once"),
        (["a.wav", "--raw-format", "s16le:44100:1"], "--raw-format is for stdin"),
        (["https://example.org/a.wav"], "https://example.org/a.wav is an address"),
        (["a.wav", "--model=ftp://example.org/m.onnx"], "download it first"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(capsys, arguments, says):
    assert cli.main(["tag", *arguments]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_file_that_is_named_like_an_address_is_read(tmp_path, tones, tone_model_path):
    (tmp_path / "http:").mkdir()
    soundfile.write(tmp_path / "http:" / "b.wav", tones(["piano"], 2), 16_000)
    done = subprocess.run(
        [sys.executable, "-m", "realtime.cli", "tag", "--model", tone_model_path, "http://b.wav"],
        cwd=tmp_path, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_raw_format_that_is_none_lists_what_there_is(capsys):
    with pytest.raises(SystemExit):
        cli.main(["tag", "-", "--raw-format", "f32"])
    err = capsys.readouterr().err
    assert "'f32' is not a raw format" in err
    assert "s24le" in err
