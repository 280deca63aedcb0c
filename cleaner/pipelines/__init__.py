"""What takes long: ranking, retraining, training. One implementation for jobs, commands and notebooks.

The functions ``job_…`` in `cleaner.pipelines.entries` are the same for a worker process: they take plain
values and return a dict.

Labels. A ranking is made with the labels as they are after all decisions so far. An undecided image has its
given label (under the present name of its class); a relabelled one has the new label, so that the heads learn
from what the expert said, and a slip of the expert shows up too; a deleted one counts as unlabelled, teaches
nothing and comes last. The ranking always comes from the frozen backbone, which never saw these labels, also
after the whole network was tuned.

Order. Everything is computed first. Then, if nobody asked to stop, the model and the ranking are replaced,
each in one step: a run that was cancelled, failed or killed leaves those from before.
"""
