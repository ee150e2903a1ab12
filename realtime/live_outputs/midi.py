"""MIDI: controllers and notes, sent when they change (``midi_map.py`` says which)."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import rtmidi  # noqa: F401  the program below needs it: its absence is told before sound begins

from realtime.errors import TuttiError, plain
from realtime.live_outputs import midi_port
from realtime.live_outputs.midi_map import Rule, rules_for
from realtime.live_outputs.output import Setting
from realtime.postprocess import Tags
from realtime.sources.child import Child, module_command

OPEN_S = 10.0
SEND_S = 1.0
"""A port that takes longer for a few bytes hangs."""
END_S = 0.2
RETRY_S = 2.0
HOW = {
    "linux": "'sudo modprobe snd-virmidi' makes some that programs share",
    "darwin": "Audio MIDI Setup has the IAC Driver, which programs share",
}


def open_output(where: str, setting: Setting) -> MidiOutput:
    """Send to a port, by its name or a part of it.

    Raises:
        TuttiError: there is no such port, or the map means nothing.
    """
    return MidiOutput(where, rules_for(setting), setting)


class MidiOutput:
    """The port is a child process's; one that ended or hangs is started again."""

    def __init__(self, wanted: str, rules: list[Rule], setting: Setting) -> None:
        self._wanted = wanted
        self._rules = rules
        self._spec = setting.spec
        self._told: dict[Rule, int] = {}
        self._not_before_s = 0.0
        self._child: Child | None = None
        answer = self._open()
        if "port" not in answer:
            raise TuttiError(_no_port(wanted, answer["ports"]))
        self.where = plain(f"MIDI to {answer['port']}")

    def send(self, name: str, tags: Tags) -> None:
        rules = [rule for rule in self._rules if rule.sound == name]
        if not rules:
            return
        if self._child is None:
            self._open_again()
        values = {rule: rule.value(tags, self._spec) for rule in rules}
        before = {rule: 0 for rule in rules if rule.is_note} | self._told  # no note sounds at first
        self._send({rule: value for rule, value in values.items() if before.get(rule) != value})

    def close(self) -> None:
        if self._child is not None:
            self._send({rule: 0 for rule, value in self._told.items() if rule.is_note and value})
            self._child.end_input()
            self._child.read(END_S)  # until it ends
            self._drop()

    def _send(self, changed: dict[Rule, int]) -> None:
        assert self._child is not None
        if not changed:
            return
        messages = [rule.message(value) for rule, value in changed.items()]
        try:
            for at in range(0, len(messages), 255):
                packet = messages[at : at + 255]
                self._child.write(bytes([len(packet)]) + b"".join(packet))
                if self._child.read(SEND_S) != midi_port.SENT:
                    raise OSError("its driver does not answer")
        except OSError:
            self._drop()
            raise
        self._told |= changed

    def _open(self) -> dict[str, Any]:
        """What the program says first; where it has a port open, it stays."""
        child = Child(module_command(midi_port.__name__, self._wanted))
        until_s, text = time.monotonic() + OPEN_S, b""
        while not text.endswith(b"\n"):
            came = child.read(max(0.0, until_s - time.monotonic()))
            if not came:
                child.close()
                raise TuttiError(
                    f"The MIDI port {self._wanted} could not be opened: check that no other "
                    "program has it, and that its driver runs."
                )
            text += came
        answer: dict[str, Any] = json.loads(text)
        if "port" in answer:
            self._child = child
        else:
            child.close()
        return answer

    def _open_again(self) -> None:
        """Raises OSError where it is not there; it is looked for every two seconds."""
        if time.monotonic() >= self._not_before_s:
            self._not_before_s = time.monotonic() + RETRY_S
            if "port" in self._open():
                return
        raise OSError("it is not connected")

    def _drop(self) -> None:
        child, self._child = self._child, None
        self._told.clear()
        self._not_before_s = time.monotonic() + RETRY_S
        if child is not None:
            child.close()


def _no_port(wanted: str, names: list[str]) -> str:
    if not names:
        how = HOW.get(sys.platform, "loopMIDI makes some that programs share")
        return f"There is no MIDI port at all, and so no {wanted}: connect one ({how})."
    meant = [name for name in names if wanted.lower() in name.lower()]
    if meant:
        return f"Several MIDI ports are called {wanted}: name one of {', '.join(meant)}."
    return f"There is no MIDI port {wanted}: there is {', '.join(names)}."
