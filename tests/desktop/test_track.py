"""The track: order, interpolation, growth, and its reader beside its writer."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from desktop.heard import track as tracks
from desktop.heard.track import Track, as_columns


def row(value: float) -> tuple:
    return (
        np.full(24, value, np.float32), np.full(8, value, np.float32),
        np.full(7, value, np.float32), value,
    )  # fmt: skip


def test_between_window_centres_values_are_interpolated():
    track = Track()
    track.append(0.5, *row(0.0))
    track.append(1.0, *row(1.0))
    values = track.rows().at(0.75, 1.0)
    assert values == pytest.approx(np.full(tracks.COLUMNS, 0.5))
    assert track.rows().at(0.5, 1.0)[0] == 0.0


def test_far_from_every_window_nothing_is_known():
    track = Track()
    assert track.rows().at(0.0, 1.0) is None
    track.append(10.0, *row(1.0))
    assert track.rows().at(8.5, 1.0) is None
    assert track.rows().at(9.5, 1.0) is not None


def test_across_a_gap_the_nearer_window_counts_alone():
    track = Track()
    track.append(0.0, *row(0.0))
    track.append(100.0, *row(1.0))
    assert track.rows().at(0.4, 0.5)[0] == 0.0
    assert track.rows().at(99.6, 0.5)[0] == 1.0


def test_columns_come_back_as_they_went_in():
    track = Track()
    parts = [np.arange(n, dtype=np.float32) for n in (24, 8, 7)]
    track.append(0.0, *parts, 3.25)
    got = as_columns(track.rows().values[0])
    for part, back in zip(parts, got[:3], strict=True):
        np.testing.assert_array_equal(part, back)
    assert got[3] == 3.25


def test_the_oldest_half_goes_when_it_is_full(monkeypatch):
    monkeypatch.setattr(tracks, "MAX_ROWS", 4096)
    track = Track()
    for i in range(5000):
        track.append(i * 0.5, *row(0.0))
    centres = track.rows().centre_s
    assert len(centres) <= 4096
    assert centres[-1] == 4999 * 0.5
    assert np.all(np.diff(centres) == 0.5)


def test_a_reader_beside_the_writer_sees_whole_rows():
    track, wrong = Track(), []
    done = threading.Event()

    def write() -> None:
        for i in range(8000):
            track.append(float(i), *row(float(i)))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        rows = track.rows()
        if len(rows) and not np.array_equal(
            rows.values[-1], np.full(tracks.COLUMNS, rows.centre_s[-1])
        ):
            wrong.append(rows.centre_s[-1])
    writer.join()
    assert not wrong
