"""Which images are probably wrong, in which order to look, and when to stop."""

from cleaner.ranking.rank import rank, rank_probabilities
from cleaner.ranking.rank_sets import rank_sets
from cleaner.ranking.result import ORDERINGS, Ranking
from cleaner.ranking.set_ranking import SetRanking, load_ranking

__all__ = ["ORDERINGS", "Ranking", "SetRanking", "load_ranking", "rank", "rank_probabilities", "rank_sets"]
