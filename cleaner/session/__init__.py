"""A review without a page: what is shown, what is known of each image, and what is decided."""
