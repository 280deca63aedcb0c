"""What takes long: ranking, retraining, training. One implementation for jobs, commands and notebooks.

The functions ``job_…`` are the same for a worker process: they take plain values and return a dict.

Labels. A ranking is made with the labels as they are after all decisions so far. An undecided image has its
given label (under the present name of its class); a relabelled one has the new label, so that the heads learn
from what the expert said, and a slip of the expert shows up too; a deleted one counts as unlabelled, teaches
nothing and comes last. The ranking always comes from the frozen backbone, which never saw these labels, also
after the whole network was tuned.

Order. Everything is computed first. Then, if nobody asked to stop, the model and the ranking are replaced,
each in one step: a run that was cancelled, failed or killed leaves those from before.
"""

from __future__ import annotations

from cleaner.pipelines.entries import job_prepare, job_retrain_full, job_retrain_quick
from cleaner.pipelines.rank import prepare, rank_given
from cleaner.pipelines.retrain import model_path, retrain_full, retrain_quick
from cleaner.pipelines.train import TrainReport, train

__all__ = [
    "TrainReport",
    "job_prepare",
    "job_retrain_full",
    "job_retrain_quick",
    "model_path",
    "prepare",
    "rank_given",
    "retrain_full",
    "retrain_quick",
    "train",
]
