"""Names of folders for classes: visible, possible on every system, and read back as the same class.

A label such as ``.NET logo``, ``a/b``, ``CON`` or ``train`` cannot be the name of a folder, or would be
hidden, ignored, or taken for something else. What is in the way is then written as in web addresses:
``%2ENET logo``. Only what `folder_of` writes is read back so; a folder ``50%20off`` is the class "50%20off".
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from cleaner.dataset.folders import is_ignored
from cleaner.dataset.split_words import is_fold, split_of_word

# What people call the folder, beside those of the classes, of images that nobody has labelled yet.
_UNLABELLED = re.compile(r"_?unlabell?ed", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]|^[. ]|[. ]$')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # names of devices on Windows
_MAX_BYTES = 200  # file systems stop at 255, encrypted ones earlier


def is_unlabelled(folder: str) -> bool:
    """Tell whether a folder stands for images without a label, by its name."""
    return _UNLABELLED.fullmatch(folder) is not None


def folder_of(label: str) -> str | None:
    """Return the name of a class's folder, usually the label itself; None if it is too long for one."""
    forms = (_escaped(label), _escaped(label, percent=True))
    return next((form for form in forms if _fits(form, label)), None)


def folder_beside(label: str, is_taken: Callable[[str], bool]) -> str | None:
    """Return the name of a class's folder where others are; None: the label is too long for one.

    "Cat", "cat" and "CAT" are one folder on Windows and macOS: all but the first get other names there.

    Parameters
    ----------
    label : str
    is_taken : callable
        Tells whether a name cannot be told from one beside it; see `same_folder`.
    """
    forms = (_escaped(label), _escaped(label, percent=True), _marked(label), _hex(label))
    return next((form for form in forms if _fits(form, label) and not is_taken(form)), None)


def label_of(folder: str) -> str:
    """Return the class of a folder: its name, unless `folder_of` or `folder_beside` made that."""
    label = unquote(folder)
    forms = (_escaped(label), _escaped(label, percent=True), _marked(label), _hex(label))
    return label if label != folder and folder in forms else folder


def folders_of(labels: Iterable[str]) -> dict[str, str | None]:
    """Return the folder of each class, no two of them one on any system; None: the label is too long."""
    folders: dict[str, str | None] = {}
    taken: set[str] = set()
    for label in labels:
        folders[label] = folder = folder_beside(label, lambda form: _folded(form) in taken)
        taken.add(_folded(folder or ""))
    return folders


def same_folder(first: str, second: str) -> bool:
    """Tell whether two names are one on some systems: in letters' case, or in how accents are written."""
    return _folded(first) == _folded(second)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _fits(form: str, label: str) -> bool:
    return len(os.fsencode(form)) <= _MAX_BYTES and label_of(form) == label


def _escaped(label: str, *, percent: bool = False) -> str:
    """Return the label with what cannot stand in a folder's name written in hexadecimal; "%" on request."""
    form = label.replace("%", "%25") if percent else label
    form = _FORBIDDEN.sub(lambda match: _hex(match[0]), form)
    taken = is_ignored(form) or _RESERVED.fullmatch(form) or is_unlabelled(form) or is_fold(form)
    return _hex(form[0]) + form[1:] if form and (taken or split_of_word(form)) else form


def _marked(label: str) -> str:
    """Return the label with its first character in hexadecimal."""
    form = _FORBIDDEN.sub(lambda match: _hex(match[0]), label[1:]) if label else ""
    return _hex(label[0]) + form if label else ""


def _hex(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))
