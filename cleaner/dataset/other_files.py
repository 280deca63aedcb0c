"""Files of a set that are not listed as images: of which kind they are, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cleaner.dataset.findings import Finding
from cleaner.images.archives import in_archive, read_bytes
from cleaner.images.formats import kind_of
from cleaner.util.wording import count, listed

_CONVERT = "Convert to PNG or JPEG"
_PICTURES: tuple[tuple[str, str, str], ...] = (
    ("JPEG XL", ".jxl", f"{_CONVERT}, for instance with djxl"),
    (
        "camera raw",
        ".cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .dng .raf .orf .rw2 .pef .srw .x3f .3fr .iiq .erf .kdc .raw",
        f"{_CONVERT} with the camera's program",
    ),
    ("SVG", ".svg .svgz", _CONVERT),
    ("Photoshop", ".psd .psb .xcf", _CONVERT),
    ("PDF or PostScript", ".pdf .eps .ai .ps", _CONVERT),
    ("NIfTI", ".nii .mgz .nrrd .mha .mhd", f"{_CONVERT}, one image per slice"),
    (
        "microscope or slide",
        ".czi .lif .nd2 .svs .ndpi .mrxs .scn .vsi .oib .oif .lsm",
        f"{_CONVERT}, tile by tile",
    ),
    (
        "other image",
        ".tga .exr .hdr .ico .icns .pcx .wmf .emf .fits .fit .jxr .wdp .flif .qoi .bpg",
        _CONVERT,
    ),
    ("video", ".mp4 .avi .mov .mkv .webm .m4v .mpg .mpeg .wmv .mts", "Extract single frames as images"),
    ("Parquet", ".parquet", "Import it alone, as a set of its own"),
    ("archive", ".zip .tar", "Open it alone, as a set of its own, or unpack it into the folder"),
    ("compressed archive", ".tgz .gz .bz2 .xz .7z .rar", "Unpack it into the folder"),
    (
        "array or table",
        ".npy .npz .h5 .hdf5 .tfrecord .mat .pkl .pt .arrow .lmdb",
        "Write the images in them as files",
    ),
)
_KINDS = {suffix: (kind, advice) for kind, suffixes, advice in _PICTURES for suffix in suffixes.split()}
_SNIFFED = 40  # files with one suffix that are opened
_HEAD_BYTES = 512


def other_findings(
    root: Path, others: Mapping[str, Sequence[str]], images: Sequence[str]
) -> Iterator[Finding]:
    """Name the files that hold images which are not taken, and count the rest.

    Parameters
    ----------
    root : Path
        The folder.
    others : mapping of str to sequence of str
        From suffix, in small letters, to the names of the files that are not listed; "" for none.
    images : sequence of str
        Names of the images; a camera's raw file beside its JPEG is no loss.
    """
    stems = {name.rpartition(".")[0] for name in images}
    rest: dict[str, int] = {}
    hidden: dict[str, list[str]] = {}
    known: dict[tuple[str, str], list[str]] = {}
    for suffix, names in sorted(others.items()):
        kind = _KINDS.get(suffix)
        found = [] if kind else [name for name in names[:_SNIFFED] if _is_image(root / name)]
        if kind is not None:
            known.setdefault(kind, []).extend(name for name in names if name.rpartition(".")[0] not in stems)
        elif found:
            hidden[suffix] = list(names) if len(found) == min(len(names), _SNIFFED) else found
        else:
            rest[suffix] = len(names)
    for (what, advice), names in known.items():
        if names:
            if what == "archive" and in_archive(root / names[0]):
                advice = "Unpack the archive that holds it, and open what is in there"
            yield Finding(
                topic="other_images",
                text=f"{count(len(names), f'{what} file')} cannot be opened here and "
                f"{'is' if len(names) == 1 else 'are'} not part of the set. {advice}.",
                doubtful=True,
                examples=tuple(names),
            )
    if hidden:
        files = sorted(name for names in hidden.values() for name in names)
        yield Finding(
            topic="odd_suffixes",
            text=f"{count(len(files), 'file')} named "
            f"{listed([suffix or 'without a suffix' for suffix in sorted(hidden)])} "
            f"{'is an image' if len(files) == 1 else 'are images'} by content, but not by name, and not "
            "part of the set. If they belong to it, rename them to end in .jpg, .png or what they are.",
            doubtful=True,
            examples=tuple(files),
        )
    if rest:
        kinds = [
            f"{n:,} {suffix or 'without a suffix'}"
            for suffix, n in sorted(rest.items(), key=lambda kv: -kv[1])
        ]
        yield Finding(topic="other_files", text=f"Other files, which are passed over: {listed(kinds)}.")


def _head(path: Path) -> bytes:
    try:
        return read_bytes(path, _HEAD_BYTES)
    except OSError:  # what cannot be read is not known to be an image
        return b""


def _is_image(path: Path) -> bool:
    return kind_of(_head(path)) is not None
