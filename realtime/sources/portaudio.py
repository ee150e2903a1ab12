"""Sound devices through PortAudio, which speaks to every system's own interface.

PortAudio runs in a child process (``recorder``): inside this one it can only
look for devices anew while nothing plays, hangs with its driver, and was seen to
abort the whole program when a JACK server had died under it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from realtime.errors import TuttiError
from realtime.sources import recorder
from realtime.sources.base import Block
from realtime.sources.child import Child
from realtime.sources.device import Device
from realtime.sources.recorded import Recorded

LIST_TIMEOUT_S = 5.0
DEFAULT_CHANGES = sys.platform in ("darwin", "win32")
"""On Linux the default is called "default", and its server moves what is behind it."""
FOLLOW_S = 15.0
"""Between two looks at which input is the default; each costs 0.2 s of a core."""
LOOPBACK_WORDS = (
    "monitor", "loopback", "stereo mix", "what u hear", "wave out mix",
    "blackhole", "soundflower", "vb-audio", "cable output", "voicemeeter",
)  # fmt: skip


def list_inputs() -> list[Device]:
    """Input devices, as they are now.

    Raises:
        TuttiError: PortAudio is missing, or does not answer.
    """
    try:
        answer = subprocess.run(
            _command("list"), capture_output=True, timeout=LIST_TIMEOUT_S, stdin=subprocess.DEVNULL
        ).stdout
        found = json.loads(answer.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        raise no_answer() from None
    if isinstance(found, dict):
        raise missing()
    return devices_of(found)


def devices_of(entries: Sequence[dict[str, Any]]) -> list[Device]:
    """Devices from what ``recorder.list_devices`` gives, in the same order."""
    twins = Counter((entry["name"], entry["host_api"]) for entry in entries)
    before: Counter[tuple[str, str]] = Counter()
    devices = []
    for entry in entries:
        key = entry["name"], entry["host_api"]
        devices.append(
            Device(
                name=entry["name"],
                host_api=entry["host_api"],
                channels=entry["channels"],
                sample_rate_hz=entry["sample_rate_hz"],
                is_loopback=any(word in entry["name"].lower() for word in LOOPBACK_WORDS),
                is_default=entry["is_default"],
                place=before[key],
                twins=twins[key],
            )
        )
        before[key] += 1
    return devices


class PortAudioStream(Recorded):
    """An open input.

    ``follows``: it is heard as the default, and given up once another is the default.

    Raises:
        TuttiError: it cannot be opened, or (from ``read``) it broke off.
    """

    def __init__(
        self,
        device: Device,
        channels: int,
        sample_rate_hz: int = 0,
        block_frames: int = 0,
        follows: bool = False,
    ) -> None:
        self._default = _DefaultWatch(device) if follows and DEFAULT_CHANGES else None
        numbers = device.place, device.twins, channels, sample_rate_hz, block_frames
        command = _command("record", device.name, device.host_api, *map(str, numbers))
        super().__init__(device.label, command, missing())

    def read(self, timeout_s: float) -> Block:
        """The frames that came; none if none came in time."""
        block = super().read(timeout_s)
        if self._default is not None:
            self._default.look()
        return block

    def close(self) -> None:
        super().close()
        if self._default is not None:
            self._default.close()


class _DefaultWatch:
    """Asks now and then which input is the default: PortAudio looks only when it starts."""

    def __init__(self, device: Device) -> None:
        self._identity = device.identity
        self._child: Child | None = None
        self._answer = b""
        self._next_s = time.monotonic() + FOLLOW_S

    def look(self) -> None:
        """Go on with asking; costs nothing while there is no answer.

        Raises:
            TuttiError: another input is the default now.
        """
        if self._child is None:
            if time.monotonic() >= self._next_s:
                self._next_s += FOLLOW_S
                with contextlib.suppress(OSError):  # no room for a process now: later
                    self._child, self._answer = Child(_command("list")), b""
            return
        data = self._child.read(0.0)
        if data is not None:
            self._answer += data
            return
        self.close()
        try:
            devices = devices_of(json.loads(self._answer.splitlines()[-1]))
        except (ValueError, IndexError, TypeError):
            return  # asked again later
        default = next((device for device in devices if device.is_default), None)
        if default is not None and default.identity != self._identity:
            raise TuttiError(
                f"The default input is another now ('{default.label}'): it is opened instead."
            )

    def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close()


def _command(*arguments: str) -> list[str]:
    # -P: the modules beside the recorder must not pass for others.
    return [sys.executable, "-P", recorder.__file__, *arguments]


def missing() -> TuttiError:
    """What is said where PortAudio is not installed."""
    how = {
        "linux": "install it with 'sudo apt install libportaudio2'",
        "darwin": "install it with 'brew install portaudio'",
    }.get(sys.platform, "install the sounddevice package again")
    return TuttiError(
        f"PortAudio, which reads and plays sound devices, is missing: {how}; "
        "files work without it."
    )


def no_answer(kind: str = "input") -> TuttiError:
    """What is said where PortAudio cannot list its devices."""
    return TuttiError(
        f"The sound system does not answer when asked for its {kind}s: "
        "restart the sound server, or unplug the device that hangs."
    )
