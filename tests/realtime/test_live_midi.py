"""MIDI out: over a real JACK server, and with drivers that hang, crash or are not there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest
from live_tags import SPEC, arguments, tags

from realtime.errors import TuttiError
from realtime.live_outputs import midi_map
from realtime.live_outputs.midi_map import rules_for
from realtime.live_outputs.midi_port import choose
from realtime.live_outputs.output import Setting
from realtime.live_outputs.table import LiveOutputs
from realtime.taxonomy import FAMILIES, INSTRUMENTS

WAIT_S = 20
RECEIVER = """
import rtmidi, sys, time
port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="Synth")
port.open_virtual_port("in")
print("open", flush=True)
while True:
    if got := port.get_message():
        print(bytes(got[0]).hex(), flush=True)
    else:
        time.sleep(0.005)
"""
DRIVER = """
import os, pathlib, time
FOLDER = pathlib.Path(os.environ["FAKE_MIDI"])

def get_compiled_api():
    return [1, 2]

class MidiOut:
    def __init__(self, api, name):
        if api == 1:
            raise RuntimeError("a sound system that does not run")
    def get_ports(self):
        return (FOLDER / "ports").read_text().splitlines()
    def open_port(self, number, name):
        assert not (FOLDER / "taken").exists()
    def send_message(self, message):
        while (FOLDER / "hang").exists():
            time.sleep(0.01)
        if (FOLDER / "crash").exists():
            os.abort()
        with (FOLDER / "sent").open("a") as sent:
            sent.write(bytes(message).hex() + "\\n")
    def close_port(self):
        (FOLDER / "closed").touch()
"""


@pytest.fixture
def driver(tmp_path, monkeypatch) -> Path:
    """A folder that stands for a MIDI driver: its ports, what it was sent, and its faults."""
    (tmp_path / "rtmidi.py").write_text(DRIVER)
    (tmp_path / "ports").write_text("Synth:in\nSynth:in 2\nDrum machine\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("FAKE_MIDI", str(tmp_path))
    return tmp_path


def sent(folder: Path) -> list[mido.Message]:
    path = folder / "sent"
    lines = path.read_text().split() if path.exists() else []
    return [mido.Message.from_hex(line) for line in lines]


def outputs(*given: str, names=("",), say=lambda text: None) -> LiveOutputs:
    return LiveOutputs(arguments(*given), SPEC, say, names)


def tell(made: LiveOutputs, number: int, wait_until, name: str = "", **heard: float) -> None:
    """A window, and wait until it was sent or lost."""
    before = sum(vars(made.counts()["midi"]).values())
    made.listener(name)(tags(number, **heard))
    wait_until(
        lambda: sum(vars(made.counts()["midi"]).values()) > before, WAIT_S, "the window's end"
    )


@pytest.fixture
def receiver(jack_server) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_midi_is_received_over_a_real_server(receiver, wait_until, capfd):
    said: list[str] = []
    with outputs("--midi", "synth", say=said.append) as made:
        tell(made, 0, wait_until, piano=0.5, key=1.0, rms_dbfs=-30.0, count=3.2)
        got = [mido.Message.from_hex(receiver.stdout.readline()) for _ in range(34)]
        assert {one.type for one in got} == {"control_change"}
        values = {(one.channel, one.control): one.value for one in got}
        assert len(values) == len(got) == len(INSTRUMENTS) + len(FAMILIES) + 2
        numbers = [*range(20, 32), *range(102, 114)]
        assert values[(0, numbers[INSTRUMENTS.index("piano")])] == 64
        assert values[(1, 20 + FAMILIES.index("key"))] == 127
        assert values[(1, 28)] == 3
        assert values[(1, 29)] == 64
        assert sum(values.values()) == 64 + 127 + 3 + 64
        # Only what has changed.
        tell(made, 1, wait_until, piano=0.5, key=1.0, rms_dbfs=-30.0, count=2.9)
        tell(made, 2, wait_until, piano=0.25, key=1.0, rms_dbfs=-30.0, count=2.9)
        change = mido.Message.from_hex(receiver.stdout.readline())
        assert (change.channel, change.control) == (0, numbers[INSTRUMENTS.index("piano")])
        assert change.value == 32
    assert said == ["MIDI to Synth:in."]
    assert capfd.readouterr().err == ""


def test_an_unknown_port_is_told_with_those_there_are(receiver):
    with pytest.raises(TuttiError, match=r"There is no MIDI port harp: there is Synth:in\."):
        outputs("--midi", "harp")


def test_no_port_at_all(driver):
    (driver / "ports").write_text("")
    with pytest.raises(TuttiError, match="There is no MIDI port at all, and so no Synth: connect"):
        outputs("--midi", "Synth")


def test_a_name_that_fits_several_is_told_with_them(driver):
    with pytest.raises(TuttiError, match="name one of Synth:in, Synth:in 2"):
        outputs("--midi", "synth")
    with outputs("--midi", "Synth:in"):
        pass  # the very name of one


def test_a_port_that_another_program_has(driver):
    (driver / "taken").touch()
    with pytest.raises(TuttiError, match="Drum machine could not be opened: check that no other"):
        outputs("--midi", "Drum machine")


def test_a_driver_that_hangs_is_ended_and_started_again(driver, wait_until, monkeypatch):
    from realtime.live_outputs import midi

    monkeypatch.setattr(midi, "RETRY_S", 0.0)
    said: list[str] = []
    with outputs("--midi", "drum", say=said.append) as made:
        (driver / "hang").touch()
        tell(made, 0, wait_until, drums=1.0)
        assert sent(driver) == []
        (driver / "hang").unlink()
        tell(made, 1, wait_until, drums=1.0)
        assert len(sent(driver)) == 34  # all of it, since the new one knows nothing
        (driver / "crash").touch()
        tell(made, 2, wait_until, drums=0.5)
        (driver / "crash").unlink()
        (driver / "ports").write_text("Synth:in\n")  # unplugged
        tell(made, 3, wait_until, drums=0.5)
        counts = made.counts()["midi"]
        assert (counts.sent, counts.lost) == (1, 3)
        (driver / "ports").write_text("Drum machine 2\n")  # and back
        tell(made, 4, wait_until, drums=0.5)
        assert len(sent(driver)) == 68
        assert made.counts()["midi"].lost == 3
    assert said == [
        "MIDI to Drum machine.",
        "MIDI to Drum machine is not received (its driver does not answer): what is lost is "
        "counted, and the meters go on.",
    ]
    assert (driver / "closed").exists()


MAP = """
[[send]]
what = "instrument/drums"
note = 36
channel = 10
velocity = 90

[[send]]
what = "family/key"
control = 7

[[send]]
what = "polyphony"
control = 16
sound = "before"
"""


def test_a_map_of_ones_own(driver, wait_until):
    """Notes at the threshold, and off at the end; controllers; a sound of its own."""
    path = driver / "map.toml"
    path.write_text(MAP)
    with outputs("--midi", "drum", "--midi-map", str(path), names=("before", "after")) as made:
        tell(made, 0, wait_until, "after", drums=0.49, key=0.5)
        tell(made, 1, wait_until, "after", drums=0.5, key=0.5)
        tell(made, 2, wait_until, "before", drums=1.0, key=1.0, count=4.0)
        tell(made, 3, wait_until, "after", drums=0.4, key=0.5)
        tell(made, 4, wait_until, "after", drums=0.9, key=0.5)
    messages = [mido.Message(**one) for one in (
        {"type": "control_change", "channel": 0, "control": 7, "value": 64},
        {"type": "note_on", "channel": 9, "note": 36, "velocity": 90},
        {"type": "control_change", "channel": 0, "control": 16, "value": 4},
        {"type": "note_off", "channel": 9, "note": 36, "velocity": 0},
        {"type": "note_on", "channel": 9, "note": 36, "velocity": 90},
        {"type": "note_off", "channel": 9, "note": 36, "velocity": 0},
    )]  # fmt: skip
    assert sent(driver) == messages


def test_the_default_tells_everything_once_on_free_controllers():
    setting = Setting(SPEC, ("before", "after"), arguments("--midi", "x"), dict)
    rules = rules_for(setting)
    assert {rule.what for rule in rules} == {
        *(f"instrument/{name}" for name in INSTRUMENTS),
        *(f"family/{name}" for name in FAMILIES),
        "polyphony", "level",
    }  # fmt: skip
    assert len({rule.key for rule in rules}) == len(rules) == 34
    assert {rule.sound for rule in rules} == {"after"}
    assert {rule.number for rule in rules} <= set(midi_map.UNDEFINED)


@pytest.mark.parametrize(
    ("rms_dbfs", "value"), [(-120.0, 0), (-60.0, 0), (-30.0, 64), (0.0, 127), (3.0, 127)]
)
def test_levels(rms_dbfs, value):
    rule = midi_map.Rule("level", "", 0, 7)
    assert rule.value(tags(rms_dbfs=rms_dbfs), SPEC) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("send = 3", "needs entries such as"),
        ("", "needs entries such as"),
        ("[[send]]\nwhat = ", "is not TOML"),
        ("[[send]]\nwhat = 'level'\ncontrol = 7\n[other]", "needs entries such as"),
        ("send = [1]", "Entry 1 of the MIDI map .* is no table"),
        ("[[send]]\nwhat = 'instrument/theremin'\ncontrol = 7", "what = 'instrument/theremin' is"),
        ("[[send]]\ncontrol = 7", "what = None is not known; it may be family/voice"),
        ("[[send]]\nwhat = ['level']\ncontrol = 7", "is not known"),
        ("[[send]]\nwhat = 'level'\ncontrol = 7\nsound = 'wet'", "no sound 'wet' here; heard: one"),
        ("[[send]]\nwhat = 'level'", "needs either control or note"),
        ("[[send]]\nwhat = 'level'\nnote = 7", "a note is for an instrument or a family"),
        ("[[send]]\nwhat = 'level'\ncontrol = 128", "control = 128 is not .* 0 to 119"),
        ("[[send]]\nwhat = 'level'\ncontrol = 7.0", "control = 7.0 is not a whole number"),
        ("[[send]]\nwhat = 'level'\ncontrol = true", "control = True is not a whole number"),
        ("[[send]]\nwhat = 'level'\ncontrol = 7\nchannel = 0", "channel = 0 is not .* 1 to 16"),
        ("[[send]]\nwhat = 'level'\ncontrol = 7\ncolour = 0", "has colour, which mean"),
        ("[[send]]\nwhat = 'level'\ncontrol = 7\n" * 2, "Entry 2 .* sends what entry 1 does"),
    ],
)
def test_a_bad_map_is_one_sentence(text, sentence, tmp_path):
    path = tmp_path / "map.toml"
    path.write_text(text)
    given = arguments("--midi", "x", "--midi-map", str(path))
    with pytest.raises(TuttiError, match=sentence):
        rules_for(Setting(SPEC, ("",), given, dict))


def test_a_map_that_is_not_there(tmp_path):
    given = arguments("--midi", "x", "--midi-map", str(tmp_path / "none.toml"))
    with pytest.raises(TuttiError, match="cannot be read"):
        rules_for(Setting(SPEC, ("",), given, dict))


def test_which_port_is_meant():
    names = ["Synth", "Synth 2", "Café"]
    assert [choose(one, names) for one in ("Synth", "synth", "2", "CAFÉ", "x")] == [
        0, None, 1, 2, None,
    ]  # fmt: skip
