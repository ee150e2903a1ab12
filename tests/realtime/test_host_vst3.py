"""Real VST3 plugins, built here from Debian's sources, loaded and run for real."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pedalboard
import pytest

from realtime.errors import TuttiError
from realtime.host.chain import Chain, EffectStep
from realtime.host.host import Host
from realtime.host.isolation import PluginState
from realtime.host.offline import render
from realtime.model import TagModel

RATE_HZ = 48_000
BUILD_TIMEOUT_S = 150


@pytest.fixture(scope="module")
def plugins():
    """The folder of the built plugins; kept between runs, since it takes half a minute."""
    if sys.platform != "linux" or not all(map(shutil.which, ("apt-get", "make", "g++", "xz"))):
        pytest.skip("needs Debian's apt-get, make, g++ and xz to build a VST3")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "tutti-tests" / "vst3-1"
    if not (folder / "done").exists():
        script = Path(__file__).with_name("build_vst3.sh")
        try:
            subprocess.run(
                ["bash", str(script), str(folder)],
                check=True, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            pytest.skip(f"the VST3 plugins were not built within {BUILD_TIMEOUT_S} s")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"the VST3 plugins cannot be built here: {error.stderr.strip()[-200:]}")
        (folder / "done").touch()
    return folder


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


def noise(seconds, channels=2):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((channels, round(seconds * RATE_HZ)))).astype(np.float32)


def reverb(plugins, **more):
    parameters = more.pop("parameters", {"decay": 70.0, "mix": 40.0})
    return EffectStep("VST3", parameters, path=plugins / "MVerb.vst3", **more)


def test_a_real_plugin_sounds_as_pedalboard_runs_it(plugins, model):
    alone = pedalboard.load_plugin(str(plugins / "MVerb.vst3"))
    alone.decay, alone.mix = 70.0, 40.0
    board = pedalboard.Pedalboard([pedalboard.Gain(-6), alone, pedalboard.Delay(0.1)])
    steps = (
        EffectStep("Gain", {"gain_db": -6.0}),
        reverb(plugins),
        EffectStep("Delay", {"delay_seconds": 0.1}),
    )
    audio = noise(3.0)
    with Host(Chain(steps), model=model) as host:
        for at in range(0, audio.shape[1], 10_000):  # longer than one order
            block = audio[:, at : at + 10_000]
            expected = board(block, RATE_HZ, reset=False)
            np.testing.assert_array_equal(host.process(block, RATE_HZ), expected)
        assert host.taps["output"].latest is not None
        assert host.problems == type(host.problems)()


@pytest.mark.parametrize("channels", [1, 6])
def test_a_stereo_plugin_takes_other_channel_counts(channels, plugins, model):
    audio = noise(0.5, channels)
    with Host(Chain((reverb(plugins),)), model=model) as host:
        output = host.process(audio, RATE_HZ)
    assert output.shape == audio.shape
    assert (np.abs(output - audio).max(axis=1) > 0.01).all()


def test_its_parameters_are_checked_by_its_own_ranges(plugins, model):
    with pytest.raises(TuttiError, match=r"did you mean 'decay'"):
        Host(Chain((reverb(plugins, parameters={"decai": 1.0}),)), model=model)
    with pytest.raises(TuttiError, match=r"MVerb: parameter 'size': 2.0 is not .* 5 to 100 %"):
        Host(Chain((reverb(plugins, parameters={"size": 2.0}),)), model=model)
    with Host(Chain((reverb(plugins),)), model=model) as host:
        host.set_parameter(0, "early_late_mix", 10.0)
        host.process(noise(0.1), RATE_HZ)
        values = host.plugins[0].read_values()
        assert values["early_late_mix"] == pytest.approx(10.0, abs=0.1)
        assert values["decay"] == pytest.approx(70.0, abs=0.1)


def test_a_preset_is_loaded_and_parameters_go_over_it(plugins, model, tmp_path):
    original = pedalboard.load_plugin(str(plugins / "MVerb.vst3"))
    original.decay, original.damping = 90.0, 20.0
    original.process(noise(0.1), RATE_HZ, reset=False)  # parameters reach its state with audio
    (tmp_path / "my.vstpreset").write_bytes(original.preset_data)
    step = reverb(plugins, parameters={"damping": 30.0}, preset=tmp_path / "my.vstpreset")
    with Host(Chain((step,)), model=model) as host:
        values = host.plugins[0].read_values()
    assert values["decay"] == pytest.approx(90.0, abs=0.1)
    assert values["damping"] == pytest.approx(30.0, abs=0.1)


def test_a_plugin_that_takes_neither_these_channels_nor_stereo_is_refused(plugins, model):
    step = EffectStep("VST3", path=plugins / "MaBitcrush.vst3")  # one in, two out
    with pytest.raises(TuttiError) as caught:
        Host(Chain((step,)), model=model)
    assert "VST3 MaBitcrush cannot be used" in str(caught.value)
    assert "channel" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_plugin_is_refused(model, tmp_path):
    path = tmp_path / "fake.vst3"
    path.write_bytes(b"\x7fELF nothing")
    with pytest.raises(TuttiError, match="VST3 fake cannot be used: Unable to scan plugin"):
        Host(Chain((EffectStep("VST3", path=path),)), model=model)


def test_it_may_crash_and_come_back_while_sound_goes_on(plugins, model):
    audio = noise(0.1)
    with Host(Chain((reverb(plugins),)), model=model, live=True) as host:
        host.process(audio, RATE_HZ)
        os.kill(host.plugins[0].process_id, signal.SIGSEGV)
        time.sleep(0.1)
        for _ in range(3):
            output = host.process(audio, RATE_HZ)
        np.testing.assert_allclose(output, audio, atol=1e-6)
        assert host.plugins[0].state == PluginState.CRASHED
        host.reload(0)
        until_s = time.monotonic() + 10
        while np.allclose(host.process(audio, RATE_HZ), audio, atol=1e-3):
            assert time.monotonic() < until_s
            time.sleep(0.02)
        assert host.plugins[0].read_values()["decay"] == pytest.approx(70.0, abs=0.1)


def test_its_tail_is_in_the_file(plugins, model, tmp_path):
    with pedalboard.io.AudioFile(str(tmp_path / "in.wav"), "w", RATE_HZ, 2) as file:
        file.write(noise(1.0))
    with Host(Chain((reverb(plugins),)), model=model) as host:
        done = render(host, tmp_path / "in.wav", tmp_path / "out.flac")
    assert 0.3 < done.tail_s <= 10.0


def test_without_a_screen_its_window_is_refused_and_sound_goes_on(plugins, model, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    audio = noise(0.1)
    with Host(Chain((reverb(plugins),)), model=model) as host:
        host.process(audio, RATE_HZ)
        with pytest.raises(TuttiError, match="no screen is available"):
            host.plugins[0].open_editor()
        assert host.process(audio, RATE_HZ).shape == audio.shape
