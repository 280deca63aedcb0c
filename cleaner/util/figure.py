"""A figure of matplotlib that notebooks show by themselves."""

import io

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure made without pyplot, so that several threads may draw at once.

    IPython shows figures of matplotlib only after ``%matplotlib`` or an import of pyplot; this one always.
    """

    def _repr_png_(self) -> bytes:
        with io.BytesIO() as out:
            self.savefig(out, format="png")
            return out.getvalue()
