"""Times as a person reads them."""

from __future__ import annotations


def clock_time(time_s: float, *, tenths: bool = False) -> str:
    """``75.37`` -> ``1:15``, with tenths ``1:15.3``, as a running clock shows it.

    Hours appear when there are any.
    """
    tens = int(max(time_s, 0.0) * 10 + 1e-6)
    whole, tenth = divmod(tens, 10)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return f"{text}.{tenth}" if tenths else text


def rounded_time(time_s: float, *, tenths: bool = False) -> str:
    """The same rounded, ``75.37`` -> ``1:15.4``: for what is reported and stands still."""
    nearest_s = round(time_s * 10) / 10 if tenths else int(time_s + 0.5)
    return clock_time(nearest_s, tenths=tenths)


def exact_time(time_s: float) -> str:
    """``75.37`` -> ``0:01:15.370``, to the millisecond and with hours: for other programs."""
    seconds, thousandths = divmod(max(0, round(time_s * 1000)), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}.{thousandths:03d}"
