"""Chain files: what they say, what they refuse, and that saving loses nothing."""

import contextlib
import inspect
import re
from pathlib import Path

import pedalboard
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.host import chain as chains
from realtime.host.board import make_effect
from realtime.host.chain import Chain, EffectStep, TapStep
from realtime.host.effects import EFFECTS

ABSTRACT = {"Plugin", "PluginContainer", "IIRFilter", "ExternalPlugin", "VST3Plugin", "Chain",
            "Mix", "Pedalboard", "AudioUnitPlugin"}  # fmt: skip


def built_ins():
    found = {}
    for name in dir(pedalboard):
        one = getattr(pedalboard, name)
        if isinstance(one, type) and issubclass(one, pedalboard.Plugin) and name[0] != "_":
            found[name] = one
    return {name: one for name, one in found.items() if name not in ABSTRACT}


def test_every_effect_of_this_pedalboard_is_known():
    assert set(EFFECTS) == set(built_ins())


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_parameters_and_defaults_are_pedalboards(name):
    signature = built_ins()[name].__init__.__doc__.splitlines()[0]
    stated = dict(re.findall(r"(\w+): [^=,]+ = ([^,)]+)", signature))
    stated.pop("sample_rate", None)
    effect = EFFECTS[name]
    required = {one for one, p in effect.parameters.items() if p.kind == "file"}
    assert set(effect.parameters) == set(stated) | required
    for parameter in effect.parameters.values():
        if parameter.kind == "number":
            assert parameter.default == pytest.approx(float(stated[parameter.name]))
            assert parameter.minimum <= parameter.default <= parameter.maximum
        if parameter.kind == "choice":
            assert parameter.default in stated[parameter.name]
        if parameter.kind == "switch":
            assert str(parameter.default) == stated[parameter.name]


@pytest.mark.parametrize("name", sorted(set(EFFECTS) - {"Convolution"}))
def test_pedalboard_takes_both_ends_of_every_range(name):
    for parameter in EFFECTS[name].parameters.values():
        values = parameter.choices or (parameter.minimum, parameter.maximum)
        if parameter.kind == "switch":
            values = (False, True)
        for value in values:
            made = make_effect(EffectStep(name, {parameter.name: value}))
            if parameter.kind == "number":
                assert getattr(made, parameter.name) == pytest.approx(value, rel=1e-5)


def test_order_units_taps_bypass_and_mix(tmp_path):
    path = tmp_path / "chain.toml"
    path.write_text(
        """
        name = "vocal bus"
        [[chain]]
        tap = "dry"
        [[chain]]
        effect = "Gain"
        gain_db = -3
        bypass = true
        [[chain]]
        tap = "middle"
        [[chain]]
        effect = "Reverb"
        room_size = 0.8
        mix = 0.25
        [[chain]]
        effect = "VST3"
        path = "plugins/MVerb.vst3"
        preset = "hall.vstpreset"
        parameters = { decay = 60.0, "odd name" = "Halves" }
        """
    )
    chain = chains.load(path)
    assert chain.name == "vocal bus"
    assert [getattr(s, "name", None) or s.effect for s in chain.steps] == [
        "dry", "Gain", "middle", "Reverb", "VST3",
    ]  # fmt: skip
    gain, reverb, plugin = chain.effects
    assert (gain.bypass, gain.parameters, gain.mix) == (True, {"gain_db": -3}, 1.0)
    assert (reverb.mix, reverb.value("room_size"), reverb.value("damping")) == (0.25, 0.8, 0.5)
    assert plugin.path == tmp_path / "plugins" / "MVerb.vst3"
    assert plugin.preset == tmp_path / "hall.vstpreset"
    assert chain.taps == ("dry", "middle")


def test_an_effects_own_mix_is_its_own():
    delay = chains.parse('[[chain]]\neffect = "Delay"\nmix = 0.25').effects[0]
    assert delay.parameters == {"mix": 0.25}
    assert delay.mix == 1.0


def test_a_chain_without_taps_listens_at_both_ends():
    chain = chains.parse('[[chain]]\neffect = "Invert"')
    assert chain.taps == ()
    assert chain.with_taps().taps == ("input", "output")
    one = chains.parse('[[chain]]\ntap = "dry"\n[[chain]]\neffect = "Invert"')
    assert one.with_taps().taps == ("dry", "output")


REFUSED = {
    "nothing to hear": ("", "no effects"),
    "only a tap": ('[[chain]]\ntap = "a"', "no effects"),
    "not TOML": ("[[chain", "not a chain file"),
    "wrong effect": ('[[chain]]\neffect = "Compresor"', "did you mean 'Compressor'"),
    "wrong parameter": (
        '[[chain]]\neffect = "Compressor"\ntreshold_db = -3',
        "step 1 (Compressor): there is no parameter 'treshold_db' (did you mean 'threshold_db'?)",
    ),
    "out of range": (
        '[[chain]]\neffect = "Compressor"\nratio = 0.5',
        "parameter 'ratio': 0.5 is not allowed: it takes 1 to 100",
    ),
    "not a number": ('[[chain]]\neffect = "Gain"\ngain_db = "loud"', "-120 to 60 dB"),
    "not finite": ('[[chain]]\neffect = "Gain"\ngain_db = nan', "-120 to 60 dB"),
    "a switch for a number": ('[[chain]]\neffect = "Gain"\ngain_db = true', "-120 to 60 dB"),
    "wrong choice": (
        '[[chain]]\neffect = "LadderFilter"\nmode = "LPF21"',
        "(did you mean 'LPF24'?)",
    ),
    "missing file": ('[[chain]]\neffect = "Convolution"', "'impulse_response_filename' is missing"),
    "mix": ('[[chain]]\neffect = "Gain"\nmix = 1.5', "'mix' is 1.5, and it takes 0 to 1"),
    "bypass": ('[[chain]]\neffect = "Gain"\nbypass = 1', "true or false"),
    "two of a name": (
        '[[chain]]\ntap="a"\n[[chain]]\ntap="a"\n[[chain]]\neffect="Gain"',
        "two taps called 'a'",
    ),
    "a tap with more": ('[[chain]]\ntap = "a"\ngain_db = 3', "a tap has a name and nothing else"),
    "neither": ("[[chain]]\ngain_db = 3", "names neither an effect nor a tap"),
    "wrong heading": ('[[chian]]\neffect = "Gain"', "did you mean 'chain'"),
    "one table": ('[chain]\neffect = "Gain"', "a table of its own"),
    "plugin without path": ('[[chain]]\neffect = "VST3"', "needs its 'path'"),
    "plugin's entry": (
        '[[chain]]\neffect = "VST3"\npath = "a.vst3"\nparameter = {}',
        "did you mean 'parameters'",
    ),
    "plugin's value": ('[[chain]]\neffect="VST3"\npath="a.vst3"\nparameters={a=[1]}', "must be a"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_said_in_one_sentence(case):
    text, expected = REFUSED[case]
    with pytest.raises(TuttiError) as caught:
        chains.parse(text, "x.toml")
    message = str(caught.value)
    assert expected in message
    assert message.startswith("x.toml")
    assert "\n" not in message.removesuffix("\n") or case == "not TOML"


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(TuttiError, match=re.escape(str(path))):
            chains.load(path)


def numbers(parameter):
    if parameter.kind == "number":
        return st.floats(parameter.minimum, parameter.maximum)
    if parameter.kind == "switch":
        return st.booleans()
    return st.sampled_from(parameter.choices)


@st.composite
def effect_steps(draw):
    name = draw(st.sampled_from(sorted(set(EFFECTS) - {"Convolution"})))
    known = EFFECTS[name].parameters
    chosen = draw(st.lists(st.sampled_from(sorted(known)), unique=True)) if known else []
    mix = 1.0 if EFFECTS[name].has_own_mix else draw(st.floats(0, 1))
    parameters = {one: draw(numbers(known[one])) for one in chosen}
    return EffectStep(name, parameters, draw(st.booleans()), mix)


@st.composite
def plugin_steps(draw):
    keys = st.text(min_size=1, max_size=8)
    values = st.one_of(st.floats(allow_nan=False), st.booleans(), st.integers(-99, 99), st.text())
    return EffectStep(
        "VST3",
        draw(st.dictionaries(keys, values, max_size=3)),
        draw(st.booleans()),
        draw(st.floats(0, 1)),
        Path("folder") / "Some plugin.vst3",
        draw(st.none() | st.text(min_size=1)),
        draw(st.none() | st.just(Path("my preset.vstpreset"))),
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
STEPS = st.one_of(effect_steps(), plugin_steps(), TEXT.map(TapStep))


@given(steps=st.lists(STEPS, min_size=1, max_size=6), name=st.text())
def test_what_is_saved_is_loaded(steps, name):
    taps = [step.name for step in steps if isinstance(step, TapStep)]
    chain = Chain((*steps, EffectStep("Invert")), name)
    if len(set(taps)) < len(taps):
        with pytest.raises(TuttiError):
            chains.check(chain)
        return
    assert chains.parse(chains.dumps(chain)) == chain


@given(st.text())
def test_any_text_loads_or_is_refused(text):
    with contextlib.suppress(TuttiError):
        chains.parse(text)


@given(st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
))  # fmt: skip
def test_any_value_anywhere_loads_or_is_refused(value):
    for key in ("effect", "tap", "mix", "bypass", "gain_db", "path", "parameters", "preset"):
        for effect in ("Gain", "VST3"):
            table = {"effect": effect, "path": "a.vst3", key: value}
            entries = "".join(f"{name} = {chains._toml(one)}\n" for name, one in table.items())
            with contextlib.suppress(TuttiError):
                chains.parse(f"[[chain]]\n{entries}")


def test_files_saved_beside_their_plugins_can_be_moved(tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    step = EffectStep("VST3", {}, path=here / "plugins" / "a.vst3")
    response = EffectStep("Convolution", {"impulse_response_filename": str(here / "hall.wav")})
    chains.save(Chain((step, response)), here / "chain.toml")
    there = here.rename(tmp_path / "there")
    loaded = chains.load(there / "chain.toml")
    assert loaded.effects[0].path == there / "plugins" / "a.vst3"
    assert loaded.effects[1].value("impulse_response_filename") == str(there / "hall.wav")


def test_the_example_in_the_help_is_a_chain():
    from realtime.commands.host import EXAMPLES

    text = inspect.cleandoc(
        EXAMPLES[EXAMPLES.index("  [[chain]]") : EXAMPLES.index("Without taps")]
    )
    assert [step.effect for step in chains.parse(text).effects] == ["Compressor", "VST3"]


def test_a_full_disk_leaves_the_old_chain_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "chain.toml"
    chains.save(Chain((EffectStep("Gain", {"gain_db": -6.0}),)), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(TuttiError, match=r"chain.toml cannot be written .No space"):
        chains.save(Chain(()), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    with pytest.raises(TuttiError, match="cannot be written"):
        chains.save(Chain(()), path / "chain.toml")  # its folder is a file
