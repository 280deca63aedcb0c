"""Widgets: the grid, the cleaners, the panels around them. None of them imports torch."""
