"""How to get the sound of a DAW into the monitor, on each system."""

from __future__ import annotations

import sys

GUIDES = {
    "darwin": (
        "macOS: BlackHole",
        "Install BlackHole 2ch (brew install blackhole-2ch). In Audio MIDI Setup make a "
        "Multi-Output Device of your interface and BlackHole, and choose it as the output of your "
        "DAW. Then press Refresh and choose BlackHole 2ch here. If the level stays at exact "
        "zeros, allow the microphone for this program in System Settings, Privacy & Security.",
    ),
    "win32": (
        "Windows: VB-Cable",
        "Install VB-Cable. Choose CABLE Input as the output of your DAW (and listen to CABLE "
        "Output in the Windows sound settings to hear it too). Then press Refresh and choose "
        "CABLE Output here. Some sound cards offer 'Stereo Mix', which needs no cable. If the "
        "level stays at exact zeros, allow the microphone in Settings, Privacy.",
    ),
    "linux": (
        "Linux: PipeWire, PulseAudio or JACK",
        "Choose 'Monitor of' your output: it carries what the computer plays, and its level "
        "moves while that plays. With JACK, or PipeWire's JACK side, choose Tutti (JACK ports), "
        "which pip install 'tutti-meter[jack]' brings, and connect the DAW's outputs to it in "
        "qpwgraph or Carla. If the list is empty, "
        "start the sound server and press Refresh.",
    ),
}


def guide() -> tuple[str, str]:
    """Title and text for this system."""
    return GUIDES.get(sys.platform, GUIDES["linux"])
