"""Each output read back by something that knows its format."""

import argparse
import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from realtime import taxonomy
from realtime.clock_time import rounded_time
from realtime.commands import audit, listen, tag
from realtime.outputs import audacity, formats, jsonl, text
from realtime.outputs import csv as csv_output
from realtime.outputs import json as json_output
from realtime.smoothing import NO_SMOOTHING
from realtime.tagger import Tagger


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
    assert "\n" not in line
    assert line.isascii()
    assert json.loads(line) == timeline.to_document()


def test_jsonl_is_a_line_a_window(timeline):
    documents = [json.loads(line) for line in jsonl.lines(timeline)]
    assert len(documents) == len(timeline)
    assert {document.pop("file") for document in documents} == {timeline.file}
    assert documents == timeline.to_document()["windows"]


def test_csv_has_a_row_a_window_and_a_column_a_label(timeline):
    table = "\n".join([csv_output.header(timeline.spec), *csv_output.lines(timeline)])
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == len(timeline)
    document = timeline.to_document()
    for row, window in zip(rows, document["windows"], strict=True):
        assert row["file"] == timeline.file
        assert float(row["start_s"]) == window["start_s"]
        for name in taxonomy.INSTRUMENTS:
            assert float(row[name]) == window["instruments"][name]
        for name in taxonomy.FAMILIES:
            assert float(row[f"family_{name}"]) == window["families"][name]
        for label, value in window["polyphony"].items():
            assert float(row[f"polyphony_{label}"]) == value
        assert float(row["polyphony_expected"]) == window["polyphony_expected"]
    assert len(rows[0]) == 3 + 24 + 8 + 7 + 1


def test_audacity_labels_are_the_stretches(timeline):
    labels = [line.split("\t") for line in audacity.lines(timeline)]
    assert [label[2] for label in labels] == ["Piano", "Flute"]
    (start, end, _), (flute_start, flute_end, _) = labels
    assert (float(start), float(end)) == (0.0, 10.0)
    assert float(flute_start) == pytest.approx(4.0, abs=1.0)
    assert float(flute_end) == pytest.approx(6.0, abs=1.0)


def test_audacity_regions_add_up_to_the_active_time(tagger, tones):
    rng = np.random.default_rng(5)
    names = ["oboe", "banjo", "voice"]
    audio = sum(
        np.repeat(rng.random(20) > 0.5, 8_000).astype("f4") * tones([name], 10) for name in names
    )
    timeline = tagger.tag(audio, 16_000)
    total_s = dict.fromkeys(timeline.spec.instruments, 0.0)
    for start_s, end_s, name in audacity.regions(timeline):
        assert 0.0 <= start_s < end_s <= timeline.duration_s
        total_s[name] += end_s - start_s
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


@pytest.mark.parametrize("width", [50, 60, 80, 100, 200])
def test_text_is_aligned_and_fits(timeline, width):
    lines = [line.plain for line in text.render(timeline, width)][1:]
    assert len({cell_len(line) for line in lines}) == 1
    assert cell_len(lines[0]) <= width


def test_text_without_unicode(timeline):
    for line in text.render(timeline, 80, ascii_only=True):
        assert line.plain.isascii()


def test_text_of_silence_and_of_nothing_certain(tagger, silence, tones):
    assert any("Silence" in line.plain for line in text.render(silence, 80))
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype("f4")
    lines = [line.plain for line in text.render(tagger.tag(noise, 16_000), 80)]
    assert any("No instrument is certain enough" in line for line in lines)


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
    for name in modules - {formats.TEXT}:
        one = formats.FORMATS[name]
        first, later = (list(one.lines(timeline, first=is_first)) for is_first in (True, False))
        assert first[len(first) - len(later) :] == later
        assert len(first) - len(later) == (name == "csv")
        more = list(one.lines(timeline, markers=markers))[len(first) :]
        told = ["1.500000\t1.500000\there it is", "2.000000\t2.000000\tMarker"]
        assert more == (told if name == "audacity" else [])


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
    assert choices(listen) == ["text", "jsonl"]
    assert choices(audit) == ["text", "json", "csv", "audacity"]
