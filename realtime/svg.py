"""Pieces of SVG pictures drawn without a library: texts, bars, a time axis, shades of colour."""

from __future__ import annotations

from html import escape

from realtime.clock_time import rounded_time

INK, FAINT, PAPER, EMPTY = "#1d1f24", "#6a707c", "#ffffff", "#f0f1f4"
AXIS_STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


def opening(width: float, height: float) -> list[str]:
    """The start of a picture on white paper; end it with ``</svg>``."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="12">',
        rect(0, 0, width, height, PAPER),
    ]


def rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    """A filled rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'
    )


def text(
    x: float, y: float, words: str, size: int, fill: str, *, weight: str = "", anchor: str = ""
) -> str:
    """A line of text; ``y`` is its base line."""
    extra = f' font-weight="{weight}"' if weight else ""
    extra += f' text-anchor="{anchor}"' if anchor else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}"{extra}>'
        f"{escape(words)}</text>"
    )


def time_axis(length_s: float, left: float, width: float, y: float) -> str:
    """Times from 0 to ``length_s``, some eight of them at round steps."""
    length_s = max(length_s, 1e-9)
    step_s = next((one for one in AXIS_STEPS_S if length_s / one <= 9), 7200)
    parts = []
    for number in range(int(length_s / step_s) + 1):
        x = left + width * number * step_s / length_s
        label = rounded_time(number * step_s, tenths=step_s < 1)
        parts.append(text(x, y, label, 11, FAINT, anchor="middle"))
    return "\n".join(parts)
