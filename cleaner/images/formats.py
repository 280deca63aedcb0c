"""Which files are images: by suffix, and by the first bytes where there is no suffix."""

import re
from pathlib import Path

from cleaner.images.archives import read_bytes

FORMAT_SUFFIXES: dict[str, frozenset[str]] = {
    "JPEG": frozenset({".jpg", ".jpeg", ".jpe", ".jfif"}),
    "MPO": frozenset({".mpo", ".jpg", ".jpeg"}),
    "PNG": frozenset({".png", ".apng"}),
    "GIF": frozenset({".gif"}),
    "WEBP": frozenset({".webp"}),
    "BMP": frozenset({".bmp", ".dib"}),
    "DIB": frozenset({".dib", ".bmp"}),
    "TIFF": frozenset({".tif", ".tiff"}),
    "JPEG2000": frozenset({".jp2", ".j2k", ".jpx", ".jpf"}),
    "PPM": frozenset({".ppm", ".pgm", ".pbm", ".pnm"}),
    "AVIF": frozenset({".avif"}),
    "HEIF": frozenset({".heic", ".heif", ".hif"}),
    "DICOM": frozenset({".dcm", ".dicom", ".dic"}),
}

SUFFIXES: frozenset[str] = frozenset().union(*FORMAT_SUFFIXES.values())
"""Suffixes of image files, in small letters and with the dot."""

_HEAD_BYTES = 512

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG2000"),
    (b"\xffO\xffQ", "JPEG2000"),
)
_BMP_HEADER_SIZES = [bytes([size]) for size in (12, 40, 52, 56, 64, 108, 124)]
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

_OTHER_KINDS = (
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%!PS", "PostScript"),
    (b"RIFF", "a sound or video file"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"\x00\x05\x16\x07", "a side file that macOS leaves"),
)


def is_candidate(path: Path, *, hidden: bool = False) -> bool:
    """Tell whether a file is to be listed as an image, usable or not.

    Parameters
    ----------
    path : Path
        A file, perhaps in an archive. Only where its name has no suffix are its first bytes read.
    hidden : bool
        List files whose names begin with a dot, too. macOS's side files (``._photo.jpg``) are never listed.
    """
    name = path.name
    if name.startswith("._") or (name.startswith(".") and not hidden):
        return False
    suffix = name[name.rfind(".") :].lower() if "." in name[1:] else ""
    if suffix:
        return suffix in SUFFIXES
    try:
        return kind_of(read_bytes(path, _HEAD_BYTES)) is not None
    except OSError:  # nothing says that it is an image
        return False


def kind_of(head: bytes) -> str | None:
    """Name the image format that the first bytes of a file promise; None: none that is known."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brands = {head[i : i + 4] for i in range(8, min(len(head), int.from_bytes(head[:4], "big")), 4)}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    if head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:15] in _BMP_HEADER_SIZES:
        return "BMP"
    if re.match(rb"P[1-6]\s", head):
        return "PPM"
    return None


def not_an_image(head: bytes) -> str:
    """Say in words what a file is that is no image, judged by its first bytes."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "not an image: HTML"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return "not an image that can be opened: SVG"
    if start.startswith((b"<?xml", b"<!doctype")):
        return "not an image: XML"
    if start.startswith((b"{", b"[")):
        return "not an image: JSON or other text"
    for signature, kind in _OTHER_KINDS:
        if head.startswith(signature):
            return f"not an image: {kind}"
    if head[4:8] == b"ftyp":
        return "not an image: a video"
    if not any(byte < 9 or 13 < byte < 32 for byte in head):
        return "not an image: text"
    return "not an image: data of an unknown kind"
