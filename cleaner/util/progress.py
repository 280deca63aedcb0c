"""How a long task tells the outside how far it is, and learns that it should stop."""

from __future__ import annotations

from cleaner.errors import Cancelled


class Reporter:
    """A listener that hears nothing and never stops; subclasses override either method.

    Long functions take ``reporter: Reporter = SILENT``, call it after every batch, and call `check` where
    stopping leaves nothing half done.
    """

    def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
        """Hear about progress.

        Parameters
        ----------
        stage : str
            What is going on, as a reader would say it ("embedding", "epoch 2 of 4").
        done, total : int
            Units finished and units in this stage; ``total`` is 0 when it is not known yet.
        **values : float
            Numbers worth plotting, such as ``train_loss`` or ``error_rate``.
        """

    def should_stop(self) -> bool:
        """Tell whether the user asked to stop."""
        return False

    def check(self) -> None:
        """Raise `Cancelled` if the user asked to stop."""
        if self.should_stop():
            msg = "Stopped on request; what was finished before is kept."
            raise Cancelled(msg)


SILENT = Reporter()
