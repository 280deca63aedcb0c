"""The one place where an error becomes a sentence on the page."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cleaner.errors import CleanerError
from cleaner.widgets.sentences import say

logger = logging.getLogger(__name__)


def in_words(error: Exception, what: str) -> str:
    """Say an error to the user; one that nobody foresaw goes to the log with its traceback.

    Parameters
    ----------
    error : Exception
        A `CleanerError` speaks for itself.
    what : str
        What was tried, for the log.
    """
    if isinstance(error, CleanerError):
        logger.info("%s was refused", what, exc_info=error)
        return error.on_page
    logger.error("%s failed", what, exc_info=error)
    return say("guard.failed", error=f"{type(error).__name__}: {error}")


@contextmanager
def guarded(what: str, tell: Callable[[str], object]) -> Iterator[None]:
    """Hand the sentence for an error to ``tell`` and go on; in a callback a traceback would reach nobody.

    For every callback of a widget and every piece of work in a thread: ``with guarded("the choice", tell):``.

    Parameters
    ----------
    what : str
        What is tried, for the log.
    tell : callable
        Shows a sentence, such as the setter of a widget's ``problem``.
    """
    try:
        yield
    except Exception as error:
        tell(in_words(error, what))
