"""Malformed sound files: no crash, no hang, no memory blow-up, only tags or one sentence.

Each batch of files is read in a child process with a limit on memory and time, so
that a crash inside a decoder fails the test instead of ending it.
"""

import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import sound_kinds
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.errors import TuttiError
from realtime.sources.file import FileSource

KINDS = ("wav", "aiff", "flac", "ogg", "mp3")
FILMS = (
    "fast.m4a", "alac.m4a", "frag.mp4", "webm", "mkv", "wma", "wv", "caf", "avi", "mp3.wav", "aac",
    "ts", "ac3",
)  # fmt: skip
"""Kinds that FFmpeg reads; the last three do not say how long they are."""
MEMORY_BYTES = 1 << 30
TIMEOUT_S = 120

READER = f"""
import json, sys, time
try:
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY_BYTES}, {MEMORY_BYTES}))
except ImportError:
    pass
from realtime.errors import TuttiError
from realtime.sources.file import FileSource
for name in sys.stdin.read().splitlines():
    began_s = time.monotonic()
    frames, error = 0, None
    try:
        with FileSource(name) as source:
            for block in source:
                frames += len(block)
    except TuttiError as refused:
        error = str(refused)
    took_s = time.monotonic() - began_s
    print(json.dumps({{"name": name, "frames": frames, "error": error, "took_s": took_s}}))
"""


def encoded(kind, seconds=0.5, rate_hz=22_050):
    """A real file of this kind."""
    rng = np.random.default_rng(0)
    if kind in FILMS:
        rate_hz = sound_kinds.KINDS[kind].rate_hz
        audio = rng.normal(0, 0.1, (int(seconds * rate_hz), 2)).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            path = sound_kinds.encode(Path(folder) / f"a.{kind}", kind, audio, rate_hz)
            return path.read_bytes()
    audio = rng.normal(0, 0.1, (int(seconds * rate_hz), 2))
    file = io.BytesIO()
    soundfile.write(file, audio, rate_hz, format=kind.upper())
    return file.getvalue()


@pytest.fixture(scope="module")
def originals():
    return {kind: encoded(kind) for kind in (*KINDS, *FILMS)}


def read_all(paths):
    """Read files in a limited child; its report, one entry a file."""
    done = subprocess.run(
        [sys.executable, "-c", READER],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(report, paths, limit_s=5.0):
    assert [entry["name"] for entry in report] == [str(path) for path in paths]
    for entry in report:
        assert entry["took_s"] < limit_s, entry
        if entry["error"] is not None:
            assert entry["name"] in entry["error"]
            assert "\n" not in entry["error"]


@pytest.mark.parametrize("kind", [*KINDS, *FILMS])
def test_every_truncation_of_a_real_header(tmp_path, originals, kind):
    content = originals[kind]
    lengths = [*range(1, 120), *np.geomspace(120, len(content) - 1, 60).astype(int).tolist()]
    paths = []
    for length in lengths:
        paths.append(tmp_path / f"{length}.{kind}")
        paths[-1].write_bytes(content[:length])
    report = read_all(paths)
    check(report, paths)
    complete = 0.5 * (sound_kinds.KINDS[kind].rate_hz if kind in FILMS else 22_050)
    if kind in FILMS[-3:]:  # whose frames may end anywhere: they are told, and no more
        for entry, length in zip(report, lengths, strict=True):
            assert entry["frames"] <= (length / len(content) + 0.15) * complete
    else:  # A piece cut in half is never taken for whole.
        assert all(entry["error"] for entry in report if int(entry["frames"]) < 0.9 * complete)


@pytest.mark.parametrize("kind", [*KINDS, *FILMS])
def test_random_damage_to_real_files(tmp_path, originals, kind):
    rng = random.Random(kind)
    paths = []
    for number in range(150):
        content = bytearray(originals[kind])
        # Half of the damage goes to the header, where it does most.
        for _ in range(rng.choice((1, 2, 8, 64))):
            end = rng.choice((64, 256, len(content)))
            content[rng.randrange(end)] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))
        paths.append(tmp_path / f"{number}.{kind}")
        paths[-1].write_bytes(content)
    check(read_all(paths), paths)


def wav_header(rate_hz, channels, bits, code, claimed, riff):
    frame = channels * bits // 8
    return (
        b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, code, channels, rate_hz, rate_hz * frame % 2**32,
                      frame % 2**16, bits)
        + b"data" + struct.pack("<I", claimed)
    )  # fmt: skip


def test_headers_that_claim_anything(tmp_path):
    rng = random.Random(1)
    extremes = (0, 1, 2, 3, 255, 65_535)
    paths = []
    for number in range(300):
        header = wav_header(
            rate_hz=rng.choice((0, 1, 8_000, 44_100, 192_000, 2**31, 2**32 - 1)),
            channels=rng.choice((*extremes, 2, 6)),
            bits=rng.choice((*extremes, 8, 16, 24, 32)),
            code=rng.choice((1, 2, 3, 6, 17, 0x55, 0xFFFE, rng.randrange(65_536))),
            claimed=rng.choice((0, 1, 3, 4_000, 2**31 - 1, 2**32 - 1, rng.randrange(2**32))),
            riff=rng.choice((0, 36, 2**32 - 1, rng.randrange(2**32))),
        )
        paths.append(tmp_path / f"{number}.wav")
        paths[-1].write_bytes(header + bytes(rng.randrange(256) for _ in range(4_000)))
    check(read_all(paths), paths)


def test_a_header_that_claims_4_gb_costs_neither_time_nor_memory(tmp_path):
    paths = []
    for channels, bits in ((1, 8), (2, 16), (2, 32), (64, 32)):
        path = tmp_path / f"{channels}x{bits}.wav"
        path.write_bytes(wav_header(44_100, channels, bits, 1, 2**32 - 1, 2**32 - 1) + bytes(512))
        paths.append(path)
    sparse = tmp_path / "sparse.wav"  # not only claims 600 MB, but has them (of zeros)
    with sparse.open("wb") as file:
        file.write(wav_header(44_100, 2, 16, 1, 600_000_000, 600_000_036))
        file.truncate(600_000_044)
    report = read_all([*paths, sparse])
    check(report[:-1], paths)
    assert all(entry["frames"] <= 512 for entry in report[:-1])
    assert report[-1]["frames"] == 150_000_000


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.binary(max_size=600),
    magic=st.sampled_from(
        [b"", b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS\0\2", b"ID3\4\0\0", b"\xff\xfb\x90\x00",
         b"FORM\0\0\1\0AIFFCOMM", b"RF64", b"caff\0\1", b".snd", b"riff",
         b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0", b"\x1aE\xdf\xa3", b"wvpk", b"TTA1",
         b"MAC \x96\x0f", b"\xff\xf1\x50\x80", b"\x0b\x77", b"G@\0\x10", b"FLV\1\5\0\0\0\x09",
         b"RIFF\0\1\0\0AVI LIST", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c"]
    ),
    ending=st.sampled_from([*KINDS, *FILMS, "bin"]),
)  # fmt: skip
def test_any_bytes_after_any_magic(tmp_path, content, magic, ending):
    path = tmp_path / f"any.{ending}"
    path.write_bytes(magic + content)
    try:
        with FileSource(path) as source:
            assert sum(map(len, source)) <= 1_000_000
    except TuttiError:
        return


def test_tagging_a_damaged_folder_ends_well(tmp_path, tone_model_path, originals):
    """The whole command over damaged files: exit status 2 and a sentence for each refusal."""
    rng = random.Random(7)
    names = []
    for kind in KINDS:
        for number in range(6):
            content = bytearray(originals[kind])
            for _ in range(number * 10):
                content[rng.randrange(len(content))] = rng.randrange(256)
            names.append(tmp_path / f"{number}.{kind}")
            names[-1].write_bytes(content[: len(content) // (1 + number % 2)])
    done = subprocess.run(
        [sys.executable, "-m", "realtime.cli", "tag", "--format", "json", "--model",
         str(tone_model_path), *map(str, names)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    tagged = {json.loads(line)["file"] for line in done.stdout.splitlines()}
    refused = [line for line in done.stderr.splitlines() if line.startswith("tutti tag: ")]
    assert len(tagged) + len(refused) == len(names)
    assert {str(tmp_path / f"0.{kind}") for kind in KINDS} <= tagged
