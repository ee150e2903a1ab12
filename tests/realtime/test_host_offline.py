"""Files through a chain: length, alignment, tail, formats, the report and the command."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from pedalboard.io import AudioFile

from realtime.cli import main
from realtime.errors import TuttiError
from realtime.host import chain as chains
from realtime.host.chain import Chain, EffectStep, TapStep
from realtime.host.host import Host
from realtime.host.offline import render
from realtime.host.report import to_document, write
from realtime.model import TagModel


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


def save(path, audio, rate_hz):
    with AudioFile(str(path), "w", rate_hz, len(audio), bit_depth=16) as file:
        file.write(audio.astype(np.float32))
    return path


def read(path):
    with AudioFile(str(path)) as file:
        return file.read(file.frames), round(file.samplerate)


def rendered(chain, audio, rate_hz, tmp_path, model, suffix=".wav", **options):
    source = save(tmp_path / "in.wav", audio, rate_hz)
    with Host(chain, model=model) as host:
        done = render(host, source, tmp_path / f"out{suffix}", **options)
    return done, *read(tmp_path / f"out{suffix}")


def noise(frames, channels=2):
    return 0.1 * np.random.default_rng(0).standard_normal((channels, frames))


LATE = ["BrickwallLimiter", "PitchShift", "Resample", "MP3Compressor", "GSMFullRateCompressor"]


@pytest.mark.parametrize("effect", LATE)
def test_latency_is_taken_out_and_the_end_is_there(effect, tmp_path, model):
    rate_hz = 44_100
    parameters = {"Resample": {"target_sample_rate": 44_000.0}}.get(effect, {})
    audio = noise(90_000)
    audio[:, :60_000] *= 0.1
    done, output, _ = rendered(
        Chain((EffectStep(effect, parameters),)), audio, rate_hz, tmp_path, model
    )
    assert output.shape[1] >= 90_000
    assert done.latency_s > 0
    assert done.duration_s == 90_000 / rate_hz
    # Where the sound jumps up is where it did before, and the last part is there.
    envelope = np.abs(output[0]).reshape(-1)[:90_000].reshape(-1, 300).mean(axis=1)
    assert np.argmax(np.diff(envelope)) in (198, 199, 200)
    part, whole = output[0, 85_000:89_000], np.pad(audio[0], (0, 9000))
    lags = [np.dot(part, whole[85_000 + lag : 89_000 + lag]) for lag in range(-60, 60)]
    if effect not in ("PitchShift", "GSMFullRateCompressor"):  # these do not keep the waveform
        assert abs(int(np.argmax(np.abs(lags))) - 60) <= 2


def test_the_tail_rings_out_and_no_longer(tmp_path, model):
    rate_hz, frames = 16_000, 16_000
    audio = np.zeros((1, frames))
    audio[0, -1] = 0.5
    chain = Chain((EffectStep("Delay", {"delay_seconds": 0.4, "feedback": 0.5, "mix": 0.5}),))
    done, output, _ = rendered(chain, audio, rate_hz, tmp_path, model)
    echoes = np.flatnonzero(np.abs(output[0]) > 1e-4) - (frames - 1)
    np.testing.assert_allclose(echoes[:4], [0, 6400, 12_800, 19_200], atol=1)
    assert done.tail_s == pytest.approx(output.shape[1] / rate_hz - 1.0, abs=1e-3)
    assert 0.4 * 10 < done.tail_s < 0.4 * 16
    for limit, expected in ((1.0, 2.0), (0.0, 1.0)):
        _, shorter, _ = rendered(chain, audio, rate_hz, tmp_path, model, max_tail_s=limit)
        assert shorter.shape[1] <= expected * rate_hz
        np.testing.assert_array_equal(shorter, output[:, : shorter.shape[1]])
    dry = Chain((EffectStep("Invert"),))
    assert rendered(dry, audio, rate_hz, tmp_path, model)[1].shape[1] == frames


@pytest.mark.parametrize("rate_hz", [11_025, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 5, 8])
def test_rates_and_channels_are_kept(rate_hz, channels, tmp_path, model):
    audio = noise(rate_hz // 2, channels)
    chain = Chain(
        (EffectStep("Invert"), EffectStep("Reverb", {"wet_level": 0.0, "dry_level": 0.5}))
    )
    done, output, rate = rendered(chain, audio, rate_hz, tmp_path, model, ".flac")
    assert (rate, output.shape[0], done.channels) == (rate_hz, channels, channels)
    np.testing.assert_allclose(output[:, : audio.shape[1]], -audio, atol=2e-4)


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".flac", ".ogg", ".mp3"])
def test_every_format_in_and_out(suffix, tmp_path, model):
    rate_hz = 48_000
    audio = noise(rate_hz)
    first = save(tmp_path / f"a{suffix}", audio, rate_hz)
    with Host(Chain((EffectStep("Gain", {"gain_db": -6.0}),)), model=model) as host:
        done = render(host, first, tmp_path / f"b{suffix}")
    output, rate = read(tmp_path / f"b{suffix}")
    assert rate == rate_hz
    assert output.shape[1] / rate_hz == pytest.approx(1.0, abs=0.06)
    assert 0.03 < output.std() < 0.06
    assert done.problems == ()
    assert not list(tmp_path.glob(".*partial*"))


BAD = {
    "no format": ("x.xyz", 2, 48_000, "no ending that says its format"),
    "MP3 of six": ("x.mp3", 6, 48_000, "cannot hold 6 channels"),
    "MP3 at 96 kHz": ("x.mp3", 2, 96_000, "32000, 44100, 48000"),
    "no folder": ("none/x.wav", 2, 48_000, "does not exist"),
    "itself": ("in.wav", 2, 48_000, "would be overwritten"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_written_is_said_and_leaves_nothing(case, tmp_path, model):
    name, channels, rate_hz, expected = BAD[case]
    source = save(tmp_path / "in.wav", noise(1000, channels), rate_hz)
    before = sorted(tmp_path.iterdir())
    host = Host(Chain((EffectStep("Invert"),)), model=model)
    with host, pytest.raises(TuttiError) as caught:
        render(host, source, tmp_path / name)
    assert expected in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_failure_half_way_leaves_the_old_output(tmp_path, model):
    source = save(tmp_path / "in.wav", noise(200_000), 48_000)
    (tmp_path / "out.wav").write_bytes(b"old")

    def fail(done_s, total_s):
        raise TuttiError("stop here")

    host = Host(Chain((EffectStep("Invert"),)), model=model)
    with host, pytest.raises(TuttiError, match="stop here"):
        render(host, source, tmp_path / "out.wav", progress=fail)
    assert (tmp_path / "out.wav").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def muffled(tones, tmp_path, model):
    """4 s flute (low), then 4 s flute and piano; the chain silences all, then brings it back."""
    rate_hz = 16_000
    both = np.concatenate((tones(["flute"], 4), tones(["flute", "piano"], 4)))
    steps = (
        TapStep("dry"),
        EffectStep("Gain", {"gain_db": -100.0}),
        TapStep("muted"),
        EffectStep("Gain", {"gain_db": -20.0}),
        TapStep("end"),
    )
    source = save(tmp_path / "in.wav", both[np.newaxis], rate_hz)
    with Host(Chain(steps, "mute"), model=model) as host:
        return render(host, source, tmp_path / "out.wav"), host.chain


def test_the_report_says_what_changed_and_when(muffled):
    rendering, chain = muffled
    document = to_document(rendering, chain)
    assert json.loads(json.dumps(document)) == document
    assert list(document["taps"]) == ["dry", "muted", "end"]
    assert document["taps"]["dry"]["summary"]["instruments"]["flute"]["present"]
    assert not document["taps"]["muted"]["summary"]["instruments"]["flute"]["present"]
    assert [(d["before"], d["after"]) for d in document["differences"]] == [
        ("dry", "muted"), ("muted", "end"), ("dry", "end"),
    ]  # fmt: skip
    first = document["differences"][0]
    flute, piano = first["instruments"]["flute"], first["instruments"]["piano"]
    assert flute["before"] > 0.9
    assert flute["after"] == 0.0
    assert flute["change"] == pytest.approx(-flute["before"], abs=1e-3)
    assert piano["largest_change"] < -0.9
    assert piano["at_s"] >= 3.5
    assert first["level_dbfs"]["before"] - first["level_dbfs"]["after"] > 90
    assert len(first["windows"]["change"]["flute"]) == len(first["windows"]["start_s"])
    assert first["findings"][0].startswith("Flute is no longer heard from 0:00.0 to 0:08.0")
    assert any(one.startswith("Piano is no longer heard from 0:0") for one in first["findings"])
    assert document["differences"][1]["findings"] == []


def test_the_picture_shows_what_matters(muffled, tmp_path):
    rendering, chain = muffled
    drawing = write(rendering, chain, tmp_path / "report.json")
    assert drawing == tmp_path / "report.svg"
    root = ET.parse(drawing).getroot()
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("Flute") == 3
    assert texts.count("Piano") == 3
    assert "Cello" not in texts
    width, height = float(root.get("width")), float(root.get("height"))
    for one in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert 0 <= float(one.get("x", 0)) <= width
        assert float(one.get("x", 0)) + float(one.get("width")) <= width + 0.2
        assert float(one.get("y", 0)) + float(one.get("height")) <= height + 0.2
    with pytest.raises(TuttiError, match=r"\.json"):
        write(rendering, chain, tmp_path / "report.svg")


def test_long_files_make_small_pictures(tmp_path, model, tones):
    source = save(tmp_path / "in.wav", np.tile(tones(["flute"], 10), 60)[np.newaxis], 16_000)
    with Host(Chain((EffectStep("Gain", {"gain_db": -100.0}),)), model=model, hop_s=0.5) as host:
        rendering = render(host, source)
        write(rendering, host.chain, tmp_path / "report.json")
    assert len(rendering.timelines["input"]) > 1100
    assert (tmp_path / "report.svg").stat().st_size < 100_000


CHAIN = """
[[chain]]
effect = "Gain"
gain_db = -100.0
"""


@pytest.fixture
def files(tmp_path, tones):
    (tmp_path / "chain.toml").write_text(CHAIN)
    save(tmp_path / "in.wav", tones(["flute"], 3.0, 22_050)[np.newaxis], 22_050)
    return tmp_path


def test_the_command_writes_sound_report_and_picture(files, tone_model_path, capsys):
    arguments = ["host", str(files / "chain.toml"), str(files / "in.wav")]
    arguments += ["-o", str(files / "out.wav"), "--report", str(files / "r.json")]
    assert main([*arguments, "--model", str(tone_model_path)]) == 0
    said = capsys.readouterr().out
    assert "at 22050 Hz" in said
    assert "Flute is no longer heard" in said
    report = json.loads((files / "r.json").read_text())
    assert report["taps"].keys() == {"input", "output"}
    assert (files / "r.svg").exists()
    assert read(files / "out.wav")[0].shape == (1, 66_150)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chain.toml"], "Name a sound file"),
        (["chain.toml", "in.wav"], "Nothing to do"),
        (["none.toml", "in.wav", "-o", "x.wav"], "none.toml does not exist"),
        (["chain.toml", "none.wav", "-o", "x.wav"], "none.wav does not exist"),
        (["chain.toml", "chain.toml", "-o", "x.wav"], "not a sound file"),
        (["--effects", "Compresser"], "did you mean 'Compressor'"),
        (["chain.toml", "--live", "--block", "3"], "16 to 8192"),
        ([], "Name a chain file"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, expected, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert main(["host", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.strip().count("\n") == 0


def test_the_command_lists_effects(capsys):
    assert main(["host", "--effects", "Compressor"]) == 0
    assert "ratio: 1 to 100 (default 1.0)" in capsys.readouterr().out
    assert main(["host", "--effects"]) == 0
    assert capsys.readouterr().out.count("\n") > 80


def test_help_is_light():
    code = (
        "import sys; from realtime.commands.host import add_parser; import argparse; "
        "add_parser(argparse.ArgumentParser().add_subparsers()); "
        "print([m for m in ('numpy', 'pedalboard', 'onnxruntime', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_chain_in_the_report_is_the_one_that_ran(muffled):
    rendering, chain = muffled
    assert to_document(rendering, chain)["chain"] == {
        "name": "mute",
        "effects": [{"effect": "Gain", "label": "Gain", "bypass": False}] * 2,
    }
    assert chains.parse(chains.dumps(chain)) == chain
