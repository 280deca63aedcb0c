"""Small charts as trees of SVG elements: for a panel, in its colours, with a name for screen readers."""

import math
from collections.abc import Mapping, Sequence

from cleaner.widgets.panels.base import Tree, node

Point = tuple[float, float]

_WIDTH, _HEIGHT = 240.0, 96.0  # user units; the panel stretches the picture to its width
_LEFT, _RIGHT, _TOP, _BOTTOM = 4.0, 6.0, 8.0, 84.0
_MOST_POINTS = 120
_BARS_WIDTH, _BARS_HEIGHT = 400.0, 40.0
_LEAST_BAR = 2.5  # so that a single one is seen beside thousands
_BAR_GAP = 0.8


def line_chart(
    lines: Mapping[str, Sequence[Point]],
    *,
    name: str,
    x_ends: tuple[str, str] = ("", ""),
    ticks: Sequence[tuple[float, str]] = (),
    band: Sequence[tuple[float, float, float]] = (),
    marks: Sequence[tuple[float, str]] = (),
) -> Tree:
    """Draw one or several curves over a common base line at zero.

    Parameters
    ----------
    lines : mapping of str to sequence of (x, y)
        Curves by their names; x rising, y not negative. If there are two or more, each name is printed below
        the picture with the dash of its curve.
    name : str
        What the picture says, as text: its accessible name.
    x_ends : (str, str)
        Words at the two ends of the base line.
    ticks : sequence of (x, str)
        Words at places of the base line instead.
    band : sequence of (x, low, high)
        An area behind the curves: within what a value is known.
    marks : sequence of (x, str)
        Lines from top to bottom, each with a letter or two.

    Returns
    -------
    list
        A tree for a `Panel`.
    """
    points = [point for line in lines.values() for point in line]
    points += [(x, high) for x, _, high in band]
    right = max((x for x, _ in points), default=1.0)
    left = min((x for x, _ in points), default=0.0)
    top = max((y for _, y in points), default=1.0)
    width, height = max(right - left, 1e-9), max(top, 1e-9)

    def place(point: Point) -> tuple[float, float]:
        x = _LEFT + (point[0] - left) / width * (_WIDTH - _LEFT - _RIGHT)
        y = _BOTTOM - min(point[1], top) / height * (_BOTTOM - _TOP)
        return x, y

    ends = {"x1": f"{_LEFT:g}", "y1": f"{_BOTTOM:g}", "x2": f"{_WIDTH:g}", "y2": f"{_BOTTOM:g}"}
    drawn = [node("line", class_="cleaner-axis", **ends)]
    if band:
        around = [place((x, high)) for x, _, high in band] + [place((x, low)) for x, low, _ in reversed(band)]
        drawn.append(node("path", class_="cleaner-band", d=_path(around) + " Z"))
    drawn += [_mark(place((x, 0))[0]) for x, _ in marks]
    for i, line in enumerate(lines.values()):
        if line:
            drawn += _curve([place(point) for point in thinned(line)], kind=i)
    drawn += [_letter(place((x, 0))[0], letter, row=i) for i, (x, letter) in enumerate(marks)]
    tick = {"class_": "cleaner-tick", "y": f"{_HEIGHT - 1:g}"}
    if not ticks:
        drawn.append(node("text", x_ends[0], x=f"{_LEFT:g}", **tick))
        drawn.append(node("text", x_ends[1], x=f"{_WIDTH:g}", text_anchor="end", **tick))
    for x, words in ticks:
        drawn.append(node("text", words, x=f"{place((x, 0))[0]:.1f}", text_anchor="middle", **tick))
    picture = node(
        "svg",
        *drawn,
        class_="cleaner-chart",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=name,
    )
    return node("div", picture, *([_legend(list(lines))] if len(lines) > 1 else []))


def bar_chart(
    counts: Sequence[int], edges: Sequence[float], *, name: str, ends: tuple[float, float], marked_from: float
) -> Tree:
    """Draw a histogram that fills its place, to stand above a slider; heights are logarithmic.

    Parameters
    ----------
    counts : sequence of int
        Height of each bar; there is none for zero.
    edges : sequence of float
        Where the bars begin, and where the last one ends.
    name : str
        What the picture says, as text: its accessible name.
    ends : (float, float)
        What its left and right edge stand for; bars outside are left out.
    marked_from : float
        Bars that begin here or later are marked.

    Returns
    -------
    list
        A tree for a `Panel`; every bar says in ``data-value`` where it begins.
    """
    left, right = ends
    scale = _BARS_WIDTH / max(right - left, 1e-9)
    tallest = math.log1p(max(counts, default=1)) or 1.0
    bars = []
    for number, start, stop in zip(counts, edges[:-1], edges[1:], strict=True):
        if number and left - 1e-9 <= start and stop <= right + 1e-9:
            height = max(_LEAST_BAR, _BARS_HEIGHT * math.log1p(number) / tallest)
            bar = node(
                "rect",
                class_="cleaner-bin is-in" if start >= marked_from - 1e-9 else "cleaner-bin",
                x=f"{(start - left) * scale + _BAR_GAP / 2:.1f}",
                y=f"{_BARS_HEIGHT - height:.1f}",
                width=f"{(stop - start) * scale - _BAR_GAP:.1f}",
                height=f"{height:.1f}",
                data_value=f"{start:.4f}",
            )
            bars.append(bar)
    return node(
        "svg",
        *bars,
        class_="cleaner-bins",
        viewBox=f"0 0 {_BARS_WIDTH:g} {_BARS_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=name,
    )


def interval_chart(points: Sequence[tuple[float, float, float, float]], *, name: str, x: str, y: str) -> Tree:
    """Draw shares with their intervals over shares, and the diagonal on which both are equal.

    Parameters
    ----------
    points : sequence of (x, y, low, high)
        All from 0 to 1.
    name : str
        What the picture says, as text: its accessible name.
    x, y : str
        Titles of the axes.

    Returns
    -------
    list
        A tree for a `Panel`.
    """
    side, margin = 200.0, 26.0

    def across(value: float) -> str:
        return f"{margin + value * side:.1f}"

    def up(value: float) -> str:
        return f"{4 + (1 - value) * side:.1f}"

    def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Tree:
        return node("line", class_=kind, x1=across(x1), y1=up(y1), x2=across(x2), y2=up(y2))

    drawn = [line("cleaner-axis", 0, 0, 1, 0), line("cleaner-axis", 0, 0, 0, 1)]
    drawn.append(line("cleaner-axis is-diagonal", 0, 0, 1, 1))
    for at, share, low, high in points:
        drawn.append(line("cleaner-curve", at, low, at, high))
        drawn.append(node("circle", class_="cleaner-dot", cx=across(at), cy=up(share), r="3.5"))
    tick = {"class_": "cleaner-tick", "text_anchor": "middle"}
    for value in (0, 0.5, 1):
        drawn.append(node("text", f"{100 * value:.0f}", x=across(value), y=f"{side + 18:g}", **tick))
        drawn.append(node("text", f"{100 * value:.0f}", x="12", y=f"{8 + (1 - value) * side:.1f}", **tick))
    picture = node(
        "svg",
        *drawn,
        class_="cleaner-chart is-square",
        viewBox=f"0 0 {side + margin + 12:g} {side + 24:g}",
        role="img",
        aria_label=name,
    )
    return node("div", node("p", y, class_="cleaner-fine"), picture, node("p", x, class_="cleaner-fine"))


def thinned(line: Sequence[Point], most: int = _MOST_POINTS) -> list[Point]:
    """Keep at most ``most`` points of a curve, the first and the last among them."""
    if len(line) <= most:
        return list(line)
    step = (len(line) - 1) / (most - 1)
    return [line[round(i * step)] for i in range(most)]


def _curve(places: Sequence[tuple[float, float]], *, kind: int) -> list[Tree]:
    x, y = places[-1]
    return [
        node("path", class_=f"cleaner-curve is-{kind}", d=_path(places)),
        node("circle", class_=f"cleaner-dot is-{kind}", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3.5"),
    ]


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _mark(x: float) -> Tree:
    return node(
        "line", class_="cleaner-mark", x1=f"{x:.1f}", y1=f"{_TOP:g}", x2=f"{x:.1f}", y2=f"{_BOTTOM:g}"
    )


def _letter(x: float, letter: str, *, row: int) -> Tree:
    """Write the letter of a mark, each a row lower: those of marks close to each other can then be read."""
    return node(
        "text", letter, x=f"{x + 2:.1f}", y=f"{_TOP + 9 + 10 * row:g}", class_="cleaner-tick is-letter"
    )


def _legend(names: Sequence[str]) -> Tree:
    entries = []
    for i, name in enumerate(names):
        dash = node(
            "svg",
            node("line", class_=f"cleaner-curve is-{i}", x1="0", y1="5", x2="22", y2="5"),
            class_="cleaner-dash",
            viewBox="0 0 22 10",
            aria_hidden="true",
        )
        entries.append(node("span", dash, name, class_="cleaner-legend-entry"))
    return node("div", *entries, class_="cleaner-chart-legend")
