"""`PointScatter`: many points to look at and to draw loops around, by jupyter-scatter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cleaner.interpret.image_map import require_map
from cleaner.ranking.features import Floats

_HEIGHT_PX = 520  # the points need as much width, and a little more
_REACH = (-1.05, 1.05)
_BUTTONS = ["lasso", "pan_zoom", "divider", "full_screen", "reset"]
_SIZES = ((2_000, 6), (10_000, 5), (30_000, 4), (1_000_000_000, 3))  # images, pixels of a point
_CLEAR = (0.5, 0.5, 0.5, 0.0)  # lets the page show through, light or dark


class PointScatter:
    """Points in colours, drawn by the browser's graphics card.

    Takes some seconds to make at first: for a thread.

    Parameters
    ----------
    points : float32, shape (n, 2)
        From -1 to 1.
    colours : sequence of str, length n
        As ``#rrggbb``.
    on_choose : callable
        Called with the rows (int64) that the user has drawn a loop around; none after a click beside them.

    Attributes
    ----------
    widget : DOMWidget
        What to put on a page.

    Raises
    ------
    InterpretationError
        The extra ``map`` is not installed.
    """

    def __init__(
        self, points: Floats, colours: Sequence[str], on_choose: Callable[[np.ndarray[Any, Any]], None]
    ) -> None:
        require_map()
        import jscatter  # with matplotlib's pyplot and pyarrow: 3 s

        self._table = pd.DataFrame({"x": points[:, 0], "y": points[:, 1]})
        self._scatter = jscatter.Scatter(
            data=self._table,
            x="x",
            y="y",
            x_scale=_REACH,
            y_scale=_REACH,
            aspect_ratio=1,
            axes=False,
            reticle=False,
            background_color=_CLEAR,
            height=_HEIGHT_PX,
            mouse_mode="lasso",
            lasso_initiator=False,
            opacity_by="density",
            size=next(size for most, size in _SIZES if len(points) <= most),
            transition_points=False,
        )
        self.colour(colours)
        self.widget = self._scatter.show(_BUTTONS)
        self._on_choose = on_choose
        self.widget.observe(self._chosen, names=["selection"])

    def colour(self, colours: Sequence[str]) -> None:
        """Give each point another colour; of those that lie on each other, one of the rarest is on top."""
        number = Counter(colours)
        kinds = [colour for colour, _ in number.most_common()]
        place = {colour: at for at, colour in enumerate(kinds)}
        codes = np.array([place[colour] for colour in colours], dtype=np.int64)
        self._table["colour"] = pd.Categorical.from_codes(codes, categories=pd.Index(kinds))
        self._scatter.color(by=None)
        self._scatter.color(by="colour", map={colour: colour for colour in kinds})
        self._scatter.widget.color_selected = kinds  # chosen points keep their colours, and grow
        self._scatter.order(by=np.argsort(codes, kind="stable"))

    def _chosen(self, change: Any) -> None:
        self._on_choose(np.asarray(change["new"], dtype=np.int64))

    def close(self) -> None:
        """Take it off the page."""
        self.widget.unobserve_all()
        self.widget.close()
