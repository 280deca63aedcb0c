"""What a review produces: ``cleaned.csv`` and ``decisions.csv``."""
