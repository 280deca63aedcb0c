"""Smaller images as JPEG: thumbnails, and the cache that keeps them in memory and on disk."""

import hashlib
import io
import logging
import os
import threading
from collections import OrderedDict
from pathlib import Path

from PIL import Image

from cleaner.errors import ImageError
from cleaner.images.archives import state_of
from cleaner.images.decode import unreadable
from cleaner.images.open import DECODING, open_image
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)


def thumbnail(source: Path | bytes, *, size_px: int = 224, quality: int = 80) -> bytes:
    """Return the image as a small JPEG whose longer side is at most ``size_px``; raises `ImageError`."""
    return as_jpeg(open_image(source, max_side_px=size_px), quality=quality)


def rendition(source: Path | bytes, *, max_side_px: int = 1600) -> bytes:
    """Return the image as a JPEG for the large view, never larger than it is; raises `ImageError`."""
    return as_jpeg(open_image(source, max_side_px=max_side_px))


class ThumbnailCache:
    """Thumbnails kept in memory and in a folder; both bounded, the least recently used go first.

    A thumbnail belongs to one state of one file: path, size, time of change and pixels asked for. Any number
    of threads and processes may share the folder; where it cannot be written to, memory alone serves.

    Parameters
    ----------
    folder : Path
        Where to keep them; made when the first one is written.
    memory_bytes, disk_bytes : int
        Limits of the two.
    """

    def __init__(
        self, folder: Path, *, memory_bytes: int = 64 * 2**20, disk_bytes: int = 512 * 2**20
    ) -> None:
        self.folder = folder
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._held_bytes = 0
        self._written_bytes: int | None = None  # in the folder; None: not counted yet

    def get(self, path: Path, *, size_px: int = 224) -> bytes:
        """Return the thumbnail of a file as JPEG, its longer side at most ``size_px``.

        Raises
        ------
        ImageError
            The file cannot be shown; the message is the reason.
        """
        try:
            state = state_of(path)
        except OSError as exc:
            raise ImageError(unreadable(exc)) from exc
        of_file = (path, state.size_bytes, state.mark, state.entry)
        what = "\0".join(map(str, (*of_file, size_px, DECODING)))
        key = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        kept = self.folder / key[:2] / f"{key}.jpg"
        try:
            data = kept.read_bytes()
            os.utime(kept)  # the folder is cleared by last use
        except OSError:  # not there, or not readable: made anew
            data = b""
        if not data:
            data = thumbnail(path, size_px=size_px)
            self._write(kept, data)
        self._hold(key, data)
        return data

    @property
    def memory_used_bytes(self) -> int:
        """How much is held in memory."""
        return self._held_bytes

    def _hold(self, key: str, data: bytes) -> None:
        with self._lock:
            self._held_bytes += len(data) - len(self._held.pop(key, b""))
            self._held[key] = data
            while self._held_bytes > self._memory_bytes and len(self._held) > 1:
                self._held_bytes -= len(self._held.popitem(last=False)[1])

    def _write(self, kept: Path, data: bytes) -> None:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, data)
            with self._lock:
                if self._written_bytes is None:
                    self._written_bytes = sum(f.stat().st_size for f in self.folder.glob("*/*.jpg"))
                else:
                    self._written_bytes += len(data)
                if self._written_bytes > self._disk_bytes:
                    self._written_bytes = self._clear_oldest(self._disk_bytes * 3 // 4)
        except OSError as exc:  # a full or read-only disk: thumbnails are a convenience
            logger.warning("Cannot keep thumbnails in %s: %s", self.folder, exc)

    def _clear_oldest(self, limit_bytes: int) -> int:
        """Delete the thumbnails not used for longest, and return the bytes that are left."""
        files = [
            (stat.st_mtime_ns, stat.st_size, file)
            for file in self.folder.glob("*/*.jpg")
            for stat in [file.stat()]
        ]
        left_bytes = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if left_bytes <= limit_bytes:
                break
            file.unlink(missing_ok=True)
            left_bytes -= size
        return left_bytes


def as_jpeg(image: Image.Image, *, quality: int = 90) -> bytes:
    """Return an image as a JPEG; the quality is that of the large view, unless said otherwise."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
