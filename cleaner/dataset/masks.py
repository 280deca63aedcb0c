"""Masks and drawings of what is where in an image: files beside the images that nobody wants to label."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleaner.dataset.findings import Finding
from cleaner.errors import ImageError
from cleaner.images.open import open_image
from cleaner.util.wording import count, listed

_NAMES = (
    r"masks?|ground[-_ ]?truths?|gt|annotations?|annots?|segmentations?|segmentation(?:class|object)|seg|"
    r"seg[-_ ]?masks?|labels?|trimaps?|mattes?"
)
_FOLDER = re.compile(rf"(?:.*[-_ ])?(?:{_NAMES})", re.IGNORECASE)
_FILE = re.compile(rf"(.+?)[-_ ](?:{_NAMES})(?:[-_ ]?\d+)?", re.IGNORECASE)
_FILE_END = re.compile(rf"[-_ ](?:{_NAMES})(?:[-_ ]?\d+)?$", re.IGNORECASE)
_WORN = re.compile(r"(?:^|[-_ ])(?:no|non|not|with|without|un|in|incorrect|wrong).*mask", re.IGNORECASE)
_MOSTLY = 0.8
_LOOKED_AT = 3  # files that are opened
_VALUES = 8  # of grey
_NEARLY_ALL = 0.95  # of the pixels


@dataclass(frozen=True)
class Masks:
    """What was found.

    Attributes
    ----------
    reasons : dict of str to str
        From the name of a mask to the reason why it is left out.
    folders : list of str
        Folders whose files are left out.
    doubtful : dict of str to list of str
        Folders that are named like those of masks, with their files, which are part of the set.
    """

    reasons: dict[str, str]
    folders: list[str]
    doubtful: dict[str, list[str]]


def masks_among(root: Path, names: Sequence[str]) -> Masks:
    """Find the masks of other images: by their names, which images have too, and by few colours."""
    sure, doubtful = mask_folders(names)
    reasons: dict[str, str] = {}
    for folder, files in list(sure.items()):
        if _few_colours(root, files):
            reasons |= dict.fromkeys(files, f"looks like a mask: {folder} holds one for each image")
        else:
            doubtful[folder] = sure.pop(folder)
    paired = {mask: image for mask, image in mask_files(names).items() if mask not in reasons}
    if paired and _few_colours(root, sorted(paired)):
        reasons |= {mask: f"looks like a mask of {image}" for mask, image in paired.items()}
    elif paired:
        doubtful |= {"": sorted(paired)}
    return Masks(reasons, sorted(sure), doubtful)


def mask_findings(masks: Masks) -> Iterator[Finding]:
    """Say what was left out as a mask, and what may be one."""
    if masks.reasons:
        folders = "folder" if len(masks.folders) == 1 else "folders"
        where = f" (the {folders} {listed(masks.folders)})" if masks.folders else ""
        yield Finding(
            topic="masks",
            text=f"{count(len(masks.reasons), 'file')}{where} {'is' if len(masks.reasons) == 1 else 'are'} "
            "left out: by name and colours, masks of other images. If they are images to be labelled, "
            "rename them.",
            doubtful=True,
            examples=tuple(masks.reasons),
        )
    for folder, files in masks.doubtful.items():
        what = (
            f"The folder {folder} is named like one of masks" if folder else "Some files are named like masks"
        )
        yield Finding(
            topic="masks",
            text=f"{what}, but {'its' if folder else 'these'} {count(len(files), 'file')} "
            f"{'is' if len(files) == 1 else 'are'} part of the set. If they are masks or drawings of other "
            "images, move them out of the set.",
            doubtful=True,
            examples=tuple(files),
        )


def masks_in_table(names: Sequence[str], source: str) -> Iterator[Finding]:
    """Say that the files which a table names may be masks, whose images are elsewhere."""
    named = sorted(
        folder
        for folder in {name.rpartition("/")[0] for name in names}
        if any(_FOLDER.fullmatch(part) for part in folder.split("/"))
    )
    files = tuple(name for name in names if name.rpartition("/")[0] in named)
    if len(files) >= _MOSTLY * len(names):
        yield Finding(
            topic="masks",
            text=f"The files that {source} names are in {listed(named)}, named like a folder of masks. If "
            "the images are elsewhere, open the folder that holds both, with this table.",
            doubtful=True,
            examples=files,
        )


def mask_folders(names: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Find the folders that are named like those of masks.

    Returns
    -------
    sure, doubtful : dict from the folder's path to its files
        "Sure": most of its files have the name of a file elsewhere, which is not so for a class.
        A folder ``mask`` beside ``no_mask`` is a class, and in neither.
    """
    by_folder: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_folder[name.rpartition("/")[0]].append(name)
    paths = {path for folder in by_folder for path in _upwards(folder)}
    named = {path for path in paths if _FOLDER.fullmatch(path.rpartition("/")[2])}
    masks = {path for path in named if not _is_worn(path, paths)}
    if not masks:
        return {}, {}
    inside: defaultdict[str, list[str]] = defaultdict(list)
    elsewhere: set[str] = set()
    for folder, files in by_folder.items():
        outermost = next((path for path in _upwards(folder) if path in masks), None)
        if outermost is None:
            elsewhere.update(map(_stem, files))
        else:
            inside[outermost] += files
    sure: dict[str, list[str]] = {}
    doubtful: dict[str, list[str]] = {}
    for folder, files in inside.items():
        partners = sum(_stem(name) in elsewhere or _image_of(name) in elsewhere for name in files)
        (sure if partners >= _MOSTLY * len(files) else doubtful)[folder] = files
    return sure, doubtful


def mask_files(names: Sequence[str]) -> dict[str, str]:
    """Find the masks beside their images: from ``a_mask.png`` to the image ``a.jpg`` in its folder."""
    named = [name for name in names if _FILE_END.search(_stem(name))]
    if not named:
        return {}
    image_of = {f"{name.rpartition('/')[0]}/{_stem(name)}": name for name in names}
    wanted = {name: f"{name.rpartition('/')[0]}/{_image_of(name)}" for name in named}
    return {name: image_of[place] for name, place in wanted.items() if place in image_of}


def _is_worn(path: str, paths: set[str]) -> bool:
    """Tell whether a folder is the class of people with a mask: "mask" beside "no_mask", or "with_mask"."""
    above, _, last = path.rpartition("/")
    if "mask" not in last.casefold():
        return False
    beside = (other.rpartition("/")[2] for other in paths if other.rpartition("/")[0] == above)
    return any(_WORN.search(name) for name in beside)


def _few_colours(root: Path, names: Sequence[str]) -> bool:
    """Look at a few files: nearly all pixels of a mask have one of a few values."""
    some = names[:: max(1, len(names) // _LOOKED_AT)][:_LOOKED_AT]
    shares = []
    for name in some:
        try:
            values = sorted(open_image(root / name).convert("L").histogram())
        except ImageError:
            continue
        shares.append(sum(values[-_VALUES:]) / sum(values))
    return bool(shares) and min(shares) >= _NEARLY_ALL


def _upwards(folder: str) -> list[str]:
    """Return the paths of a folder and those above it, from the outermost one on."""
    parts = folder.split("/") if folder else []
    return ["/".join(parts[: at + 1]) for at in range(len(parts))]


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def _image_of(name: str) -> str | None:
    """Return the stem of the image that a mask's name speaks of."""
    found = _FILE.fullmatch(_stem(name))
    return None if found is None else found[1]
