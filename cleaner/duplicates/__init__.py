"""Duplicates: pairs of images that are alike, their alignment, and groups of them."""
