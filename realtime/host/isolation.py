"""Third-party plugins in a process of their own, watched: sound goes on if they do not."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from multiprocessing import shared_memory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.host.block import BoardBlock
from realtime.host.chain import EffectStep
from realtime.host.effects import Parameter, Value, nearest
from realtime.host.plugin_file import check_plugin_file
from realtime.host.plugin_worker import BLOCK_FRAMES, BLOCKS, MEMORY_BYTES, audio_view

START_TIMEOUT_S = 30.0
HANG_S = 2.0
"""Live: a plugin that owes audio for so long is given up."""
OFFLINE_HANG_S = 20.0
DEADLINE_SHARE = 0.6
"""Live: share of a block's own duration that a plugin may take before sound goes on without it."""
WORKER = (sys.executable, "-m", "realtime.host.plugin_worker")



class PluginState(StrEnum):
    """How a plugin's process does."""

    RUNNING = "running"
    HUNG = "hung"
    CRASHED = "crashed"
    STOPPED = "stopped"


class _Gone(Exception):
    """The worker hung up."""


class IsolatedRunner:
    """Runs a plugin in its own process; ``run`` gives None once that has failed.

    ``start`` starts it, or starts it anew. ``failed`` is told once per failure, on
    the thread that called ``run``. ``worker``: the command of its process.
    """

    def __init__(
        self,
        step: EffectStep,
        *,
        live: bool = False,
        failed: Callable[[str], None] | None = None,
        worker: Sequence[str] | None = None,
    ) -> None:
        self.step = step
        self.state: PluginState = PluginState.STOPPED
        self.parameters: Mapping[str, Parameter] = {}
        """What the plugin offers; defaults are the values it began with."""
        self.values: dict[str, Value] = {}
        self.late_blocks = 0
        self._live = live
        self._failed = failed or (lambda text: None)
        self._command = tuple(worker or WORKER)
        self._lock = threading.Lock()  # one order and its answer at a time
        self._process: subprocess.Popen[bytes] | None = None
        self._memory: shared_memory.SharedMemory | None = None
        self._audio: NDArray[np.float32] = np.zeros((2, 0, 0, 0), np.float32)
        self._connection: socket.socket | None = None
        self._received = b""
        self._owed: deque[tuple[str, float]] = deque()
        self._outputs: list[BoardBlock] = []
        self._changes: deque[dict[str, Any]] = deque()
        self._place = 0
        self._channels = 0
        self._audio_order: dict[str, Any] | None = None

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def late(self) -> bool:
        return self._live and any(what == "run" for what, _ in self._owed)

    def start(self) -> None:
        """Start the process and load the plugin; an older process is ended first.

        Raises:
            TuttiError: the plugin is missing, built for another system, refuses
                its preset or a parameter, or takes too long.
        """
        check_plugin_file(self.step)
        with self._lock:
            self._end(PluginState.STOPPED)
            try:
                self._launch()
                self._load()
            except BaseException:
                if self._memory is not None:  # nothing of a half-made start may stay
                    self._end(PluginState.STOPPED)
                raise
            self.state = PluginState.RUNNING

    def _load(self) -> None:
        answer = self._ask(
            {
                "do": "load",
                "path": str(self.step.path),
                "plugin_name": self.step.plugin_name,
                "preset": str(self.step.preset) if self.step.preset else None,
            },
            START_TIMEOUT_S,
        )
        self.parameters = {
            name: _parameter(name, entry) for name, entry in answer["parameters"].items()
        }
        self.values = {name: one.default for name, one in self.parameters.items()}
        for name, value in self.step.parameters.items():
            value = self.check_parameter(name, value)
            self._ask({"do": "set", "name": name, "value": value}, START_TIMEOUT_S)
            self.values[name] = value
        if self._audio_order is not None:
            self._ask(self._audio_order, START_TIMEOUT_S)

    def check_audio(self, channels: int, sample_rate_hz: float) -> None:
        """Raise TuttiError where the plugin takes neither these channels nor stereo pairs."""
        order = {"do": "channels", "channels": channels, "rate_hz": sample_rate_hz}
        if order == self._audio_order:
            return  # it loads a copy of the plugin: not again on the audio thread
        self._audio_order = order
        with self._lock:
            if self.state == PluginState.RUNNING:
                self._ask(self._audio_order, START_TIMEOUT_S)

    def check_parameter(self, name: str, value: Value) -> Value:
        """The value as the plugin takes it, or TuttiError naming what is allowed."""
        parameter = self.parameters.get(name)
        where = f"{self.step.effect} {self.step.label}"
        if parameter is None:
            raise TuttiError(
                f"{where} has no parameter {name!r}{nearest(name, self.parameters)}. "
                f"It takes {', '.join(self.parameters)}."
            )
        problem = parameter.problem(value)
        if problem:
            raise TuttiError(f"{where}: parameter {name!r}: {problem}.")
        return value

    def run(self, block: BoardBlock, sample_rate_hz: float) -> BoardBlock | None:
        """Audio through the plugin, (channels, frames); live, what is ready at the deadline."""
        with self._lock:
            if self.state != PluginState.RUNNING:
                return None
            begun_s = time.monotonic()
            self._channels = block.shape[0]
            try:
                for first in range(0, block.shape[1], BLOCK_FRAMES):
                    self._send_block(block[:, first : first + BLOCK_FRAMES], sample_rate_hz)
                    if not self._live:
                        self._receive_until(time.monotonic() + OFFLINE_HANG_S)
                if self._live:
                    duration_s = block.shape[1] / sample_rate_hz
                    self._receive_until(begun_s + DEADLINE_SHARE * duration_s)
                self._judge()
            except (_Gone, OSError):
                self._fail(PluginState.CRASHED)
                return None
            except TuttiError as error:
                self._end(PluginState.CRASHED)
                self._failed(f"was bypassed: {error}")
                return None
            if self.state != PluginState.RUNNING:
                return None
            outputs, self._outputs = self._outputs, []
        return np.concatenate([block[:, :0], *outputs], axis=1)

    def set_parameter(self, position: int, name: str, value: Value) -> None:
        """Change a parameter, from the next block on."""
        self.values[name] = value
        self._changes.append({"do": "set", "name": name, "value": value})

    def open_editor(self) -> None:
        """Show the plugin's own window, from its own process."""
        with self._lock:
            if self.state != PluginState.RUNNING:
                raise TuttiError(f"{self.step.label} is not running: reload it first.")
            self._ask({"do": "editor"}, HANG_S)

    def read_values(self) -> Mapping[str, Value]:
        """The parameters as they are now, changes in the plugin's own window included."""
        with self._lock:
            if self.state == PluginState.RUNNING:
                answer = self._ask({"do": "values"}, HANG_S)
                self.values = {n: one["value"] for n, one in answer["parameters"].items()}
        return self.values

    def reset(self) -> None:
        with self._lock:
            if self.state == PluginState.RUNNING:
                self._ask({"do": "reset"}, HANG_S)
                self._outputs = []

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end(PluginState.STOPPED)

    def _launch(self) -> None:
        try:
            self._connect()
        except OSError as error:
            raise self._not_started(error.strerror or repr(error)) from None
        self._received = b""
        self._owed.clear()
        self._outputs = []
        self._changes.clear()
        self._place = 0

    def _connect(self) -> None:
        self._memory = shared_memory.SharedMemory(create=True, size=MEMORY_BYTES)
        _take_room(self._memory)
        self._audio = audio_view(self._memory)
        secret = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
            server.settimeout(0.1)
            port = server.getsockname()[1]
            self._process = subprocess.Popen(
                [*self._command, str(port), secret, self._memory.name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows: no console
            )
            self._connection = self._accept(server, secret)

    def _accept(self, server: socket.socket, secret: str) -> socket.socket:
        end_s = time.monotonic() + START_TIMEOUT_S
        assert self._process is not None
        while time.monotonic() < end_s and self._process.poll() is None:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            connection.settimeout(5.0)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            greeting = b""
            try:
                while not greeting.endswith(b"\n") and (more := connection.recv(64)):
                    greeting += more
            except OSError:
                greeting = b""  # whoever that was
            if secrets.compare_digest(greeting.strip(), secret.encode()):
                return connection
            connection.close()
        reason = self._exit_reason() if self._process.poll() is not None else "it said nothing"
        self._end(PluginState.CRASHED)
        raise self._not_started(reason)

    def _not_started(self, reason: str) -> TuttiError:
        return TuttiError(f"The process for {self.step.label} could not be started ({reason}).")

    def _send_block(self, block: BoardBlock, sample_rate_hz: float) -> None:
        while self._changes:
            self._send("set", self._changes.popleft())
        if sum(what == "run" for what, _ in self._owed) >= BLOCKS:
            return  # it has all the places: the watch below gives it up
        channels, frames = block.shape
        self._audio[0, self._place, :channels, :frames] = block
        order = {"do": "run", "place": self._place, "channels": channels, "frames": frames}
        self._send("run", order | {"rate_hz": sample_rate_hz})
        self._place = (self._place + 1) % BLOCKS

    def _send(self, what: str, order: dict[str, Any]) -> None:
        assert self._connection is not None
        self._connection.settimeout(1.0)
        self._connection.sendall(json.dumps(order).encode() + b"\n")
        self._owed.append((what, time.monotonic()))

    def _receive_until(self, end_s: float) -> None:
        """Take in answers until none is owed or the time has come."""
        while self._owed:
            line = self._read_line(end_s)
            if line is None:
                return
            what, _ = self._owed.popleft()
            answer = json.loads(line)
            if "error" in answer:
                raise TuttiError(answer["error"])
            if what == "run":
                frames = answer["frames"]
                output = self._audio[1, answer["place"], : self._channels, :frames]
                self._outputs.append(output.copy())

    def _read_line(self, end_s: float) -> bytes | None:
        assert self._connection is not None
        while b"\n" not in self._received:
            self._connection.settimeout(max(0.0001, end_s - time.monotonic()))
            try:
                more = self._connection.recv(4096)
            except TimeoutError:
                return None
            if not more:
                raise _Gone
            self._received += more
            if b"\n" not in self._received and time.monotonic() >= end_s:
                return None
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _ask(self, order: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send an order and wait for its answer; answers owed before it are taken in first."""
        where = f"{self.step.effect} {self.step.label}"
        end_s = time.monotonic() + timeout_s
        try:
            self._receive_until(end_s)
            self._send("ask", order)
            line = self._read_line(end_s)
        except (_Gone, OSError):
            reason = self._exit_reason()
            self._end(PluginState.CRASHED)
            raise TuttiError(f"{where} crashed ({reason}): remove it, or reload it.") from None
        if line is None:
            self._end(PluginState.HUNG)
            raise TuttiError(f"{where} did not answer for {timeout_s:g} s: remove or reload it.")
        self._owed.pop()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            if order["do"] in ("load", "channels"):
                self._end(PluginState.STOPPED)
            raise TuttiError(f"{where} cannot be used: {_plain(answer['error'])}")
        return answer

    def _judge(self) -> None:
        """Give up a plugin that owes audio for too long; count late blocks."""
        if not self._owed:
            return
        if not self._live:
            self._fail(PluginState.HUNG)
            return
        self.late_blocks += 1
        if time.monotonic() - self._owed[0][1] > HANG_S:
            self._fail(PluginState.HUNG)

    def _fail(self, state: PluginState) -> None:
        reason = f"crashed ({self._exit_reason()})" if state == PluginState.CRASHED else "hung"
        self._end(state)
        self._failed(f"{reason}: it is bypassed, and can be reloaded")

    def _exit_reason(self) -> str:
        if self._process is None:
            return "no process"
        try:
            code = self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return "it closed its connection"
        if code < 0:
            try:
                return signal.Signals(-code).name
            except ValueError:
                return f"signal {-code}"
        return f"exit status {code}"

    def _end(self, state: PluginState) -> None:
        self.state = state
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._memory is not None:
            self._audio = np.zeros((2, 0, 0, 0), np.float32)  # lets go of the buffer
            self._memory.close()
            self._memory.unlink()
            self._memory = None
        self._owed.clear()


def _take_room(memory: shared_memory.SharedMemory) -> None:
    """Have the system find the memory now: written to when there is none, it kills the process.

    Raises:
        OSError: there is no room for it (/dev/shm of a container may be small).
    """
    if sys.platform == "linux":
        os.posix_fallocate(memory._fd, 0, memory.size)  # type: ignore[attr-defined]


def _parameter(name: str, entry: dict[str, Any]) -> Parameter:
    return Parameter(
        name,
        entry["value"],
        entry.get("minimum", 0.0),
        entry.get("maximum", 0.0),
        entry["unit"],
        entry["kind"],
        tuple(entry.get("choices", ())),
    )


def _plain(text: str) -> str:
    """pedalboard's own message, without its preamble."""
    text = text.removeprefix("Failed to load plugin as VST3Plugin. Errors were: VST3Plugin: ")
    return text if text.endswith(".") else text + "."
