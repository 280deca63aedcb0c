"""Training: the learner, its loops, the learning-rate finder, history, and what went wrong."""
