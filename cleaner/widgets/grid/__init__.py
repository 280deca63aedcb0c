"""The grid of images: one widget, and its scripts."""
