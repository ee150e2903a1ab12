"""Whether a plugin is there, and made for this computer."""

from __future__ import annotations

import platform
import sys

from realtime.errors import TuttiError
from realtime.host.chain import EffectStep


def check_plugin_file(step: EffectStep) -> None:
    """Say what is wrong with a plugin's files before the plugin host says it worse.

    Raises:
        TuttiError: plugin or preset is missing, or made for another system.
    """
    path, where = step.path, f"{step.effect} {step.label}"
    if path is None or not path.exists():
        raise TuttiError(f"{where}: {path} does not exist: check the 'path' in the chain file.")
    if step.preset is not None and not step.preset.is_file():
        raise TuttiError(f"{where}: its preset {step.preset} does not exist.")
    if step.effect == "AU" and sys.platform != "darwin":
        raise TuttiError(f"{where}: Audio Units run on macOS only: use the VST3 of it.")
    contents = path / "Contents"
    if step.effect == "VST3" and contents.is_dir():
        builds = {one.name for one in contents.iterdir()}
        wanted = _builds_for_this_system()
        offered = sorted(
            one for one in builds if one == "MacOS" or one.endswith(("-linux", "-win"))
        )
        if offered and not builds & wanted:
            raise TuttiError(
                f"{where} is built for {', '.join(offered)}, and this computer needs "
                f"{' or '.join(sorted(wanted))}: get the plugin for this system."
            )


def _builds_for_this_system() -> set[str]:
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if sys.platform == "darwin":
        return {"MacOS"}
    if sys.platform == "win32":
        return {f"{machine}-win", "arm64-win"} if machine == "aarch64" else {f"{machine}-win"}
    return {f"{machine}-linux"}
