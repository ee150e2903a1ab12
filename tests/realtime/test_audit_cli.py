"""`tutti audit` as a user meets it."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import soundfile

from realtime import cli
from realtime.audit.audit import audit as make_audit
from realtime.audit.picture import picture
from realtime.model import TagModel

RATE_HZ = 32_000
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def session(tmp_path, tones):
    """A piano tone, buried from 3 s to 6 s of 9 by noise around it, and a cello beside it."""
    frames = 9 * RATE_HZ
    piano, cello = (tones([name], 9, RATE_HZ) for name in ("piano", "cello"))
    fft = np.fft.rfft(np.random.default_rng(1).standard_normal(frames))
    fft[np.fft.rfftfreq(frames, 1 / RATE_HZ) > 8000] = 0
    noise = np.fft.irfft(fft, frames).astype(np.float32) * 0.6
    noise[: 3 * RATE_HZ] = noise[6 * RATE_HZ :] = 0
    for name, sound in {
        "mix": piano + cello + noise, "piano": piano, "cello": cello, "noise": noise
    }.items():  # fmt: skip
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE_HZ, subtype="FLOAT")
    return tmp_path


@pytest.fixture
def audit(session, tone_model_path, capsys):
    """``audit(*arguments)``: exit status, stdout, stderr, in the session's folder."""

    def run(*arguments, stems=("piano", "cello", "noise"), mix="mix.wav"):
        status = cli.main(
            ["audit", "--model", str(tone_model_path), "--mix", str(session / mix)]
            + [str(session / f"{stem}.wav") for stem in stems]
            + [str(one) for one in arguments]
        )
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_table_tells_where_a_stem_is_buried(audit):
    status, out, err = audit()
    assert (status, err) == (0, "")
    (piano,) = [line for line in out.splitlines() if line.lstrip().startswith("piano")]
    assert "Piano" in piano
    assert re.search(r"0:0[23]\.\d–0:0[56]\.\d +masked, \d+ dB short, model agrees", piano)
    (noise,) = [line for line in out.splitlines() if line.lstrip().startswith("noise")]
    assert "unsure" in noise
    assert "(0 %)" in noise
    assert "The stems add up to the mix" in out


def test_json_holds_passages_and_both_kinds_of_evidence(audit, session):
    status, out, _ = audit("--format", "json")
    document = json.loads(out)
    assert status == 0
    assert document["schema"] == 1
    assert document["duration_s"] == pytest.approx(9)
    assert document["residual_db"] < -20
    piano, cello, noise = document["stems"]
    assert (piano["heard_as"], cello["heard_as"], noise["heard_as"]) == ("piano", "cello", None)
    (passage,) = piano["passages"]
    assert passage["start_s"] == pytest.approx(3, abs=0.5)
    assert passage["end_s"] == pytest.approx(6, abs=0.5)
    assert (passage["reason"], passage["model"]) == ("masked", "agrees")
    assert 0 < piano["recognised_in_mix"] < 1
    assert piano["gain_db"] == pytest.approx(0, abs=0.5)
    assert piano["sounds_s"] == pytest.approx(9, abs=0.3)
    assert noise["passages"] == []
    assert noise["sounds_s"] == pytest.approx(3, abs=0.3)


def test_csv_and_audacity_name_the_same_passages(audit, session):
    _, table, _ = audit("--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    status, out, _ = audit("--format", "audacity", "-o", session / "new" / "labels.txt")
    assert (status, out) == (0, "")
    labels = [line.split("\t") for line in (session / "new/labels.txt").read_text().splitlines()]
    assert {row["stem"] for row in rows} == {"piano", "cello"}
    of_labels = sorted((float(start), float(end)) for start, end, _ in labels)
    of_rows = sorted((float(row["start_s"]), float(row["end_s"])) for row in rows)
    np.testing.assert_allclose(of_labels, of_rows)
    assert all(re.match(r"\w+: masked, \d+ dB short$", label) for _, _, label in labels)


def test_min_s_leaves_short_passages_out(audit):
    _, out, _ = audit("--format", "csv", "--min-s", "4")
    assert len(out.splitlines()) == 1


def test_the_picture_shows_stems_and_passages(audit, session):
    assert audit("--picture", session / "audit.svg")[0] == 0
    root = ElementTree.parse(session / "audit.svg").getroot()
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert {"piano", "cello", "noise", "not recognised"} <= set(texts)
    for one in root.iter(f"{SVG}rect"):
        assert float(one.get("x")) + float(one.get("width")) <= 1000.05
        assert float(one.get("width")) >= 0


def test_a_name_cannot_break_the_picture_or_the_labels(session, tone_model_path):
    odd = session / "<b>&\tbass.wav"
    (session / "piano.wav").rename(odd)
    report = make_audit(session / "mix.wav", [odd], TagModel(tone_model_path))
    texts = [one.text for one in ElementTree.fromstring(picture(report)).iter(f"{SVG}text")]
    assert any("<b>&" in text for text in texts)


def test_missing_stems_are_told_and_the_model_is_not_trusted_with_what_is_left(audit):
    _, out, _ = audit("--format", "json", stems=("cello",))
    document = json.loads(out)
    assert document["residual_db"] > -10
    assert "do not add up" in document["notes"][0]
    assert all(one["model"] != "disagrees" for one in document["stems"][0]["passages"])


def test_two_stems_heard_as_one_instrument_leave_the_model_undecided(audit, session):
    sound, _ = soundfile.read(session / "piano.wav")
    soundfile.write(session / "double.wav", sound * 0.02, RATE_HZ, subtype="FLOAT")
    mix, _ = soundfile.read(session / "mix.wav")
    soundfile.write(session / "mix.wav", mix + sound * 0.02, RATE_HZ, subtype="FLOAT")
    _, out, _ = audit("--format", "json", stems=("piano", "double", "cello", "noise"))
    double = json.loads(out)["stems"][1]
    assert double["heard_as"] == "piano"
    assert double["passages"]
    assert all(one["model"] == "cannot tell" for one in double["passages"])
    assert "in “piano” too" in double["passages"][0]["model_says"]


def test_a_silent_stem_is_said_to_be(audit, session):
    soundfile.write(session / "silent.wav", np.zeros(RATE_HZ), RATE_HZ)
    status, out, _ = audit(stems=("piano", "cello", "noise", "silent"))
    assert status == 0
    assert re.search(r"silent +- +- +0\.0 s +0\.0 s \(0 %\) +silent", out)


@pytest.mark.parametrize(
    ("arguments", "stems", "mix", "complaint"),
    [
        ([], ["nothing"], "mix.wav", "nothing.wav does not exist"),
        ([], ["piano"], "nothing.wav", "nothing.wav does not exist"),
        ([], ["piano", "mix"], "mix.wav", "named twice, as a stem and as the mix"),
        ([], ["piano", "piano"], "mix.wav", "named twice, as a stem and as another stem"),
        ([], ["surround"], "mix.wav", "surround.wav has 6 channels"),
        ([], ["piano"], "silence.wav", "silence.wav is silent"),
        (["--picture", "audit.png"], ["piano"], "mix.wav", "end it in .svg"),
    ],
)
def test_bad_input_is_one_sentence_and_2(audit, session, arguments, stems, mix, complaint):
    soundfile.write(session / "surround.wav", np.ones((RATE_HZ, 6)) * 0.1, RATE_HZ)
    soundfile.write(session / "silence.wav", np.zeros(RATE_HZ), RATE_HZ)
    status, out, err = audit(*arguments, stems=stems, mix=mix)
    assert (status, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


def test_inputs_are_not_overwritten(audit, session):
    before = (session / "piano.wav").read_bytes()
    status, _, err = audit("-o", session / "piano.wav")
    assert status == 2
    assert "would be overwritten" in err
    assert (session / "piano.wav").read_bytes() == before


def test_damaged_samples_are_heard_as_silence_and_told(audit, session):
    sound, _ = soundfile.read(session / "piano.wav", dtype="float32")
    sound[100:103] = np.nan
    soundfile.write(session / "piano.wav", sound, RATE_HZ, subtype="FLOAT")
    status, out, _ = audit("--format", "json")
    assert status == 0
    assert "3 samples" in json.loads(out)["stems"][0]["notes"][0]
