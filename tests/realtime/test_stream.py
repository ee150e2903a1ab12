"""The library's interface: streams of blocks, segments and data frames."""

from __future__ import annotations

import sys

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.outputs.formats import FORMATS
from realtime.segments import stretches
from realtime.smoothing import NO_SMOOTHING
from realtime.tagger import Tagger
from realtime.timeline import Timeline

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def tagger(tone_model_path) -> Tagger:
    return Tagger(tone_model_path)


@pytest.fixture(scope="module")
def music(tones) -> np.ndarray:
    """3.3 s in stereo, a flute that comes in on the right."""
    piano, flute = tones(["piano"], 3.3, RATE_HZ), tones(["flute"], 3.3, RATE_HZ)
    flute[:RATE_HZ] = 0.0
    return np.stack((piano, flute), axis=1)


def streamed(tagger: Tagger, blocks, rate_hz: float = RATE_HZ) -> Timeline:
    stream, tags = tagger.stream(rate_hz), []
    for block in blocks:
        stream.push(block)
        tags += stream
    stream.finish()
    tags += stream
    return Timeline(tuple(tags), tagger.model.spec, "", stream.duration_s)


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 145_530), max_size=30))
def test_any_blocks_give_what_the_whole_gives(tagger, music, cuts: list[int]) -> None:
    whole = tagger.tag(music, RATE_HZ)
    parts = streamed(tagger, np.split(music, sorted(cuts)))
    assert len(parts) == len(whole)
    assert parts.start_s.tolist() == whole.start_s.tolist()
    assert parts.end_s.tolist() == whole.end_s.tolist()
    assert parts.duration_s == whole.duration_s
    np.testing.assert_allclose(parts.instruments, whole.instruments, atol=1e-4)
    np.testing.assert_allclose(parts.polyphony, whole.polyphony, atol=1e-4)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i2", "i4", "u1", ">i2", ">f4"])
@pytest.mark.parametrize("channels", [0, 1, 2])
def test_any_kind_of_number_and_shape(tagger, tones, dtype: str, channels: int) -> None:
    piano = tones(["piano"], 2, amplitude=0.5).astype("f8")
    kind = np.dtype(dtype)
    if kind.kind == "i":
        piano = np.round(piano * np.iinfo(kind).max)
    elif kind.kind == "u":
        piano = np.round(128 + 127 * piano)
    sound = piano.astype(kind)
    if channels:
        sound = np.repeat(sound[:, None], channels, axis=1)
    heard = streamed(tagger, np.array_split(sound, 9), 16_000)
    assert [one.instrument for one in heard.segments()] == ["piano"]
    # The level of both together, at half scale.
    assert heard.tags[1].level.rms_dbfs == pytest.approx(-9.03, abs=0.3)


def test_tags_come_as_soon_as_a_window_is_complete(tagger, tones) -> None:
    stream = tagger.stream(16_000)
    piano = tones(["piano"], 2)
    assert list(stream) == []
    stream.push(piano[:15_999])
    assert list(stream) == []
    stream.push(piano[15_999:16_000])
    (first,) = stream
    assert (first.start_s, first.end_s) == (0.0, 1.0)
    stream.push(piano[16_000:])
    assert [tags.start_s for tags in stream] == [0.5, 1.0]
    stream.push(piano[:4_000])
    assert list(stream) == []
    stream.finish()
    (last,) = stream
    assert (last.start_s, last.end_s) == (1.5, 2.25)
    assert list(stream) == []


def test_a_block_may_be_used_again_at_once(tagger, tones) -> None:
    block = tones(["piano"], 1)
    stream = tagger.stream(16_000)
    stream.push(block)
    block[:] = tones(["flute"], 1)
    (tags,) = stream
    names = tagger.model.spec.instruments
    assert names[int(tags.instruments.argmax())] == "piano"


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ([0.0, 1.0], "must be a numpy array, not list"),
        (np.zeros((2, 3, 4)), r"must be \(frames,\) or \(frames, channels\), not \(2, 3, 4\)"),
        (np.zeros(()), r"not \(\)"),
        (np.zeros((9, 0)), r"not \(9, 0\)"),
        (np.zeros(9, complex), "holds complex128, which is no sound"),
        (np.zeros(9, bool), "holds bool"),
        (np.zeros(9, np.uint16), "holds uint16"),
        (np.array(["a"]), "holds <U1"),
        (np.zeros((9, 3)), "began with 2 channels and a block has 3"),
        (np.zeros(9), "began with 2 channels and a block has 1"),
    ],
)
def test_what_is_no_sound_is_refused_and_the_stream_goes_on(tagger, music, block, says) -> None:
    stream = tagger.stream(RATE_HZ)
    stream.push(music[:RATE_HZ])
    with pytest.raises(TuttiError, match=says):
        stream.push(block)
    stream.push(music[RATE_HZ:])
    stream.finish()
    assert len(list(stream)) == len(tagger.tag(music, RATE_HZ))


def test_rates_and_ends_are_refused_in_words(tagger) -> None:
    for rate_hz in (0, -1, 10, float("nan"), 1e9):
        with pytest.raises(TuttiError, match="cannot be analysed"):
            tagger.stream(rate_hz)
    with tagger.stream(16_000) as stream:
        pass
    with pytest.raises(TuttiError, match="is finished"):
        stream.push(np.zeros(9))
    stream.finish()
    assert list(stream) == []
    with pytest.raises(TuttiError, match="no channel 4"):
        Tagger(tagger.model, channel=(3, 3)).stream(16_000).push(np.zeros((9, 2)))


def test_not_a_number_is_heard_as_silence(tagger, tones) -> None:
    sound = tones(["piano"], 2)
    sound[5_000:5_010] = np.nan
    assert [one.instrument for one in streamed(tagger, [sound], 16_000).segments()] == ["piano"]


# -- segments ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken(tone_model_path, tones) -> Timeline:
    """Piano with a pause of about 1.5 s at 4 s, and one of about 4 s at 9 s."""
    piano = tones(["piano"], 20)
    piano[4 * 16_000 : 6 * 16_000 + 8_000] = 0.0
    piano[9 * 16_000 : 14 * 16_000] = 0.0
    harp = tones(["harp"], 20)
    harp[16_000:] = 0.0
    return Tagger(tone_model_path, smoothing=NO_SMOOTHING).tag(piano + harp, 16_000)


def pianos(timeline: Timeline, **how: float) -> list[tuple[float, float]]:
    return [(s.start_s, s.end_s) for s in timeline.segments(**how) if s.instrument == "piano"]


def test_segments_are_bridged_and_sifted_in_seconds(broken: Timeline) -> None:
    three = pianos(broken)
    assert len(three) == 3
    pauses = [three[1][0] - three[0][1], three[2][0] - three[1][1]]
    assert pauses[0] < 2.6 < 3.0 < pauses[1]
    assert pianos(broken, hysteresis_s=pauses[0]) == three
    assert pianos(broken, hysteresis_s=pauses[0] + 0.01) == [(three[0][0], three[1][1]), three[2]]
    assert pianos(broken, hysteresis_s=9.0) == [(three[0][0], three[2][1])]
    lengths = sorted(end_s - start_s for start_s, end_s in three)
    assert len(pianos(broken, min_s=lengths[0])) == 3
    assert len(pianos(broken, min_s=lengths[0] + 0.01)) == 2
    joined = pianos(broken, min_s=lengths[0] + 0.01, hysteresis_s=9.0)
    assert joined == [(three[0][0], three[2][1])], "bridged first, then sifted"
    assert {s.instrument for s in broken.segments()} == {"piano", "harp"}
    assert {s.instrument for s in broken.segments(min_s=3.0)} == {"piano"}


def test_a_segment_s_probability_is_the_mean_over_its_windows(broken: Timeline) -> None:
    column = broken.instruments[:, broken.spec.instruments.index("piano")]
    for one in broken.segments():
        if one.instrument == "piano":
            inside = (broken.start_s >= one.start_s) & (broken.start_s < one.end_s)
            assert one.probability == pytest.approx(column[inside].mean(), abs=1e-6)


def test_lost_live_sound_ends_a_segment(broken: Timeline) -> None:
    """Windows that were never heard are no music: unless the pause is bridged."""
    kept = tuple(tags for tags in broken.tags if not 1.2 < tags.start_s < 2.2)
    live = Timeline(kept, broken.spec, "live", broken.duration_s)
    first, second = pianos(live)[:2]
    assert first == (0.0, 2.0)
    assert second[0] == 2.5
    assert pianos(live, hysteresis_s=1.0)[0] == pianos(broken)[0]


@pytest.mark.parametrize("how", [{"min_s": -1.0}, {"hysteresis_s": float("nan")}])
def test_a_time_that_is_none_is_refused(broken, how) -> None:
    with pytest.raises(ValueError, match="must be 0 or more seconds"):
        broken.segments(**how)


@given(
    st.lists(st.booleans(), min_size=1, max_size=60),
    st.integers(0, 8),
    st.integers(0, 8),
)
def test_stretches_keep_their_promise(active: list[bool], least: int, bridge: int) -> None:
    """Half-second windows: against the definition, cell by cell."""
    start_s = np.arange(len(active)) * 0.5
    found = stretches(np.array(active), start_s, start_s + 0.5, least * 0.5, bridge * 0.5)
    text = "".join("x" if one else "." for one in active)
    for length in range(1, bridge):
        for _ in range(len(text)):
            text = text.replace("x" + "." * length + "x", "x" * (length + 2))
    wanted, i = [], 0
    for run in text.split("."):
        if run and len(run) >= least:
            wanted.append((i, i + len(run) - 1))
        i += len(run) + 1
    assert found == wanted


# -- data frames ---------------------------------------------------------------------


def test_a_data_frame_is_the_csv(broken: Timeline) -> None:
    frame = broken.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    header = next(iter(FORMATS["csv"].lines(broken))).split(",")
    assert list(frame.columns) == header[1:]
    assert len(frame) == len(broken)
    assert frame["piano"].to_numpy().tolist() == broken.instruments[:, 20].tolist()
    assert (frame["end_s"] - frame["start_s"]).max() == 1.0
    assert frame["polyphony_expected"].mean() == pytest.approx(broken.polyphony_mean)


def test_without_pandas_a_sentence(broken: Timeline, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(TuttiError, match="A data frame needs pandas: pip install pandas"):
        broken.to_dataframe()
