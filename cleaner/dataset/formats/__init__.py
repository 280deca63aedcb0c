"""Foreign formats of labelled images, one module each; `registry` lists them, `transfer` moves sets.

A reader makes a `Reading` of a source: `Entry` objects with names below one root, what was said of each image
(`Opinion`: who or what, when, how sure), and all else as columns. A writer edits the document that the set
came from, so that what nobody decided on stays as it was; or, for a set from elsewhere, makes a new one.
"""
