"""The one place that loads onnxruntime, with its telemetry switched off."""

from __future__ import annotations

from types import ModuleType


def onnxruntime() -> ModuleType:
    """The module ``onnxruntime``; the switch of Linux and macOS is set in ``realtime``."""
    import onnxruntime

    runtime: ModuleType = onnxruntime

    # Windows has a switch of its own, events for the system's tracing; elsewhere it does nothing.
    if hasattr(runtime, "disable_telemetry_events"):
        runtime.disable_telemetry_events()
    return runtime
