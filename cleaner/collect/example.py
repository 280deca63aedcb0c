"""The built-in example: handwritten digits, about five in a hundred of them filed under a wrong label.

The images come with this package, in ``digits.npz``: the test set of the UCI "Optical Recognition of
Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0),
1,797 images of 8 × 8 pixels with 17 levels of ink. Half of the wrong labels are drawn at random; the other
half are mistakes that people make, between a few pairs of digits that look alike.
"""

import logging
import random
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from cleaner.dataset.user import home
from cleaner.errors import CleanerError
from cleaner.util.atomic import write_atomically
from cleaner.util.csvfile import csv_text, read_csv

logger = logging.getLogger(__name__)

TRUTH = "truth.csv"
"""Name of the file, beside the folder of images, with the correct labels."""
_DIGITS = Path(__file__).with_name("digits.npz")
_SEED = 7
_WRONG_SHARE = 0.05
_ALIKE = (("1", "7"), ("4", "9"), ("3", "8"))
"""Pairs (true digit, wrong label) of the biased half."""
_SIZE_PX = 64
_MARGIN_PX = 4


def make_example(directory: Path | str | None = None) -> Path:
    """Write the example, unless it is there; return the folder of its images.

    Parameters
    ----------
    directory : path or None
        Where to write ``digits/<label>/<image>.png`` and ``truth.csv``; None is the user's data folder.

    Raises
    ------
    CleanerError
        The folder cannot be written, or holds something else.
    """
    base = home() / "demo" if directory is None else Path(directory).expanduser().resolve()
    root = base / "digits"
    if (base / TRUTH).is_file() and root.is_dir():
        return root
    try:
        _refuse_others(root)
        _write(base, root)
    except OSError as error:
        msg = f"Cannot write the example to {base} ({error.strerror or error}). Give another folder."
        raise CleanerError(msg) from error
    return root


def true_labels(root: Path) -> dict[str, str]:
    """Return the correct label of every image of the example, by its name relative to ``root``.

    Raises
    ------
    CleanerError
        ``root`` is not the example's folder.
    """
    try:
        text = (root.parent / TRUTH).read_text(encoding="utf-8")
    except OSError as error:
        msg = (
            f"{root} is not the built-in example: {TRUTH} is missing beside it. Make it with make_example()."
        )
        raise CleanerError(msg) from error
    return {row[0]: row[1] for row in read_csv(text)[1]}


def wrong_names(root: Path, names: Iterable[str]) -> list[str]:
    """Return those of ``names`` (relative to ``root``) whose folder is not their correct label."""
    truth = true_labels(root)
    return [name for name in names if name in truth and truth[name] != name.split("/")[0]]


def _refuse_others(root: Path) -> None:
    """Leave a folder alone that is not ours: what an interrupted start left is overwritten, nothing else."""
    for path in root.rglob("*"):
        ours = path.name.startswith("digit_") or ".cleaner" in path.relative_to(root).parts
        if path.is_file() and not ours:
            msg = f"{root} contains {path.name}, which is not part of the example. Give another folder."
            raise CleanerError(msg)


def _write(base: Path, root: Path) -> None:
    """Write the images, then the truth: where that is, the example is complete."""
    import numpy as np

    with np.load(_DIGITS, allow_pickle=False) as digits:
        images, labels = digits["images"], [str(label) for label in digits["labels"]]
    given = _with_errors(labels)
    rows = []
    for i, (image, right, label) in enumerate(zip(images, labels, given, strict=True)):
        name = f"{label}/digit_{i:04d}.png"
        # Dark ink on light paper; smoothly enlarged, as the blocks of 8 × 8 pixels are hard on the eyes.
        ink = Image.fromarray((255 - image * (255 / 16)).astype(np.uint8))
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        paper = Image.new("L", (_SIZE_PX, _SIZE_PX), 255)
        inner = _SIZE_PX - 2 * _MARGIN_PX
        paper.paste(ink.resize((inner, inner), Image.Resampling.BICUBIC), (_MARGIN_PX, _MARGIN_PX))
        paper.save(path)
        rows.append((name, right))
    write_atomically(base / TRUTH, csv_text(("name", "true_label"), rows).encode())
    logger.info("wrote %d images to %s", len(labels), root)


def _with_errors(labels: list[str]) -> list[str]:
    """Return the labels with about one in twenty wrong, the same ones each time."""
    rng = random.Random(_SEED)
    given = list(labels)
    wrong = round(_WRONG_SHARE * len(labels))
    biased = wrong // 2
    free = list(range(len(labels)))
    rng.shuffle(free)
    for k in range(biased):
        right, label = _ALIKE[k % len(_ALIKE)]
        i = next(i for i in free if labels[i] == right)
        free.remove(i)
        given[i] = label
    for i in free[: wrong - biased]:
        given[i] = rng.choice([label for label in sorted(set(labels)) if label != labels[i]])
    return given
