"""How a long task tells the outside how far it is, and learns that it should stop."""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cleaner.errors import Cancelled

NOT_KNOWN = math.inf
"""Seconds left, for a task of several stages that cannot tell yet."""


class Stage(StrEnum):
    """What a long task is doing; `cleaner.util.wording.stage_words` says it to a person.

    Job folders keep these values, so they never change.
    """

    STARTING = "starting"
    SCAN = "looking for new files"
    LOAD_NETWORK = "loading the network"
    EMBED = "embedding"
    EMBED_MORE = "embedding with another network"
    PIXELS = "looking at pictures"
    CROPS = "looking for cropped pictures"
    COMPARE_FEATURES = "comparing features"
    COMPARE_IMAGES = "comparing pictures"
    OUTLIERS = "looking for outliers"
    FIT_HEADS = "fitting heads"
    READ = "reading pictures"
    FEATURES = "computing features"
    LEARNING_RATE = "finding the learning rate"
    TRAIN_HEAD = "training the head"
    WORTH = "estimating what cleaning brings"
    MAP = "placing images on the map"
    TRAIN_ALL = "training all layers"
    EVALUATE = "evaluating"
    LOSSES = "losses"
    PREDICT = "predicting"
    MOVE_FILES = "moving files"
    DOWNLOAD = "downloading"
    VERIFY = "verifying"
    CUT = "cutting out boxes"
    EXPORT = "exporting"
    SIMULATE = "playing the expert"


class Reporter:
    """A listener that hears nothing and never stops; subclasses override either method.

    Long functions take ``reporter: Reporter = SILENT``, call it after every batch, and call `check` where
    stopping leaves nothing half done.
    """

    def __call__(
        self, stage: str, done: int, total: int, *, seconds_left: float | None = None, **values: float
    ) -> None:
        """Hear about progress.

        Parameters
        ----------
        stage : str
            What is going on: a `Stage`.
        done, total : int
            Units finished and units in this stage; ``total`` is 0 when it is not known yet.
        seconds_left : float, optional
            How long the whole task will still take, or `NOT_KNOWN`. By default it follows from ``done`` and
            ``total``, which is right for tasks whose other stages take little.
        **values : float
            Numbers worth plotting, such as ``train_loss`` or ``error_rate``.
        """

    def result_so_far(self, result: Mapping[str, Any]) -> None:
        """Hear of what the task can tell already, long before it ends; JSON must be able to hold it."""

    def should_stop(self) -> bool:
        """Tell whether the user asked to stop."""
        return False

    def check(self) -> None:
        """Raise `Cancelled` if the user asked to stop."""
        if self.should_stop():
            msg = "Stopped. What was finished before is kept."
            raise Cancelled(msg)


SILENT = Reporter()


class Relay(Reporter):
    """Passes everything on to another reporter; subclasses change some of it.

    Parameters
    ----------
    reporter : Reporter
    """

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter

    def __call__(
        self, stage: str, done: int, total: int, *, seconds_left: float | None = None, **values: float
    ) -> None:
        """Pass it on."""
        self.reporter(stage, done, total, seconds_left=seconds_left, **values)

    def result_so_far(self, result: Mapping[str, Any]) -> None:
        """Pass it on."""
        self.reporter.result_so_far(result)

    def should_stop(self) -> bool:
        """Ask the other one."""
        return self.reporter.should_stop()


class Untimed(Relay):
    """Passes everything on, and says that it is not known yet how long the whole task will take."""

    def __call__(
        self, stage: str, done: int, total: int, *, seconds_left: float | None = None, **values: float
    ) -> None:
        """Pass it on without a time."""
        self.reporter(stage, done, total, seconds_left=NOT_KNOWN, **values)
