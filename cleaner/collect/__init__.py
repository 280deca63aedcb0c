"""Get images, and find out which of them are none."""
