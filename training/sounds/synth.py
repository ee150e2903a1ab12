"""FluidSynth in this process: timed events in, dry 16 kHz mono out.

FluidSynth does not band-limit when it plays a sample faster than it was
recorded, so it renders at 48 kHz and the result is decimated by three.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training.sounds.presets import DRUM_BANK

RENDER_RATE_HZ = 3 * SAMPLE_RATE_HZ
_BREATH, _VOLUME, _EXPRESSION = 2, 7, 11
_LOG_LEVELS = (1, 2, 3)
"""Error, warning, information; what goes wrong here is raised."""


@dataclass(frozen=True)
class Event:
    """``kind`` is ``on``, ``off``, ``cc`` or ``bend``; the values are MIDI's.

    ``on``: key, velocity; ``off``: key; ``cc``: controller, value; ``bend``:
    -8192 to 8191 over the range of two semitones.
    """

    time_s: float
    kind: str
    a: int
    b: int = 0


class SoundFont:
    """A loaded soundfont. Keep one a process: loading takes seconds."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise TuttiError(f"The soundfont {self.path} is missing; install it or leave it out.")
        self._api = _Api()
        self._keeper = self._api.synth()
        font = self._keeper.sfload(str(self.path))
        if font < 0:
            raise TuttiError(f"{self.path} is not a soundfont that FluidSynth can read.")
        self._font = font
        self._loaded = self._api.font_of(self._keeper.synth, font)

    def names(self) -> dict[tuple[int, int], str]:
        """Bank and program of every preset, with its name."""
        held = {}
        for bank in range(DRUM_BANK + 1):
            for program in range(128):
                name = self._keeper.sfpreset_name(self._font, bank, program)
                if name is not None:
                    held[bank, program] = str(name).strip()
        return held

    def render(
        self, bank: int, program: int, events: Sequence[Event], duration_s: float
    ) -> NDArray[np.float32]:
        """Plays the events on one channel; float32, ``round(duration_s * 16000)`` samples."""
        import soxr

        sides = self.render_stereo(bank, program, events, duration_s)
        mono = soxr.resample(sides.mean(axis=0), RENDER_RATE_HZ, SAMPLE_RATE_HZ)
        return np.asarray(mono[: sides.shape[1] // 3], np.float32)

    def render_stereo(
        self, bank: int, program: int, events: Sequence[Event], duration_s: float
    ) -> NDArray[np.float32]:
        """The same, left and right at 48 kHz: float32 ``(2, 3 * round(duration_s * 16000))``.

        Every call has a synthesizer of its own (2 ms), because a used one's voices
        start with what their last notes left in them: the same events give the same
        samples, whatever was rendered before.
        """
        synth, channel = self._api.synth(), 9 if bank == DRUM_BANK else 0
        length = 3 * round(duration_s * SAMPLE_RATE_HZ)
        sides = np.zeros((2, length), np.float32)
        try:
            font = self._api.lend(synth.synth, self._loaded)
            synth.program_select(channel, font, bank, program)
            for controller in (_VOLUME, _EXPRESSION, _BREATH):
                synth.cc(channel, controller, 127)
            at = 0
            for event in sorted(events, key=lambda event: (event.time_s, event.kind != "off")):
                until = min(max(at, round(event.time_s * RENDER_RATE_HZ)), length)
                self._api.write(synth.synth, sides, at, until)
                at = until
                if event.kind == "on":
                    synth.noteon(channel, event.a, event.b)
                elif event.kind == "off":
                    synth.noteoff(channel, event.a)
                elif event.kind == "cc":
                    synth.cc(channel, event.a, event.b)
                else:
                    synth.pitch_bend(channel, event.a)
            self._api.write(synth.synth, sides, at, length)
        finally:
            self._api.take_back(synth.synth, self._loaded)
            synth.delete()
        return sides


class _Api:
    """The calls of libfluidsynth that pyfluidsynth does not wrap."""

    def __init__(self) -> None:
        try:
            import fluidsynth
        except ImportError as error:
            raise TuttiError(
                "FluidSynth is missing; install it (Debian: apt-get install libfluidsynth3, "
                "macOS: brew install fluid-synth) or leave out notes and pieces with --only."
            ) from error
        pointer, integer = ctypes.c_void_p, ctypes.c_int
        self._synth = fluidsynth.Synth
        self.font_of = fluidsynth.cfunc(
            "fluid_synth_get_sfont_by_id", pointer, ("synth", pointer, 1), ("id", integer, 1)
        )
        self.lend = fluidsynth.cfunc(
            "fluid_synth_add_sfont", integer, ("synth", pointer, 1), ("font", pointer, 1)
        )
        self.take_back = fluidsynth.cfunc(
            "fluid_synth_remove_sfont", integer, ("synth", pointer, 1), ("font", pointer, 1)
        )
        self._write = fluidsynth.cfunc(
            "fluid_synth_write_float", integer, ("synth", pointer, 1), ("len", integer, 1),
            ("lout", pointer, 1), ("loff", integer, 1), ("lincr", integer, 1),
            ("rout", pointer, 1), ("roff", integer, 1), ("rincr", integer, 1),
        )  # fmt: skip
        # It warns of every channel without a preset whenever a font is lent or taken back.
        silence = fluidsynth.cfunc(
            "fluid_set_log_function", pointer, ("level", integer, 1), ("function", pointer, 1),
            ("data", pointer, 1),
        )  # fmt: skip
        for level in _LOG_LEVELS:
            silence(level, None, None)

    def synth(self) -> Any:
        return self._synth(
            gain=0.3,
            samplerate=float(RENDER_RATE_HZ),
            channels=16,
            **{"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.polyphony": 256},
        )

    def write(self, synth: Any, sides: NDArray[np.float32], start: int, end: int) -> None:
        """Renders samples ``start`` to ``end`` into ``sides``, left and right."""
        if end > start:
            left, right = sides
            self._write(synth, end - start, left.ctypes.data, start, 1, right.ctypes.data, start, 1)


_open: dict[tuple[int, Path], SoundFont] = {}


def soundfont(path: Path) -> SoundFont:
    """The font, loaded once in each process."""
    key = (os.getpid(), path)
    if key not in _open:
        _open[key] = SoundFont(path)
    return _open[key]
