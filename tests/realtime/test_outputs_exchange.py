"""What other programs read: each opened by one of them, or by its documented grammar."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import jams
import mido
import numpy as np
import pandas
import pretty_midi
import pytest
import webvtt
from pyarrow import parquet

from realtime import taxonomy
from realtime.clock_time import exact_time
from realtime.levels import LevelReading
from realtime.outputs.formats import FORMATS
from realtime.postprocess import Tags
from realtime.smoothing import NO_SMOOTHING
from realtime.tagger import Tagger
from realtime.taxonomy import display_name
from realtime.timeline import Timeline

MARKERS = [(1.5, 'take "2", good\n'), (3.0, "")]


@pytest.fixture(scope="module")
def timeline(tone_model_path, tones) -> Timeline:
    """10 s: piano throughout, flute in the middle, drums at the end."""
    flute, drums = tones(["flute"], 10), tones(["drums"], 10)
    flute[: 4 * 16_000] = flute[6 * 16_000 :] = 0.0
    drums[: 8 * 16_000] = 0.0
    tagger = Tagger(tone_model_path, smoothing=NO_SMOOTHING)
    return tagger.tag(tones(["piano"], 10) + flute + drums, 16_000, name='a\udcff "mix".wav')


@pytest.fixture(scope="module")
def silence(tone_model_path) -> Timeline:
    return Tagger(tone_model_path).tag(np.zeros(32_000, np.float32), 16_000, name="silence.wav")


@pytest.fixture
def saved(timeline: Timeline, tmp_path: Path):
    """``saved(format)`` writes the timeline, or another one, and gives the path."""

    def save(name: str, one: Timeline | None = None) -> Path:
        path = tmp_path / f"out{FORMATS[name].suffix}"
        FORMATS[name].save(one or timeline, path, markers=MARKERS)
        return path

    return save


def spans(timeline: Timeline) -> list[tuple[str, float, float]]:
    return [(one.instrument, one.start_s, one.end_s) for one in timeline.segments()]


def reaper_seconds(text: str) -> float:
    """REAPER's h:mm:ss.fff, as its Region/Marker Manager reads it."""
    hours, minutes, seconds = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d{3})", text).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_reaper_regions_are_rows_of_its_manager(saved, timeline) -> None:
    rows = list(csv.DictReader(io.StringIO(saved("reaper").read_text(encoding="utf-8"))))
    assert list(rows[0]) == ["#", "Name", "Start", "End", "Length"]
    regions = [row for row in rows if row["#"].startswith("R")]
    found = [(r["Name"], reaper_seconds(r["Start"]), reaper_seconds(r["End"])) for r in regions]
    assert found == [(display_name(n), s, e) for n, s, e in spans(timeline)]
    assert [row["#"] for row in regions] == ["R1", "R2", "R3"]
    for row in regions:
        length = reaper_seconds(row["End"]) - reaper_seconds(row["Start"])
        assert reaper_seconds(row["Length"]) == pytest.approx(length)
    markers = [list(row.values()) for row in rows if row["#"].startswith("M")]
    assert markers == [
        ["M1", 'take "2", good', "0:00:01.500", "", ""],
        ["M2", "Marker", "0:00:03.000", "", ""],
    ]


def test_midi_has_a_track_an_instrument(saved, timeline) -> None:
    path = saved("midi")
    file = mido.MidiFile(path, clip=False)
    assert (file.type, file.length) == (1, pytest.approx(10.0, abs=0.002))
    assert [track.name for track in file.tracks] == ["", "Drums", "Flute", "Piano"]
    marked = [(m.text, m.time) for m in file.tracks[0] if m.type == "marker"]
    assert marked == [('take "2", good', 1500), ("Marker", 1500)]
    music = pretty_midi.PrettyMIDI(str(path))
    found = [
        (one.name, note.start, note.end) for one in music.instruments for note in one.notes
    ]
    wanted = [(display_name(n), pytest.approx(s), pytest.approx(e)) for n, s, e in spans(timeline)]
    assert sorted(found) == sorted(wanted, key=lambda one: one[0])
    drums, flute, piano = music.instruments
    assert (drums.is_drum, flute.program, piano.program) == (True, 73 - 1, 0)
    means = {one.instrument: one.probability for one in timeline.segments()}
    assert piano.notes[0].velocity == round(127 * means["piano"])


def test_midi_of_every_instrument_keeps_each_on_its_track(tone_model_path, saved) -> None:
    """More than there are channels; notes of one track never end another's."""
    level = LevelReading(-20.0, -10.0, clipped=False, silent=False, exact_zeros=False)
    rng = np.random.default_rng(3)
    tags = tuple(
        Tags(i * 0.5, i * 0.5 + 1, (rng.random(24) > 0.4).astype("f4"), np.zeros(8, "f4"),
             np.eye(7, dtype="f4")[0], 0.0, level)
        for i in range(400)
    )  # fmt: skip
    timeline = Timeline(tags, Tagger(tone_model_path).model.spec, "x", 200.5)
    file = mido.MidiFile(saved("midi", timeline))
    assert [t.name for t in file.tracks[1:]] == [display_name(n) for n in taxonomy.INSTRUMENTS]
    wanted = spans(timeline)
    for name, track in zip(taxonomy.INSTRUMENTS, file.tracks[1:], strict=True):
        now, began, found = 0, None, []
        for message in track:
            now += message.time
            if message.type == "note_on":
                assert began is None
                began = now
            elif message.type == "note_off":
                found.append((began / 1000, now / 1000))
                began = None
        assert found == [(s, e) for n, s, e in wanted if n == name]
    channels = {m.channel for t in file.tracks for m in t if hasattr(m, "channel")}
    assert channels == set(range(16))


def test_jams_is_valid_by_its_own_library(saved, timeline) -> None:
    document = jams.load(str(saved("jams")), validate=True, strict=True)
    assert document.file_metadata.duration == 10.0
    assert document.file_metadata.title == timeline.file
    (annotation,) = document.annotations
    found = [(one.value, one.time, one.time + one.duration) for one in annotation]
    assert found == spans(timeline)
    assert [one.confidence for one in annotation] == [
        round(one.probability, 4) for one in timeline.segments()
    ]
    assert annotation.annotation_metadata.version == "tones 1.2.3"


def test_webvtt_says_what_sounds_at_any_time(saved, timeline) -> None:
    captions = webvtt.read(str(saved("webvtt"))).captions
    shown = [(c.start_in_seconds + c.start_time.milliseconds / 1000, c.text) for c in captions]
    assert [text for _, text in shown] == ["Piano", "Flute, Piano", "Piano", "Drums, Piano"]
    for caption in captions:
        start, end = caption.start_time.in_milliseconds(), caption.end_time.in_milliseconds()
        middle_s = (start + end) / 2000
        sounding = [n for n, s, e in spans(timeline) if s < middle_s < e]
        wanted = [display_name(n) for n in taxonomy.INSTRUMENTS if n in sounding]
        assert caption.text.split(", ") == wanted
    lines = saved("webvtt").read_text().split("\n")
    assert lines[:2] == ["WEBVTT", ""]
    assert all(
        re.fullmatch(r"\d\d+:\d\d:\d\d\.\d{3} --> \d\d+:\d\d:\d\d\.\d{3}", line)
        for line in lines if "-->" in line
    )  # fmt: skip


def test_webvtt_escapes_a_label_s_markup(make_tone_model, tmp_path, tones, saved) -> None:
    names = ("r&b <voice>", *taxonomy.INSTRUMENTS[1:])
    path = make_tone_model(
        tmp_path / "odd.onnx", instruments=names, thresholds=dict.fromkeys(names, 0.5)
    )
    timeline = Tagger(path).tag(tones(["voice"], 2), 16_000)
    text = saved("webvtt", timeline).read_text()
    assert "R&amp;b &lt;voice&gt;" in text
    assert mido.MidiFile(saved("midi", timeline)).tracks[1].name == "R&b <voice>"


def test_parquet_is_the_csv_with_types(saved, timeline) -> None:
    table = parquet.read_table(saved("parquet"))
    rows = list(csv.DictReader(FORMATS["csv"].lines(timeline)))
    assert table.column_names == list(rows[0])
    assert {str(t) for t in table.schema.types} == {"string", "double", "float"}
    assert table.num_rows == len(rows)
    for name in table.column_names[1:]:
        written = [float(row[name]) for row in rows]
        assert table.column(name).to_pylist() == pytest.approx(written, abs=6e-5)
    assert set(table.column("file").to_pylist()) == {'a\\udcff "mix".wav'}
    assert b"tones" in table.schema.metadata[b"tutti"]
    assert len(pandas.read_parquet(saved("parquet"))) == len(rows)


def test_csv_has_decimal_points(saved) -> None:
    """And a comma between cells, in any country: no e, no thousands."""
    header, *rows = saved("csv").read_text(encoding="utf-8").splitlines()
    assert rows
    for row in rows:
        cells = next(csv.reader([row]))
        assert len(cells) == header.count(",") + 1
        assert all(re.fullmatch(r"\d+(\.\d+)?", cell) for cell in cells[1:]), row


def test_silence_is_an_empty_file_of_its_kind(saved, silence) -> None:
    assert saved("reaper", silence).read_text().splitlines()[0] == "#,Name,Start,End,Length"
    assert [t.name for t in mido.MidiFile(saved("midi", silence)).tracks] == [""]
    assert len(jams.load(str(saved("jams", silence))).annotations[0].data) == 0
    assert webvtt.read(str(saved("webvtt", silence))).captions == []
    assert parquet.read_table(saved("parquet", silence)).num_rows == len(silence)


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "0:00:00.000"), (59.9996, "0:01:00.000"), (75.37, "0:01:15.370"),
     (360_000.001, "100:00:00.001")],
)  # fmt: skip
def test_exact_times(time_s: float, text: str) -> None:
    assert exact_time(time_s) == text


def test_without_pyarrow_a_sentence_says_what_to_install(timeline, monkeypatch) -> None:
    import sys

    from realtime.errors import TuttiError

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TuttiError, match=r"pip install 'tutti-meter\[library\]'"):
        FORMATS["parquet"].data(timeline)
