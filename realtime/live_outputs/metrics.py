"""The newest window and what was lost, as Prometheus' text format has it (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from realtime.live_outputs.output import Counts
from realtime.postprocess import Tags
from realtime.spec import ModelSpec

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]


def text(
    spec: ModelSpec, newest: Mapping[str, tuple[float, Tags]], counts: Mapping[str, Counts]
) -> str:
    """``newest``: of each sound, the age of its newest window in seconds, and its tags."""
    sounds: list[tuple[dict[str, str], float, Tags]] = [
        ({"sound": name} if name else {}, age_s, tags) for name, (age_s, tags) in newest.items()
    ]
    lines = [
        *_metric(
            "tutti_instrument_probability", "gauge", "That an instrument sounds, 0 to 1.",
            [(s | {"instrument": one}, v) for s, _, t in sounds
             for one, v in zip(spec.instruments, t.instruments.tolist(), strict=True)],
        ),
        *_metric(
            "tutti_family_probability", "gauge", "That an instrument of a family sounds, 0 to 1.",
            [(s | {"family": one}, v) for s, _, t in sounds
             for one, v in zip(spec.families, t.families.tolist(), strict=True)],
        ),
        *_metric(
            "tutti_polyphony", "gauge", "How many instruments sound; 6 stands for 6 or more.",
            [(s, t.polyphony_expected) for s, _, t in sounds],
        ),
        *_metric(
            "tutti_level_rms_dbfs", "gauge", "Level of the newest window.",
            [(s, t.level.rms_dbfs) for s, _, t in sounds],
        ),
        *_metric(
            "tutti_level_peak_dbfs", "gauge", "Highest sample of the newest window.",
            [(s, t.level.peak_dbfs) for s, _, t in sounds],
        ),
        *_metric(
            "tutti_window_age_seconds", "gauge", "Since the newest window came.",
            [(s, age_s) for s, age_s, _ in sounds],
        ),
        *_metric(
            "tutti_windows_sent_total", "counter", "Windows that an output has sent.",
            [({"output": name}, one.sent) for name, one in counts.items()],
        ),
        *_metric(
            "tutti_windows_lost_total", "counter",
            "Windows that gave way to newer ones, or that nobody received.",
            [({"output": name}, one.lost) for name, one in counts.items()],
        ),
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _metric(name: str, kind: str, told: str, samples: list[Sample]) -> Iterator[str]:
    if not samples:
        return
    yield f"# HELP {name} {told}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{inner}}} {value:.6g}" if inner else f"{name} {value:.6g}"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
