"""A review without a page: what is shown, what is known of each image, and what is decided.

`session.ReviewSession` is the one object; a grid, ``cleaner simulate`` and a plain script use it alike.
Snapshots go out (`snapshot.Snapshot`, `cells.Page`), acts come in (`ReviewSession.decide`, ``confirm``,
``undo``), and whoever subscribes is told what changed (`messages.Change`).

Locks
-----
One a session: `ReviewSession.lock`. The grid and the panels of a page use the same one. The others are taken
in this order, never the other way round: the session's, then those of the store, the audit, the examples of
classes, the index of files and the thumbnails, none of which calls anything that takes the session's.
Listeners of the store and of the session are called without any lock.

Threads
-------
- *The caller's* (the kernel's message loop, or a script): any method.
- *cleaner-session*, eight (`worker.Worker`): follow the store, learn how probable errors are and in which
  order to look, propose labels, look for similar images, analyse, count duplicates; each works on a
  snapshot, takes the lock to hand its result over, and runs once at a time of its kind. Views that take
  long to open, and the audit's beginning, run here, too.
- *cleaner-colleagues* (`colleagues.Colleagues`), where decisions are on a server: pulls what others decide
  and have open, without the lock; says so to the session, which takes it to show what was given up.
- *cleaner-picture* and *cleaner-send* of a grid (`widgets.grid.widget`): decode images and send them; they
  call ``thumbnail``, ``picture``, ``class_examples``, ``explain`` and ``heat_map`` alone; the last asks a
  process of its own (`heat_maps`), and holds no lock while it waits.
- *Delayed* of ``cleaned.csv`` (`review.output.cleaned_csv`) and of the panels (`util.delayed`): write the
  file; draw figures, under the lock.
- *The watcher of jobs* (`jobs.watcher`): calls panels, which hand a new ranking or new checks to the session.
"""
