"""Training: the learner, schedules, the learning-rate finder, history, and what went wrong."""

from __future__ import annotations
