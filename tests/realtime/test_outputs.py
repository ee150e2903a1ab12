"""Each output read back by something that knows its format."""

import argparse
import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from realtime import taxonomy
from realtime.clock_time import rounded_time
from realtime.commands import audit, host, listen, tag
from realtime.levels import LevelReading
from realtime.outputs import audacity, formats, jsonl, text
from realtime.outputs import csv as csv_output
from realtime.outputs import json as json_output
from realtime.postprocess import Tags
from realtime.smoothing import NO_SMOOTHING
from realtime.tagger import Tagger
from realtime.timeline import Timeline


@pytest.fixture(scope="module")
def tagger(tone_model_path):
    return Tagger(tone_model_path, smoothing=NO_SMOOTHING)


@pytest.fixture(scope="module")
def timeline(tagger, tones):
    """10 s at 16 kHz: piano throughout, flute from 4 s to 6 s."""
    piano, flute = tones(["piano"], 10), tones(["flute"], 10)
    flute[: 4 * 16_000] = flute[6 * 16_000 :] = 0.0
    return tagger.tag(piano + flute, 16_000, name='a "mix", really.wav')


@pytest.fixture(scope="module")
def silence(tagger):
    return tagger.tag(np.zeros(32_000, np.float32), 16_000, name="silence.wav")


def test_json_is_one_line_with_the_document(timeline):
    (line,) = json_output.lines(timeline)
    assert line.isascii()
    assert json.loads(line) == timeline.to_document()
    assert re.search(r"\s", line.replace(json.dumps(timeline.file), "")) is None, "compact"


def test_jsonl_is_a_line_a_window(timeline):
    documents = [json.loads(line) for line in jsonl.lines(timeline)]
    for line in jsonl.lines(timeline):
        assert re.search(r"\s", line.replace(json.dumps(timeline.file), "")) is None, "compact"
    assert len(documents) == len(timeline)
    assert {document.pop("file") for document in documents} == {timeline.file}
    assert documents == timeline.to_document()["windows"]


def test_csv_has_a_row_a_window_and_a_column_a_label(timeline):
    lines = [csv_output.header(timeline.spec), *csv_output.lines(timeline)]
    assert not any(re.search(r"[\r\n]", line) for line in lines)
    table = "\n".join(lines)
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == len(timeline)
    document = timeline.to_document()
    for row, window in zip(rows, document["windows"], strict=True):
        assert row["file"] == timeline.file
        assert float(row["start_s"]) == window["start_s"]
        assert float(row["end_s"]) == window["end_s"]
        for name in taxonomy.INSTRUMENTS:
            assert float(row[name]) == window["instruments"][name]
        for name in taxonomy.FAMILIES:
            assert float(row[f"family_{name}"]) == window["families"][name]
        for label, value in window["polyphony"].items():
            assert float(row[f"polyphony_{label}"]) == value
        assert float(row["polyphony_expected"]) == window["polyphony_expected"]
    assert len(rows[0]) == 3 + 24 + 8 + 7 + 1


def test_a_header_stands_once_above_several_files(timeline):
    one = formats.FORMATS["csv"]
    whole, more = list(one.lines(timeline)), list(one.lines(timeline, first=False))
    assert whole == [csv_output.header(timeline.spec), *more]
    assert more == list(csv_output.lines(timeline))


def test_audacity_labels_are_the_stretches(timeline):
    labels = [line.split("\t") for line in audacity.lines(timeline)]
    assert [label[2] for label in labels] == ["Piano", "Flute"]
    (start, end, _), (flute_start, flute_end, _) = labels
    assert (float(start), float(end)) == (0.0, 10.0)
    assert float(flute_start) == pytest.approx(4.0, abs=1.0)
    assert float(flute_end) == pytest.approx(6.0, abs=1.0)


def test_audacity_regions_of_one_time_are_in_the_vocabulary_s_order(tagger, tones):
    names = ["voice", "harp", "accordion"]
    wanted = [name for name in taxonomy.INSTRUMENTS if name in names]
    assert wanted != sorted(wanted)
    segments = tagger.tag(tones(names, 2), 16_000).segments()
    assert [one.instrument for one in segments] == wanted


def test_audacity_regions_add_up_to_the_active_time(tagger, tones):
    rng = np.random.default_rng(5)
    names = ["oboe", "banjo", "voice"]
    audio = sum(
        np.repeat(rng.random(20) > 0.5, 8_000).astype("f4") * tones([name], 10) for name in names
    )
    timeline = tagger.tag(audio, 16_000)
    total_s = dict.fromkeys(timeline.spec.instruments, 0.0)
    for one in timeline.segments():
        assert 0.0 <= one.start_s < one.end_s <= timeline.duration_s
        total_s[one.instrument] += one.end_s - one.start_s
    for name, one in timeline.summary().items():
        assert total_s[name] == pytest.approx(one.active_s)


def test_text_is_what_sounded_by_share_of_time(timeline):
    lines = [line.plain for line in text.render(timeline, 80)]
    heading, piano, flute, count, axis = lines
    assert heading.startswith('a "mix", really.wav  0:10')
    assert piano.split()[:3] == ["Piano", "100", "%"]
    assert flute.split()[0] == "Flute"
    assert piano.count("▇") > 40
    bar = flute[-cell_len(piano.split("%  ")[1]) :]
    middle = len(bar) // 2
    assert "▇" in bar[middle - 8 : middle + 8]
    assert not bar[: len(bar) // 4].strip()
    assert "How many at once" in count
    assert "12" in count
    assert axis.split() == ["0:00", "0:10"]


def test_text_shows_each_stretch_of_time_at_its_place(tagger):
    """Four windows with 0, 2, 4 and 6 instruments, each alone in a quarter of the time."""
    level = LevelReading(-20.0, -10.0, clipped=False, silent=False, exact_zeros=False)
    piano = np.zeros((4, 24), np.float32)
    piano[1, taxonomy.INSTRUMENTS.index("piano")] = 1.0
    tags = tuple(
        Tags(0.5 * i, 0.5 * i + 1, piano[i], np.zeros(8, "f4"), np.eye(7, dtype="f4")[2 * i],
             2.0 * i, level)
        for i in range(4)
    )  # fmt: skip
    _, bar, counts, _ = text.render(Timeline(tags, tagger.model.spec, "x", 2.0), 80)
    digits = counts.plain.rpartition("  ")[2]
    quarter = len(digits) // 4
    assert len(digits) > 40
    assert digits[:: quarter + 1] == "0246" or digits[1::quarter][:4] == "0246"
    assert {digits.count(digit) - quarter for digit in "0246"} <= {0, 1}
    drawn = bar.plain[-len(digits) :]
    assert len(drawn.rstrip()) == 2 * quarter + 1
    assert len(drawn.strip()) in (quarter, quarter + 1)


def test_text_has_colours_by_family_and_dims_what_is_no_instrument(timeline):
    heading, piano, flute, count, axis = text.render(timeline, 80)
    assert [str(span.style) for span in piano.spans] == [text.FAMILY_COLOURS["key"]]
    assert [str(span.style) for span in flute.spans] == [text.FAMILY_COLOURS["woodwind"]]
    (span,) = flute.spans
    assert flute.plain[span.start : span.end].strip(" ▁▂▃▄▅▆▇") == ""
    assert (heading.style, count.style, axis.style) == ("bold", "dim", "dim")
    assert [str(span.style) for span in heading.spans] == ["not bold"]
    assert set(text.FAMILY_COLOURS) == set(taxonomy.FAMILIES)


@pytest.mark.parametrize("width", [50, 60, 80, 100, 200])
def test_text_is_aligned_and_fits(timeline, width):
    lines = [line.plain for line in text.render(timeline, width)][1:]
    assert len({cell_len(line) for line in lines}) == 1
    assert cell_len(lines[0]) <= width


def test_text_without_unicode(timeline):
    for line in text.render(timeline, 80, ascii_only=True):
        assert line.plain.isascii()


def test_text_of_silence_and_of_nothing_certain(tagger, silence, tones):
    assert [line.plain for line in text.render(silence, 80)][1].startswith("  Silence")
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype("f4")
    lines = [line.plain for line in text.render(tagger.tag(noise, 16_000), 80)]
    assert lines[1].startswith("  No instrument is certain enough")
    heard = lines[1].rpartition("likeliest is ")[2].rstrip(".")
    likeliest = tagger.tag(noise, 16_000).instruments.mean(axis=0).argmax()
    assert heard == taxonomy.display_name(taxonomy.INSTRUMENTS[likeliest]).lower()


@pytest.mark.parametrize(("seconds", "share"), [(0.5, "<1 %"), (1.0, "1 %"), (2.0, "2 %")])
def test_what_sounds_for_a_moment_is_not_0_percent(tagger, seconds, share):
    level = LevelReading(-20.0, -10.0, clipped=False, silent=False, exact_zeros=False)
    piano, nothing = np.zeros((2, 24), np.float32)
    piano[taxonomy.INSTRUMENTS.index("piano")] = 1.0
    tags = tuple(
        Tags(start_s, start_s + 1, heard, np.zeros(8, "f4"), np.eye(7, dtype="f4")[0], 0.0, level)
        for start_s, heard in ((0.0, piano), (seconds, nothing))
    )
    line = list(text.render(Timeline(tags, tagger.model.spec, "x", 100.0), 80))[1]
    assert " ".join(line.plain.split()[1:3]).startswith(share)


def test_text_hides_control_characters_of_a_file_name(tagger, tones):
    timeline = tagger.tag(tones(["harp"]), 16_000, name="a\x1b[31m\nb.wav")
    lines = [line.plain for line in text.render(timeline, 80)]
    assert lines[0].startswith("a?[31m?b.wav")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (0.4, "0:00"),
        (59.6, "1:00"),
        (61, "1:01"),
        (3_600, "1:00:00"),
        (7_325, "2:02:05"),
    ],
)
def test_times_for_people(seconds, shown):
    assert rounded_time(seconds) == shown


def test_a_format_is_its_module_and_its_line_in_the_table(timeline):
    """Every one of them, header first and once; markers where the format has room for them."""
    folder = Path(formats.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "formats"}
    assert set(formats.FORMATS) == modules
    markers = [(1.5, "here\tit is"), (2.0, "")]
    told = {
        "audacity": ["1.500000\t1.500000\there it is", "2.000000\t2.000000\tMarker"],
        "reaper": ["M1,here it is,0:00:01.500,,", "M2,Marker,0:00:02.000,,"],
    }
    for name in modules - {formats.TEXT}:
        one = formats.FORMATS[name]
        if one.binary:
            assert isinstance(one.data(timeline), bytes)
            assert not one.several
            continue
        whole = "".join(f"{line}\n" for line in one.lines(timeline, markers=markers))
        assert one.data(timeline, markers=markers).decode() == whole
        first, later = (list(one.lines(timeline, first=is_first)) for is_first in (True, False))
        assert first[len(first) - len(later) :] == later
        assert len(first) - len(later) == (name == "csv")
        more = list(one.lines(timeline, markers=markers))[len(first) :]
        assert more == told.get(name, [])


def test_commands_take_what_the_table_says():
    def choices(command):
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        (action,) = (
            action
            for one in parser._actions[-1].choices.values()
            for action in one._actions
            if "--format" in action.option_strings
        )
        return action.choices

    assert choices(tag) == list(formats.FORMATS)
    assert choices(listen) == list(formats.FORMATS)
    assert choices(host) == [name for name in formats.FORMATS if name != "text"]
    assert choices(audit) == ["text", "json", "csv", "audacity"]
