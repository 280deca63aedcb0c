"""Networks: backbones and their weights, heads, and saved models."""
