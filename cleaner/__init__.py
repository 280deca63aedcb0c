"""Find and fix the wrong images in a labelled data set.

>>> from cleaner import Workspace, ImageCleaner
>>> ws = Workspace("data/bears")
>>> ImageCleaner(ws.rank())

The names below are loaded when they are first used, so that ``import cleaner`` costs nothing: torch alone
takes seconds, and the page must show its first image before that.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from cleaner.version import __version__

if TYPE_CHECKING:
    from cleaner.dataset.catalog import Catalog
    from cleaner.errors import CleanerError
    from cleaner.ranking import Ranking
    from cleaner.training.learner import Learner, load_learner
    from cleaner.widgets.app import CleanerApp
    from cleaner.widgets.file_deleter import FileDeleter
    from cleaner.widgets.image_cleaner import ImageCleaner
    from cleaner.widgets.panels.retrain import RetrainPanel
    from cleaner.workspace import Workspace

__all__ = [
    "Catalog",
    "CleanerApp",
    "CleanerError",
    "FileDeleter",
    "ImageCleaner",
    "Learner",
    "Ranking",
    "RetrainPanel",
    "Workspace",
    "__version__",
    "load_learner",
]

_HOMES = {
    "Catalog": "cleaner.dataset.catalog",
    "CleanerApp": "cleaner.widgets.app",
    "CleanerError": "cleaner.errors",
    "FileDeleter": "cleaner.widgets.file_deleter",
    "ImageCleaner": "cleaner.widgets.image_cleaner",
    "Learner": "cleaner.training.learner",
    "Ranking": "cleaner.ranking",
    "RetrainPanel": "cleaner.widgets.panels.retrain",
    "Workspace": "cleaner.workspace",
    "load_learner": "cleaner.training.learner",
}
"""Public name -> the module that it lives in."""

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Load a public name from its module at its first use."""
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
