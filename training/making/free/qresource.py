"""Reads the files out of a Qt resource (``.rcc``); format as Qt's ``rcc`` writes it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from realtime.errors import TuttiError

_COMPRESSED, _DIRECTORY = 1, 2


def files(path: Path) -> dict[str, bytes]:
    """Every file by its path in the resource; raises TuttiError where it is none."""
    data = path.read_bytes()
    try:
        magic, version, tree, payload, names = struct.unpack_from(">4sIIII", data)
        if magic != b"qres":
            raise ValueError("it does not begin with 'qres'")
        return dict(_walk(data, (tree, payload, names), 22 if version >= 2 else 14, 0, ""))
    except (struct.error, zlib.error, ValueError, RecursionError) as error:
        raise TuttiError(f"{path} is no Qt resource ({error}).") from error


def _walk(
    data: bytes, at: tuple[int, int, int], entry: int, node: int, above: str
) -> list[tuple[str, bytes]]:
    tree, payload, names = at
    here = tree + node * entry
    name_at, flags = struct.unpack_from(">IH", data, here)
    name = above + _name(data, names + name_at) if node else ""
    if flags & _DIRECTORY:
        count, first = struct.unpack_from(">II", data, here + 6)
        inside = (
            _walk(data, at, entry, child, f"{name}/") for child in range(first, first + count)
        )
        return [found for some in inside for found in some]
    (data_at,) = struct.unpack_from(">I", data, here + 10)
    start = payload + data_at
    (size,) = struct.unpack_from(">I", data, start)
    content = data[start + 4 : start + 4 + size]
    return [(name, zlib.decompress(content[4:]) if flags & _COMPRESSED else content)]


def _name(data: bytes, at: int) -> str:
    (length,) = struct.unpack_from(">H", data, at)
    return data[at + 6 : at + 6 + 2 * length].decode("utf-16-be")
