"""Are two images the same image? One is laid over the other and shifted and stretched until they agree.

Copies differ in compression, size, brightness and, when cropped, in what part they show. So the first small
grey image is sampled at ``scale · u + shift``, separately down and across, where it fits the second best:
Gauss–Newton steps on the squared difference after contrast is made equal (inverse compositional, after Baker
and Matthews 2004), from where a quick look (`cleaner.duplicates.views`) found them most alike, first at 16,
then at 32 and 64 pixels. What counts is how far the *gradients* then agree in the part that both show:
different images of one kind of thing have the same light and dark areas, but only copies have the same edges.
Where little can be seen (a clear sky) edges are what compression makes them; so it is enough, too, that grey
values differ by less than anybody sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.duplicates.views import best_views

Floats = NDArray[np.floating[Any]]

SAME = 0.95
"""Agreement from which a pair is the same image. Of different photos hardly any pair exceeds .92; copies at
JPEG quality 20, half as bright, of a quarter the size, or without 5 % at each side reach it."""

BATCH = 128  # pairs at a time: small enough for the processor's cache

_STARTS = 2  # views
# Who agrees less in the best view is not laid over the other. Of 19,382 pairs of copies edited in 35 ways
# that are the same image, 3 do; of candidates that are different images, five in six if they have nothing in
# common, and one in seven of photos of one kind of thing.
_PROMISING = 0.45
_STEPS = {16: 5, 32: 6, 64: 4}
# Who agrees less at a coarse level is not looked at more closely: copies agree there even better.
_GO_ON = {16: 0.6, 32: 0.75}
_GOOD_START = 0.95
_LARGEST_STEP = 0.1
_SCALES = (0.4, 2.5)
_LARGEST_SHIFT = 0.4
_NOISE = np.float32(2)  # grey levels; differences below this are not made larger
_UNSEEN = 1.5  # grey levels (root mean square); different images of clothing differ by 5 and more
_FAINT = 1e-3  # squared grey levels; keeps plain areas from dividing by zero


@dataclass(frozen=True)
class Match:
    """How well pairs of images agree.

    Attributes
    ----------
    agreement : float32, shape (n,)
        0..1, higher = more alike; 0 where a coarse look was enough to tell. It is 1 - (1 - c) / overlap, with
        c the correlation of the edges (or of grey values, where these hardly differ): a small common part
        must agree the better.
    overlap : float32, shape (n,)
        Share of the larger view that both show, 0..1; 1: neither is cropped.
    """

    agreement: Floats
    overlap: Floats


def match(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Match:
    """Lay images over one another.

    Parameters
    ----------
    first, second : uint8, shape (n, 64, 64)
        Grey images, each squeezed into a square.
    """
    agreement = np.zeros(len(first), dtype=np.float32)
    overlap = np.ones(len(first), dtype=np.float32)
    for start in range(0, len(first), BATCH):
        part = slice(start, start + BATCH)
        views = (grey[part].astype(np.float32) for grey in (first, second))
        agreement[part], overlap[part] = _match(*views)
    return Match(agreement, overlap)


def _match(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    coarse = _reduced(first, 16), _reduced(second, 16)
    promise, starts = best_views(*coarse, _STARTS)
    agreement = np.full(len(first), -np.inf, dtype=np.float32)
    overlap = np.ones(len(first), dtype=np.float32)
    warps = np.ones((len(first), 4), dtype=np.float32)
    todo = np.flatnonzero(promise >= _PROMISING)
    for start in range(_STARTS):
        if not len(todo):
            break
        a, b = (view[todo] for view in coarse)
        found = _align(a, b, starts[todo, start], _STEPS[16])
        value, seen = _agreement(a, b, found, edges=False)
        better = value > agreement[todo]
        agreement[todo[better]] = value[better]
        overlap[todo[better]] = seen[better]
        warps[todo[better]] = found[better]
        todo = todo[agreement[todo] < _GOOD_START]
    # The one that shows less is shrunk onto the other: enlarging the other would blur its edges.
    turned = warps[:, 0] * warps[:, 1] < 1
    scales, shifts = warps[turned, :2], warps[turned, 2:]
    warps[turned] = np.concatenate([1 / scales, -shifts / scales], axis=1)
    left = np.arange(len(first))
    for size, finer in ((16, 32), (32, 64)):
        left = left[agreement[left] >= _GO_ON[size]]
        if not len(left):
            break
        a, b = (_reduced(view[left], finer) for view in (first, second))
        swap = turned[left]
        a[swap], b[swap] = b[swap], a[swap]
        warps[left] = _align(a, b, warps[left], _STEPS[finer])
        agreement[left], overlap[left] = _agreement(a, b, warps[left], edges=True)
    at_last = np.zeros(len(first), dtype=np.float32)
    at_last[left] = np.clip(agreement[left], 0, 1)
    return at_last, overlap


def _align(first: Floats, second: Floats, warps: Floats, steps: int) -> Floats:
    """Improve warps (scale down, scale across, shift down, shift across; the image is 1 long), (n, 4)."""
    n, size, _ = second.shape
    u = _places(size)
    down, across = _gradients(second)
    down *= size
    across *= size
    change = np.stack([down * u[:, None], across * u, down, across], axis=1).reshape(n, 4, -1)
    for _ in range(steps):
        warped, inside_down, inside_across = _warp(first, warps)
        inside = inside_down[:, :, None] * inside_across[:, None, :]
        area = np.maximum(inside.sum(axis=(1, 2)), 1)
        warped = _centred(warped, inside, area)
        target = _centred(second, inside, area)
        # Brightness was made equal by centring, and contrast is by this factor.
        gain = np.einsum("nij,nij->n", warped, target) / (np.einsum("nij,nij->n", warped, warped) + _FAINT)
        warped *= np.clip(gain, 0.2, 5)[:, None, None]
        warped -= target
        masked = change * inside.reshape(n, 1, -1)
        normal = masked @ masked.transpose(0, 2, 1)
        normal += np.eye(4, dtype=np.float32) * 0.01 * size * size
        step = np.linalg.solve(normal, masked @ warped.reshape(n, -1, 1))[..., 0]
        step = np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
        # The step says how the second image should move: the first gets its inverse.
        scales = warps[:, :2] / (1 + step[:, :2])
        shifts = warps[:, 2:] - scales * step[:, 2:]
        warps = np.concatenate(
            [np.clip(scales, *_SCALES), np.clip(shifts, -_LARGEST_SHIFT, _LARGEST_SHIFT)], axis=1
        )
    return warps


def _agreement(first: Floats, second: Floats, warps: Floats, *, edges: bool) -> tuple[Floats, Floats]:
    """Return agreement (-inf to 1) and overlap; by edges, or quickly by grey values."""
    warped, inside_down, inside_across = _warp(first, warps)
    share = inside_down.mean(axis=1) * inside_across.mean(axis=1)
    overlap = np.minimum(share, share * np.abs(warps[:, 0] * warps[:, 1]))
    inside = inside_down[:, :, None] * inside_across[:, None, :]
    area = np.maximum(inside.sum(axis=(1, 2)), 1)
    correlation, unexplained = _correlation(
        [(_centred(warped, inside, area), _centred(second, inside, area))]
    )
    if edges:
        of_grey = np.where(unexplained <= area * _UNSEEN**2, correlation, -1)
        # At the border of what both show there are none.
        inside = _shorten(inside_down)[:, :, None] * _shorten(inside_across)[:, None, :]
        pairs = zip(_edges(warped), _edges(second), strict=True)
        correlation, _ = _correlation([(a * inside, b * inside) for a, b in pairs])
        correlation = np.maximum(correlation, of_grey)
    agreement = 1 - (1 - correlation) / np.maximum(overlap, 0.1)
    return agreement.astype(np.float32), overlap.astype(np.float32)


def _correlation(pairs: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Return the correlation of what stands first and second, and the squares in the second it leaves."""
    common = np.sum([np.einsum("nij,nij->n", a, b) for a, b in pairs], axis=0)
    of_first = np.sum([np.einsum("nij,nij->n", a, a) for a, _ in pairs], axis=0) + _FAINT
    of_second = np.sum([np.einsum("nij,nij->n", b, b) for _, b in pairs], axis=0) + _FAINT
    correlation = common / np.sqrt(of_first * of_second)
    return correlation, of_second * (1 - correlation**2)


def _warp(pictures: Floats, warps: Floats) -> tuple[Floats, Floats, Floats]:
    """Sample images (bilinear), and tell which rows and columns lie inside, as 0 and 1, (n, size)."""
    size = pictures.shape[1]
    grid = np.arange(size, dtype=np.float32)
    weights, inside = [], []
    for axis in (0, 1):
        at = warps[:, axis, None] * _places(size) + warps[:, 2 + axis, None]
        inside.append((np.abs(at) <= 0.5).astype(np.float32))
        pixel = np.clip((at + 0.5) * size - 0.5, 0, size - 1)
        weights.append(np.maximum(1 - np.abs(pixel[:, :, None] - grid), 0))
    return weights[0] @ pictures @ weights[1].transpose(0, 2, 1), inside[0], inside[1]


def _places(size: int) -> Floats:
    """Return the middles of the pixels on an image from -0.5 to 0.5."""
    return (np.arange(size, dtype=np.float32) + 0.5) / size - np.float32(0.5)


def _centred(pictures: Floats, inside: Floats, area: Floats) -> Floats:
    """Take the mean of what is inside away from it; the rest is 0."""
    mean = np.einsum("nij,nij->n", pictures, inside) / area
    centred: Floats = (pictures - mean[:, None, None]) * inside
    return centred


def _shorten(inside: Floats) -> Floats:
    """Take one pixel off both ends of what is inside, and at the border of the image, (n, size)."""
    short = inside.copy()
    short[:, 1:] *= inside[:, :-1]
    short[:, :-1] *= inside[:, 1:]
    short[:, [0, -1]] = 0
    return short


def _gradients(pictures: Floats) -> tuple[Floats, Floats]:
    """Return the differences down and across; 0 at the border."""
    down, across = np.zeros_like(pictures), np.zeros_like(pictures)
    down[:, 1:-1] = (pictures[:, 2:] - pictures[:, :-2]) / 2
    across[:, :, 1:-1] = (pictures[:, :, 2:] - pictures[:, :, :-2]) / 2
    return down, across


def _edges(pictures: Floats) -> tuple[Floats, Floats]:
    """Return gradients counted by the square root of their size: else the outline outshines all it holds."""
    down, across = _gradients(pictures)
    weight = 1 / np.sqrt(np.sqrt(down * down + across * across + _NOISE**2))
    return down * weight, across * weight


def _reduced(pictures: Floats, size: int) -> Floats:
    """Shrink images to ``size``, and weigh each pixel with its neighbours, 1 : 2 : 1 down and across."""
    n, height, width = pictures.shape
    rows = _reducer(width, size)
    reduced: Floats = rows @ (pictures.reshape(-1, width) @ rows.T).reshape(n, height, size)
    return reduced


@cache
def _reducer(width: int, size: int) -> Floats:
    """Return what the pixels of a row (or column) are multiplied by, shape (size, width)."""
    mean = np.kron(np.eye(size), np.full((1, width // size), size / width))
    padded = np.pad(mean, ((1, 1), (0, 0)), mode="edge")
    blurred: Floats = ((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4).astype(np.float32)
    return blurred
