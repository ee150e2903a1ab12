"""One receiver of ReaStream for all that listen to a port: a system gives a port out once."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.levels import LevelReading, block_level
from realtime.log import event
from realtime.sources import datagrams, recorder
from realtime.sources.child import Child, module_command
from realtime.sources.reastream_packet import PORT, Kind, Packet, Refused, parse

LOOPBACK = "127.0.0.1"
START_S = 4.0
READ_S = 0.1
METER_S = 0.3
SILENT_S = 1.0
"""A sender that sent nothing for so long is not there."""
MAX_SENDERS = 256
"""Known at a time: whoever sends each packet under a new name gains nothing."""
HELD_S = 30.0
"""What waits for a listener that holds still."""


@dataclass(frozen=True)
class Sending:
    """Who is heard: ``address`` tells those of one name apart."""

    name: str
    address: str
    channels: int
    sample_rate_hz: int
    level: LevelReading


@dataclass
class _Newest:
    """The last of what one sender sent, for its level."""

    newest: Packet
    heard_s: float
    recent: deque[Packet] = field(default_factory=deque)
    frames: int = 0

    def add(self, packet: Packet, now_s: float) -> None:
        if packet.format != self.newest.format:
            self.recent.clear()
            self.frames = 0
        self.newest, self.heard_s = packet, now_s
        self.recent.append(packet)
        self.frames += packet.frames
        while self.frames - self.recent[0].frames > METER_S * packet.sample_rate_hz:
            self.frames -= self.recent.popleft().frames

    @property
    def block(self) -> NDArray[np.float32]:
        return np.concatenate([packet.block for packet in self.recent])


@dataclass(frozen=True)
class Arrival:
    """A packet of the name listened to, and when it came, monotonic."""

    packet: Packet
    address: str
    arrived_s: float


class Listener:
    """What came for one name, until it is fetched; ``damaged`` counts what was not sound."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.damaged = 0
        self.error: str | None = None
        self._arrivals: deque[Arrival] = deque()
        self._news = threading.Condition()

    def put(self, arrival: Arrival) -> None:
        with self._news:
            self._arrivals.append(arrival)
            while arrival.arrived_s - self._arrivals[0].arrived_s > HELD_S:
                self._arrivals.popleft()

    def tell(self, error: str | None = None) -> None:
        """Wake who waits in ``fetch``; ``error``: nothing comes any more."""
        with self._news:
            self.error = error
            self._news.notify_all()

    def fetch(self, timeout_s: float) -> list[Arrival]:
        """All that came since the last call; none if none came in time.

        Raises:
            TuttiError: the receiver ended.
        """
        with self._news:
            self._news.wait_for(lambda: self._arrivals or self.error is not None, timeout_s)
            came = list(self._arrivals)
            self._arrivals.clear()
            if not came and self.error is not None:
                raise TuttiError(self.error)
            return came


class Receiver:
    """A bound port, read on a thread. Use ``receiving``; the constructor binds.

    Raises:
        TuttiError: the port cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self.where = f"{host} port {port}"
        self.refused: Counter[Kind] = Counter()
        """Packets that were not heard, of whatever name."""
        self._listeners: list[Listener] = []
        self._heard: dict[tuple[str, str], _Newest] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._received = b""
        self._closing = False
        self.ended = False
        self.holders = 0
        try:
            self._child = Child(module_command(datagrams.__name__, host, str(port)))
        except OSError as error:
            raise self._unheard(str(error.strerror)) from None
        try:
            self.port = self._bound()
        except BaseException:
            self._child.close()
            raise
        self._thread = threading.Thread(target=self._run, name="tutti-reastream", daemon=True)
        self._thread.start()

    def _bound(self) -> int:
        until_s = time.monotonic() + START_S
        while b"\n" not in self._received:
            data = self._child.read(max(0.0, until_s - time.monotonic()))
            if not data:
                raise self._unheard("its receiver does not start")
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        about = json.loads(line)
        if "error" in about:
            raise self._unheard(about["error"])
        return int(about["port"])

    def _unheard(self, reason: str) -> TuttiError:
        return TuttiError(
            f"ReaStream cannot be heard at {self.where} ({reason}): end what else receives there, "
            "such as another Tutti or a ReaStream plug-in that receives."
        )

    def senders(self) -> list[Sending]:
        """Who sends now, with levels, by name."""
        since_s = time.monotonic() - SILENT_S
        with self._lock:
            heard = [(key, one.newest, one.block) for key, one in self._heard.items()
                     if one.heard_s >= since_s]  # fmt: skip
        return sorted(
            (
                Sending(name, address, new.channels, new.sample_rate_hz, block_level(block))
                for (name, address), new, block in heard
            ),
            key=lambda sender: (sender.name, sender.address),
        )

    def listen(self, name: str) -> Listener:
        listener = Listener(name)
        with self._lock:
            self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.remove(listener)

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._child.close()

    def _run(self) -> None:
        try:
            while not self._closing:
                data = self._child.read(READ_S)
                if data is None:
                    break
                batches, self._received = recorder.whole_messages(self._received + data)
                for batch, _ in batches:
                    self._take_all(batch)
        finally:
            self._end()

    def _end(self) -> None:
        """Tell all who listen; whoever asks for the address next gets another receiver."""
        self.ended = True
        if not self._closing:
            event(logging.ERROR, "reastream receiver ended", where=self.where)
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.tell(f"The receiver of ReaStream at {self.where} ended: it is started again.")

    def _take_all(self, batch: bytes) -> None:
        at = 0
        with self._lock:
            while at < len(batch):
                arrived_s, address_size, size = datagrams.ARRIVED.unpack_from(batch, at)
                at += datagrams.ARRIVED.size
                address = batch[at : at + address_size].decode()
                at += address_size
                self._take(parse(batch[at : at + size]), address, arrived_s)
                at += size
            for listener in self._listeners:
                listener.tell()

    def _take(self, packet: Packet | Refused, address: str, arrived_s: float) -> None:
        listeners = [one for one in self._listeners if one.name == packet.name]
        if isinstance(packet, Refused):
            self.refused[packet.kind] += 1
            if packet.kind is Kind.DAMAGED:
                for listener in listeners:
                    listener.damaged += 1
            if packet.kind not in self._told:  # once: thousands may come a second
                self._told.add(packet.kind)
                about = {"kind": packet.kind, "reason": packet.reason, "identifier": packet.name}
                event(logging.WARNING, "packet refused", sender=address, **about)
            return
        heard = self._heard.get((packet.name, address))
        if heard is None:
            if len(self._heard) >= MAX_SENDERS:
                del self._heard[min(self._heard, key=lambda key: self._heard[key].heard_s)]
            heard = self._heard[packet.name, address] = _Newest(packet, arrived_s)
        heard.add(packet, arrived_s)
        for listener in listeners:
            listener.put(Arrival(packet, address, arrived_s))


_shared: dict[tuple[str, int], Receiver] = {}
_shared_lock = threading.Lock()


def hold(host: str = LOOPBACK, port: int = PORT) -> Receiver:
    """The receiver of that address, started unless somebody else holds it; ``release`` it after.

    Raises:
        TuttiError: the port cannot be had.
    """
    with _shared_lock:
        receiver = _shared.get((host, port))
        if receiver is None or receiver.ended:
            receiver = _shared[host, port] = Receiver(host, port)
        receiver.holders += 1
        return receiver


def release(receiver: Receiver) -> None:
    """Let go of a receiver from ``hold``; the last one to do so closes it."""
    with _shared_lock:
        receiver.holders -= 1
        if receiver.holders:
            return
        for address in [key for key, held in _shared.items() if held is receiver]:
            del _shared[address]
        receiver.close()  # before anyone may want the port again


@contextmanager
def receiving(host: str = LOOPBACK, port: int = PORT) -> Iterator[Receiver]:
    """The receiver of that address, for a while.

    Raises:
        TuttiError: the port cannot be had.
    """
    receiver = hold(host, port)
    try:
        yield receiver
    finally:
        release(receiver)
