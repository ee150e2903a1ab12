"""The one place that loads onnxruntime, with its telemetry switched off."""

from __future__ import annotations

from types import ModuleType
from typing import Any

SAMPLES_NAME = "samples"
"""What a file calls the length of a window where it leaves that free."""


def onnxruntime() -> ModuleType:
    """The module ``onnxruntime``; the switch of Linux and macOS is set in ``realtime``."""
    import onnxruntime

    runtime: ModuleType = onnxruntime

    # Windows has a switch of its own, events for the system's tracing; elsewhere it does nothing.
    if hasattr(runtime, "disable_telemetry_events"):
        runtime.disable_telemetry_events()
    return runtime


def open_session(content: bytes, threads: int = 1, samples: int | None = None) -> Any:
    """An onnxruntime session of a file's bytes, on the processor, that never spins.

    ``samples``: the length of a window, where the file leaves it free: what follows from it is
    then computed once. None, and a file that does not leave it free, change nothing.
    Whatever it raises is of onnxruntime's own unexported types, one for each way to be damaged.
    """
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if samples is not None:
        options.add_free_dimension_override_by_name(SAMPLES_NAME, samples)
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
