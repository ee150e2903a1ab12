"""Sound files, good and bad: the right frames, or one sentence that names the file."""

import os
import stat
import struct
import sys

import numpy as np
import pytest
import soundfile

from realtime.errors import TuttiError
from realtime.sources.file import FileSource

RATE_HZ = 44_100
KINDS = ("wav", "aiff", "flac", "ogg", "mp3")


def sound(seconds=1.0, channels=2):
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (int(seconds * RATE_HZ), channels)).astype(np.float32)


def written(path, audio=None, rate_hz=RATE_HZ, **options):
    soundfile.write(path, sound() if audio is None else audio, rate_hz, **options)
    return path


def wav_bytes(rate_hz=RATE_HZ, channels=2, bits=16, claimed=None, data=b"\1\0" * 2_000):
    """A PCM WAV with any header, true or not."""
    claimed = len(data) if claimed is None else claimed
    frame = channels * bits // 8
    head = struct.pack(
        "<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * frame % 2**32, frame % 2**16, bits
    )
    riff = struct.pack("<I", (claimed + 36) % 2**32)
    return b"RIFF" + riff + b"WAVEfmt " + head + b"data" + struct.pack("<I", claimed) + data


def refusal(path):
    """The sentence with which a file is refused."""
    with pytest.raises(TuttiError) as refused, FileSource(path) as source:
        for _ in source:
            pass
    text = str(refused.value)
    assert str(path) in text
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_its_frames(tmp_path, kind):
    audio = sound(1.3)
    path = written(tmp_path / f"a.{kind}", audio)
    with FileSource(path) as source:
        blocks = list(source)
    found = np.concatenate(blocks)
    assert (source.sample_rate_hz, source.channels, source.name) == (RATE_HZ, 2, f"a.{kind}")
    assert source.frames == len(found) == len(audio)
    assert found.dtype == np.float32
    if kind not in ("ogg", "mp3"):
        np.testing.assert_allclose(found, audio, atol=1e-4)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_every_word_length(tmp_path, subtype):
    audio = sound()
    with FileSource(written(tmp_path / "a.wav", audio, subtype=subtype)) as source:
        np.testing.assert_allclose(np.concatenate(list(source)), audio, atol=0.03)


def test_blocks_are_short_whatever_the_file(tmp_path):
    path = written(tmp_path / "long.wav", sound(25, 1))
    with FileSource(path) as source:
        lengths = [len(block) for block in source]
    assert lengths == [10 * RATE_HZ, 10 * RATE_HZ, 5 * RATE_HZ]
    many = tmp_path / "many.wav"
    many.write_bytes(wav_bytes(channels=900, data=b"\0" * 900 * 2 * 5_000))
    with FileSource(many) as source:
        assert max(block.size for block in source) <= 2_000_000


def test_open_goes_back_to_the_start(tmp_path):
    source = FileSource(written(tmp_path / "a.wav"), block_s=0.25)
    first = source.read()
    source.read()
    source.open()
    np.testing.assert_array_equal(source.read(), first)
    source.close()
    source.close()
    with pytest.raises(ValueError, match="closed"):
        source.read()


def test_names_that_are_not_ascii(tmp_path):
    path = written(tmp_path / "Hörprobe ½ 音.wav")
    assert FileSource(path).frames == RATE_HZ
    if sys.platform == "linux":
        odd = tmp_path / os.fsdecode(b"\xff\xfe.wav")
        path.rename(odd)
        assert FileSource(odd).frames == RATE_HZ


def test_damaged_samples_come_through_for_the_cutter_to_count(tmp_path):
    audio = sound()
    audio[5, 1] = np.nan
    with FileSource(written(tmp_path / "a.wav", audio, subtype="FLOAT")) as source:
        assert np.isnan(np.concatenate(list(source))).sum() == 1


def test_a_missing_file(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.wav")
    dangling = tmp_path / "dangling.wav"
    dangling.symlink_to("nowhere")
    assert "does not exist" in refusal(dangling)


def test_a_folder(tmp_path):
    assert "name the files" in refusal(tmp_path)


@pytest.mark.parametrize("kind", [*KINDS, "txt"])
def test_an_empty_file(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    path.touch()
    assert "is empty" in refusal(path)


@pytest.mark.parametrize("kind", [*KINDS, "txt", "jpg"])
@pytest.mark.parametrize(
    "content",
    [b"Not found\n" * 500, bytes(5_000), b"\x89PNG\r\n\x1a\n" + bytes(range(128)) * 40],
    ids=["text", "zeros", "image"],
)
def test_something_that_is_not_sound(tmp_path, capfd, kind, content):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    assert "not a sound file" in refusal(path)
    assert capfd.readouterr().err == ""  # nor does a decoder write its own notes


@pytest.mark.parametrize("kind", ["wav", "aiff", "ogg"])
def test_no_frames(tmp_path, kind):
    path = written(tmp_path / f"a.{kind}", sound(0))
    refused = refusal(path)
    assert "length is zero" in refused or "not a sound file" in refused


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_not_passed_off_as_a_shorter_piece(tmp_path, kind, part):
    path = written(tmp_path / f"a.{kind}", sound(3))
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused = refusal(path)
    assert "cut short" in refused or "damaged" in refused


@pytest.mark.parametrize("claimed", [0xFFFF_FFFF, 0xFFFF_FF00, 0x7FFF_F000])
def test_a_header_of_4_gb_means_until_the_end_of_the_file(tmp_path, claimed):
    path = tmp_path / "pipe.wav"
    path.write_bytes(wav_bytes(claimed=claimed))
    with FileSource(path) as source:
        assert sum(map(len, source)) == source.frames == 1_000


def test_a_flac_without_a_length_is_read_to_its_end(tmp_path):
    path = written(tmp_path / "a.flac", sound(2))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # STREAMINFO: 36 bits of sample count, 0 is unknown
    content[22:26] = bytes(4)
    path.write_bytes(content)
    with FileSource(path) as source:
        assert source.frames == 0
        assert sum(map(len, source)) == 2 * RATE_HZ


def test_tags_after_the_sound_do_no_harm(tmp_path):
    wav = written(tmp_path / "a.wav")
    wav.write_bytes(wav.read_bytes() + b"LIST" + struct.pack("<I", 400) + bytes(20))
    mp3 = written(tmp_path / "a.mp3")
    id3v2 = b"ID3\x04\0\0" + bytes([0, 0, 2, 0]) + bytes(256)
    mp3.write_bytes(id3v2 + mp3.read_bytes() + b"TAG" + bytes(125))
    for path in (wav, mp3):
        with FileSource(path) as source:
            assert sum(map(len, source)) == RATE_HZ


@pytest.mark.parametrize(
    "header",
    [
        {"rate_hz": 0},
        {"rate_hz": 1},
        {"rate_hz": 2**32 - 1},
        {"channels": 0},
        {"channels": 65_535},
        {"bits": 0},
        {"bits": 64},
    ],
)
def test_an_absurd_header_is_refused(tmp_path, header):
    path = tmp_path / "absurd.wav"
    path.write_bytes(wav_bytes(**header))
    refusal(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    assert f"tutti tag - < {path}" in refusal(path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_file_without_permission(tmp_path):
    path = written(tmp_path / "a.wav")
    path.chmod(stat.S_IWUSR)
    assert "permissions" in refusal(path)


def test_a_name_that_no_file_can_have(tmp_path):
    assert "cannot be read" in refusal(tmp_path / ("x" * 5_000))
    with pytest.raises(TuttiError, match=r"^a\?b\.wav cannot be read"):  # it is shown as it can be
        FileSource("a\0b.wav")
