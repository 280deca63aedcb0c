"""A set of images on the disk: where it is, what is in it, labels, splits, and its state folder."""
