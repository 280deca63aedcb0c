"""PNG files whose metadata cannot be read though their pixels are sound."""

import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_WELCOME = frozenset({b"tRNS", b"eXIf"})  # transparency and orientation, if they are sound


def without_metadata(file: BinaryIO) -> bytes | None:
    """Return a PNG file without what its pixels do not need: texts, profiles, dates, damaged chunks.

    Such chunks may be larger than Pillow reads, claim to unpack to gigabytes, or have a wrong checksum.

    Returns
    -------
    bytes or None
        None if the file is no PNG, or has nothing that could be left out.
    """
    file.seek(0)
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return None
    data = _SIGNATURE + file.read()
    chunks = ((kind, data[start:end]) for start, end, kind in _chunks(data))
    slim = _SIGNATURE + b"".join(chunk for kind, chunk in chunks if kind in _NEEDED or _is_welcome(chunk))
    return slim if len(slim) < len(data) else None


def kinds_after_pixels(file: IO[bytes]) -> set[bytes]:
    """Return the kinds of chunks behind the pixels of a PNG file, without reading what is in them."""
    before = file.tell()
    at, kinds, passed = len(_SIGNATURE), set[bytes](), False
    try:
        file.seek(at)
        while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
            passed = passed or head[4:] == b"IDAT"
            if passed and head[4:] != b"IDAT":
                kinds.add(head[4:])
            at += 12 + int.from_bytes(head[:4], "big")
            file.seek(at)
    finally:
        file.seek(before)
    return kinds


def _is_welcome(chunk: bytes) -> bool:
    body, check = chunk[4:-4], chunk[-4:]
    return body[:4] in _WELCOME and zlib.crc32(body).to_bytes(4, "big") == check


def _chunks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield begin, end and kind of each chunk that is whole; the last one, if cut off, as far as it goes."""
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        yield at, min(end, len(data)), kind
        if kind == b"IEND":
            return
        at = end
