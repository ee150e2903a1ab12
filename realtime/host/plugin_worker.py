"""The process in which a third-party plugin lives: ``python -m realtime.host.plugin_worker``.

The host starts it with a port, a secret and the name of a shared memory. Audio
goes through the shared memory, orders and answers as JSON lines through a local
socket; it ends when the socket does. A crash or hang in here is the host's to
notice, not to share.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker, shared_memory
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_CHANNELS = 8
BLOCK_FRAMES = 8192
"""Longest block in one order: pedalboard's own default."""
BLOCKS = 16
"""Orders that may be under way at once; each has its own place in the memory."""
MEMORY_BYTES = 2 * BLOCKS * MAX_CHANNELS * BLOCK_FRAMES * 4


def audio_view(memory: shared_memory.SharedMemory) -> NDArray[np.float32]:
    """The memory as (input or output, block, channels, frames)."""
    shape = (2, BLOCKS, MAX_CHANNELS, BLOCK_FRAMES)
    return np.ndarray(shape, np.float32, memory.buf)


def load(order: dict[str, Any]) -> Any:
    """The plugin of a "load" order."""
    import pedalboard

    return pedalboard.load_plugin(order["path"], plugin_name=order.get("plugin_name"))


class Worker:
    """Carries out orders; ``load_plugin`` makes the plugin from a "load" order."""

    def __init__(
        self, audio: NDArray[np.float32], load_plugin: Callable[[dict[str, Any]], Any] = load
    ) -> None:
        self._audio = audio
        self._load_plugin = load_plugin
        self._load_order: dict[str, Any] = {}
        self._plugins: list[Any] = []
        self._pairs = False
        self.editor_wanted = False

    def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what the order says; the answer says ``error`` where it could not."""
        try:
            answer: dict[str, Any] = getattr(self, "_do_" + order["do"])(order)
            return answer
        except Exception as error:
            return {"error": " ".join(str(error).split())}

    def show_editor(self) -> None:
        """Open the plugin's own window; main thread only, returns when it is closed."""
        self._plugins[0].show_editor()

    def _do_load(self, order: dict[str, Any]) -> dict[str, Any]:
        self._load_order = order
        plugin = self._load_plugin(order)
        if not getattr(plugin, "is_effect", True):
            raise ValueError("it is an instrument, and only effects can be in a chain")
        if order.get("preset"):
            plugin.load_preset(order["preset"])
        self._plugins = [plugin]
        return {"name": getattr(plugin, "name", ""), "parameters": _describe(plugin)}

    def _do_channels(self, order: dict[str, Any]) -> dict[str, Any]:
        """Settle how many channels each copy of the plugin gets."""
        # On a copy, since some plugins sound a little different after audio and a reset.
        probe, rate_hz = self._copy(), order["rate_hz"]
        try:
            probe.process(np.zeros((order["channels"], 512), np.float32), rate_hz, reset=False)
            self._pairs = False
        except ValueError:  # then stereo copies
            probe.process(np.zeros((2, 512), np.float32), rate_hz, reset=False)
            self._pairs = True
        return {}

    def _do_run(self, order: dict[str, Any]) -> dict[str, Any]:
        place, channels, frames = order["place"], order["channels"], order["frames"]
        block = self._audio[0, place, :channels, :frames].copy()
        if self._pairs:
            output = self._run_pairs(block, order["rate_hz"])
        else:
            output = self._plugins[0].process(block, order["rate_hz"], reset=False)
        self._audio[1, place, :channels, : output.shape[1]] = output
        return {"place": place, "frames": output.shape[1]}

    def _do_set(self, order: dict[str, Any]) -> dict[str, Any]:
        for plugin in self._plugins:
            setattr(plugin, order["name"], order["value"])
        return {}

    def _do_values(self, order: dict[str, Any]) -> dict[str, Any]:
        return {"parameters": _describe(self._plugins[0])}

    def _do_reset(self, order: dict[str, Any]) -> dict[str, Any]:
        for plugin in self._plugins:
            plugin.reset()
        return {}

    def _do_editor(self, order: dict[str, Any]) -> dict[str, Any]:
        if sys.platform == "linux" and not os.environ.get("DISPLAY"):
            raise RuntimeError("no screen is available for its window")
        self.editor_wanted = True
        return {}

    def _run_pairs(self, block: NDArray[np.float32], rate_hz: float) -> NDArray[np.float32]:
        """Each pair of channels through its own copy; a single channel is heard as both."""
        outputs = []
        for number, first in enumerate(range(0, len(block), 2)):
            if number == len(self._plugins):
                self._plugins.append(self._copy())
            part = block[first : first + 2]
            stereo = np.resize(part, (2, block.shape[1]))
            output = self._plugins[number].process(stereo, rate_hz, reset=False)
            outputs.append(output if len(part) == 2 else output.mean(axis=0, keepdims=True))
        return np.concatenate(outputs)

    def _copy(self) -> Any:
        plugin = self._load_plugin(self._load_order)
        for name, one in _describe(self._plugins[0]).items():
            setattr(plugin, name, one["value"])
        return plugin


def _describe(plugin: Any) -> dict[str, dict[str, Any]]:
    """Each parameter's value and what it allows, as plain numbers and text."""
    described = {}
    for name, parameter in plugin.parameters.items():
        value = getattr(plugin, name)
        entry: dict[str, Any] = {"unit": parameter.units or ""}
        if parameter.type is bool:
            entry |= {"kind": "switch", "value": bool(value)}
        elif parameter.type is str:
            choices = [str(one) for one in parameter.valid_values]
            entry |= {"kind": "choice", "value": str(value), "choices": choices}
        else:
            minimum, maximum, _ = parameter.range
            entry |= {"kind": "number", "value": float(value)}
            entry |= {"minimum": float(minimum), "maximum": float(maximum)}
        described[name] = entry
    return described


def main(
    arguments: list[str] | None = None, load_plugin: Callable[[dict[str, Any]], Any] = load
) -> None:
    """Serve one host until it hangs up."""
    port, secret, name = arguments if arguments is not None else sys.argv[1:]
    connection = socket.create_connection(("127.0.0.1", int(port)), timeout=10.0)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(secret.encode() + b"\n")
    memory = shared_memory.SharedMemory(name)
    if os.name == "posix":
        # Attaching registers too (until Python 3.13), and this process's end would free the
        # memory under the host.
        resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]
    worker = Worker(audio_view(memory), load_plugin)
    lines: queue.Queue[bytes] = queue.Queue()

    def listen() -> None:
        for line in connection.makefile("rb"):
            lines.put(line)
        os._exit(0)  # the host is gone, whatever the plugin still does

    threading.Thread(target=listen, daemon=True).start()
    # Plugins want the main thread for loading, resetting and windows. While a window
    # is open, it holds the main thread, and the orders are carried out on another.
    while True:
        _answer(connection, worker, lines.get())
        if worker.editor_wanted:
            worker.editor_wanted = False
            closed = threading.Event()
            helper = threading.Thread(target=_serve, args=(connection, worker, lines, closed))
            helper.start()
            with contextlib.suppress(Exception):  # no window, but the sound goes on
                worker.show_editor()
            closed.set()
            helper.join()


def _serve(
    connection: socket.socket,
    worker: Worker,
    lines: queue.Queue[bytes],
    until: threading.Event,
) -> None:
    while not until.is_set():
        with contextlib.suppress(queue.Empty):
            _answer(connection, worker, lines.get(timeout=0.05))


def _answer(connection: socket.socket, worker: Worker, line: bytes) -> None:
    answer = worker.carry_out(json.loads(line))
    connection.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
