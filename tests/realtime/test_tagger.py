"""The whole chain on sounds whose tags are known."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from realtime.errors import TuttiError
from realtime.model import TagModel
from realtime.postprocess import Postprocessor
from realtime.smoothing import NO_SMOOTHING
from realtime.tagger import Tagger


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


@pytest.fixture
def piece(tones):
    """44.1 kHz stereo: 3 s piano, 3 s piano and flute (out of phase), 2 s silence."""
    rate_hz = 44_100
    piano = tones(["piano"], 6, rate_hz)
    flute = np.concatenate((np.zeros(3 * rate_hz, "f4"), tones(["flute"], 3, rate_hz)))
    sound = np.stack((piano + flute, piano - flute), axis=1)
    return np.concatenate((sound, np.zeros((2 * rate_hz, 2), "f4"))), rate_hz


def present(timeline):
    return {name for name, one in timeline.summary().items() if one.active_s > 0}


def test_it_finds_what_sounds_and_when(model, piece):
    timeline = Tagger(model, smoothing=NO_SMOOTHING).tag(*piece)
    assert present(timeline) == {"piano", "flute"}
    summary = timeline.summary()
    # A window hears an instrument that fills part of it: hence the tolerance of one window.
    assert summary["piano"].active_s == pytest.approx(6.0, abs=1.0)
    assert summary["flute"].active_s == pytest.approx(3.0, abs=1.0)
    counts = timeline.polyphony.argmax(axis=1)
    assert set(counts[timeline.end_s <= 3.0]) == {1}
    assert set(counts[(timeline.start_s >= 3.0) & (timeline.end_s <= 6.0)]) == {2}
    assert set(counts[timeline.start_s >= 6.1]) == {0}
    assert timeline.duration_s == 8.0
    assert timeline.file == ""


def test_a_file_and_its_array_agree(model, piece, tmp_path):
    audio, rate_hz = piece
    path = tmp_path / "piece.wav"
    soundfile.write(path, audio, rate_hz, subtype="FLOAT")
    tagger = Tagger(model)
    from_file, from_array = tagger.tag(path), tagger.tag(audio, rate_hz)
    np.testing.assert_allclose(from_file.instruments, from_array.instruments, atol=1e-5)
    assert from_file.file == str(path)


def test_files_of_any_kind_and_rate_agree(model, piece, tmp_path):
    audio, rate_hz = piece
    expected = Tagger(model).tag(audio, rate_hz).instruments
    for name in ("piece.wav", "piece.flac", "piece.ogg", "piece.aiff", "piece.mp3"):
        soundfile.write(tmp_path / name, audio, rate_hz)
        found = Tagger(model).tag(tmp_path / name).instruments
        count = min(len(found), len(expected))
        assert abs(len(found) - len(expected)) <= 1
        sure = np.abs(expected[:count] - 0.5) > 0.45  # half-filled windows may tip either way
        np.testing.assert_array_equal((found[:count] > 0.5)[sure], (expected[:count] > 0.5)[sure])


@pytest.mark.parametrize("hop_s", [0.05, 0.25, 1.0])
def test_the_hop_changes_how_often_not_what(model, piece, hop_s):
    timeline = Tagger(model, hop_s=hop_s).tag(*piece)
    assert present(timeline) == {"piano", "flute"}
    assert np.allclose(np.diff(timeline.start_s), hop_s)
    assert timeline.summary()["piano"].active_s == pytest.approx(6.0, abs=1.2)


def test_minus_60_dbfs_music_is_recognised_and_minus_100_is_silence(model, tones):
    audio = tones(["cello"], 4, 48_000)
    rms_dbfs = 20 * np.log10(np.sqrt(np.mean(audio**2)))
    at_60 = audio * 10 ** ((-60 - rms_dbfs) / 20)
    at_100 = audio * 10 ** ((-100 - rms_dbfs) / 20)
    tagger = Tagger(model)
    quiet = tagger.tag(at_60.astype("f4"), 48_000)
    assert present(quiet) == {"cello"}
    np.testing.assert_allclose(quiet.instruments, tagger.tag(audio, 48_000).instruments, atol=0.03)
    silent = tagger.tag(at_100.astype("f4"), 48_000)
    assert not silent.instruments.any()
    assert set(silent.polyphony.argmax(axis=1)) == {0}


def test_integers_are_scaled(model, tones):
    audio = tones(["horn"], 2, 44_100)
    tagger = Tagger(model)
    for dtype in (np.int16, np.int32):
        scaled = (audio * np.iinfo(dtype).max).astype(dtype)
        np.testing.assert_allclose(
            tagger.tag(scaled, 44_100).instruments,
            tagger.tag(audio, 44_100).instruments,
            atol=1e-3,
        )


def test_streaming_gives_the_same_tags(model, piece):
    audio, rate_hz = piece
    whole = Tagger(model).tag(audio, rate_hz)
    blocks = (audio[i : i + 700] for i in range(0, len(audio), 700))
    streamed = list(Tagger(model).tag_stream(blocks, rate_hz, 2))
    assert len(streamed) == len(whole)
    for one, other in zip(streamed, whole.tags, strict=True):
        np.testing.assert_allclose(one.instruments, other.instruments, atol=1e-5)
        assert one.start_s == other.start_s


def test_a_stream_is_heard_on_the_channel_that_was_chosen(model, tones):
    sound = np.stack((tones(["piano"], 2), tones(["flute"], 2)), axis=1)
    heard = list(Tagger(model, channel="right").tag_stream([sound], 16_000, 2))
    said = np.any([one.instruments > 0.5 for one in heard], axis=0)
    found = {name for name, is_said in zip(model.spec.instruments, said, strict=True) if is_said}
    assert found == {"flute"}


def test_silent_windows_cost_no_inference(model, piece, monkeypatch):
    seen = []
    infer = TagModel.infer
    monkeypatch.setattr(TagModel, "infer", lambda self, w: seen.append(len(w)) or infer(self, w))
    audio, rate_hz = piece
    timeline = Tagger(model).tag(audio, rate_hz)
    loud = sum(not tags.level.silent for tags in timeline.tags)
    assert sum(seen) == loud < len(timeline)


def test_the_same_post_processing_as_live(model, piece):
    """The tagger adds nothing of its own: windows, scores and Postprocessor give its tags."""
    from realtime.levels import SilenceGate
    from realtime.windows import WindowCutter

    audio, rate_hz = piece
    cutter, meter, post = WindowCutter(rate_hz, 2), SilenceGate(), Postprocessor(model.spec)
    windows = cutter.push(audio) + cutter.flush()
    expected = [
        post.step(model.infer(w.samples[None]), meter.read(w), w.start_s, w.end_s) for w in windows
    ]
    found = Tagger(model).tag(audio, rate_hz).tags
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.instruments, other.instruments, atol=1e-5)
        assert one.level == other.level
        assert (one.start_s, one.end_s) == (other.start_s, other.end_s)


def test_progress_goes_from_start_to_end(model, piece):
    calls = []
    Tagger(model).tag(*piece, progress=lambda done_s, total_s: calls.append((done_s, total_s)))
    assert [total_s for _, total_s in calls] == [8.0] * len(calls)
    assert [done_s for done_s, _ in calls] == sorted(done_s for done_s, _ in calls)
    assert calls[-1][0] == pytest.approx(8.0)


def test_an_empty_array_is_refused(model):
    with pytest.raises(TuttiError, match="no sound"):
        Tagger(model).tag(np.zeros((0, 2), np.float32), 44_100)


def test_an_array_needs_a_rate_and_a_shape(model):
    with pytest.raises(TypeError, match="sample_rate_hz"):
        Tagger(model).tag(np.zeros(10, np.float32))
    with pytest.raises(ValueError, match="audio must be"):
        Tagger(model).tag(np.zeros((1, 2, 3), np.float32), 44_100)


def test_an_array_of_nan_is_silence_that_says_so(model):
    timeline = Tagger(model).tag(np.full((32_000, 1), np.nan, np.float32), 16_000)
    assert not timeline.instruments.any()
    assert timeline.tags[0].level.non_finite == 16_000


def test_memory_hardly_grows_with_the_length(tmp_path):
    """Kept tags must not pin the memory of freed windows: ten minutes once took 123 MB.

    With the bundled model, whose working memory is what gets split.
    """
    path = tmp_path / "long.wav"
    minute = np.random.default_rng(0).integers(-3_000, 3_000, 60 * 16_000, dtype=np.int16)
    with soundfile.SoundFile(path, "w", 16_000, 1, subtype="PCM_16") as file:
        for _ in range(10):
            file.write(minute)
    code = (
        "import sys, psutil\n"
        "from realtime.tagger import Tagger\n"
        "tagger, used = Tagger(), psutil.Process().memory_info\n"
        "before = used().rss\n"
        "timeline = tagger.tag(sys.argv[1])\n"
        "print(used().rss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    assert int(done.stdout) < 40e6
