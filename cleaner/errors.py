"""Every error that cleaner raises on purpose.

::

    CleanerError
      x CatalogError            a folder, CSV file or label cannot be used
        + TableError            a table of labels cannot be read without being told more about it
      x ImageError              one image file cannot be shown or trained on
      x StoreError              the review database cannot be read or written
        + NotSavedError         a decision did not reach the disk
        + DamagedStoreError     the file of the review database is empty or damaged
        + OutdatedError         an act refers to something that has changed since its reviewer saw it
        + ForeignFileError      a file where the result should go was not written by cleaner
      x BackboneError           an unknown network, or weights that do not fit it
        + WeightsUnavailableError   no weights file and no network to fetch one
      x EmbeddingError          the embeddings cannot be computed or kept
      x CheckpointError         a saved model cannot be read
      x TrainingError           training cannot start
        + DivergedError         the loss exploded: the learning rate was too high
      x RankingError            a ranking cannot be computed from what was given
        + TooFewLabelsError     fewer than two classes have a label
      x InterpretationError     there is no way to show what a network sees
      x ServingError            the prediction service cannot start, or not answer now
      x JobError                a background job cannot start, or failed
      x DashboardError          the dashboard's server cannot start, or stopped
      x DownloadError           a list of addresses cannot be read
        + PrivateAddressError   an address leads into a private network
      x Cancelled               the user stopped a long task; nothing is broken

Catch ``CleanerError`` to catch them all; their messages are sentences for the user.
"""

from collections.abc import Mapping
from typing import Any

from cleaner.advice import on_page

__all__ = [
    "BackboneError",
    "Cancelled",
    "CatalogError",
    "CheckpointError",
    "CleanerError",
    "DamagedStoreError",
    "DashboardError",
    "DivergedError",
    "DownloadError",
    "EmbeddingError",
    "ForeignFileError",
    "ImageError",
    "InterpretationError",
    "JobError",
    "NotSavedError",
    "OutdatedError",
    "PrivateAddressError",
    "RankingError",
    "ServingError",
    "StoreError",
    "TableError",
    "TooFewLabelsError",
    "TrainingError",
    "WeightsUnavailableError",
]


class CleanerError(Exception):
    """Base of every error that cleaner raises on purpose.

    Attributes
    ----------
    details : mapping
        What a program can use of it, such as a remedy to offer; JSON can hold it. Empty for most errors.
    """

    def __init__(self, message: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}

    @property
    def on_page(self) -> str:
        """The message as a page says it, where the options of the command line do not exist."""
        return on_page(self.args[0])


class CatalogError(CleanerError):
    """A folder, CSV file or label cannot be used."""


class TableError(CatalogError):
    """A table of labels cannot be read as it is; naming its columns, separator or encoding may help."""


class ImageError(CleanerError):
    """One image file cannot be shown or trained on; the message is the reason."""


class StoreError(CleanerError):
    """The review database cannot be read or written."""


class NotSavedError(StoreError):
    """A decision did not reach the disk."""


class DamagedStoreError(StoreError):
    """The file of the review database is empty or damaged; it was left as it is."""


class OutdatedError(StoreError):
    """An act refers to a page or a suggestion that changed after its reviewer saw it; nothing was done."""


class ForeignFileError(StoreError):
    """Where the result should go is a file that cleaner did not write; it was left as it is."""


class BackboneError(CleanerError):
    """An unknown network, or weights that do not fit it."""


class WeightsUnavailableError(BackboneError):
    """No weights file was given and none can be fetched."""


class EmbeddingError(CleanerError):
    """The embeddings cannot be computed or kept."""


class CheckpointError(CleanerError):
    """A saved model cannot be read."""


class TrainingError(CleanerError):
    """Training cannot start."""


class DivergedError(TrainingError):
    """The loss exploded; the details may have the ``diagnosis`` of `cleaner.training.diagnosis`."""


class RankingError(CleanerError):
    """A ranking cannot be computed from what was given."""


class TooFewLabelsError(RankingError):
    """Labels of fewer than two classes: nothing can be found wrong."""


class InterpretationError(CleanerError):
    """There is no way to show what a network sees."""


class ServingError(CleanerError):
    """The prediction service cannot start, or cannot answer now because it has too much to do."""


class JobError(CleanerError):
    """A background job cannot start, or failed."""


class DashboardError(CleanerError):
    """The dashboard's server cannot start, or stopped."""


class DownloadError(CleanerError):
    """A list of addresses cannot be read."""


class PrivateAddressError(DownloadError):
    """An address leads to a machine that is not on the public internet."""


class Cancelled(CleanerError):  # noqa: N818 - not a failure: the user asked for it
    """The user stopped a long task; nothing is broken."""
