"""An image for the large view: a rendition, or the whole of it in its full size."""

from pathlib import Path

from cleaner.errors import ImageError
from cleaner.images.archives import read_bytes, state_of
from cleaner.images.open import probe
from cleaner.images.thumbnails import rendition
from cleaner.session.cells import Picture

_RENDITION_PX = 1600
_MOST_PX = 12_000
_MOST_BYTES = 40 * 2**20


def large_image(path: Path, *, full: bool) -> Picture:
    """Return an image for the large view.

    Raises
    ------
    ImageError
        It cannot be shown; the message is the reason.
    """
    head = probe(path)
    if head.problem is not None or not head.width_px or not head.height_px:
        raise ImageError(head.problem or "its size cannot be read")
    if full and head.format == "JPEG" and state_of(path).size_bytes <= _MOST_BYTES:
        data = read_bytes(path)
    else:
        data = rendition(path, max_side_px=_MOST_PX if full else _RENDITION_PX)
    return Picture(data=data, media_type="image/jpeg", width_px=head.width_px, height_px=head.height_px)
