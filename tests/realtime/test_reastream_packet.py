"""ReaStream's packets: as documented byte for byte, and whatever comes, none breaks the parser."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from realtime.sources.reastream_packet import (
    MAX_BLOCK_BYTES,
    NAME_BYTES,
    Kind,
    Packet,
    Refused,
    packets,
    parse,
)

names = st.text(
    st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=NAME_BYTES
).filter(lambda name: len(name.encode()) <= NAME_BYTES)
blocks = st.integers(1, 64).flatmap(
    lambda channels: st.integers(0, 400).flatmap(
        lambda frames: arrays(np.float32, (frames, channels), elements=st.floats(-2, 2, width=32))
    )
)


def good(channels: int = 2, rate_hz: int = 48_000, frames: int = 3) -> bytes:
    """A packet made by the documentation, not by our code."""
    samples = np.arange(channels * frames, dtype="<f4").tobytes()
    head = b"MRSR" + struct.pack("<i", 47 + len(samples)) + b"drums".ljust(32, b"\0")
    return head + struct.pack("<B", channels) + struct.pack("<ih", rate_hz, len(samples)) + samples


def test_a_packet_is_read_as_documented():
    """Header fields, and the samples of one channel before those of the next."""
    packet = parse(good())
    assert isinstance(packet, Packet)
    assert (packet.name, packet.channels, packet.sample_rate_hz) == ("drums", 2, 48_000)
    assert packet.block.tolist() == [[0, 3], [1, 4], [2, 5]]
    (ours,) = packets("drums", packet.block, 48_000)
    assert ours == good()


@settings(max_examples=30, deadline=None)
@given(names, blocks, st.integers(1_000, 1_536_000))
def test_a_block_comes_back_whole(name, block, rate_hz):
    """Any block, from one to 64 channels, split into packets that the plug-in can read."""
    sent = list(packets(name, block, rate_hz))
    assert all(len(each) <= 47 + MAX_BLOCK_BYTES for each in sent)
    back = [parse(each) for each in sent]
    assert all(isinstance(each, Packet) for each in back)
    assert {(each.name, each.channels, each.sample_rate_hz) for each in back} <= {
        (name, block.shape[1], rate_hz)
    }
    joined = np.concatenate([np.zeros((0, block.shape[1])), *(each.block for each in back)])
    np.testing.assert_array_equal(joined, block)
    most = MAX_BLOCK_BYTES // (4 * block.shape[1])
    assert len(sent) == -(-len(block) // most)  # as few as can be


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=1_400),
        st.tuples(st.sampled_from([b"MRSR", b"mRSR"]), st.binary(max_size=1_400)).map(b"".join),
        st.tuples(st.integers(0, 70), st.integers(0, 255)).map(
            lambda at: good()[: at[0]] + bytes([at[1]]) + good()[at[0] + 1 :]
        ),
        st.integers(0, 71).map(lambda size: good()[:size]),
    )
)
def test_whatever_comes_is_sound_or_refused(datagram):
    """Never an exception; and what is taken for sound has a whole number of frames."""
    found = parse(datagram)
    if isinstance(found, Packet):
        assert datagram.startswith(b"MRSR")
        assert found.block.shape == (found.frames, found.channels)
        assert found.frames >= 1
        assert 1 <= found.channels <= 64
    else:
        assert found.reason
    assert found.name.isprintable()


def patched(at: int, code: str, value: int) -> bytes:
    datagram = bytearray(good())
    struct.pack_into(code, datagram, at, value)
    return bytes(datagram)


@pytest.mark.parametrize(
    ("datagram", "kind", "told"),
    [
        (b"", Kind.FOREIGN, "begin"),
        (b"GET / HTTP/1.1\r\n\r\n", Kind.FOREIGN, "begin"),
        (b"MRSR", Kind.DAMAGED, "4 bytes"),
        (good()[:46], Kind.DAMAGED, "46 bytes"),
        (good()[:-4], Kind.DAMAGED, "claim 71"),
        (good() + b"\0", Kind.DAMAGED, "claim 71"),
        (patched(4, "<i", -1), Kind.DAMAGED, "claim -1"),
        (patched(40, "<B", 0), Kind.DAMAGED, "0 channels"),
        (patched(40, "<B", 65), Kind.DAMAGED, "65 channels"),
        (patched(40, "<B", 5), Kind.DAMAGED, "24 bytes of sound in 5 channels"),
        (patched(41, "<i", 0), Kind.DAMAGED, "0 Hz"),
        (patched(41, "<i", -44_100), Kind.DAMAGED, "-44100 Hz"),
        (good(2, 48_000, 0), Kind.DAMAGED, "0 bytes of sound"),
        (good(1, 48_000, 301), Kind.DAMAGED, "1204 bytes of sound"),
        (b"mRSR" + struct.pack("<i", 41) + b"drums".ljust(32, b"\0") + b"\x90", Kind.MIDI, "MIDI"),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_told_why(datagram, kind, told):
    found = parse(datagram)
    assert isinstance(found, Refused)
    assert found.kind == kind
    assert told in found.reason


def test_an_identifier_does_a_terminal_no_harm():
    """Escape codes, and bytes that are no UTF-8, are shown as what they are."""
    evil = good().replace(b"drums\0\0\0\0\0", b"\x1b[2Jx\xff\n\0\0")
    assert parse(evil).name == "\\x1b[2Jx\\udcff\\n"
    full = good()[:8] + b"n" * 32 + good()[40:]
    assert parse(full).name == "n" * 32


@pytest.mark.parametrize(
    ("name", "channels", "rate_hz"),
    [("", 2, 48_000), ("n" * 32, 2, 48_000), ("a\0b", 2, 48_000), ("a", 65, 48_000), ("a", 1, 0)],
)
def test_what_fits_no_packet_is_not_sent(name, channels, rate_hz):
    with pytest.raises(ValueError, match="identifier|fit no packet"):
        list(packets(name, np.zeros((4, channels), np.float32), rate_hz))
