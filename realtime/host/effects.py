"""pedalboard's built-in effects: their parameters, ranges and units.

pedalboard tells neither ranges nor units of its built-in effects, and refuses
some wrong values only when they are used: this table does, once for chain
files, messages and sliders. Where pedalboard has a limit of its own, it is the
limit here; elsewhere the limits are the widest that make sense for sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from realtime.nearest import nearest as nearest

Value = float | bool | str
Kind = Literal["number", "switch", "choice", "file"]

PAIR_CHANNELS = 2


@dataclass(frozen=True)
class Parameter:
    """One parameter: its default, what is allowed, and how it may change while sound runs.

    ``unit`` is for people ("dB", "ms", "Hz", ""). ``logarithmic``: a slider
    should move in ratios. ``nyquist``: must stay below half the sample rate.
    ``gliding``: may be changed in small steps; else the effect starts afresh.
    """

    name: str
    default: Value
    minimum: float = 0.0
    maximum: float = 0.0
    unit: str = ""
    kind: Kind = "number"
    choices: tuple[str, ...] = ()
    logarithmic: bool = False
    nyquist: bool = False
    gliding: bool = True

    def allowed(self) -> str:
        """What is allowed, in words."""
        if self.kind == "switch":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "file":
            return "the path of a sound file"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.minimum:g} to {self.maximum:g}{unit}"

    def problem(self, value: object) -> str | None:
        """What is wrong with a value, or None."""
        if self.kind == "switch":
            good = isinstance(value, bool)
        elif self.kind == "choice":
            good = value in self.choices
        elif self.kind == "file":
            good = isinstance(value, str) and value != ""
        else:
            good = (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and self.minimum <= value <= self.maximum
            )
        if good:
            return None
        if self.kind == "choice" and isinstance(value, str):
            hint = nearest(value, self.choices)
            return f"{value!r} is not allowed{hint}: it takes {self.allowed()}"
        return f"{value!r} is not allowed: it takes {self.allowed()}"


@dataclass(frozen=True)
class Effect:
    """A built-in effect.

    ``withholds``: with ``reset=False`` it gives out fewer frames than it takes
    while it fills up. ``max_channels``: pedalboard refuses more, or silently
    leaves the others dry. ``whole_only``: in blocks it loses audio (pedalboard's
    issue 415), and is right only when it gets everything in one call. Measured
    on pedalboard 0.9.26; a test tells when that changes.
    """

    name: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    withholds: bool = False
    max_channels: int | None = None
    whole_only: bool = False

    @property
    def has_own_mix(self) -> bool:
        return "mix" in self.parameters


def _number(
    name: str, default: float, minimum: float, maximum: float, unit: str = "", **more: Any
) -> Parameter:
    return Parameter(name, default, minimum, maximum, unit, **more)


def _db(name: str, default: float, minimum: float, maximum: float) -> Parameter:
    return _number(name, default, minimum, maximum, "dB")


def _share(name: str, default: float) -> Parameter:
    return _number(name, default, 0.0, 1.0)


def _ms(name: str, default: float, minimum: float, maximum: float, **more: Any) -> Parameter:
    return _number(name, default, minimum, maximum, "ms", logarithmic=True, **more)


def _cutoff(name: str, default: float) -> Parameter:
    return _number(name, default, 1.0, 96_000.0, "Hz", logarithmic=True, nyquist=True)


def _choice(name: str, default: str, choices: tuple[str, ...]) -> Parameter:
    return Parameter(name, default, kind="choice", choices=choices, gliding=False)


def _effect(name: str, *parameters: Parameter, **more: Any) -> Effect:
    return Effect(name, {one.name: one for one in parameters}, **more)


_QUALITIES = (
    "ZeroOrderHold", "Linear", "CatmullRom", "Lagrange", "WindowedSinc", "WindowedSinc256",
    "WindowedSinc128", "WindowedSinc64", "WindowedSinc32", "WindowedSinc16", "WindowedSinc8",
)  # fmt: skip
_LADDER_MODES = ("LPF12", "HPF12", "BPF12", "LPF24", "HPF24", "BPF24")
_RATE = _number("rate_hz", 1.0, 0.01, 100.0, "Hz", logarithmic=True)
_Q = _number("q", 0.70710678, 0.01, 100.0, logarithmic=True)
_SHELF = (_cutoff("cutoff_frequency_hz", 440.0), _db("gain_db", 0.0, -60.0, 60.0), _Q)

EFFECTS: Mapping[str, Effect] = {
    effect.name: effect
    for effect in (
        _effect("Bitcrush", _number("bit_depth", 8.0, 0.0, 32.0, "bit")),
        _effect(
            "BrickwallLimiter",
            _db("ceiling_db", -1.0, -60.0, 0.0),
            _ms("release_ms", 100.0, 1.0, 5000.0),
            _ms("lookahead_ms", 5.0, 0.1, 100.0, gliding=False),
            Parameter("true_peak", False, kind="switch", gliding=False),
            withholds=True,
        ),
        _effect(
            "Chorus",
            _RATE,
            _share("depth", 0.25),
            _ms("centre_delay_ms", 7.0, 1.0, 100.0),
            _number("feedback", 0.0, -1.0, 1.0),
            _share("mix", 0.5),
        ),
        _effect("Clipping", _db("threshold_db", -6.0, -100.0, 20.0)),
        _effect(
            "Compressor",
            _db("threshold_db", 0.0, -100.0, 20.0),
            _number("ratio", 1.0, 1.0, 100.0, logarithmic=True),
            _ms("attack_ms", 1.0, 0.01, 1000.0),
            _ms("release_ms", 100.0, 0.1, 5000.0),
        ),
        _effect(
            "Convolution",
            Parameter("impulse_response_filename", "", kind="file", gliding=False),
            _share("mix", 1.0),
            max_channels=PAIR_CHANNELS,
        ),
        _effect(
            "Delay",
            _number("delay_seconds", 0.5, 0.0, 30.0, "s"),
            _share("feedback", 0.0),
            _share("mix", 0.5),
        ),
        _effect("Distortion", _db("drive_db", 25.0, -60.0, 100.0)),
        _effect(
            "GSMFullRateCompressor",
            _choice("quality", "WindowedSinc8", _QUALITIES),
            withholds=True,
            whole_only=True,
        ),
        _effect("Gain", _db("gain_db", 1.0, -120.0, 60.0)),
        _effect("HighShelfFilter", *_SHELF),
        _effect("HighpassFilter", _cutoff("cutoff_frequency_hz", 50.0)),
        _effect("Invert"),
        _effect(
            "LadderFilter",
            _choice("mode", "LPF12", _LADDER_MODES),
            _cutoff("cutoff_hz", 200.0),
            _share("resonance", 0.0),
            _number("drive", 1.0, 1.0, 100.0, logarithmic=True),
        ),
        _effect(
            "Limiter",
            _db("threshold_db", -10.0, -100.0, 20.0),
            _ms("release_ms", 100.0, 0.1, 5000.0),
        ),
        _effect("LowShelfFilter", *_SHELF),
        _effect("LowpassFilter", _cutoff("cutoff_frequency_hz", 50.0)),
        _effect(
            "MP3Compressor",
            _number("vbr_quality", 2.0, 0.0, 10.0, gliding=False),
            withholds=True,
            max_channels=PAIR_CHANNELS,
        ),
        _effect(
            "NoiseGate",
            _db("threshold_db", -100.0, -120.0, 20.0),
            _number("ratio", 10.0, 1.0, 100.0, logarithmic=True),
            _ms("attack_ms", 1.0, 0.01, 1000.0),
            _ms("release_ms", 100.0, 0.1, 5000.0),
        ),
        _effect("PeakFilter", *_SHELF),
        _effect(
            "Phaser",
            _RATE,
            _share("depth", 0.5),
            _cutoff("centre_frequency_hz", 1300.0),
            _number("feedback", 0.0, -1.0, 1.0),
            _share("mix", 0.5),
        ),
        _effect(
            "PitchShift",
            _number("semitones", 0.0, -72.0, 72.0, "semitones"),
            withholds=True,
            whole_only=True,
        ),
        _effect(
            "Resample",
            _number("target_sample_rate", 8000.0, 100.0, 768_000.0, "Hz", gliding=False),
            _choice("quality", "WindowedSinc32", _QUALITIES),
            withholds=True,
        ),
        _effect(
            "Reverb",
            *(
                _share(name, default)
                for name, default in (
                    ("room_size", 0.5),
                    ("damping", 0.5),
                    ("wet_level", 0.33),
                    ("dry_level", 0.4),
                    ("width", 1.0),
                    ("freeze_mode", 0.0),
                )
            ),
            max_channels=PAIR_CHANNELS,
        ),
    )
}
"""The built-in effects, by pedalboard's own name."""
