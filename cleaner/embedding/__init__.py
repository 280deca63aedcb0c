"""What a frozen backbone sees in each image, computed once and kept."""

from cleaner.embedding.cache import EmbeddingCache, Features
from cleaner.embedding.pipeline import Embeddings, Parts, embed, kept_embeddings

__all__ = ["EmbeddingCache", "Embeddings", "Features", "Parts", "embed", "kept_embeddings"]
