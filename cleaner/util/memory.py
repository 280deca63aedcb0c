"""How this process gives memory back to the system."""

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # of malloc.h
_BLOCK_BYTES = 4_000_000  # one number for each of a million images


def release_large_blocks() -> bool:
    """Let blocks from 4 MB on go back to the system as soon as they are free; tells whether it can be done.

    Left alone, glibc keeps what threads have freed in heaps of their own, from which other threads take
    nothing: a page of a million images, whose background work makes and frees such blocks all the time, held
    0.4 GB more than it used. To get them anew costs time; so this is for large sets.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl has not
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _BLOCK_BYTES))
