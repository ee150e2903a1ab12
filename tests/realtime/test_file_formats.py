"""One reader for every kind of sound file: the whole of it, or one sentence."""

import itertools
import json
import socket
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from sound_kinds import DEMO, KINDS, SNDFILE, demo, encode, film, id3v2, mp3

from realtime.cli import main
from realtime.errors import TuttiError
from realtime.sources.file import FileSource
from realtime.sources.mpeg import frame_bytes
from realtime.tagger import Tagger

SECONDS = 4.0
ALL = (*SNDFILE, *KINDS)


def read(path):
    with FileSource(path) as source:
        blocks = list(source)
    found = np.concatenate(blocks)
    assert source.frames == len(found)  # afterwards the length is the true one
    return found, source


def refusal(path):
    with pytest.raises(TuttiError) as refused:
        read(path)
    text = str(refused.value)
    assert str(path) in text
    assert "\n" not in text
    assert text.endswith(".")
    return text


def attempt(path):
    """Seconds read to the end, or what was said instead."""
    try:
        found, source = read(path)
    except TuttiError as error:
        return None, str(error)
    return len(found) / source.sample_rate_hz, ""


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Four seconds of the demo in every kind."""
    folder = tmp_path_factory.mktemp("kinds")
    rates = {kind: KINDS[kind].rate_hz if kind in KINDS else 44_100 for kind in ALL}
    rates["opus"] = 48_000
    return {
        kind: encode(folder / f"demo.{kind}", kind, demo(SECONDS, rate), rate)
        for kind, rate in rates.items()
    }


@pytest.fixture(scope="module")
def tagger():
    return Tagger()


@pytest.fixture(scope="module")
def original(tagger):
    return top(tagger.tag(demo(SECONDS), 44_100))


def top(timeline):
    summary = timeline.summary()
    return max(summary, key=lambda name: summary[name].probability)


@pytest.mark.parametrize("kind", ALL)
def test_every_kind_is_read_whole_and_tagged_as_the_original(files, tagger, original, kind, capfd):
    found, source = read(files[kind])
    rate_hz = source.sample_rate_hz
    more = KINDS[kind].more if kind in KINDS else 0
    lost = 2_048 if kind == "wma" else 0  # its encoder keeps the last for itself
    assert round(SECONDS * rate_hz) - lost <= len(found) <= round(SECONDS * rate_hz) + more
    assert found.dtype == np.float32
    assert source.channels == found.shape[1] == 2
    assert top(tagger.tag(files[kind])) == original
    # The sound lies where it lay: the best of all shifts is within the codec's delay.
    expected = demo(SECONDS, rate_hz).mean(axis=1)
    spectrum = np.fft.rfft(found.mean(axis=1), 1 << 19) * np.fft.rfft(expected, 1 << 19).conj()
    shift = int(np.argmax(np.fft.irfft(spectrum)))
    assert shift <= max(more, 32) or shift >= (1 << 19) - 2_048 - 32
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["alac.m4a", "mkv", "wv", "tta", "caf", "w64", "mov", "au"])
def test_lossless_kinds_give_the_very_samples(files, kind):
    np.testing.assert_allclose(read(files[kind])[0], demo(SECONDS), atol=1 / 32_000)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_a_file_cut_in_the_middle_is_not_the_whole(files, tmp_path, kind, part, capfd):
    content = files[kind].read_bytes()
    path = written(tmp_path / f"cut.{kind}", content[: int(part * len(content))])
    if kind not in KINDS or KINDS[kind].is_stated:
        assert "cut short" in (said := refusal(path)) or "damaged" in said
    else:
        # A bare row of frames: it may have been meant to end there, and what is said is so.
        found_s, said = attempt(path)
        assert "cut short" in said or found_s == pytest.approx(part * SECONDS, abs=0.15)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("command", ["tag", "audit", "host", "listen"])
def test_every_command_says_that_a_file_is_cut_short(files, tmp_path, capsys, command):
    content = files["fast.m4a"].read_bytes()
    path = str(written(tmp_path / "cut.m4a", content[: len(content) // 2]))
    chain = tmp_path / "chain.toml"
    chain.write_text('[[chain]]\neffect = "Gain"\ngain_db = 0.0\n')
    args = {
        "tag": ["tag", path],
        "audit": ["audit", "--mix", str(DEMO), path],
        "host": ["host", str(chain), path, "-o", str(tmp_path / "out.wav")],
        "listen": ["listen", "--file", path, "--format", "jsonl"],
    }[command]
    assert main(args) == 2
    told = capsys.readouterr().err
    assert "cut short" in told
    assert "Traceback" not in told
    assert not (tmp_path / "out.wav").exists()


def test_mp3_and_aac_give_the_frames_that_went_in(files):
    """LAME's and AAC's delay and padding are taken off to the sample."""
    for kind in ("mp3", "m4a", "fast.m4a", "3gp"):
        assert len(read(files[kind])[0]) == 4 * 44_100
    expected, _ = soundfile.read(files["mp3"], dtype="float32", always_2d=True)
    np.testing.assert_allclose(read(files["mp3"])[0], expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["mp3", "m4a", "wv", "flac", "wav", "mkv", "webm", "ac3"])
def test_a_place_is_found_again(files, kind):
    whole, _ = read(files[kind])
    # Times in films and the like are whole milliseconds.
    slack = 48 if kind in ("mkv", "webm", "ac3") else 0
    with FileSource(files[kind]) as source:
        for start in (100_000, 3_000, 150_001, 0):
            source.seek(start)
            block = source.take(4_000)
            assert source.position == start + 4_000
            errors = [
                np.abs(whole[start + by : start + by + 4_000] - block).mean()
                for by in range(-min(slack, start), slack + 1)
            ]
            assert min(errors) < 2e-3
        source.open()
        np.testing.assert_array_equal(source.take(1_000), whole[:1_000])
        source.seek(10**7)
        assert len(source.take(1_000)) == 0
        assert source.frames == pytest.approx(len(whole), abs=slack)


# -- MP3 as it is found ------------------------------------------------------------------


@pytest.fixture(scope="module")
def song():
    return mp3(demo(SECONDS))


def test_variable_bit_rate_without_a_count_is_read_whole(tmp_path, song):
    path = written(tmp_path / "a.mp3", song[frame_bytes(song) :])
    with FileSource(path) as source:
        found = sum(map(len, source))
    assert 4 * 44_100 <= found <= 4 * 44_100 + 2_304
    assert source.frames == found


def test_one_that_its_own_estimate_makes_shorter_is_read_whole(tmp_path):
    """Loud, then silent: the first frames are long, and so is the estimate too short or long."""
    sound = demo(8.0)
    for audio in (np.concatenate((sound, 0 * sound)), np.concatenate((0 * sound, sound))):
        content = mp3(audio)
        path = written(tmp_path / "a.mp3", content[frame_bytes(content) :])
        assert 16 * 44_100 <= len(read(path)[0]) <= 16 * 44_100 + 2_304


@pytest.mark.parametrize(
    ("join", "length_s"),
    [
        (lambda a, b: a + a, 8.0),
        (lambda a, b: a + b, 8.0),  # mono after stereo
        (lambda a, b: b + a, 8.0),
        (lambda a, b: a + id3v2(500) + a, 8.0),
        (lambda a, b: a + id3v2(200_000, np.random.default_rng(1).bytes(200_000)) + a, 8.0),
        (lambda a, b: a + b"TAG" + bytes(125) + a, 8.0),
        (lambda a, b: id3v2(300) + bytes(100_000) + a, 4.0),
        (lambda a, b: bytes(100_000) + a, 4.0),
        (lambda a, b: a + b"TAG" + bytes(125), 4.0),
        (lambda a, b: a + bytes(5_000), 4.0),
        (lambda a, b: a[:30_000] + bytes(range(50)) + a[30_050:], 4.0),
        (lambda a, b: a[:30_000] + bytes(range(50)) + a[30_000:], 4.0),
    ],
    ids=["joined", "stereo-mono", "mono-stereo", "id3", "cover", "id3v1", "zeros-after-id3",
         "zeros-first", "id3v1-end", "zeros-last", "bad-bytes", "more-bytes"],
)  # fmt: skip
def test_junk_around_and_between_loses_nothing(tmp_path, song, tagger, original, join, length_s):
    mono = mp3(demo(SECONDS).mean(axis=1))
    path = written(tmp_path / "a.mp3", join(song, mono))
    found, source = read(path)
    assert len(found) / 44_100 == pytest.approx(length_s, abs=0.1)
    assert top(tagger.tag(path)) == original
    assert np.abs(found[-44_100:]).max() > 0.01


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda a: a + a[: len(a) // 2], "cut short"),
        (lambda a: a[: len(a) // 2], "cut short"),
        (lambda a: a[: -len(a) // 10], "cut short"),
        (lambda a: a[:20_000] + bytes(len(a) - 40_000) + a[-20_000:], "cut short"),
        (lambda a: a + mp3(demo(SECONDS, 48_000), 48_000), "from 44100 to 48000 Hz at 4."),
    ],
    ids=["second-cut", "half", "last-tenth", "hole", "other-rate"],
)
def test_an_mp3_that_lacks_sound_is_refused(tmp_path, song, damage, says):
    assert says in refusal(written(tmp_path / "a.mp3", damage(song)))


def test_a_cut_within_a_frame_is_seen_without_any_count(tmp_path, song):
    bare = song[frame_bytes(song) :]
    at = ends = 0
    while at < len(bare) // 2:
        ends, at = at, at + frame_bytes(bare[at:])
    found, _ = read(written(tmp_path / "whole.mp3", bare[:at]))  # nobody can tell
    assert len(found) < 3 * 44_100
    assert "cut short" in refusal(written(tmp_path / "cut.mp3", bare[: (ends + at) // 2]))


# -- other files with a fault -------------------------------------------------------------


def test_joined_ogg_is_read_to_its_end_and_never_at_another_rate(tmp_path):
    for kind, rate_hz in (("ogg", 44_100), ("opus", 48_000)):
        one = encode(tmp_path / f"1.{kind}", kind, demo(2.0, rate_hz), rate_hz).read_bytes()
        other = encode(tmp_path / f"2.{kind}", kind, demo(2.0, 24_000), 24_000).read_bytes()
        found, _ = read(written(tmp_path / f"same.{kind}", one + one))
        assert len(found) == pytest.approx(4 * rate_hz, abs=1_024)
        both = written(tmp_path / f"other.{kind}", one + other)
        if kind == "opus":  # which is decoded at 48 kHz whatever it was
            assert len(read(both)[0]) == 4 * rate_hz
        else:
            assert "2.0 s" in refusal(both)
        cut = written(tmp_path / f"cut.{kind}", (one + one)[: len(one) * 3 // 2])
        assert "cut short" in refusal(cut)


@pytest.mark.parametrize("kind", ["flac", "wav", "aiff"])
def test_joined_files_are_not_passed_off_as_the_first(files, tmp_path, kind):
    one = files[kind].read_bytes()
    said = refusal(written(tmp_path / f"joined.{kind}", one + one))
    assert f"several {kind.upper()} streams" in said
    read(written(tmp_path / f"tags.{kind}", one + b"TAG" + bytes(125)))  # no other file


@pytest.mark.parametrize(
    "fault",
    [
        lambda flac: flac + b"TAG" + bytes(125),
        lambda flac: id3v2(300) + flac,
        lambda flac: flac + b"APETAGEX" + struct.pack("<IIII", 2_000, 64, 1, 0) + bytes(40),
    ],
    ids=["id3v1", "id3v2", "ape"],
)
def test_a_flac_with_tags_of_other_kinds(files, tmp_path, fault, tagger, original):
    path = written(tmp_path / "a.flac", fault(files["flac"].read_bytes()))
    np.testing.assert_array_equal(read(path)[0], read(files["flac"])[0])
    assert top(tagger.tag(path)) == original


def chunks(*parts):
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(data) if size is None else size) + data
        for name, data, size in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


PCM = struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16)


def test_a_wav_whose_recorder_lost_power_is_read_to_the_end(tmp_path, tagger, original):
    data = (demo(SECONDS) * 32_767).astype("<i2").tobytes()
    content = bytearray(chunks((b"fmt ", PCM, None), (b"data", data, 0)))
    content[4:8] = bytes(4)
    path = written(tmp_path / "a.wav", content)
    found, _ = read(path)
    assert len(found) == 4 * 44_100
    np.testing.assert_allclose(found, demo(SECONDS), atol=1e-3)
    assert top(tagger.tag(path)) == original


def test_a_wav_with_a_wrong_peak_chunk(tmp_path, tagger, original):
    data = (demo(SECONDS) * 32_767).astype("<i2").tobytes()
    peak = (b"PEAK", bytes(8), None)  # of no channel
    path = written(tmp_path / "a.wav", chunks((b"fmt ", PCM, None), peak, (b"data", data, None)))
    assert len(read(path)[0]) == 4 * 44_100
    assert top(tagger.tag(path)) == original
    assert "cut short" in refusal(written(path, path.read_bytes()[:400_000]))


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_host_gives_as_many_frames_as_it_got(tmp_path, frames, channels, capsys):
    source = tmp_path / "in.wav"
    soundfile.write(source, np.full((frames, channels), 0.25), 44_100)
    chain = tmp_path / "chain.toml"
    chain.write_text('[[chain]]\neffect = "Gain"\ngain_db = 0.0\n')
    out = tmp_path / "out.wav"
    assert main(["host", str(chain), str(source), "-o", str(out)]) == 0
    sound, _ = soundfile.read(out, always_2d=True)
    assert sound.shape == (frames, channels)
    np.testing.assert_allclose(sound, 0.25, atol=1e-4)


# -- films --------------------------------------------------------------------------------


@pytest.mark.parametrize(("container", "ending"), [("matroska", "mkv"), ("mp4", "mp4")])
def test_the_default_sound_of_a_film_is_heard(tmp_path, container, ending, tagger, original):
    audio = demo(SECONDS)
    silence = np.zeros_like(audio)
    for default, sounds in ((0, (audio, silence)), (1, (silence, audio))):
        path = film(tmp_path / f"{default}.{ending}", *sounds, default=default, container=container)
        found, _ = read(path)
        assert len(found) == pytest.approx(4 * 44_100, abs=2_048)
        assert top(tagger.tag(path)) == original


def test_a_film_without_sound_and_one_with_less_sound_than_pictures(tmp_path):
    assert "holds no sound" in refusal(film(tmp_path / "silent.mp4", container="mp4"))
    found, _ = read(film(tmp_path / "short.mkv", demo(2.0)))
    assert len(found) == pytest.approx(2 * 44_100, abs=2_048)
    content = (tmp_path / "short.mkv").read_bytes()
    assert "cut short" in refusal(written(tmp_path / "cut.mkv", content[: len(content) * 2 // 3]))


# -- what a file must not do ----------------------------------------------------------------


def test_a_playlist_opens_neither_files_nor_addresses(files, tmp_path, capfd):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        for target in (str(files["ts"]), address, f"file:{files['ts']}"):
            lists = {
                "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n",
                "ffconcat": f"ffconcat version 1.0\nfile '{target}'\n",
                "mpd": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><Period>"
                f"<BaseURL>{target}</BaseURL></Period></MPD>",
                "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\n"
                "m=audio 5004 RTP/AVP 0\n",
                "mp3": f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n",
            }
            for ending, text in lists.items():
                path = written(tmp_path / f"list.{ending}", text.encode())
                assert "not a sound file" in refusal(path)
        with pytest.raises(TimeoutError):
            server.accept()
    assert capfd.readouterr().err == ""


def child(code, *args):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_ffmpeg_is_loaded_only_for_what_needs_it(files):
    code = (
        "import json, sys; from realtime.sources.file import FileSource\n"
        "sum(map(len, FileSource(sys.argv[1]))); print(json.dumps('av' in sys.modules))"
    )
    exact = ("wav", "aiff", "flac", "ogg", "opus")
    assert [child(code, files[kind]) for kind in exact] == [False] * len(exact)
    assert child(code, files["mp3"]) is True


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource")
def test_memory_does_not_grow_with_the_length(tmp_path, song):
    ts = encode(tmp_path / "a.ts", "ts", demo(SECONDS), 44_100).read_bytes()
    code = (
        "import json, resource, sys; from realtime.sources.file import FileSource\n"
        "peaks = []\n"
        "for name in sys.argv[1:]:\n"
        "    frames = sum(map(len, FileSource(name, block_s=1.0)))\n"
        "    peaks.append((frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n"
        "print(json.dumps(peaks))"
    )
    for ending, content in (("mp3", song), ("ts", ts)):
        short = written(tmp_path / f"short.{ending}", content * 3)
        long = written(tmp_path / f"long.{ending}", content * 100)
        (few, before), (many, after) = child(code, short, long)
        assert many > 30 * few
        per_kib = 1024 if sys.platform == "darwin" else 1
        assert (after - before) / per_kib < 20_000  # kB; the whole would be 141,000


def test_blocks_are_as_long_as_asked_for(files):
    for kind in ("mp3", "m4a"):
        with FileSource(files[kind], block_s=0.5) as source:
            lengths = [len(block) for block in source]
        assert lengths == [22_050] * 8


def test_reading_never_depends_on_the_block_size(files):
    for kind in ("mp3", "webm"):
        whole, _ = read(files[kind])
        with FileSource(files[kind]) as source:
            sizes = itertools.cycle([1, 7, 1_000, 4_096])
            parts = []
            while len(part := source.take(next(sizes))):
                parts.append(part)
        np.testing.assert_array_equal(np.concatenate(parts), whole)
