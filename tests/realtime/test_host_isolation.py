"""A plugin that hangs or crashes is told of and bypassed, and sound goes on."""

import errno
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from realtime.errors import TuttiError
from realtime.host import isolation
from realtime.host.chain import Chain, EffectStep
from realtime.host.host import Host
from realtime.host.isolation import IsolatedRunner, PluginState
from realtime.model import TagModel

RATE_HZ = 48_000
BLOCK = 480
STUB = Path(__file__).with_name("stub_worker.py")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends processes by POSIX signals")


@pytest.fixture(autouse=True)
def stub_process(monkeypatch):
    monkeypatch.setattr(isolation, "WORKER", (sys.executable, str(STUB)))
    monkeypatch.setattr(isolation, "HANG_S", 0.3)
    monkeypatch.setattr(isolation, "OFFLINE_HANG_S", 0.5)


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


@pytest.fixture
def plugin(tmp_path):
    """``plugin(name, **parameters)``: a step whose plugin is the stub."""

    def make(name="stub", parameters=None, **more):
        path = tmp_path / f"{name}.vst3"
        path.touch()
        return EffectStep("VST3", parameters or {}, path=path, **more)

    return make


@pytest.fixture
def make_host(model):
    hosts = []

    def make(*steps, **options):
        hosts.append(Host(Chain(steps), model=model, **options))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


def noise(frames, channels=2):
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((channels, frames))).astype(np.float32)


def alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_sound_parameters_and_preset_reach_the_process(plugin, make_host, tmp_path):
    preset = tmp_path / "soft.vstpreset"
    preset.write_text("0.25")
    host = make_host(plugin(parameters={"inverted": True}, preset=preset))
    audio = noise(20_000)  # several orders long
    np.testing.assert_allclose(host.process(audio, RATE_HZ), -0.25 * audio, rtol=1e-6)
    host.set_parameter(0, "gain", 2.0)
    np.testing.assert_allclose(host.process(audio, RATE_HZ), -2.0 * audio, rtol=1e-6)
    assert host.plugins[0].read_values() == {"gain": 2.0, "trouble": "none", "inverted": True}
    assert host.chain.effects[0].parameters == {"inverted": True, "gain": 2.0}
    gain = host.plugins[0].parameters["gain"]
    assert (gain.minimum, gain.maximum, gain.unit, gain.default) == (0.0, 2.0, "x", 0.25)


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_channels_are_run_in_pairs_where_the_plugin_knows_no_other(channels, plugin, make_host):
    audio = noise(1000, channels)
    output = make_host(plugin()).process(audio, RATE_HZ)
    np.testing.assert_allclose(output, 0.5 * audio, rtol=1e-6)


def test_latency_in_the_process_is_compensated(plugin, make_host):
    audio = noise(9600)
    for mix in (1.0, 0.5):
        host = make_host(plugin("late", {"gain": 1.0}, mix=mix))
        parts = [host.process(audio[:, i : i + BLOCK], RATE_HZ) for i in range(0, 9600, BLOCK)]
        assert host.withheld_frames == 1000
        np.testing.assert_allclose(np.hstack(parts), audio[:, :8600], rtol=1e-5, atol=1e-7)


TROUBLES = [
    ("hang", PluginState.HUNG, "hung"),
    ("crash", PluginState.CRASHED, "SIGSEGV"),
    ("exit", PluginState.CRASHED, "status 3"),
    ("raise", PluginState.CRASHED, "it does not feel like it"),
]


@pytest.mark.parametrize(("trouble", "state", "word"), TROUBLES)
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("name", ["stub", "late"])
def test_trouble_is_told_bypassed_and_can_be_reloaded(
    trouble, state, word, live, name, plugin, make_host
):
    said = []
    host = make_host(
        EffectStep("Gain", {"gain_db": 0.0}),
        plugin(name, {"gain": 1.0}),
        live=live,
        on_problem=said.append,
    )
    process_id = host.plugins[1].process_id
    audio = noise(BLOCK)
    for _ in range(20):
        assert host.process(audio, RATE_HZ).shape[1] <= 2 * BLOCK
    withheld = host.withheld_frames
    host.set_parameter(1, "trouble", trouble)
    until_s = time.monotonic() + 60
    while host.plugins[1].state == PluginState.RUNNING:
        output = host.process(audio, RATE_HZ)
        assert output.shape == audio.shape
        assert np.abs(output).max() > 0.01  # sound goes on
        assert time.monotonic() < until_s
        if live:
            time.sleep(BLOCK / RATE_HZ)
    assert host.plugins[1].state == state
    assert len(said) == 1
    assert "Effect 2" in said[0]
    assert word in said[0]
    assert not alive(process_id)
    for _ in range(5):
        output = host.process(audio, RATE_HZ)
    np.testing.assert_allclose(output, np.roll(audio, withheld, axis=1), atol=1e-6)
    host.plugins[1].step = plugin(name, {"gain": 0.5})
    host.reload(1)
    until_s = time.monotonic() + 60
    while not np.isclose(np.abs(output).mean(), 0.5 * np.abs(audio).mean(), rtol=0.1):
        output = host.process(audio, RATE_HZ)
        assert output.shape == audio.shape
        assert time.monotonic() < until_s
        time.sleep(0.02 if live else 0)
    assert host.withheld_frames == withheld
    assert len(said) == 1


def test_nan_from_a_plugin_is_its_input_instead(plugin, make_host):
    said = []
    host = make_host(plugin(parameters={"trouble": "nan"}), on_problem=said.append)
    audio = noise(BLOCK)
    for _ in range(3):
        np.testing.assert_allclose(host.process(audio, RATE_HZ), audio, atol=1e-6)
    assert len(said) == 1
    assert "NaN" in said[0]


def test_the_hand_over_makes_no_click(plugin, make_host):
    t = np.arange(RATE_HZ) / RATE_HZ
    audio = np.tile((0.5 * np.sin(2 * np.pi * 220 * t)).astype(np.float32), (2, 1))
    host = make_host(plugin(parameters={"gain": 1.0, "inverted": True}))
    parts = []
    for number in range(60):
        if number == 30:
            os.kill(host.plugins[0].process_id, signal.SIGKILL)
            time.sleep(0.05)
        if number == 45:
            host.reload(0)
        block = audio[:, number * BLOCK : (number + 1) * BLOCK]
        parts.append(host.process(block, RATE_HZ))
    output = np.hstack(parts)
    np.testing.assert_allclose(output[:, 10_000:14_000], -audio[:, 10_000:14_000], atol=1e-6)
    np.testing.assert_allclose(output[:, 16_000:20_000], audio[:, 16_000:20_000], atol=1e-6)
    np.testing.assert_allclose(output[:, 25_000:28_000], -audio[:, 25_000:28_000], atol=1e-6)
    assert np.abs(np.diff(output)).max() < 2.5 * np.abs(np.diff(audio)).max()


def test_live_a_slow_plugin_is_not_waited_for(plugin, make_host):
    host = make_host(plugin(parameters={"gain": 1.0}), live=True)
    audio = noise(BLOCK)
    host.process(audio, RATE_HZ)
    host.set_parameter(0, "trouble", "slow")  # it takes five times a block's duration
    until_s = time.monotonic() + 10
    while not host.plugins[0].late_blocks:
        output = host.process(audio, RATE_HZ)
        assert time.monotonic() < until_s
    assert output.shape == audio.shape
    assert np.abs(output).max() > 0.01
    assert host.plugins[0].state == PluginState.RUNNING


def test_a_frozen_process_is_a_hang(plugin, make_host):
    said = []
    host = make_host(plugin(), live=True, on_problem=said.append)
    audio = noise(BLOCK)
    host.process(audio, RATE_HZ)
    os.kill(host.plugins[0].process_id, signal.SIGSTOP)
    until_s = time.monotonic() + 60
    while host.plugins[0].state == PluginState.RUNNING:
        assert host.process(audio, RATE_HZ).shape == audio.shape
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert host.plugins[0].state == PluginState.HUNG
    assert "hung" in said[0]


def test_what_cannot_be_loaded_is_said_and_leaves_no_process(plugin, model, tmp_path):
    foreign = tmp_path / "Foreign.vst3"
    (foreign / "Contents" / "x86_64-win").mkdir(parents=True)
    (foreign / "Contents" / "mips-linux").mkdir(parents=True)
    cases = {
        "no such luck": plugin("broken"),
        "crashed (SIGSEGV)": plugin("fatal"),
        "does not exist": EffectStep("VST3", path=tmp_path / "none.vst3"),
        "is built for mips-linux, x86_64-win": EffectStep("VST3", path=foreign),
        "did you mean 'gain'": plugin(parameters={"gian": 1.0}),
        "0 to 2 x": plugin(parameters={"gain": 3.0}),
        "did you mean 'hang'": plugin(parameters={"trouble": "hangs"}),
        "preset": plugin(preset=tmp_path / "none.vstpreset"),
    }
    if sys.platform != "darwin":
        cases["run on macOS only"] = EffectStep("AU", path=plugin().path)
    for expected, step in cases.items():
        with pytest.raises(TuttiError) as caught:
            Host(Chain((step,)), model=model)
        assert expected in str(caught.value)
        assert step.label in str(caught.value)
    runner = IsolatedRunner(plugin(parameters={"gain": 3.0}))
    with pytest.raises(TuttiError):
        runner.start()
    runner.close()
    assert runner.state == PluginState.STOPPED
    assert runner.process_id is None


def test_a_worker_that_says_nothing_is_given_up(plugin, monkeypatch):
    monkeypatch.setattr(isolation, "START_TIMEOUT_S", 0.5)
    silent = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(TuttiError, match="could not be started"):
        IsolatedRunner(plugin(), worker=silent).start()
    gone = (sys.executable, "-c", "pass")
    with pytest.raises(TuttiError, match="could not be started"):
        IsolatedRunner(plugin(), worker=gone).start()


@pytest.mark.parametrize(
    ("worker", "parameters"),
    [
        (("/nowhere/worker",), None),
        ((sys.executable, "-c", "pass"), None),
        (None, {"nonesuch": 1.0}),
    ],
    ids=["no program", "ends at once", "refuses a parameter"],
)
def test_a_start_that_fails_leaves_neither_memory_nor_process(
    plugin, monkeypatch, worker, parameters
):
    """The shared memory is the system's: left behind, it stays until the machine restarts."""
    made, launched = [], []

    class Memory(isolation.shared_memory.SharedMemory):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self.name)

    class Process(isolation.subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            launched.append(self)

    monkeypatch.setattr(isolation.shared_memory, "SharedMemory", Memory)
    monkeypatch.setattr(isolation.subprocess, "Popen", Process)
    runner = IsolatedRunner(plugin(parameters=parameters), worker=worker)
    with pytest.raises(TuttiError, match="could not be started|has no parameter"):
        runner.start()
    monkeypatch.undo()
    assert len(made) == 1
    for name in made:
        with pytest.raises(FileNotFoundError):
            isolation.shared_memory.SharedMemory(name)
    assert all(process.poll() is not None for process in launched)


@pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux gives it")
def test_memory_that_the_system_lacks_is_told_not_died_of(plugin, monkeypatch):
    """Where /dev/shm is full (a container's is small), writing to it would be SIGBUS."""
    runner = IsolatedRunner(plugin(), worker=(sys.executable, str(STUB)))
    runner.start()
    name = runner._memory.name
    taken = os.stat(f"/dev/shm/{name}").st_blocks * 512
    assert taken >= isolation.MEMORY_BYTES  # there before anything is written
    runner.close()
    before = set(os.listdir("/dev/shm"))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(TuttiError, match="could not be started .No space left on device"):
        runner.start()
    assert not {name for name in os.listdir("/dev/shm") if name.startswith("psm_")} - before


def test_the_process_ends_with_its_host(plugin, tmp_path):
    import subprocess

    script = tmp_path / "host.py"
    script.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from realtime.host.chain import EffectStep\n"
        "from realtime.host.isolation import IsolatedRunner\n"
        "runner = IsolatedRunner(EffectStep('VST3', path=Path(sys.argv[1])), worker=sys.argv[2:])\n"
        "runner.start()\n"
        "print(runner.process_id, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, str(script), str(plugin().path), sys.executable, str(STUB)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    process_id = int(done.stdout)
    until_s = time.monotonic() + 60
    while alive(process_id):
        assert time.monotonic() < until_s
        time.sleep(0.02)
