"""Which images are probably wrong, in which order to look, and when to stop."""

from cleaner.ranking.rank import rank, rank_probabilities
from cleaner.ranking.result import ORDERINGS, Ranking

__all__ = ["ORDERINGS", "Ranking", "rank", "rank_probabilities"]
