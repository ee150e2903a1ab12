"""Batches of 1-second training windows with their targets, drawn without end."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from realtime.spec import SAMPLE_RATE_HZ, WINDOW_SAMPLES
from training.mixing import effects as fx
from training.mixing.arrangement import Arrangement, ArrangementConfig, arrange, chance, uniform
from training.mixing.labels import Targets, audibility, teach
from training.mixing.palette import Palette
from training.mixing.place import place

_ROOMS = 192
_CUT_SAMPLES = SAMPLE_RATE_HZ // 100
_LOUDEST_SAMPLES = SAMPLE_RATE_HZ // 10


@dataclass(frozen=True)
class MixConfig:
    """How windows are filled and treated; ``effects`` off leaves the bare sum.

    ``concatenate_p``: share of the windows that a cut divides, each part sounding on one
    side of it only (Zhong et al., APSIPA 2023, concatenate two recordings so).
    ``part_eq_db``: how far the equalisation of a part goes; ``crush_p``: share of the parts
    that sound as from an old sampler.
    """

    arrangement: ArrangementConfig = field(default_factory=ArrangementConfig)
    effects: bool = True
    level_range_db: float = 24.0
    noise_p: float = 0.4
    concatenate_p: float = 0.0
    part_eq_db: float = 7.0
    crush_p: float = 0.0


@dataclass(frozen=True)
class Batch:
    """``audio`` float32 ``[windows, samples]`` at 16 kHz, and what is taught of it."""

    audio: Tensor
    targets: Targets

    def split(self, size: int) -> list[Batch]:
        """Batches of ``size`` windows."""
        columns = [value.split(size) for value in vars(self.targets).values()]
        targets = [Targets(*parts) for parts in zip(*columns, strict=True)]
        return [Batch(*both) for both in zip(self.audio.split(size), targets, strict=True)]


class Mixer:
    """Draws batches from a palette. The generator decides everything that is drawn.

    ``batch`` gives windows of one second; ``batch_of`` any whole number of 50-ms
    frames, for validation clips.
    """

    def __init__(
        self,
        palette: Palette,
        config: MixConfig,
        rng: torch.Generator,
        window_samples: int = WINDOW_SAMPLES,
    ) -> None:
        self.palette = palette
        self.config = config
        self.rng = rng
        self.window_samples = window_samples
        # Sound before the window, so that reverberation and ringing notes reach into it.
        self.lead_in = window_samples // 2
        self.samples = self.lead_in + window_samples
        self.rooms = fx.Rooms(self.samples, _ROOMS, rng)
        names = [sound.name for sound in palette.classes]
        self._electric_guitar = names.index("electric_guitar")

    def batch(self, windows: int) -> Batch:
        """Draw ``windows`` windows."""
        how = self.config.arrangement
        arrangement = arrange(self.palette, windows, self.samples, how, self.rng)
        parts = place(arrangement.events, self.palette, len(arrangement.window), self.samples)
        if self.config.effects:
            parts = self._treat_parts(parts, arrangement)
        parts = self._balance(parts, arrangement)
        if self.config.concatenate_p > 0:
            parts = self._concatenate(parts, arrangement, windows)
        mix = torch.zeros(windows, self.samples, device=self.palette.device)
        mix.index_add_(0, arrangement.window, parts)
        if self.config.effects:
            mix = self.treat_mix(mix)
        mix, parts = mix[:, self.lead_in :], parts[:, self.lead_in :]
        # Judged against the mix before its own effects, noise included.
        noise = self.noise(mix)
        whole = self._sum(parts, arrangement, windows) + noise
        window, sound = arrangement.window, arrangement.sound
        heard, doubtful = audibility(parts, window, whole)
        targets = teach(self.palette, window, sound, heard, doubtful, windows)
        return Batch(self.record(mix + noise), targets)

    def _sum(self, parts: Tensor, arrangement: Arrangement, windows: int) -> Tensor:
        total = torch.zeros(windows, parts.shape[1], device=parts.device)
        return total.index_add_(0, arrangement.window, parts)

    def _treat_parts(self, parts: Tensor, arrangement: Arrangement) -> Tensor:
        rng, n = self.rng, len(parts)
        if n == 0:
            return parts
        guitar = arrangement.sound == self._electric_guitar
        drive_db = uniform(n, 3.0, 12.0, rng) * chance(n, 0.12, rng)
        distorted = guitar & chance(n, 0.55, rng)
        drive_db = torch.where(distorted, uniform(n, 8.0, 40.0, rng), drive_db)
        parts = fx.on_some(parts, drive_db > 0, fx.saturate, drive_db)
        strength = uniform(n, 0.1, 0.6, rng)
        parts = fx.on_some(parts, chance(n, 0.3, rng), fx.compress, strength)
        parts = fx.on_some(parts, chance(n, 0.12, rng), fx.modulate_delay, rng)
        parts = fx.on_some(parts, chance(n, 0.12, rng), fx.swell, rng)
        if self.config.crush_p > 0:
            parts = fx.on_some(parts, chance(n, self.config.crush_p, rng), fx.crush, rng)
        bins = fx.bins_of(self.rooms)
        depth_db = self.config.part_eq_db
        curve = fx.equaliser(n, bins, rng, depth_db=depth_db, high_cut_p=0.15, low_cut_p=0.3)
        cabinet = fx.equaliser(n, bins, rng, depth_db=5.0, high_cut_p=1.0, low_cut_p=1.0)
        curve = torch.where(distorted[:, None], cabinet, curve)
        flat = chance(n, 0.15, rng) & ~distorted
        curve = torch.where(flat[:, None], 1.0, curve)
        room = torch.randint(_ROOMS, (n,), generator=rng, device=rng.device)
        room = torch.where(chance(n, 0.5, rng), room, -1)
        return fx.filter_and_reverb(parts, curve, self.rooms, room)

    def _balance(self, parts: Tensor, arrangement: Arrangement) -> Tensor:
        """Level each part by its loudest 100 ms, then spread the levels."""
        n = len(parts)
        if n == 0:
            return parts
        frames = parts[:, self.lead_in :].unflatten(1, (-1, _LOUDEST_SAMPLES)).square().mean(dim=2)
        loudest = frames.amax(dim=1).sqrt()
        spread = self.config.level_range_db
        # Squared: most parts lie within a few dB of the loudest, few far below.
        below_db = -spread * uniform(n, 0, 1, self.rng) ** 2
        level = fx.db(below_db) / loudest.clamp(min=1e-4)
        return parts * torch.where(arrangement.relative, 1.0, level)[:, None]

    def _concatenate(self, parts: Tensor, arrangement: Arrangement, windows: int) -> Tensor:
        """Leave each part of some windows on one side of a cut, faded over 10 ms."""
        rng = self.rng
        window = arrangement.window
        divided = chance(windows, self.config.concatenate_p, rng)[window]
        cut = self.lead_in + uniform(windows, 0.2, 0.8, rng)[window] * self.window_samples
        side = torch.where(chance(len(parts), 0.5, rng), 1.0, -1.0)
        time = torch.arange(self.samples, device=parts.device)
        gain = (0.5 + side[:, None] * (time - cut[:, None]) / _CUT_SAMPLES).clamp(0.0, 1.0)
        return parts * torch.where(divided[:, None], gain, 1.0)

    def treat_mix(self, mix: Tensor) -> Tensor:
        rng, n = self.rng, len(mix)
        bins = fx.bins_of(self.rooms)
        curve = fx.equaliser(n, bins, rng, depth_db=6.0, high_cut_p=0.25, low_cut_p=0.2)
        curve = torch.where(chance(n, 0.4, rng)[:, None], 1.0, curve)
        room = torch.randint(_ROOMS, (n,), generator=rng, device=rng.device)
        room = torch.where(chance(n, 0.2, rng), room, -1)
        mix = fx.filter_and_reverb(mix, curve, self.rooms, room)
        mix = fx.on_some(mix, chance(n, 0.3, rng), fx.compress, uniform(n, 0.1, 0.5, rng))
        return fx.on_some(mix, chance(n, 0.12, rng), fx.saturate, uniform(n, 1.0, 10.0, rng))

    def noise(self, mix: Tensor) -> Tensor:
        """Room noise, hum and the bank's own noises under (or instead of) the music."""
        rng, (n, samples) = self.rng, mix.shape
        level = fx.rms(mix)
        empty = level < 1e-5
        snr_db = uniform(n, 12.0, 65.0, rng)[:, None]
        noise = fx.coloured_noise(n, samples, rng)
        noise = noise + chance(n, 0.12, rng)[:, None] * 2.0 * fx.hum(n, samples, rng)
        if len(self.palette.noise):
            pick = torch.randint(len(self.palette.noise), (n,), generator=rng, device=rng.device)
            clip = self.palette.noise[pick]
            spare = (self.palette.length[clip] - samples).clamp(min=0)
            first = self.palette.start[clip] + (uniform(n, 0, 1, rng) * spare).long()
            reach = torch.arange(samples, device=mix.device)
            last = (self.palette.start[clip] + self.palette.length[clip] - 1)[:, None]
            real = self.palette.audio[(first[:, None] + reach).minimum(last)].float()
            real = real / (fx.rms(real) + fx.EPS)
            noise = torch.where(chance(n, 0.4, rng)[:, None], real, noise)
        gain = torch.where(empty, 1.0, level / fx.db(snr_db))
        noisy = chance(n, self.config.noise_p, rng)[:, None]
        return noise * gain * noisy

    def record(self, audio: Tensor) -> Tensor:
        """Coding, the final level (-50 to 0 dBFS peak) and 16-bit rounding."""
        rng, n = self.rng, len(audio)
        if self.config.effects:
            audio = fx.on_some(audio, chance(n, 0.12, rng), fx.spectral_codec, rng)
            audio = fx.on_some(audio, chance(n, 0.03, rng), fx.mu_law)
        peak = audio.abs().amax(dim=1, keepdim=True)
        level_db = torch.where(
            chance(n, 0.7, rng), uniform(n, -15, 0, rng), uniform(n, -55, -15, rng)
        )
        audio = audio / peak.clamp(min=1e-6) * fx.db(level_db)[:, None]
        return torch.round(audio * 32768.0) / 32768.0
