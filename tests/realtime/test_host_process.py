"""The host's sound is pedalboard's, bit for bit, and changes make no clicks."""

import numpy as np
import pedalboard
import pytest

from realtime.errors import TuttiError
from realtime.host import chain as chains
from realtime.host.board import make_effect
from realtime.host.chain import Chain, EffectStep, TapStep
from realtime.host.effects import EFFECTS
from realtime.host.host import Host
from realtime.model import TagModel

RATE_HZ = 48_000
SPECIAL = {
    "Compressor": {"threshold_db": -30.0, "ratio": 4.0},
    "Delay": {"delay_seconds": 0.02, "feedback": 0.5},
    "Gain": {"gain_db": -3.0},
    "PitchShift": {"semitones": 3.0},
    "PeakFilter": {"gain_db": 9.0},
    "Limiter": {"threshold_db": -20.0},
}


@pytest.fixture(scope="module")
def model(tone_model_path):
    return TagModel(tone_model_path)


@pytest.fixture(scope="module")
def response_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("ir") / "room.wav"
    tail = np.random.default_rng(1).standard_normal((1, 3000)) * np.exp(-np.arange(3000) / 500)
    with pedalboard.io.AudioFile(str(path), "w", RATE_HZ, 1) as file:
        file.write((0.2 * tail).astype(np.float32))
    return str(path)


@pytest.fixture
def step(response_path):
    def make(name, **more):
        parameters = dict(SPECIAL.get(name, {}))
        if name == "Convolution":
            parameters["impulse_response_filename"] = response_path
        return EffectStep(name, parameters, **more)

    return make


def noise(seconds, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, round(seconds * RATE_HZ)))).astype(np.float32)


def random_blocks(audio, seed, largest=6000):
    """Any sizes, the first among the largest: pedalboard itself forgets when blocks grow."""
    rng = np.random.default_rng(seed)
    at = 0
    size = largest
    while at < audio.shape[1]:
        yield audio[:, at : at + size]
        at += size
        size = int(rng.choice([0, 1, 2, 3, 64, 511, rng.integers(1, largest)]))


def assert_same_sound(steps, audio, seed, model, **options):
    with Host(Chain(tuple(steps)), model=model, **options) as host:
        alone = pedalboard.Pedalboard(
            [make_effect(one) for one in steps if isinstance(one, EffectStep)]
        )
        frames = 0
        for block in random_blocks(audio, seed):
            expected = block if block.shape[1] == 0 else alone(block, RATE_HZ, reset=False)
            before = block.copy()
            got = host.process(block, RATE_HZ)
            if block.shape[1]:
                np.testing.assert_array_equal(got, expected)
                frames += got.shape[1]
            np.testing.assert_array_equal(block, before)
        assert frames == host.frames_out
        return host


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_each_effect_alone_is_bit_identical(name, step, model):
    steps = [TapStep("a"), step(name), TapStep("b")]
    for seed in range(2):
        host = assert_same_sound(steps, noise(1.3, seed=seed), seed, model)
        heard = {name: tap.now_s for name, tap in host.taps.items()}
        assert heard["a"] == pytest.approx(host.frames_in / RATE_HZ)
        assert heard["b"] == pytest.approx(host.frames_out / RATE_HZ)


FIRST = sorted(name for name in EFFECTS if EFFECTS[name].withholds)
SECOND = ("Convolution", "Resample", "MP3Compressor", "PitchShift", "Delay")


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in FIRST for b in SECOND if a != b])
def test_effects_after_one_that_withholds_audio_are_bit_identical(first, second, step, model):
    steps = [
        step("Compressor"),
        TapStep("a"),
        step(first),
        TapStep("m"),
        step(second),
        TapStep("z"),
    ]
    audio = noise(1.5)
    host = assert_same_sound(steps, audio, 5, model)
    assert 0 < host.taps["m"].now_s <= host.taps["a"].now_s
    assert host.taps["z"].now_s == pytest.approx(host.frames_out / RATE_HZ)


def test_long_random_chains_are_bit_identical(step, model):
    rng = np.random.default_rng(3)
    names = sorted(EFFECTS)
    for seed in range(4):
        steps = []
        for name in rng.permutation(names)[:5]:
            steps += [TapStep(f"before {name}")] if rng.random() < 0.5 else []
            steps.append(step(str(name)))
        assert_same_sound(steps, noise(1.5, seed=seed), seed, model)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_any_channel_count_up_to_8(channels, step, model):
    steps = [step("Gain"), step("Delay"), step("LowpassFilter")]
    assert_same_sound(steps, noise(0.6, channels), 1, model)


@pytest.mark.parametrize("name", ["Reverb", "Convolution", "MP3Compressor"])
@pytest.mark.parametrize("channels", [3, 4, 8])
def test_stereo_effects_run_a_copy_for_each_pair(name, channels, step, model):
    audio = noise(0.5, channels)
    with Host(Chain((step(name),)), model=model) as host:
        got = host.process(audio, RATE_HZ)
    for first in range(0, channels - 1, 2):
        alone = pedalboard.Pedalboard([make_effect(step(name))])
        pair = alone(audio[first : first + 2], RATE_HZ, reset=False)
        np.testing.assert_array_equal(got[first : first + 2], pair)
    assert len(got) == channels
    assert np.abs(got[-1] - audio[-1, : got.shape[1]]).max() > 1e-3


def test_layouts_come_back_as_they_went_in(step, model):
    audio = noise(0.1)
    with Host(Chain((step("Delay"),)), model=model) as host:
        expected = host.process(audio, RATE_HZ)
        host.reset()
        turned = host.process(np.ascontiguousarray(audio.T), RATE_HZ)
        host.reset()
        flat = host.process(audio[0], RATE_HZ)
        host.reset()
        wide = host.process(audio.astype(np.float64), RATE_HZ)
    np.testing.assert_array_equal(turned.T, expected)
    np.testing.assert_array_equal(flat, expected[0])
    np.testing.assert_array_equal(wide, expected)
    assert wide.dtype == np.float32


def test_taps_hear_what_passes_them(model, tones):
    audio = np.tile(tones(["piano", "trumpet"], 4.0, RATE_HZ), (2, 1))
    chain = chains.parse(
        """
        [[chain]]
        tap = "before"
        [[chain]]
        effect = "LowpassFilter"
        cutoff_frequency_hz = 100.0
        [[chain]]
        effect = "LowpassFilter"
        cutoff_frequency_hz = 100.0
        [[chain]]
        effect = "Gain"
        gain_db = 40.0
        [[chain]]
        tap = "after"
        """
    )
    # Two first-order low-passes leave 300 n Hz at 1/n^2: the lower tone drowns the other.
    low, high = sorted(("piano", "trumpet"), key=lambda name: model.spec.instruments.index(name))
    with Host(chain, model=model) as host, host.tap("before") as pre, host.tap("after") as post:
        for at in range(0, audio.shape[1], 4096):
            host.process(audio[:, at : at + 4096], RATE_HZ)
        assert len(pre) > 0
    assert pre.duration_s == pytest.approx(4.0)
    before, after = pre.summary(), post.summary()
    assert before[low].present
    assert before[high].present
    assert after[low].probability > after[high].probability
    np.testing.assert_allclose(pre.start_s, post.start_s)


def test_a_recording_may_begin_and_end_at_any_time(model, tones):
    audio = np.tile(tones(["flute"], 1.7, RATE_HZ), (2, 1))
    with Host(Chain((EffectStep("Invert"),)), model=model) as host:
        host.process(audio, RATE_HZ)
        with host.tap("input") as first:
            host.process(audio, RATE_HZ)
        with host.tap("input") as second:
            pass
        host.process(audio, RATE_HZ)
    assert first.start_s[0] == 0.0
    assert first.duration_s == pytest.approx(1.7, abs=1e-3)
    assert first.summary()["flute"].present
    assert first.to_document()["file"] == "input"
    assert len(second) == 0


def test_live_taps_agree_with_inline_taps(model, tones):
    audio = np.tile(tones(["oboe"], 1.5, RATE_HZ), (2, 1))
    documents = []
    for live in (False, True):
        with Host(Chain((EffectStep("Invert"),)), model=model, live=live) as host:
            with host.tap("output") as timeline:
                for at in range(0, audio.shape[1], 4800):
                    host.process(audio[:, at : at + 4800], RATE_HZ)
            assert host.tap_blocks_dropped == 0
            documents.append(timeline.to_document())
    assert documents[0] == documents[1]


def test_a_stuck_listener_costs_tags_but_no_sound(model):
    import threading

    release = threading.Event()
    with Host(Chain((EffectStep("Gain", {"gain_db": 0.0}),)), model=model, live=True) as host:
        host.taps["input"].subscribe(lambda tags: release.wait(20))
        audio = noise(1.0)
        for _ in range(12):
            np.testing.assert_array_equal(host.process(audio, RATE_HZ), audio)
        assert host.tap_blocks_dropped > 0
        release.set()


def test_nan_out_of_an_effect_is_told_once_and_its_input_is_heard(model):
    heard = []
    chain = Chain((EffectStep("Gain", {"gain_db": 60.0}), EffectStep("Invert")))
    with Host(chain, model=model, on_problem=heard.append) as host:
        loud = np.full((2, 4800), 1e37, np.float32)
        for _ in range(3):
            assert np.isfinite(host.process(loud, RATE_HZ)).all()
        again = host.process(np.full((2, 4800), 1e-9, np.float32), RATE_HZ)
    assert len(heard) == 1
    assert "Effect 1 (Gain)" in heard[0]
    assert again[0, -1] == pytest.approx(-1e-6, rel=0.01)


def test_nan_at_the_input_is_no_traceback(model):
    with Host(Chain((EffectStep("Invert"),)), model=model) as host:
        bad = np.full((2, 48_000), np.nan, np.float32)
        host.process(bad, RATE_HZ)
        clean = host.process(noise(1.0), RATE_HZ)
        assert np.isfinite(clean).all()


@pytest.mark.parametrize(
    ("chain", "channels", "rate_hz", "message"),
    [
        (Chain((EffectStep("Invert"),)), 9, 48_000, "9 channels, and the host takes 1 to 8"),
        (
            Chain((EffectStep("HighpassFilter", {"cutoff_frequency_hz": 9000.0}),)),
            2,
            16_000,
            "Effect 1 (HighpassFilter): cutoff_frequency_hz is 9000 Hz, and at 16000 Hz it must "
            "stay below 8000 Hz",
        ),
    ],
)
def test_audio_that_cannot_be_is_refused(chain, channels, rate_hz, message, model):
    with Host(chain, model=model) as host, pytest.raises(TuttiError) as caught:
        host.process(np.zeros((channels, 100), np.float32), rate_hz)
    assert message in str(caught.value)


def test_a_stream_keeps_its_rate_and_channels(model):
    with Host(Chain((EffectStep("Invert"),)), model=model) as host:
        host.process(np.zeros((2, 100), np.float32), 48_000)
        with pytest.raises(TuttiError, match="reset"):
            host.process(np.zeros((2, 100), np.float32), 44_100)
        with pytest.raises(TuttiError, match="reset"):
            host.process(np.zeros((3, 100), np.float32), 48_000)
        host.reset()
        host.process(np.zeros((3, 100), np.float32), 44_100)


def test_wrong_names_are_answered_with_the_nearest(model):
    with Host(chains.parse('[[chain]]\ntap="dry"\n[[chain]]\neffect="Gain"'), model=model) as host:
        with pytest.raises(TuttiError, match="did you mean 'dry'"), host.tap("dyr"):
            pass
        with pytest.raises(TuttiError, match="no effect number 3: it has 1"):
            host.set_bypass(2, True)
        with pytest.raises(TuttiError, match="did you mean 'gain_db'"):
            host.set_parameter(0, "gain", 3.0)
        with pytest.raises(TuttiError, match="-120 to 60 dB"):
            host.set_parameter(0, "gain_db", 100.0)
        assert host.chain.effects[0].parameters == {}


# Changes while sound runs.

BLOCK = 256


def sine(seconds, hz=440.0):
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.tile((0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32), (2, 1))


def run(host, audio, changes):
    """Audio in blocks; ``changes`` maps a block's number to what to do before it."""
    outputs = []
    for number, at in enumerate(range(0, audio.shape[1], BLOCK)):
        changes.get(number, lambda: None)()
        outputs.append(host.process(audio[:, at : at + BLOCK], RATE_HZ))
    return np.concatenate(outputs, axis=1)


def click(audio):
    """Largest fourth difference: a smooth sine has hardly any, a step or a kink has."""
    return float(np.abs(np.diff(audio, 4)).max())


@pytest.mark.parametrize(
    ("steps", "change"),
    [
        ((EffectStep("Gain", {"gain_db": -20.0}),), lambda host: host.set_bypass(0, True)),
        ((EffectStep("Invert"),), lambda host: host.set_bypass(0, True)),
        ((EffectStep("Invert", {}, True),), lambda host: host.set_bypass(0, False)),
        ((EffectStep("Invert"),), lambda host: host.set_mix(0, 0.1)),
        (
            (EffectStep("Gain", {"gain_db": -20.0}),),
            lambda host: host.set_parameter(0, "gain_db", 0.0),
        ),
        (
            (EffectStep("LowpassFilter", {"cutoff_frequency_hz": 100.0}),),
            lambda host: host.set_parameter(0, "cutoff_frequency_hz", 5000.0),
        ),
        (
            (EffectStep("Delay", {"delay_seconds": 5.5 / 440, "mix": 0.4}),),
            lambda host: host.set_parameter(0, "mix", 0.0),
        ),
        (
            (EffectStep("LadderFilter", {"mode": "LPF12", "cutoff_hz": 400.0}),),
            lambda host: host.set_parameter(0, "mode", "HPF24"),
        ),
        (
            (EffectStep("BrickwallLimiter", {"ceiling_db": -20.0}),),
            lambda host: host.set_bypass(0, True),
        ),
    ],
    ids=["bypass", "bypass of an inversion", "back in", "mix", "gain", "cutoff", "delay's mix",
         "mode", "bypass with latency"],
)  # fmt: skip
def test_changes_make_no_click_and_no_gap(steps, change, model):
    audio = sine(1.0)
    with Host(Chain(steps), model=model, live=True) as host:
        output = run(host, audio, {90: lambda: change(host)})
        assert output.shape[1] == audio.shape[1] - host.withheld_frames
        new_chain = host.chain
    ends = []
    for chain in (Chain(steps), new_chain):
        with Host(chain, model=model, live=True) as host:
            ends.append(run(host, audio, {})[:, 12_000:24_000])
    old, new = ends
    hard = max(click(np.hstack((old[:, :at], new[:, at:]))) for at in range(6_000, 6_110, 5))
    steady = max(click(old), click(new))
    assert click(output[:, 12_000:]) < 0.1 * hard + 2 * steady
    assert hard > 20 * steady


def test_an_effect_may_come_to_withhold_more_without_a_gap(model):
    audio = sine(1.0)
    limiter = EffectStep("BrickwallLimiter", {"ceiling_db": -20.0, "lookahead_ms": 2.0})
    with Host(Chain((limiter,)), model=model, live=True) as host:
        output = run(host, audio, {90: lambda: host.set_parameter(0, "lookahead_ms", 20.0)})
    with Host(Chain((limiter,)), model=model, live=True) as host:
        unchanged = run(host, audio, {})
    assert output.shape[1] == audio.shape[1] - 96
    assert np.abs(output - unchanged)[:, -12_000:].max() > 0.02  # 864 frames later
    assert click(output[:, 12_000:]) < 2.5e-4  # the corner of a cross-fade over 960 frames
    peaks = np.abs(output[0, 12_000:46_800]).reshape(-1, 120).max(axis=1)
    np.testing.assert_allclose(peaks, peaks[0], rtol=0.05)  # two delays add up in the fade


def test_the_click_measure_sees_a_hard_switch():
    audio = sine(0.2)
    audio[:, 4_820:] *= -1
    assert click(audio) > 0.2


def test_bypass_leaves_exactly_the_input_and_mix_the_share(model):
    audio = noise(0.6)
    chain = Chain((EffectStep("Invert"), EffectStep("BrickwallLimiter", {"ceiling_db": 0.0})))
    with Host(chain, model=model, live=True) as host:
        output = run(host, audio, {20: lambda: host.set_bypass(0, True)})
        late = host.withheld_frames
        assert late > 0
        np.testing.assert_allclose(output[:, 12_000:], audio[:, 12_000:-late], atol=1e-6)
        np.testing.assert_allclose(output[:, 1_000:4_000], -audio[:, 1_000:4_000], atol=1e-6)
    with Host(Chain((EffectStep("Invert", mix=0.25),)), model=model) as host:
        np.testing.assert_allclose(run(host, audio, {}), 0.5 * audio, atol=1e-6)


def test_parameters_arrive_where_they_were_sent(model):
    audio = noise(1.0)
    with Host(Chain((EffectStep("Gain", {"gain_db": 0.0}),)), model=model, live=True) as host:
        output = run(
            host,
            audio,
            {
                30: lambda: host.set_parameter(0, "gain_db", -40.0),
                31: lambda: host.set_parameter(0, "gain_db", -6.0),
            },
        )
        assert host.chain.effects[0].parameters == {"gain_db": -6.0}
    gain = 10 ** (-6 / 20)
    np.testing.assert_allclose(output[:, 20_000:], gain * audio[:, 20_000:], rtol=1e-4, atol=1e-6)


def test_a_loaded_bypass_needs_no_effect_and_costs_no_sound(step, model):
    audio = noise(0.5)
    chain = Chain((step("PitchShift", bypass=True), step("Gain", bypass=True)))
    with Host(chain, model=model) as host:
        np.testing.assert_array_equal(host.process(audio, RATE_HZ), audio)
        host.set_bypass(1, False)
        for _ in range(3):
            output = host.process(audio, RATE_HZ)
    np.testing.assert_allclose(output, audio * 10 ** (-3 / 20), rtol=1e-4, atol=1e-6)


def test_dry_and_wet_stay_aligned_through_latency(model):
    audio = noise(1.0)
    chain = Chain((EffectStep("BrickwallLimiter", {"ceiling_db": 0.0}, mix=0.5),))
    with Host(chain, model=model) as host:
        output = run(host, audio, {})
    # The limiter passes quiet noise on unchanged, later: misaligned halves would comb-filter.
    np.testing.assert_allclose(output, audio[:, : output.shape[1]], atol=1e-6)


def test_effects_that_run_together_say_so(step, model):
    chain = Chain((step("MP3Compressor"), step("Gain")))
    with Host(chain, model=model) as host, pytest.raises(TuttiError, match="live=True"):
        host.set_bypass(1, True)
    with Host(chain, model=model, live=True) as host:
        host.set_bypass(1, True)
        assert host.chain.effects[1].bypass


@pytest.mark.parametrize("name", sorted(set(EFFECTS) - {"Chorus", "Phaser"}))
def test_which_effects_lose_sound_in_blocks_is_known(name, step):
    """Should this fail for a newer pedalboard: take ``whole_only`` away, and be glad."""
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    audio = np.tile((0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), (2, 1))
    effect = pedalboard.Pedalboard([make_effect(step(name))])
    whole = effect(audio, RATE_HZ)
    effect.reset()
    parts = [effect(audio[:, i : i + 1024], RATE_HZ, reset=False) for i in range(0, len(t), 1024)]
    blocks = np.concatenate(parts, axis=1)
    middle = slice(RATE_HZ // 2, RATE_HZ)
    kept = blocks[:, middle].std() / whole[:, middle].std()
    assert (kept < 0.5) == EFFECTS[name].whole_only


def test_effects_that_lose_sound_in_blocks_are_told_of(step, model):
    said = []
    audio = noise(0.1)
    with Host(Chain((step("PitchShift"),)), model=model, on_problem=said.append) as host:
        host.process(audio, RATE_HZ)
        assert said == []
        host.process(audio, RATE_HZ)
        host.process(audio, RATE_HZ)
    assert len(said) == 1
    assert "Effect 1 (PitchShift) loses sound in blocks" in said[0]
    with pytest.raises(TuttiError, match=r"\(PitchShift\) cannot run live"):
        Host(Chain((step("PitchShift"),)), model=model, live=True)


def test_a_change_reaches_the_copies_of_a_tap_inside(step, model, tones):
    audio = np.tile(tones(["flute"], 4.0, RATE_HZ), (2, 1))
    chain = Chain((step("Resample"), EffectStep("Gain"), TapStep("m"), step("MP3Compressor")))
    with Host(chain, model=model) as host:
        host.process(audio, RATE_HZ)
        host.set_parameter(1, "gain_db", -120.0)
        host.process(audio, RATE_HZ)
        host.process(audio, RATE_HZ)
        assert host.taps["m"].latest.level.silent


def test_the_first_frames_are_not_lost_to_an_effect_after_one_that_withholds(model):
    """pedalboard forgets the past when a block grows, as it does when an effect has filled up."""
    audio = np.zeros((2, 24_000), np.float32)
    audio[:, 0] = 0.5
    chain = Chain((EffectStep("BrickwallLimiter"), EffectStep("Delay", {"delay_seconds": 0.1})))
    with Host(chain, model=model, live=True) as host:
        output = run(host, audio, {})
    echo = int(np.argmax(np.abs(output[0, 100:]))) + 100
    assert abs(echo - 4_800) <= 2
