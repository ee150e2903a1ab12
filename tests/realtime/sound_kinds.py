"""Sound files of every kind, made for a test by FFmpeg or libsndfile."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soundfile
import soxr

DEMO = Path(__file__).resolve().parents[2] / "realtime" / "assets" / "demo.ogg"


class Kind(NamedTuple):
    """How a kind is made, and how many frames more than the original it may rightly have."""

    codec: str
    container: str
    rate_hz: int = 44_100
    more: int = 0
    options: dict[str, str] = {}
    is_stated: bool = True
    """Whether the container says how long it is; otherwise a cut file may pass as a shorter one."""


FAST = {"movflags": "faststart"}
KINDS = {
    "m4a": Kind("aac", "mp4"),
    "fast.m4a": Kind("aac", "mp4", options=FAST),
    "alac.m4a": Kind("alac", "mp4", options=FAST),
    "frag.mp4": Kind(
        "aac", "mp4", more=2_048,
        options={"movflags": "frag_keyframe+empty_moov", "frag_duration": "500000"},
    ),
    "mov": Kind("pcm_s24le", "mov"),
    "3gp": Kind("aac", "3gp"),
    "webm": Kind("libopus", "webm", 48_000),
    "mkv": Kind("flac", "matroska"),
    "mka": Kind("aac", "matroska", more=2_048),
    "wma": Kind("wmav2", "asf", more=4_096),
    "wv": Kind("wavpack", "wv"),
    "tta": Kind("tta", "tta"),
    "caf": Kind("alac", "caf"),
    "w64": Kind("pcm_s16le", "w64"),
    "au": Kind("pcm_s16be", "au"),
    "avi": Kind("libmp3lame", "avi", more=2_304),
    "mp3.wav": Kind("libmp3lame", "wav", more=2_304),
    "adpcm.wav": Kind("adpcm_ms", "wav", more=2_048),
    "flv": Kind("aac", "flv", more=2_048),
    "aac": Kind("aac", "adts", more=2_048, is_stated=False),
    "ts": Kind("aac", "mpegts", more=2_048, is_stated=False),
    "ac3": Kind("ac3", "ac3", more=1_536, is_stated=False),
    "eac3": Kind("eac3", "eac3", more=1_536, is_stated=False),
    "mp2": Kind("mp2", "mp2", more=1_152, is_stated=False),
}  # fmt: skip
"""By ending. What libsndfile writes is tested beside them."""
SNDFILE = {
    "wav": {}, "aiff": {}, "flac": {}, "ogg": {}, "mp3": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}  # fmt: skip


def demo(seconds: float, rate_hz: int = 44_100) -> np.ndarray:
    """The start of the demo, float32 (frames, 2)."""
    sound, from_hz = soundfile.read(DEMO, dtype="float32", always_2d=True)
    sound = soxr.resample(sound[: round(seconds * from_hz)], from_hz, rate_hz)
    return np.ascontiguousarray(sound[: round(seconds * rate_hz)])


def _put(container, stream, audio: np.ndarray) -> None:
    frame = av.AudioFrame.from_ndarray(audio.reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate, frame.pts = stream.rate, 0
    for packet in (*stream.encode(frame), *stream.encode(None)):
        container.mux(packet)


def _sound(container, codec: str, rate_hz: int):
    stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
    if codec == "wmav2":
        stream.codec_context.bit_rate = 128_000
    if codec in ("wavpack", "tta"):  # whose first choice is 8 bits
        stream.format = "s16p" if codec == "wavpack" else "s16"
    return stream


def encode(path: Path, kind: str, audio: np.ndarray, rate_hz: int) -> Path:
    """Write ``audio`` (frames, 2) as one of ``KINDS`` or ``SNDFILE``."""
    if kind in SNDFILE:
        soundfile.write(path, audio, rate_hz, **SNDFILE[kind])
        return path
    made = KINDS[kind]
    with av.open(str(path), "w", format=made.container, options=made.options) as container:
        _put(container, _sound(container, made.codec, rate_hz), audio)
    return path


def film(path: Path, *sounds: np.ndarray, default: int = 0, container: str = "matroska") -> Path:
    """Four seconds of moving noise with any number of streams of sound at 44.1 kHz."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", format=container) as out:
        pictures = out.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 64
        streams = [_sound(out, "aac", 44_100) for _ in sounds]
        for number, stream in enumerate(streams):
            stream.disposition = av.stream.Disposition(int(number == default))
        for number in range(40):
            picture = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            out.mux(pictures.encode(frame))
        out.mux(pictures.encode(None))
        for stream, audio in zip(streams, sounds, strict=True):
            _put(out, stream, audio)
    return path


def mp3(audio: np.ndarray, rate_hz: int = 44_100) -> bytes:
    """A variable-rate MP3 with LAME's info frame in front."""
    file = io.BytesIO()
    soundfile.write(file, audio, rate_hz, format="MP3")
    return file.getvalue()


def id3v2(size: int, content: bytes = b"") -> bytes:
    """A tag of so many bytes after its head."""
    length = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + length + content.ljust(size, b"\0")[:size]
