"""The program that touches PortAudio, run as a child process; see ``portaudio``.

It imports nothing of Tutti, and starts in a fraction of a second.

``recorder.py list`` prints the inputs as JSON.
``recorder.py record NAME HOST_API PLACE TWINS CHANNELS RATE BLOCK`` (the device is number
PLACE of the TWINS that share its name and host API; rate in Hz and block in frames, 0: the
system's own) prints one line of JSON about the stream it opened, then messages: two
little-endian uint32 (bytes that follow, overflows so far) and interleaved float32 frames.
It ends when its stdin does.
Either prints ``{"error": TEXT, "kind": KIND}`` when it cannot.
"""

from __future__ import annotations

import collections
import json
import os
import struct
import sys
import threading
import time
from typing import Any, NoReturn

BLOCK_S = 0.1
"""How often sound is passed on: every wake-up costs."""
LATENCY_S = 0.4
"""Asked of the system. JACK with 0.2 s lost sound when the machine was busy, without a word."""
HELD_S = 30.0
"""What waits here while Tutti holds still."""
HEADER = struct.Struct("<II")


def main(arguments: list[str]) -> None:
    try:
        import sounddevice
    except OSError:
        fail("PortAudio is missing", "missing")
    if arguments[0] == "list":
        print(json.dumps(list_devices(sounddevice, "input")))
    else:
        name, host_api = arguments[1:3]
        record(sounddevice, name, host_api, *map(int, arguments[3:]))


def fail(text: str, kind: str) -> NoReturn:
    print(json.dumps({"error": text, "kind": kind}), flush=True)
    os._exit(1)  # an orderly exit would ask a broken driver to tidy up


def list_devices(sounddevice: Any, kind: str) -> list[dict[str, Any]]:
    """Every device of a kind ("input" or "output"), with its host API's name."""
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[0 if kind == "input" else 1]
    if default < 0:
        defaults = (api[f"default_{kind}_device"] for api in apis)
        default = next((index for index in defaults if index >= 0), -1)
    return [
        {
            "name": entry["name"],
            "host_api": apis[entry["hostapi"]]["name"],
            "channels": entry[f"max_{kind}_channels"],
            "sample_rate_hz": round(entry["default_samplerate"]),
            "is_default": entry["index"] == default,
            "index": entry["index"],
        }
        for entry in sounddevice.query_devices()
        if entry[f"max_{kind}_channels"] > 0
    ]


def record(
    sounddevice: Any,
    name: str,
    host_api: str,
    place: int,
    twins: int,
    channels: int,
    sample_rate_hz: int = 0,
    block_frames: int = 0,
) -> None:
    """Read the device with blocking reads, and pass it on from a second thread."""
    found = [
        device
        for device in list_devices(sounddevice, "input")
        if (device["name"], device["host_api"]) == (name, host_api)
    ]
    if not found:
        fail("it is not connected", "gone")
    if len(found) != twins:
        fail(f"{len(found)} are called that now, and nothing tells them apart", "gone")
    chosen = found[place]
    try:
        stream = sounddevice.RawInputStream(
            samplerate=sample_rate_hz or chosen["sample_rate_hz"],
            blocksize=block_frames,
            device=chosen["index"],
            channels=min(channels, chosen["channels"]),
            dtype="float32",
            latency=LATENCY_S,
        )
        stream.start()
    except sounddevice.PortAudioError as error:
        fail(str(error.args[0]), "refused")
    about = {"sample_rate_hz": round(stream.samplerate), "channels": stream.channels}
    print(json.dumps(about), flush=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    outbox = Outbox(HELD_S * stream.samplerate)
    threading.Thread(target=outbox.deliver, daemon=True).start()
    block_frames = block_frames or round(BLOCK_S * stream.samplerate)
    overflows = 0
    try:
        while True:
            # Asking first: a device that went silent must not look like one that works.
            available = stream.read_available
            if available < block_frames:
                time.sleep(max(0.01, (block_frames - available) / stream.samplerate))
                continue
            frames, overflowed = stream.read(available)
            overflows += bool(overflowed)
            outbox.put(bytes(frames), available, overflows)
    except sounddevice.PortAudioError as error:
        print(error, file=sys.stderr)
        os._exit(1)


class Outbox:
    """Blocks on their way to Tutti; the oldest give way to more than ``most`` frames."""

    def __init__(self, most: float) -> None:
        self._blocks: collections.deque[tuple[int, bytes]] = collections.deque()
        self._frames = 0
        self._most = most
        self._news = threading.Condition()

    def put(self, block: bytes, frames: int, overflows: int) -> None:
        with self._news:
            self._blocks.append((frames, HEADER.pack(len(block), overflows) + block))
            self._frames += frames
            while self._frames > self._most:
                self._frames -= self._blocks.popleft()[0]
            self._news.notify()

    def deliver(self) -> None:
        out = sys.stdout.buffer
        try:
            while True:
                with self._news:
                    while not self._blocks:
                        self._news.wait()
                    frames, message = self._blocks.popleft()
                    self._frames -= frames
                out.write(message)
                out.flush()
        except OSError:
            os._exit(0)


def whole_messages(received: bytes) -> tuple[list[tuple[bytes, int]], bytes]:
    """The messages in what was read so far, each with the overflows it tells, and the rest."""
    messages, at = [], 0
    while len(received) - at >= HEADER.size:
        size, overflows = HEADER.unpack_from(received, at)
        start = at + HEADER.size
        if start + size > len(received):
            break
        messages.append((received[start : start + size], overflows))
        at = start + size
    return messages, received[at:]


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
