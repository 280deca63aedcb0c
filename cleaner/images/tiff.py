"""What kind of TIFF a file is, in words: the format has hundreds, of which no program opens all."""

from typing import Any, BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

_COMPRESSIONS = {
    1: "uncompressed",
    2: "CCITT compression",
    3: "CCITT fax compression",
    4: "CCITT fax compression",
    5: "LZW compression",
    6: "old-style JPEG compression",
    7: "JPEG compression",
    8: "deflate compression",
    32773: "PackBits compression",
    32946: "deflate compression",
    33003: "JPEG 2000 compression",
    33005: "JPEG 2000 compression",
    34676: "SGI log compression",
    34677: "SGI log compression",
    34712: "JPEG 2000 compression",
    34887: "LERC compression",
    34892: "lossy JPEG compression of a raw camera image",
    34925: "LZMA compression",
    50000: "Zstandard compression",
    50001: "WebP compression",
    50002: "JPEG XL compression",
    52546: "JPEG XL compression",
}
_COLOURS = {32803: "raw camera colours", 34892: "raw camera colours", 32844: "LogLuv", 32845: "LogLuv"}
_NUMBERS = {1: "integer", 2: "signed integer", 3: "floating-point", 5: "complex", 6: "complex"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLOUR = 256, 257, 258, 259, 262
_CHANNELS, _PLANES, _TILE_WIDTH, _NUMBER = 277, 284, 322, 339


def kind_of_tiff(file: BinaryIO) -> str | None:
    """Describe a TIFF file by its tags: channels, bits, compression, planes and tiles.

    Returns
    -------
    str or None
        Such as "5 channels of 8-bit integers, LZW compression, in tiles"; None if there are no tags to read.
    """
    try:
        file.seek(0)
        head = file.read(8)
        if head[2:3] == b"+" or head[3:4] == b"+":  # BigTIFF
            head += file.read(8)
        tags = ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
        if _WIDTH not in tags or _HEIGHT not in tags:
            return None
        return ", ".join(_words(tags))
    except Exception:  # a damaged directory makes Pillow raise anything; then it is damaged, not of a kind
        return None


def _words(tags: ImageFileDirectory_v2) -> list[str]:
    channels = int(_first(tags, _CHANNELS, 1))
    bits, number = int(_first(tags, _BITS, 1)), _NUMBERS.get(_first(tags, _NUMBER, 1), "untyped")
    compression = _first(tags, _COMPRESSION, 1)
    words = [
        f"{channels} channel{'s' * (channels > 1)} of {bits}-bit {number} values",
        _COMPRESSIONS.get(compression, f"compression {compression}, which is unknown"),
    ]
    if _first(tags, _COLOUR, 1) in _COLOURS:
        words.append(_COLOURS[_first(tags, _COLOUR, 1)])
    if channels > 1 and _first(tags, _PLANES, 1) == 2:
        words.append("channels in separate planes")
    if _TILE_WIDTH in tags:
        words.append("in tiles")
    return words


def _first(tags: ImageFileDirectory_v2, tag: int, default: int) -> Any:
    """Return the value of a tag, the first one if it has one for each channel."""
    value = tags.get(tag, default)
    return value[0] if isinstance(value, tuple) else value
