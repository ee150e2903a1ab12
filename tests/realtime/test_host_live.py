"""Live: the loop between two streams, and the real thing over a sound server."""

import io
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from realtime.clock_check import ClockCheck
from realtime.errors import TuttiError
from realtime.host import devices
from realtime.host.chain import Chain, EffectStep
from realtime.host.devices import LiveSettings, Streams
from realtime.host.host import Host
from realtime.host.live import LOSS_S, LiveHost, LiveState
from realtime.host.loopback import find_lag, make_sweep, measure_round_trip
from realtime.model import TagModel

RATE_HZ = 48_000
BLOCK = 256


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


class Device:
    """An input and an output in one: gives ``audio``, keeps what is played, may break."""

    latency = 0.01
    write_available = 4096

    def __init__(self, audio, breaks_at=None):
        self.audio = audio
        self.played = []
        self.at = 0
        self.breaks_at = breaks_at
        self.closed = False
        self.dry_at = set()
        self.go = threading.Event()
        self.go.set()

    def start(self):
        pass

    def read(self, frames):
        self.go.wait(10)
        if self.breaks_at is not None and self.at >= self.breaks_at:
            raise OSError("Unanticipated host error")
        block = self.audio[self.at : self.at + frames]
        self.at += frames
        if len(block) < frames:
            time.sleep(0.001)
            block = np.zeros((frames, self.audio.shape[1]), np.float32)
        return block, False

    def write(self, block):
        self.played.append(block.copy())
        return len(self.played) in self.dry_at

    def abort(self):
        self.closed = True

    def close(self):
        self.closed = True


def streams_of(device):
    return lambda settings: Streams(device, device, "in", "out", RATE_HZ, device.audio.shape[1])


def sine(seconds):
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.tile(0.5 * np.sin(2 * np.pi * 440 * t), (2, 1)).T.astype(np.float32)


def played(device):
    """What was heard, without the cushion of silence at the start."""
    return np.concatenate(device.played[1:])


def finish(session, device):
    until_s = time.monotonic() + 20
    while device.at < len(device.audio) + 10 * BLOCK and session.stats().state == LiveState.RUNNING:
        assert time.monotonic() < until_s
        time.sleep(0.005)
    stats = session.stats()
    session.stop()
    return stats


def test_sound_goes_through_and_taps_hear_it(model, tones):
    audio = np.tile(tones(["flute"], 3, RATE_HZ), (2, 1)).T
    device = Device(audio)
    with Host(Chain((EffectStep("Invert"),)), model=model, live=True) as host:
        session = LiveHost(host, LiveSettings(), streams_of(device))
        session.start()
        stats = finish(session, device)
        until_s = time.monotonic() + 10
        while host.taps["output"].latest is None:
            assert time.monotonic() < until_s
            time.sleep(0.01)
    output = played(device)[: len(audio) - 2 * BLOCK]
    expected = -audio[BLOCK : BLOCK + len(output)]  # the first block only wakes the device up
    np.testing.assert_allclose(output, expected, atol=1e-6)
    assert (stats.xruns, stats.error, stats.chain_latency_s) == (0, None, 0.0)
    assert device.closed
    assert session.stats().state == LiveState.STOPPED


def test_withheld_audio_is_silence_first_and_no_gap_after(model):
    device = Device(sine(1.0))
    chain = Chain((EffectStep("BrickwallLimiter", {"ceiling_db": 0.0}),))
    with Host(chain, model=model, live=True) as host:
        session = LiveHost(host, LiveSettings(), streams_of(device))
        session.start()
        stats = finish(session, device)
    output = played(device)
    assert stats.gaps == 0
    assert stats.chain_latency_s == pytest.approx(0.005, abs=1e-3)
    lag = BLOCK  # 240 frames in whole blocks
    expected = device.audio[BLOCK : BLOCK + 40_000]
    np.testing.assert_allclose(output[lag : lag + 40_000], expected, atol=1e-5)


def test_another_chain_takes_over_without_a_click(model):
    device = Device(sine(2.0))
    hosts = [
        Host(Chain((EffectStep("Gain", {"gain_db": gain}),)), model=model, live=True)
        for gain in (0.0, -12.0)
    ]
    session = LiveHost(hosts[0], LiveSettings(), streams_of(device))
    device.go.clear()
    session.start()
    device.go.set()
    while device.at < RATE_HZ // 2:
        time.sleep(0.001)
    session.change_chain(hosts[1])
    stats = finish(session, device)
    assert session.host is hosts[1]
    output = played(device)[: 2 * RATE_HZ - 4 * BLOCK]
    assert np.abs(output[:10_000]).max() == pytest.approx(0.5, rel=0.01)
    assert np.abs(output[-1_000:]).max() == pytest.approx(0.5 * 10 ** (-12 / 20), rel=0.01)
    assert np.abs(np.diff(output, 4, axis=0)).max() < 0.01  # a hard switch gives 0.3 or more
    assert stats.xruns == 0
    for host in hosts:
        host.close()


def test_the_last_of_many_quick_changes_is_heard_and_the_others_are_closed(model, monkeypatch):
    closed = []
    monkeypatch.setattr(Host, "close", lambda self: closed.append(self))
    seconds = 30
    device = Device(sine(seconds))
    hosts = [
        Host(Chain((EffectStep("Gain", {"gain_db": -float(gain)}),)), model=model, live=True)
        for gain in range(12)
    ]
    session = LiveHost(hosts[0], LiveSettings(), streams_of(device))
    session.start()
    rng = np.random.default_rng(0)
    for host in hosts[1:]:
        time.sleep(rng.uniform(0.0, 0.02))
        session.warm_up(host)
        session.change_chain(host)
    assert device.at < len(device.audio)
    finish(session, device)
    session.stop()
    assert session.host is hosts[-1]
    output = played(device)[: seconds * RATE_HZ - 4 * BLOCK]
    assert np.abs(output[-1_000:]).max() == pytest.approx(0.5 * 10 ** (-11 / 20), rel=0.01)
    until_s = time.monotonic() + 10
    while len(closed) < len(hosts) - 1:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert {id(host) for host in closed} == {id(host) for host in hosts[:-1]}
    monkeypatch.undo()
    for host in hosts:
        host.close()


def test_a_device_that_breaks_stops_cleanly_with_one_message(model):
    device = Device(sine(1.0), breaks_at=20_000)
    with Host(Chain((EffectStep("Invert"),)), model=model, live=True) as host:
        session = LiveHost(host, LiveSettings(), streams_of(device))
        session.start()
        stats = finish(session, device)
        assert stats.state == LiveState.STOPPED
        assert "'in' or 'out' is gone or broke (Unanticipated host error)" in stats.error
        assert device.closed
        device.breaks_at = None
        session.start()
        assert finish(session, device).error is None


def test_xruns_are_counted_and_cushioned_once(model):
    device = Device(sine(1.0))
    device.dry_at = {2, 120}
    with Host(Chain((EffectStep("Invert"),)), model=model, live=True) as host:
        session = LiveHost(host, LiveSettings(), streams_of(device))
        session.start()
        stats = finish(session, device)
    assert stats.output_underflows == 1  # the first, while streams fill up, is no fault
    lengths = [len(block) for block in device.played]
    assert lengths.count(960) == 3  # at the start and after each


def test_settings_and_devices_that_cannot_be(model):
    with pytest.raises(TuttiError, match="16 to 8192"):
        LiveHost(SimpleNamespace(), LiveSettings(block_frames=7))
    device = Device(np.zeros((100, 9), np.float32))
    with Host(Chain((EffectStep("Invert"),)), model=model, live=True) as host:
        session = LiveHost(host, LiveSettings(), streams_of(device))
        with pytest.raises(TuttiError, match="9 channels"):
            session.start()
        assert device.closed


class PortAudio:
    """Two inputs of one name, an output; ``broken`` is what cannot be done."""

    def __init__(self, broken=""):
        self.broken = broken
        self.default = SimpleNamespace(device=(1, 2))
        self.opened = []

    def query_hostapis(self):
        return ({"name": "Core Audio", "default_input_device": 0, "default_output_device": 2},)

    def query_devices(self):
        if self.broken == "query":
            raise OSError("PortAudio not initialized")
        return [
            {"name": name, "hostapi": 0, "index": index, "default_samplerate": 48_000.0,
             "max_input_channels": inputs, "max_output_channels": outputs}
            for index, (name, inputs, outputs) in enumerate(
                (("Mic", 1, 0), ("Mic", 1, 0), ("Speakers", 0, 2), ("Speakers 2", 0, 2))
            )
        ]  # fmt: skip

    def open(self, kind, device, **options):
        if self.broken == kind:
            raise ValueError("Invalid sample rate")
        stream = SimpleNamespace(device=device, closed=False, close=lambda: self.close(stream))
        self.opened.append(stream)
        return stream

    def close(self, stream):
        stream.closed = True

    def InputStream(self, **options):  # noqa: N802
        return self.open("input", **options)

    def OutputStream(self, **options):  # noqa: N802
        return self.open("output", **options)


@pytest.fixture
def portaudio(monkeypatch):
    def make(broken=""):
        fake = PortAudio(broken)
        monkeypatch.setattr(devices, "load_sounddevice", lambda: fake)
        return fake

    return make


def test_devices_of_the_host_are_found_as_inputs_are(portaudio):
    """One finder: the default, the very one that is named, and never one of several."""
    fake = portaudio()
    devices.open_streams(LiveSettings())
    devices.open_streams(LiveSettings("Mic [1 of 2]", "Speakers 2"))
    devices.open_streams(LiveSettings("Mic [2 of 2]", "Speakers"))
    assert [stream.device for stream in fake.opened] == [1, 2, 0, 3, 1, 2]
    with pytest.raises(TuttiError, match=r"fits 2 input devices.*'Mic \[1 of 2\] \(Core Audio\)'"):
        devices.open_streams(LiveSettings("Mic"))
    with pytest.raises(TuttiError, match=r"fits 2 output devices"):
        devices.open_streams(LiveSettings("Mic [1 of 2]", "speak"))
    with pytest.raises(TuttiError, match=r"no output device 'x'.*'Speakers \(Core Audio\)'"):
        devices.open_streams(LiveSettings("Mic [1 of 2]", "x"))
    assert len(fake.opened) == 6


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("query", "does not answer when asked for its outputs"),
        ("output", "output 'Speakers' cannot be opened .*Invalid sample rate"),
    ],
)
def test_what_fails_beside_a_file_is_one_sentence_and_closes_it(
    portaudio, tmp_path, monkeypatch, broken, told
):
    soundfile.write(tmp_path / "a.wav", np.zeros((100, 1)), RATE_HZ)
    closed = []
    monkeypatch.setattr(devices.FileInput, "close", lambda self: closed.append(self))
    portaudio(broken)
    with pytest.raises(TuttiError, match=told):
        devices.open_file_streams(tmp_path / "a.wav", LiveSettings())
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("broken", "told", "opened"),
    [
        ("query", "does not answer when asked for its inputs", 0),
        ("input", "input 'Mic .2 of 2.' cannot be opened .1 channels at 48000 Hz: Inval", 0),
        ("output", "output 'Speakers' cannot be opened", 1),
    ],
)
def test_devices_that_fail_are_one_sentence_and_stay_closed(portaudio, broken, told, opened):
    fake = portaudio(broken)
    with pytest.raises(TuttiError, match=told):
        devices.open_streams(LiveSettings())
    assert [stream.closed for stream in fake.opened] == [True] * opened


def test_lost_input_is_seen_by_the_clock_and_drift_is_not():
    clock = ClockCheck(RATE_HZ, LOSS_S)
    rng = np.random.default_rng(0)
    frames, now_s = 0, 100.0
    for number in range(8000):
        frames += BLOCK
        now_s = 100.0 + frames / RATE_HZ * 1.0002  # a slow device
        if number > 4000:
            now_s += 0.3  # once, 0.3 s were lost
        clock.arrived(BLOCK, now_s + rng.exponential(0.004))
    assert clock.missing / RATE_HZ == pytest.approx(0.3, abs=0.02)


def test_the_lag_of_a_sweep_is_found_in_noise_and_not_without_it():
    rng = np.random.default_rng(0)
    sweep = make_sweep(RATE_HZ)
    for lag in (0, 1, 777, 40_000):
        heard = 0.02 * rng.standard_normal(100_000).astype(np.float32)
        heard[24_000 + lag : 24_000 + lag + len(sweep)] += -0.3 * sweep
        assert find_lag(heard, sweep, 24_000) == lag
    assert find_lag(heard[:24_000], sweep, 0) is None
    assert find_lag(np.zeros(100_000, np.float32), sweep, 24_000) is None


def test_the_round_trip_of_a_wire_is_its_delay():
    class Wire(Device):
        def read(self, frames):
            sound = np.concatenate([np.zeros((5000, 2), np.float32), *self.played])
            block = sound[self.at : self.at + frames]
            self.at += frames
            return np.pad(block, ((0, frames - len(block)), (0, 0))), False

    device = Wire(np.zeros((0, 2), np.float32))
    trip = measure_round_trip(LiveSettings(block_frames=512), streams_of(device))
    # 5000 frames of wire, less the block that woke the input up, and the cushion.
    assert round(trip.latency_s * RATE_HZ) == 5000 - 512 + 3 * 512
    silent = Device(np.zeros((0, 2), np.float32))
    with pytest.raises(TuttiError, match="did not come back"):
        measure_round_trip(LiveSettings(), streams_of(silent))


def test_the_terminal_shows_both_taps(model, tones):
    from rich.console import Console

    from realtime.host.live_view import picture

    audio = np.tile(tones(["flute"], 2, RATE_HZ), (2, 1))
    with Host(Chain((EffectStep("Gain", {"gain_db": -100.0}),)), model=model) as host:
        session = LiveHost(host)
        console = Console(width=100, record=True, file=io.StringIO())
        console.print(picture(session, session.stats()))
        host.process(audio, RATE_HZ)
        console.print(picture(session, session.stats()))
    text = console.export_text()
    row = next(line for line in text.splitlines() if line.startswith("Flute"))
    assert row.split()[-1] in ("-100", "-99")
    assert "input" in text
    assert "output" in text


# Over PulseAudio's null sink: what is played into it comes back from its monitor.

COMMAND = [sys.executable, "-m", "realtime.cli", "host"]


@pytest.fixture
def loop(pulse_server, monkeypatch):
    monkeypatch.setenv("PULSE_SINK", "mix")
    monkeypatch.setenv("PULSE_SOURCE", "mix.monitor")
    return pulse_server


def command(*arguments):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def test_round_trip_through_a_sound_server(loop):
    done = command("--live", "--measure-latency", "--block", 512)
    assert done.returncode == 0, done.stderr
    measured_ms = float(done.stdout.split("Round trip ")[1].split(" ms")[0])
    assert 1.0 < measured_ms < 1500.0
    assert "blocks of 512" in done.stdout


def test_a_chain_runs_between_real_devices(loop, tmp_path, tone_model_path):
    (tmp_path / "chain.toml").write_text('[[chain]]\neffect = "Gain"\ngain_db = -60.0\n')
    done = command(tmp_path / "chain.toml", "--live", "--duration", 2, "--model", tone_model_path)
    assert done.returncode == 0, done.stderr
    seconds = float(done.stdout.split(" s,")[0])
    assert 2.0 <= seconds < 4.0
    assert "0 gaps" in done.stdout


def test_a_sound_server_that_dies_ends_it_with_one_message(loop, tmp_path, tone_model_path):
    (tmp_path / "chain.toml").write_text('[[chain]]\neffect = "Gain"\ngain_db = -60.0\n')
    arguments = [tmp_path / "chain.toml", "--live", "--model", tone_model_path]
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stderr=subprocess.PIPE)
    time.sleep(5)
    assert process.poll() is None
    loop.kill()
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    text = error.decode()
    assert "Traceback" not in text
    assert sum(line.startswith("tutti") for line in text.splitlines()) == 1


def test_before_and_after_are_heard_at_equal_loudness_and_aligned(model):
    device = Device(np.tile(sine(1.0), (8, 1)))
    steps = (EffectStep("Gain", {"gain_db": -18.0}), EffectStep("BrickwallLimiter"))
    with Host(Chain(steps), model=model, live=True) as host:
        session = LiveHost(host, LiveSettings(), streams_of(device))
        device.go.clear()
        session.start()
        session.listen_before(True)
        device.go.set()
        finish(session, device)
        assert session.matching_gain_db == pytest.approx(-18.0, abs=0.2)
    output = played(device)
    # The input, turned down to the output's level, and the same frames as the output would be.
    expected = device.audio[BLOCK:] * 10 ** (-18 / 20)
    late = output[BLOCK + 5 * RATE_HZ : BLOCK + 7 * RATE_HZ]
    np.testing.assert_allclose(late, expected[5 * RATE_HZ : 7 * RATE_HZ], atol=2e-3)
    assert np.abs(np.diff(output[2000 : 7 * RATE_HZ], 4, axis=0)).max() < 0.01


def test_a_file_can_stand_for_the_input(tmp_path):
    from pedalboard.io import AudioFile

    from realtime.host.devices import FileInput

    audio = 0.1 * np.random.default_rng(0).standard_normal((2, 100_000)).astype(np.float32)
    with AudioFile(str(tmp_path / "a.wav"), "w", RATE_HZ, 2, bit_depth=32) as file:
        file.write(audio)
    source = FileInput(tmp_path / "a.wav")
    blocks = []
    while not source.ended:
        block, _ = source.read(777)
        assert block.shape == (777, 2)
        blocks.append(block)
    heard = np.concatenate(blocks)
    np.testing.assert_allclose(heard[:100_000], audio.T, atol=1e-6)
    assert not heard[100_000:].any()
    assert source.frames_read == 100_000
