"""What machine figures come from: its processor, what that can, and how busy it was."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from realtime.runtime import onnxruntime

FLAGS = (
    "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16",
    "asimddp", "i8mm", "sve",
)  # fmt: skip
"""Of all a processor's flags those that decide how fast a network runs."""


@dataclass(frozen=True)
class Computer:
    """``flags``: of ``FLAGS`` those it has; None where the system does not say."""

    processor: str
    cores: int
    flags: tuple[str, ...] | None
    system: str
    python: str
    onnxruntime: str

    def __str__(self) -> str:
        able = "flags unknown" if self.flags is None else ", ".join(self.flags) or "no such flags"
        dot = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"}
        if self.flags is not None and not dot & set(self.flags):
            able += "; no int8 dot products"
        return (
            f"{self.cores} cores of {self.processor} ({able}), {self.system}, "
            f"Python {self.python}, onnxruntime {self.onnxruntime}"
        )

    def document(self) -> dict[str, Any]:
        return asdict(self)


def this_machine() -> Computer:
    """The machine that runs this."""
    cpuinfo = _cpuinfo()
    return Computer(
        processor=_processor(cpuinfo),
        cores=os.cpu_count() or 1,
        flags=flags_of(cpuinfo),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        onnxruntime=onnxruntime().__version__,
    )


def load() -> float | None:
    """The system's load average of the last minute, where it has one."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def flags_of(cpuinfo: str) -> tuple[str, ...] | None:
    """Those of ``FLAGS`` in the text of Linux's ``/proc/cpuinfo``; None if it has no flags."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    if found is None:
        return None
    return tuple(flag for flag in FLAGS if flag in found[1].split())


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""


def _processor(cpuinfo: str) -> str:
    found = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    if found is not None:
        return found[1]
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return platform.processor() or platform.machine()
