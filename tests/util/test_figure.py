"""Figures show themselves in a notebook that knows nothing of pyplot."""

import io

from PIL import Image

from cleaner.util.figure import NotebookFigure


def test_a_notebook_gets_the_picture() -> None:
    data = NotebookFigure(figsize=(2, 1), dpi=50)._repr_png_()
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("PNG", (100, 50))
