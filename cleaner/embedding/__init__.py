"""What a frozen backbone sees in each image, computed once and kept."""

from cleaner.embedding.cache import EmbeddingCache
from cleaner.embedding.pipeline import Embeddings, embed

__all__ = ["EmbeddingCache", "Embeddings", "embed"]
