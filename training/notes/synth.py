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

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training.notes.presets import DRUM_BANK

RENDER_RATE_HZ = 3 * SAMPLE_RATE_HZ
_BREATH, _VOLUME, _EXPRESSION = 2, 7, 11
_BLOCK = 64
"""Samples that FluidSynth computes at a time."""


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
        fluidsynth = _fluidsynth()
        self._write = fluidsynth.cfunc(
            "fluid_synth_write_float", ctypes.c_int, ("synth", ctypes.c_void_p, 1),
            ("len", ctypes.c_int, 1), ("lout", ctypes.c_void_p, 1), ("loff", ctypes.c_int, 1),
            ("lincr", ctypes.c_int, 1), ("rout", ctypes.c_void_p, 1), ("roff", ctypes.c_int, 1),
            ("rincr", ctypes.c_int, 1),
        )  # fmt: skip
        self._synth = fluidsynth.Synth(
            gain=0.3,
            samplerate=float(RENDER_RATE_HZ),
            **{"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.polyphony": 256},
        )
        self._font = self._synth.sfload(str(self.path))
        if self._font < 0:
            raise TuttiError(f"{self.path} is not a soundfont that FluidSynth can read.")

    def names(self) -> dict[tuple[int, int], str]:
        """Bank and program of every preset, with its name."""
        held = {}
        for bank in range(DRUM_BANK + 1):
            for program in range(128):
                name = self._synth.sfpreset_name(self._font, bank, program)
                if name is not None:
                    held[bank, program] = str(name).strip()
        return held

    def render(
        self, bank: int, program: int, events: Sequence[Event], duration_s: float
    ) -> NDArray[np.float32]:
        """Plays the events on one channel; float32, ``round(duration_s * 16000)`` samples."""
        import soxr

        both = self.render_stereo(bank, program, events, duration_s)
        mono = soxr.resample(both.mean(axis=0), RENDER_RATE_HZ, SAMPLE_RATE_HZ)
        return np.asarray(mono[: both.shape[1] // 3], np.float32)

    def render_stereo(
        self, bank: int, program: int, events: Sequence[Event], duration_s: float
    ) -> NDArray[np.float32]:
        """The same at 48 kHz: left and right, float32 ``(2, 3 * round(duration_s * 16000))``."""
        synth, channel = self._synth, 9 if bank == DRUM_BANK else 0
        synth.system_reset()
        synth.program_select(channel, self._font, bank, program)
        synth.cc(channel, _VOLUME, 127)
        synth.cc(channel, _EXPRESSION, 127)
        synth.cc(channel, _BREATH, 127)
        length = 3 * round(duration_s * SAMPLE_RATE_HZ)
        left, right = both = np.zeros((2, length), np.float32)
        at = 0
        for event in sorted(events, key=lambda event: (event.time_s, event.kind != "off")):
            until = min(max(at, round(event.time_s * RENDER_RATE_HZ)), length)
            self._play(left, right, at, until)
            at = until
            if event.kind == "on":
                synth.noteon(channel, event.a, event.b)
            elif event.kind == "off":
                synth.noteoff(channel, event.a)
            elif event.kind == "cc":
                synth.cc(channel, event.a, event.b)
            else:
                synth.pitch_bend(channel, event.a)
        self._play(left, right, at, length)
        synth.all_sounds_off(channel)
        # Let the voices that were just cut run out, or they would sound in the next clip; and
        # end on a whole block, because FluidSynth acts on events only between its blocks and
        # the next clip is to come out the same whatever was rendered before it.
        scratch = np.zeros(4 * _BLOCK + -length % _BLOCK, np.float32)
        self._play(scratch, scratch.copy(), 0, len(scratch))
        return both

    def _play(
        self, left: NDArray[np.float32], right: NDArray[np.float32], start: int, end: int
    ) -> None:
        if end > start:
            self._write(
                self._synth.synth, end - start, left.ctypes.data, start, 1, right.ctypes.data,
                start, 1,
            )  # fmt: skip

    def close(self) -> None:
        self._synth.delete()


def _fluidsynth():  # type: ignore[no-untyped-def]
    try:
        import fluidsynth
    except ImportError as error:
        raise TuttiError(
            "FluidSynth is missing; install it (Debian: apt-get install fluidsynth "
            "libfluidsynth3, macOS: brew install fluid-synth) or build with --no-soundfonts."
        ) from error
    return fluidsynth


_open: dict[tuple[int, Path], SoundFont] = {}


def soundfont(path: Path) -> SoundFont:
    """The font, loaded once in each process."""
    key = (os.getpid(), path)
    if key not in _open:
        _open[key] = SoundFont(path)
    return _open[key]
