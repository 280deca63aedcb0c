"""Networks: backbones and their weights, heads, and saved models."""

from __future__ import annotations
