"""Find and fix the wrong images in a labelled data set."""

from __future__ import annotations

__version__ = "0.1.0"
