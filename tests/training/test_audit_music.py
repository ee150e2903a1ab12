"""The audibility report on music whose levels are known: real solos, and the demo piece's parts."""

import csv
from pathlib import Path

import numpy as np
import pedalboard
import pytest
import soundfile
import soxr

from realtime.audit.measure import measure
from realtime.audit.passages import passages
from training.pieces import demo

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
SAMPLES = RECORDINGS.parent / "samples"
RATE_HZ = 44_100
LENGTH_S = 17.5
BURIED = 10 ** (-30 / 20)


def compare(folder, mix, stems, rate_hz):
    paths = [folder / f"{name}.wav" for name in ("mix", *stems)]
    for path, sound in zip(paths, (mix, *stems.values()), strict=True):
        soundfile.write(path, sound, rate_hz, subtype="PCM_24")
    measured = measure(paths[0], paths[1:], lambda what, done_s, total_s: None)
    return {
        name: [(one.start_s, one.end_s) for one in passages(signal, 1.0)]
        for name, signal in zip(stems, measured.stems, strict=True)
    }


def solo(path):
    """Mono, all of them equally loud."""
    sound, rate_hz = soundfile.read(path, always_2d=True)
    return level(soxr.resample(sound.mean(axis=1), rate_hz, RATE_HZ))


def level(sound):
    return 0.06 * sound / np.sqrt(np.mean(sound**2))


@pytest.fixture(scope="module")
def solos():
    """Five real solos of 17.5 s at equal levels."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings are not here")
    with (RECORDINGS / "recordings.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith("medley_solos")]
    found = {
        name: solo(RECORDINGS / f"{name}.flac")
        for name in ("sir_duke_piano", "sir_duke_trumpet", "string_orchestra_brahms")
    }
    for name in ("voice", "flute"):
        paths = [RECORDINGS / row["path"] for row in rows if row["instruments"] == name][:4]
        assert paths, f"no solos of {name}"
        found[name] = np.concatenate([solo(path) for path in paths])
    frames = round(LENGTH_S * RATE_HZ)
    return {name: level(np.resize(sound, frames)) for name, sound in found.items()}


@pytest.mark.parametrize("mastered", [False, True])
def test_a_singer_buried_among_real_solos_is_found(tmp_path, solos, mastered):
    levels_db = dict(zip(solos, (0, -2, 0, 2, -3), strict=True))
    fader = np.ones(round(LENGTH_S * RATE_HZ))
    fader[6 * RATE_HZ : 11 * RATE_HZ] = BURIED
    mix = np.zeros((len(fader), 2))
    for place, (name, sound) in enumerate(solos.items()):
        angle = (place + 0.5) / len(solos) * np.pi / 2
        gain = 10 ** (levels_db[name] / 20) * (fader if name == "voice" else 1.0)
        mix += np.outer(gain * sound, (np.cos(angle), np.sin(angle)))
    if mastered:
        board = pedalboard.Pedalboard(
            [
                pedalboard.HighShelfFilter(8000, 3),
                pedalboard.Compressor(-22, 4),
                pedalboard.Reverb(0.3, wet_level=0.1, dry_level=0.9),
                pedalboard.Limiter(-6),
            ]
        )
        mix = board(mix.astype(np.float32), RATE_HZ)
    found = compare(tmp_path, mix, solos, RATE_HZ)
    ((start_s, end_s),) = found.pop("voice")
    assert (start_s, end_s) == pytest.approx((6, 11), abs=0.5)
    # A quiet flute note is short of its threshold for a second, at the exact gains too.
    assert sum(end - start for ranges in found.values() for start, end in ranges) < 1.5


@pytest.mark.parametrize(
    ("name", "from_s"),
    [
        ("bass", 21.0),
        pytest.param("drums", 22.0, marks=pytest.mark.slow),
        pytest.param("piano", 22.0, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_a_buried_part_of_a_composed_and_mastered_piece_is_found(
    tmp_path, monkeypatch, name, from_s
):
    if not SAMPLES.is_dir():
        pytest.skip("the demo piece's notes are not here")
    parts = demo.compose(np.random.default_rng(16))
    dry = {part.name: demo.render_part(part, SAMPLES) for part in parts}
    fader = np.ones((len(dry[name]), 1), np.float32)
    fader[round(from_s * demo.RATE_HZ) : round((from_s + 6.0) * demo.RATE_HZ)] = BURIED
    rendered = dry | {name: dry[name] * fader}
    monkeypatch.setattr(demo, "render_part", lambda part, folder: rendered[part.name])
    found = compare(tmp_path, demo.mix(parts, SAMPLES), dry, demo.RATE_HZ)
    ((start_s, end_s),) = found[name]
    assert (start_s, end_s) == pytest.approx((from_s, from_s + 6.0), abs=0.6)
    elsewhere = sum(end - start for one in dry for start, end in found[one]) - (end_s - start_s)
    assert elsewhere < 0.5
