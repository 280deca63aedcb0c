"""A trained model behind HTTP: predictions for images that are uploaded or lie at an address."""
