"""What to label next, images similar to others, and examples of a class."""
