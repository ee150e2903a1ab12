"""What to look at when an input gives only exact zeros, as it is on this system."""

from __future__ import annotations

import sys

_MUTED = "check that the input is not muted and that something plays into it"
ZEROS = {
    "darwin": "allow the microphone for this program (System Settings, Privacy & Security, "
    f"Microphone), and {_MUTED}",
    "win32": "allow desktop programs to use the microphone (Settings, Privacy, Microphone), and "
    f"{_MUTED}",
    "linux": _MUTED,
}


def only_zeros() -> str:
    """One sentence for the user: what exact zeros are a sign of, and what to do."""
    todo = ZEROS.get(sys.platform, ZEROS["linux"])
    return f"The input delivers exact zeros, not silence: {todo}."
