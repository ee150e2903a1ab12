"""Fitting: a recipe, a bank and a seed to checkpoints of averaged weights.

Training runs in chunks. Each chunk starts by seeding every generator from the
run's seed and the chunk's number, and ends with a checkpoint; so a run that was
killed and resumed gives what an uninterrupted one gives, and a kill costs one
chunk at the most.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from realtime.errors import TuttiError
from realtime.spec import SAMPLE_RATE_HZ
from training import checkpoint
from training.bank.bank import Bank
from training.lessons import Lessons, Student
from training.memory import keep_freed_memory
from training.mixing.mixer import Mixer
from training.mixing.palette import Palette
from training.models.kinds import make_network, settings_of
from training.models.network import Network
from training.optimizer import optimizers
from training.recipe import Recipe, Stage
from training.scoring.validation import Validation
from training.teachers.panel import Panel

CHUNK_WINDOWS = 16_384


@dataclass(frozen=True)
class Progress:
    """How a run stands; ``scores`` only after a validation."""

    windows: int
    total: int
    stage: str
    loss: float
    windows_per_s: float
    scores: dict[str, float] | None = None
    divergence: dict[str, float] | None = None


@dataclass(frozen=True)
class Teachers:
    """Where the teachers of a recipe are; see ``training.teachers``.

    ``folder`` of taggers, ``head``: a file of ``training.teachers.head``, ``own``: a checkpoint
    (None: the one that the run starts from).
    """

    folder: Path
    head: Path | None = None
    own: Path | None = None


@dataclass(frozen=True)
class Machine:
    """Where to train; ``auto`` takes a GPU where there is one.

    The precision ``auto`` is bf16 where the machine computes in it, else float32:
    a processor without such instructions is several times slower in bf16.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    precision: str = "auto"


def fit(
    recipe: Recipe,
    bank_path: Path,
    run: Path,
    *,
    seed: int = 0,
    machine: Machine | None = None,
    start_from: Path | None = None,
    teachers: Teachers | None = None,
    max_minutes: float | None = None,
    clock_minutes: float | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Train, or go on training, in the folder ``run``; returns the last checkpoint.

    ``start_from``: a checkpoint of the same network whose averaged weights a new
    run begins with. ``max_minutes`` ends the session at the first chunk boundary after it; the
    same call goes on from there. ``clock_minutes``: the schedule follows the clock and ends
    then, finished, however many windows that makes; such a run does not repeat exactly.
    Raises TuttiError where the folder holds another recipe's or seed's run, or a teacher
    is missing.
    """
    machine = machine or Machine()
    keep_freed_memory()
    fabric = Fabric(
        accelerator=machine.accelerator,
        devices=machine.devices,
        num_nodes=machine.nodes,
        precision=_precision(machine),  # type: ignore[arg-type]
    )
    fabric.launch()
    state = _Run(recipe, bank_path, run, seed, fabric, start_from, teachers, clock_minutes)
    return state.go(max_minutes, report)


class _Run:
    """The state of a run: weights, their average, the optimiser, and the count."""

    def __init__(
        self,
        recipe: Recipe,
        bank_path: Path,
        folder: Path,
        seed: int,
        fabric: Fabric,
        start_from: Path | None,
        teachers: Teachers | None,
        clock_minutes: float | None,
    ) -> None:
        self.recipe, self.folder, self.seed, self.fabric = recipe, folder, seed, fabric
        self.step = 0
        self.best = -math.inf
        self.waited = 0
        self.clock_s = None if clock_minutes is None else 60.0 * clock_minutes
        self.spent_s = 0.0
        self.batch = (recipe.batch + recipe.music) * fabric.world_size
        bank = Bank.open(bank_path)
        self.palette = Palette(
            bank, recipe.splits, fabric.device, recorded_weight=recipe.recorded_weight
        )
        torch.manual_seed(seed)
        tagger = make_network(recipe.network)
        tagger.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.history, self.windows_before = recipe.name, 0
        if start_from is not None:
            start = _start(start_from, recipe)
            _take(tagger, start, start_from)
            self.history = f"{start['recipe']}, then {recipe.name}"
            self.windows_before = start["windows"]
        panel = self._panel(tagger, teachers)
        self.lessons = Lessons(recipe, panel, fabric)
        student = Student(tagger, self.lessons.features)
        self.model, *self.optimizers = fabric.setup(student, *optimizers(student, recipe))
        self.tagger = self.model.module.tagger
        self.average = AveragedModel(
            self.tagger, multi_avg_fn=_warming_average(recipe.ema_decay), use_buffers=True
        )
        self.validation = (
            Validation(bank, fabric.device, recipe.validation_windows)
            if recipe.validation_windows
            else None
        )
        self.last = folder / "last.pt"
        if self.last.exists():
            self._resume()
        self.stage_ends = _stage_ends(recipe, self.batch)
        if fabric.device.type == "cuda":
            torch.backends.cudnn.benchmark = True

    def _panel(self, tagger: Network, teachers: Teachers | None) -> Panel | None:
        """The teachers of a recipe that has music."""
        if not self.recipe.music:
            return None
        if teachers is None:
            raise TuttiError("the recipe has teachers: name their folder with --teachers.")
        if not len(self.palette.music):
            raise TuttiError("the bank has no music: add some with 'tutti bank add --music'.")
        own = copy.deepcopy(tagger)
        if teachers.own is not None:
            _take(own, _start(teachers.own, self.recipe), teachers.own)
        device = self.fabric.device
        own.to(device)
        return Panel(self.recipe.teacher, teachers.folder, teachers.head, own, device)

    def go(self, max_minutes: float | None, report: Callable[[Progress], None]) -> Path:
        total = self.stage_ends[-1]
        chunk_steps = max(1, CHUNK_WINDOWS // self.batch, 64 if self.clock_s else 1)
        started = time.monotonic()
        while self._position() < total:
            if max_minutes is not None and time.monotonic() - started > 60 * max_minutes:
                break
            before = self.step
            clock = time.monotonic()
            until = self.step + chunk_steps
            loss, divergence = self._chunk(until if self.clock_s else min(until, total))
            rate = (self.step - before) * self.batch / (time.monotonic() - clock)
            scores = None
            every = max(1, self.recipe.validate_every // self.batch)
            if self.step // every > before // every or self._position() >= total:
                scores = self._validate()
            progress = Progress(
                windows=self.step * self.batch,
                total=total * self.batch,
                stage=self._stage(before)[0].name,
                loss=loss,
                windows_per_s=rate,
                scores=scores,
                divergence=divergence,
            )
            if self.fabric.is_global_zero:
                checkpoint.save(self.last, self._state())
                self._log(progress)
                report(progress)
            if self.recipe.patience and self.waited >= self.recipe.patience:
                break
        return self.last

    def _position(self) -> float:
        """How far the schedule is, in steps: those made, or those the clock stands for."""
        if self.clock_s is None:
            return self.step
        return self.stage_ends[-1] * min(1.0, self.spent_s / self.clock_s)

    def _stage(self, step: float) -> tuple[Stage, float]:
        """The stage a step belongs to and how far it is through it, 0 to 1."""
        begin = 0
        for stage, end in zip(self.recipe.stages, self.stage_ends, strict=True):
            if step < end:
                return stage, (step - begin) / (end - begin)
            begin = end
        return self.recipe.stages[-1], 1.0

    def _chunk(self, until: int) -> tuple[float, dict[str, float] | None]:
        """Train up to a step; the mean loss, and how far the teachers are from the student.

        Everything drawn depends on the step.
        """
        clock, spent_before = time.monotonic(), self.spent_s
        device = self.fabric.device
        chunk_seed = _mix_seed(self.seed, self.fabric.global_rank, self.step)
        torch.manual_seed(chunk_seed)
        rng = torch.Generator(device).manual_seed(chunk_seed)
        draws, of_stage = None, None
        total = torch.zeros((), device=device)
        self.lessons.begin()
        first = self.step
        self.model.train()
        while self.step < until:
            if self._position() >= self.stage_ends[-1]:
                break
            stage, through = self._stage(self._position())
            if draws is None or stage is not of_stage:
                samples = round(stage.window_s * SAMPLE_RATE_HZ)
                mixer = Mixer(self.palette, stage.mix, rng, samples)
                draws, of_stage = self.lessons.draws(mixer), stage
            rate = stage.learning_rate * _schedule(through, stage.warmup)
            done = self._position() / self.stage_ends[-1]
            loss = self.lessons.loss(self.model, stage, draws, rng, done)
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(loss)
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate * group.get("rate", 1.0)
                self.fabric.clip_gradients(self.model, optimizer, max_norm=5.0)
                optimizer.step()
            self.average.update_parameters(self.tagger)
            total += loss.detach()
            self.step += 1
            self.spent_s = spent_before + time.monotonic() - clock
        mean = float(total) / max(1, self.step - first)
        if not math.isfinite(mean):
            raise TuttiError(
                f"the loss became {mean} near window {self.step * self.batch}: lower "
                f"learning_rate in the recipe; {self.last} holds the state before."
            )
        self.spent_s = spent_before + time.monotonic() - clock
        return mean, self.lessons.divergence()

    def _validate(self) -> dict[str, float] | None:
        if self.validation is None:
            return None
        scores = self.validation.score(self.average.module)
        if scores["map"] > self.best:
            self.best, self.waited = scores["map"], 0
            if self.fabric.is_global_zero:
                checkpoint.save(self.folder / "best.pt", self._state())
        else:
            self.waited += 1
        return scores

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": self.history,
            "settings": json.dumps(asdict(self.recipe), sort_keys=True),
            "network": settings_of(self.recipe.network),
            "seed": self.seed,
            "step": self.step,
            "windows": self.windows_before + self.step * self.batch,
            "windows_before": self.windows_before,
            "best": self.best,
            "waited": self.waited,
            "averaged": int(self.average.n_averaged),
            "spent_s": self.spent_s,
            "model": self.model.module.state_dict(),
            "ema": self.average.module.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def _resume(self) -> None:
        state = checkpoint.load(self.last, self.fabric.device)
        settings = json.dumps(asdict(self.recipe), sort_keys=True)
        if state["seed"] != self.seed or state["settings"] != settings:
            raise TuttiError(
                f"{self.folder} holds a run of recipe '{state['recipe']}' with seed "
                f"{state['seed']} or other settings: name another --run folder, or remove it."
            )
        self.model.module.load_state_dict(state["model"])
        self.average.module.load_state_dict(state["ema"])
        self.average.n_averaged.fill_(state["averaged"])
        for optimizer, its_state in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(its_state)
        self.step, self.best, self.waited = state["step"], state["best"], state["waited"]
        self.history, self.windows_before = state["recipe"], state["windows_before"]
        self.spent_s = state["spent_s"]

    def _log(self, progress: Progress) -> None:
        """One JSON line a chunk, and TensorBoard curves."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(progress)) + "\n")
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(self.folder)) as writer:
            values = {"loss": progress.loss, "windows_per_s": progress.windows_per_s}
            apart = {f"divergence/{k}": v for k, v in (progress.divergence or {}).items()}
            for name, value in (values | (progress.scores or {}) | apart).items():
                writer.add_scalar(name, value, progress.windows)


def _start(path: Path, recipe: Recipe) -> dict[str, Any]:
    """The checkpoint a new run begins with, if its network is the recipe's."""
    state = checkpoint.load(path)
    if state["network"] != settings_of(recipe.network):
        raise TuttiError(
            f"{path} holds another form of the network than recipe '{recipe.name}' trains: "
            "start from a checkpoint of the same form."
        )
    return state


def _take(network: Network, state: dict[str, Any], path: Path) -> None:
    """Put a checkpoint's averaged weights into a network."""
    try:
        network.load_state_dict(state["ema"])
    except RuntimeError:  # shapes or names differ, as with another vocabulary
        raise TuttiError(
            f"{path} holds weights of another vocabulary or version of this network: train from "
            "new weights, without --start-from."
        ) from None


def _precision(machine: Machine) -> str:
    if machine.precision != "auto":
        return machine.precision
    on_gpu = machine.accelerator != "cpu" and torch.cuda.is_available()
    return "bf16-mixed" if on_gpu or torch.cpu._is_avx512_bf16_supported() else "32-true"


def _stage_ends(recipe: Recipe, batch: int) -> list[int]:
    """The step at which each stage ends."""
    ends, total = [], 0
    for stage in recipe.stages:
        total += max(1, stage.windows // batch)
        ends.append(total)
    return ends


def _schedule(through: float, warmup: float) -> float:
    """Linear warm-up, then a cosine down to 1 %."""
    if through < warmup:
        return (through + 1e-3) / (warmup + 1e-3)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (through - warmup) / (1 - warmup)))


def _mix_seed(*parts: int) -> int:
    """One 63-bit seed from several numbers, by a multiply-and-xor hash."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        state = ((state ^ part) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 29
    return state >> 1


def _warming_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Exponential moving average whose decay grows from 0 as updates come in."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        warm = min(decay, (1 + int(count)) / (10 + int(count)))
        # Called once for each kind of number; counters of batches are copied.
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1.0 - warm)
        else:
            torch._foreach_copy_(averaged, current)

    return update
