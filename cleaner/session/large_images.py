"""Images for the large view: a rendition, or the whole in its full size; deep ones through a window."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from cleaner.errors import ImageError
from cleaner.images.archives import State, read_bytes, state_of
from cleaner.images.decode import unreadable
from cleaner.images.deep import open_deep
from cleaner.images.levels import DeepImage, Window
from cleaner.images.open import Probe, probe
from cleaner.images.thumbnails import as_jpeg, rendition
from cleaner.session.cells import ChosenWindow, Levels, Picture

_RENDITION_PX = 1600
_MOST_PX = 12_000
_MOST_BYTES = 40 * 2**20
_MOST_HELD = 2  # the image that is open, and the one that its view asks for in advance
_MOST_HELD_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True)
class _Held:
    head: Probe
    whole: DeepImage
    rendition: DeepImage


class LargeImages:
    """Makes images for the large view; any number of threads may ask.

    The values of at most two images with more than 8 bits are held, in full size and as a rendition, so that
    another window of them needs no decoding.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[Path, State], _Held] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, path: Path, *, full: bool, window: ChosenWindow | None = None) -> Picture:
        """Return an image for the large view.

        Parameters
        ----------
        path : Path
        full : bool
            In its full size.
        window : ChosenWindow, optional
            What the reviewer wants to see of an image with more than 8 bits, if it is of that kind.

        Raises
        ------
        ImageError
            It cannot be shown; the message is the reason.
        """
        deep = self._deep(path)
        if deep is not None:
            scale = deep.whole.scale
            shown = scale.windows[0]
            if window is not None and window.kind == scale.kind:
                shown = Window(window.center, window.width)
            data = as_jpeg((deep.whole if full else deep.rendition).shown(shown))
            return _picture(deep.head, data, Levels(scale, shown, deep.whole.inverted))
        head = _usable(path)
        if full and head.format == "JPEG" and state_of(path).size_bytes <= _MOST_BYTES:
            return _picture(head, read_bytes(path), None)
        return _picture(head, rendition(path, max_side_px=_MOST_PX if full else _RENDITION_PX), None)

    def _deep(self, path: Path) -> _Held | None:
        """Return the values of an image, from memory if it is one of the last; None if it has 8 bits."""
        try:
            key = path, state_of(path)
        except OSError as exc:
            raise ImageError(unreadable(exc)) from exc
        with self._lock:  # of several that ask for one image, one decodes
            if key not in self._held:
                deep = open_deep(path)
                if deep is None:
                    return None
                sizes = deep.reduced(_MOST_PX), deep.reduced(_RENDITION_PX)
                self._held[key] = _Held(_usable(path), *sizes)
                held = [each.whole.nbytes for each in self._held.values()]
                while len(held) > 1 and (len(held) > _MOST_HELD or sum(held) > _MOST_HELD_BYTES):
                    self._held.popitem(last=False)
                    del held[0]
            self._held.move_to_end(key)
            return self._held[key]


def _usable(path: Path) -> Probe:
    head = probe(path)
    if head.problem is not None or not head.width_px or not head.height_px:
        raise ImageError(head.problem or "its size cannot be read")
    return head


def _picture(head: Probe, data: bytes, levels: Levels | None) -> Picture:
    return Picture(
        data=data,
        media_type="image/jpeg",
        width_px=head.width_px or 0,
        height_px=head.height_px or 0,
        frames=head.frames,
        levels=levels,
    )
