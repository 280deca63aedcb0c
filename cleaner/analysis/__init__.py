"""What a review has found so far: observations, patterns, and a forecast."""
