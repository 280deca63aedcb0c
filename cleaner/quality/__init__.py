"""Poor images and outliers."""
