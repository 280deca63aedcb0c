"""How a network is trained, as plain numbers that the page and the command line know without torch."""

BASE_LR = 2e-3
"""Highest learning rate of the head in `Learner.fine_tune`, unless another one is given."""
