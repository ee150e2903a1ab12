"""Batched effects on ``[rows, samples]`` at 16 kHz, each drawn anew for every row.

Filters and reverberation are one multiplication in the frequency domain.
``rng`` lives on the same device as the audio.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from realtime.spec import SAMPLE_RATE_HZ
from training.mixing.arrangement import chance, uniform

EPS = 1e-7
_CURVE_POINTS = 400
_ENVELOPE_HOP = 80


def db(value_db: Tensor) -> Tensor:
    """Decibels to a linear gain."""
    return 10.0 ** (value_db / 20.0)


def rms(audio: Tensor) -> Tensor:
    """Root mean square of each row: ``[rows, 1]``."""
    return audio.square().mean(dim=1, keepdim=True).sqrt()


def log_uniform(n: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.exp(uniform(n, math.log(low), math.log(high), rng))


class Rooms:
    """A pool of made-up room responses, kept as spectra.

    Each is a direct sound, a few early reflections, and an exponentially
    decaying noise tail whose highs die sooner; some add one or more echoes.
    The reverberation time runs from 0.08 s (booth) to 2.5 s (hall), cut where the
    buffer of ``samples`` is two thirds over.
    """

    def __init__(self, samples: int, rooms: int, rng: torch.Generator) -> None:
        device = rng.device
        length = samples * 2 // 3
        self.n_fft = _fast_length(samples + length)
        time_s = torch.arange(length, device=device) / SAMPLE_RATE_HZ
        rt60_s = log_uniform(rooms, 0.08, 2.5, rng)[:, None]
        noise = torch.randn(rooms, length, generator=rng, device=device)
        dark = torch.randn(rooms, length, generator=rng, device=device).cumsum(dim=1)
        slow = F.avg_pool1d(dark[:, None], 64, 64, ceil_mode=True)
        dark = dark - F.interpolate(slow, length, mode="linear")[:, 0]
        dark = dark / rms(dark)
        bright = uniform(rooms, 0.1, 1.0, rng)[:, None]
        tail = bright * noise * 10.0 ** (-3 * time_s / (0.5 * rt60_s))
        tail = tail + (1 - bright) * dark * 10.0 ** (-3 * time_s / rt60_s)
        predelay_s = uniform(rooms, 0.0, 0.03, rng)[:, None]
        tail = tail * (time_s > predelay_s)
        tail = tail / tail.norm(dim=1, keepdim=True)
        early = torch.zeros_like(tail)
        for _ in range(6):
            delay = (uniform(rooms, 0.002, 0.06, rng) * SAMPLE_RATE_HZ).long()
            early.scatter_(1, delay[:, None], uniform(rooms, -0.5, 0.5, rng)[:, None])
        wet = db(uniform(rooms, -24.0, 3.0, rng))[:, None]
        response = wet * (tail + 0.5 * early)
        # One in four has a tempo-like echo, repeated three times.
        delay = (uniform(rooms, 0.08, 0.45, rng) * SAMPLE_RATE_HZ).long()
        level = chance(rooms, 0.25, rng) * uniform(rooms, 0.15, 0.6, rng)
        for repeat in (1, 2, 3):
            at = (delay * repeat).clamp(max=length - 1)
            response.scatter_add_(1, at[:, None], (level**repeat)[:, None])
        response[:, 0] = 1.0
        self.spectra = torch.fft.rfft(response, self.n_fft)


def _fast_length(samples: int) -> int:
    """The next length whose only factors are 2, 3 and 5, a multiple of 512."""
    length = -(-samples // 512) * 512
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 512


def _logistic_edge(frequency_hz: Tensor, edge_hz: Tensor, octaves: float) -> Tensor:
    """1 well above the edge, 0 well below, smooth over ``octaves``."""
    distance = torch.log2(frequency_hz / edge_hz[:, None])
    return torch.sigmoid(distance * (8.0 / octaves))


def equaliser(
    rows: int,
    bins: int,
    rng: torch.Generator,
    *,
    depth_db: float,
    high_cut_p: float,
    low_cut_p: float,
) -> Tensor:
    """Smooth random magnitude curves ``[rows, bins]``: bells, a tilt, band limits.

    Drawn at 400 points and interpolated: the curves are smooth, the spectra long.
    """
    device = rng.device
    frequency = torch.linspace(0, SAMPLE_RATE_HZ / 2, _CURVE_POINTS, device=device).clamp(min=10.0)
    octave = torch.log2(frequency / 1000.0)
    gain_db = uniform(rows, -2.5, 2.5, rng)[:, None] * octave
    for _ in range(3):
        centre = uniform(rows, -4.0, 2.8, rng)[:, None]
        width = uniform(rows, 0.3, 1.5, rng)[:, None]
        bell = torch.exp(-0.5 * ((octave - centre) / width) ** 2)
        gain_db = gain_db + depth_db * (2 * uniform(rows, 0, 1, rng)[:, None] - 1) * bell
    curve = db(gain_db)
    high_cut = torch.where(chance(rows, high_cut_p, rng), log_uniform(rows, 1800, 7500, rng), 1e6)
    low_cut = torch.where(chance(rows, low_cut_p, rng), log_uniform(rows, 40, 400, rng), 1.0)
    curve = curve * (1 - _logistic_edge(frequency, high_cut, 1.0))
    curve = curve * _logistic_edge(frequency, low_cut, 1.5)
    return F.interpolate(curve[:, None], bins, mode="linear", align_corners=True)[:, 0]


def filter_and_reverb(audio: Tensor, curve: Tensor, rooms: Rooms, room: Tensor) -> Tensor:
    """Multiply by a curve, and where ``room`` >= 0 by that room's spectrum."""
    spectrum = torch.fft.rfft(audio, rooms.n_fft) * curve
    wet = (room >= 0)[:, None]
    spectrum = spectrum * torch.where(wet, rooms.spectra[room.clamp(min=0)], 1.0 + 0.0j)
    sounded: Tensor = torch.fft.irfft(spectrum, rooms.n_fft)
    return sounded[:, : audio.shape[1]]


def bins_of(rooms: Rooms) -> int:
    return rooms.n_fft // 2 + 1


def saturate(audio: Tensor, drive_db: Tensor) -> Tensor:
    """Soft clipping at a drive above the row's own RMS; 0 dB or less is clean.

    Slightly asymmetric, so that even harmonics appear as well.
    """
    drive = db(drive_db)[:, None] / (rms(audio) + EPS)
    driven = torch.tanh(drive * audio + 0.15) - math.tanh(0.15)
    dirty = driven / (rms(driven) + EPS) * rms(audio)
    return torch.where((drive_db > 0)[:, None], dirty, audio)


def compress(audio: Tensor, strength: Tensor) -> Tensor:
    """Feed-forward levelling: gain = envelope ** -strength, the envelope over 15 ms."""
    power = F.avg_pool1d(audio.square()[:, None], _ENVELOPE_HOP)
    power = F.avg_pool1d(power, 3, 1, 1, count_include_pad=False)
    level = (power.sqrt() + 1e-4) / (rms(audio)[:, None] + 1e-4)
    gain = level.clamp(0.03, 30.0) ** -strength[:, None, None]
    return audio * F.interpolate(gain, audio.shape[1], mode="linear")[:, 0]


def modulate_delay(audio: Tensor, rng: torch.Generator) -> Tensor:
    """Vibrato and chorus: a delay swept by a sine, alone or beside the dry sound."""
    rows, samples = audio.shape
    time = torch.arange(samples, device=audio.device, dtype=torch.float32)
    rate_hz = log_uniform(rows, 0.3, 7.0, rng)[:, None]
    cents = uniform(rows, 5.0, 45.0, rng)[:, None]
    depth = (2.0 ** (cents / 1200) - 1) * SAMPLE_RATE_HZ / (2 * math.pi * rate_hz)
    depth = depth.clamp(max=0.012 * SAMPLE_RATE_HZ)
    phase = uniform(rows, 0, 2 * math.pi, rng)[:, None]
    sweep = torch.sin(2 * math.pi * rate_hz * time / SAMPLE_RATE_HZ + phase)
    position = (time - depth * (1.0 + sweep)).clamp(min=0)
    whole = position.floor().clamp(max=samples - 2)
    index = whole.long()
    moved = torch.lerp(audio.gather(1, index), audio.gather(1, index + 1), position - whole)
    dry = (uniform(rows, 0, 1, rng) * chance(rows, 0.5, rng))[:, None]
    return moved + dry * audio


def swell(audio: Tensor, rng: torch.Generator) -> Tensor:
    """A slow rise or fall of up to 18 dB across the buffer, or a tremolo."""
    rows, samples = audio.shape
    time = torch.linspace(0, 1, samples, device=audio.device)
    slope_db = uniform(rows, -18.0, 18.0, rng)[:, None] * time
    rate = uniform(rows, 3.0, 9.0, rng)[:, None] * samples / SAMPLE_RATE_HZ
    depth = uniform(rows, 0.1, 0.8, rng)[:, None]
    tremolo = 1.0 - depth * (0.5 + 0.5 * torch.sin(2 * math.pi * rate * time))
    return audio * torch.where(chance(rows, 0.5, rng)[:, None], db(slope_db), tremolo)


def on_some(
    audio: Tensor, chosen: Tensor, effect: Callable[..., Tensor], *arguments: object
) -> Tensor:
    """Apply ``effect`` to the chosen rows only; per-row arguments are cut alike."""
    rows = chosen.nonzero()[:, 0]
    if len(rows) == 0:
        return audio
    picked = [a[rows] if isinstance(a, Tensor) and len(a) == len(chosen) else a for a in arguments]
    return audio.index_copy(0, rows, effect(audio[rows], *picked))


def spectral_codec(audio: Tensor, rng: torch.Generator) -> Tensor:
    """What a low-rate lossy coder does: weak bins vanish, the rest is quantised.

    A short-time spectrum whose bins under a drawn threshold below the local
    maximum are dropped and whose magnitudes keep 1.5 to 3 dB steps.
    """
    window = torch.hann_window(512, device=audio.device)
    spectrum = torch.stft(audio, 512, 256, window=window, return_complex=True)
    magnitude = spectrum.abs()
    local = F.max_pool2d(magnitude[:, None], (17, 1), 1, (8, 0))[:, 0]
    floor = db(uniform(len(audio), -40.0, -14.0, rng))[:, None, None]
    kept = spectrum * (magnitude > floor * local)
    step = uniform(len(audio), 0.17, 0.35, rng)[:, None, None]
    quantised = torch.exp(torch.round(torch.log(magnitude + EPS) / step) * step)
    kept = kept * (quantised / (magnitude + EPS))
    return torch.istft(kept, 512, 256, window=window, length=audio.shape[1])


def mu_law(audio: Tensor, levels: float = 127.0) -> Tensor:
    """Telephone companding to 8 bits."""
    peak = audio.abs().amax(dim=1, keepdim=True) + EPS
    x = audio / peak
    squeezed = x.sign() * torch.log1p(255 * x.abs()) / math.log(256)
    squeezed = torch.round(squeezed * levels) / levels
    return peak * squeezed.sign() * (torch.exp(squeezed.abs() * math.log(256)) - 1) / 255


def crush(audio: Tensor, rng: torch.Generator) -> Tensor:
    """An old sampler: 5 to 16 kHz by repeating samples, aliases and all, and 6 to 10 bits."""
    rows, samples = audio.shape
    step = uniform(rows, 1.0, 3.2, rng)[:, None]
    time = torch.arange(samples, device=audio.device)
    held = (torch.floor(time / step) * step).long().clamp(max=samples - 1)
    levels = 2.0 ** uniform(rows, 5.0, 9.0, rng)[:, None]
    peak = audio.abs().amax(dim=1, keepdim=True) + EPS
    return torch.round(audio.gather(1, held) / peak * levels) / levels * peak


def coloured_noise(rows: int, samples: int, rng: torch.Generator) -> Tensor:
    """Noise of unit RMS whose power falls as 1/f^a, a from 0 (white) to 2 (brown)."""
    bins = samples // 2 + 1
    white = torch.randn(rows, bins, 2, generator=rng, device=rng.device)
    frequency = torch.arange(bins, device=rng.device).clamp(min=20.0 * samples / SAMPLE_RATE_HZ)
    slope = uniform(rows, 0.0, 1.0, rng)[:, None]
    noise: Tensor = torch.fft.irfft(torch.view_as_complex(white) * frequency**-slope, samples)
    return noise / (rms(noise) + EPS)


def hum(rows: int, samples: int, rng: torch.Generator) -> Tensor:
    """Mains hum of unit RMS: 50 or 60 Hz and its first harmonics."""
    time_s = torch.arange(samples, device=rng.device) / SAMPLE_RATE_HZ
    mains_hz = torch.where(chance(rows, 0.5, rng), 50.0, 60.0)[:, None]
    total = torch.zeros(rows, samples, device=rng.device)
    for harmonic in (1, 2, 3, 4, 5, 7):
        level = (uniform(rows, 0, 1, rng) / harmonic**0.7)[:, None]
        phase = uniform(rows, 0, 2 * math.pi, rng)[:, None]
        total += level * torch.sin(2 * math.pi * mains_hz * harmonic * time_s + phase)
    return total / (rms(total) + EPS)
